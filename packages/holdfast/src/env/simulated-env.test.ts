import { describe, expect, it } from "vitest"
import { createSimulatedEnv, type SimulatedEnv } from "./simulated-env.ts"

function drawAll(env: SimulatedEnv): readonly unknown[] {
  return [env.random.next(), env.ids.next(), env.random.next(), env.ids.next(), env.clock.now()]
}

describe("the simulated env", () => {
  it("gives the same sequence for the same seed, and another for another", () => {
    expect(drawAll(createSimulatedEnv({ seed: 42 }))).toEqual(drawAll(createSimulatedEnv({ seed: 42 })))
    const first = drawAll(createSimulatedEnv({ seed: 42 }))
    const second = drawAll(createSimulatedEnv({ seed: 43 }))
    for (const index of [0, 1, 2, 3]) expect(first[index]).not.toEqual(second[index])
  })

  it("gives the same ids however many random numbers were drawn", () => {
    const busy = createSimulatedEnv({ seed: 1 })
    for (let draw = 0; draw < 5; draw++) busy.random.next()
    expect(busy.ids.next()).toBe(createSimulatedEnv({ seed: 1 }).ids.next())
  })

  it("stands still until it is driven", async () => {
    const env = createSimulatedEnv({ seed: 1, startMs: 1_000 })
    let isFired = false
    env.timers.after(0, () => (isFired = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(isFired).toBe(false)
    expect(env.clock.now()).toBe(1_000)
    expect(env.clock.monotonic()).toBe(0)
    await env.advanceBy(0)
    expect(isFired).toBe(true)
  })

  it("shows what is pending, in firing order, until it fires or is canceled", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const late = env.timers.after(30, () => {})
    env.timers.after(10, () => {}, { keepAlive: false })
    env.timers.after(20, () => {})
    expect(env.pendingTimers).toEqual([
      { dueAtMs: 10, keepAlive: false },
      { dueAtMs: 20, keepAlive: true },
      { dueAtMs: 30, keepAlive: true },
    ])
    await env.advanceTo(20)
    expect(env.pendingTimers).toEqual([{ dueAtMs: 30, keepAlive: true }])
    late.cancel()
    expect(env.pendingTimers).toEqual([])
    expect(env.pendingTimerCount).toBe(0)
  })

  it("runs until a real process would end, passing what need not be waited for", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const fired: number[] = []
    function sweep(): void {
      fired.push(env.clock.monotonic())
      env.timers.after(10, sweep, { keepAlive: false })
    }
    env.timers.after(10, sweep, { keepAlive: false })
    env.timers.after(25, () => fired.push(env.clock.monotonic()))
    await env.runUntilIdle()
    expect(fired).toEqual([10, 20, 25])
    expect(env.pendingTimers).toEqual([{ dueAtMs: 30, keepAlive: false }])
  })

  it("forgets a canceled timer that kept it running", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const timer = env.timers.after(1_000, () => {})
    timer.cancel()
    timer.cancel()
    await env.runUntilIdle()
    expect(env.clock.monotonic()).toBe(0)
    env.timers.after(5, () => {})
    await env.runUntilIdle()
    expect(env.clock.monotonic()).toBe(5)
  })

  it("settles promises before the first timer", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    let isFired = false
    void Promise.resolve().then(() => env.timers.after(5, () => (isFired = true)))
    await env.advanceBy(5)
    expect(isFired).toBe(true)
  })

  it("stops a loop of timers that never ends", async () => {
    const env = createSimulatedEnv({ seed: 1, maxTimerCount: 50 })
    let firedCount = 0
    function loop(): void {
      firedCount += 1
      env.timers.after(0, loop)
    }
    loop()
    await expect(env.runUntilIdle()).rejects.toThrow("within 50 timers")
    expect(firedCount).toBe(51)
    await expect(env.advanceBy(1)).rejects.toThrow("within 50 timers")
  })

  it("hands what a timer throws to the driver, and can be driven on", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    let isFired = false
    env.timers.after(1, () => {
      throw new Error("from the timer")
    })
    env.timers.after(2, () => (isFired = true))
    await expect(env.advanceBy(5)).rejects.toThrow("from the timer")
    expect(isFired).toBe(false)
    await env.advanceTo(5)
    expect(isFired).toBe(true)
  })

  it("refuses a second driver while the first is under way", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const first = env.advanceBy(5)
    await expect(env.advanceBy(5)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" })
    await first
    await env.advanceBy(5)
    expect(env.clock.monotonic()).toBe(10)
  })

  it.each([-1, NaN, Infinity])("refuses to advance by %d", async (durationMs) => {
    const env = createSimulatedEnv({ seed: 1 })
    await expect(env.advanceBy(durationMs)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" })
  })

  it("shifts the wall clock without touching durations or timers", async () => {
    const env = createSimulatedEnv({ seed: 1, startMs: 1_000_000 })
    let isFired = false
    env.timers.after(100, () => (isFired = true))
    env.shiftWallClock(-3_600)
    expect(env.clock.now()).toBe(996_400)
    expect(env.clock.monotonic()).toBe(0)
    await env.advanceBy(99)
    expect(isFired).toBe(false)
    await env.advanceBy(1)
    expect(isFired).toBe(true)
    expect(env.clock.now()).toBe(996_500)
  })

  it("fires one timer at a time when asked to", () => {
    const env = createSimulatedEnv({ seed: 1 })
    const fired: number[] = []
    for (const delayMs of [20, 10]) env.timers.after(delayMs, () => fired.push(env.clock.monotonic()))
    expect(env.fireNextTimer()).toBe(true)
    expect(fired).toEqual([10])
    expect(env.fireNextTimer()).toBe(true)
    expect(env.fireNextTimer()).toBe(false)
    expect(fired).toEqual([10, 20])
  })
})
