import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { explore, type Scenario } from "./explore.ts"

const simulated = { globals: "simulated", maxSchedules: 1_000 } as const
const real = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, Date }

async function later(delayMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs))
}

async function passes(scenario: Scenario): Promise<void> {
  const { failure, exhausted } = await explore(scenario, simulated)
  if (failure !== null) throw failure.error
  expect(exhausted).toBe(true)
}

describe("simulated globals", () => {
  it("let an hour pass at once, by timers, dates and the monotonic clock alike", async () => {
    const began = process.hrtime.bigint()
    await passes(async ({ env }) => {
      const [date, monotonic] = [Date.now(), performance.now()]
      expect(date).toBe(env.clock.now())
      await later(3_600_000)
      expect(Date.now() - date).toBe(3_600_000)
      expect(new Date().getTime() - date).toBe(3_600_000)
      expect(performance.now() - monotonic).toBe(3_600_000)
      expect(await sleep(1_000, "slept")).toBe("slept")
      expect(Date.now() - date).toBe(3_601_000)
    })
    expect(Number(process.hrtime.bigint() - began) / 1e6).toBeLessThan(60_000)
  })

  it("make timers that do what those of Node do", async () => {
    await passes(async () => {
      const seen: string[] = []
      const canceled = setTimeout(() => seen.push("canceled"), 10)
      clearTimeout(canceled)
      setTimeout((what: string) => seen.push(what), 20, "argument")
      const interval = setInterval(() => {
        if (seen.push("tick") > 3) clearInterval(interval)
      }, 30)
      setImmediate(() => seen.push("immediate"))
      const moved = setTimeout(() => seen.push("moved"), 40).unref()
      expect(moved.hasRef()).toBe(false)
      await later(35)
      moved.refresh()
      await later(100)
      expect(seen).toEqual(["immediate", "argument", "tick", "tick", "moved"])
    })
  })

  it("abort a sleep with its signal", async () => {
    await passes(async () => {
      const controller = new AbortController()
      const asleep = sleep(1_000, null, { signal: controller.signal })
      controller.abort()
      await expect(asleep).rejects.toMatchObject({ name: "AbortError", code: "ABORT_ERR" })
      await expect(sleep(1_000, null, { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" })
    })
  })

  it("draw the same random numbers in every schedule", async () => {
    const drawn = new Set<number>()
    await passes(async ({ actor, step }) => {
      const { random } = Math // Of the schedule, as what this tests.
      drawn.add(random())
      await Promise.all(["a", "b"].map(async (name) => await actor(name, async () => await step("goes on"))))
    })
    expect(drawn.size).toBe(1)
  })

  it("let the timers of an actor go off in its name, between the steps of others", async () => {
    const { failure } = await explore(
      async ({ actor, variable, step }) => {
        const work = variable("work", "none")
        await Promise.all([
          actor("slow", async () => {
            await step("works")
            work.set("done")
          }),
          actor("hasty", async () => {
            await later(10)
            if (work.get() === "none") throw new Error("nothing is done yet")
          }),
        ])
      },
      { ...simulated, timersAreSteps: true },
    )
    expect(failure?.error).toEqual(new Error("nothing is done yet"))
    expect(failure?.trace.map(({ kind, actor }) => ({ kind, actor }))).toEqual([{ kind: "timer", actor: "hasty" }])
  })

  it("leave alone what real timers wait for", async () => {
    let hasFired = false
    const before = setTimeout(() => (hasFired = true), 0)
    await passes(async () => {
      clearTimeout(before)
      await later(1)
    })
    await sleep(5) // Long enough for a timer of no delay that is still armed.
    expect(hasFired).toBe(false)
  })

  it("are put back after every exploration, also after one that fails", async () => {
    const { failure } = await explore(async () => {
      await later(1)
      throw new Error("it fails")
    }, simulated)
    expect(failure?.error).toEqual(new Error("it fails"))
    expect({ setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, Date }).toEqual(real)
    const [date, monotonic] = [Date.now(), performance.now()]
    await sleep(2)
    expect(performance.now()).toBeGreaterThan(monotonic)
    expect(Math.abs(Date.now() - date)).toBeLessThan(60_000)
  })

  it("are refused to a second exploration at the same time", async () => {
    const [first, second] = await Promise.allSettled([
      explore(async () => await later(1), simulated),
      explore(async () => await later(1), simulated),
    ])
    expect(first.status).toBe("fulfilled")
    expect(second).toMatchObject({ status: "rejected", reason: { name: "ScenarioError" } })
    expect(setTimeout).toBe(real.setTimeout)
  })

  it("are the real ones by default", async () => {
    const { failure } = await explore(async () => {
      expect(setTimeout).toBe(real.setTimeout)
      await Promise.resolve()
    })
    expect(failure).toBeNull()
  })
})
