/** What both twins promise, run against each: whoever is written against Env may not be able to tell them apart. */
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Env } from "./env.ts"
import { createSimulatedEnv } from "./simulated-env.ts"
import { systemEnv } from "./system-env.ts"

interface Twin {
  readonly env: Env
  /** Lets time pass, with every promise settling on the way. */
  pass(durationMs: number): Promise<void>
}

function openSystemTwin(): Twin {
  vi.useFakeTimers()
  return {
    env: systemEnv,
    pass: async (durationMs) => {
      await vi.advanceTimersByTimeAsync(durationMs)
    },
  }
}

function openSimulatedTwin(): Twin {
  const env = createSimulatedEnv({ seed: 7 })
  return { env, pass: (durationMs) => env.advanceBy(durationMs) }
}

afterEach(() => {
  vi.useRealTimers()
})

describe.each([
  { name: "the system's env", open: openSystemTwin },
  { name: "the simulated env", open: openSimulatedTwin },
])("$name", ({ open }) => {
  it("fires a timer once, when its delay has passed and not before", async () => {
    const { env, pass } = open()
    const firedAt: number[] = []
    const startMs = env.clock.monotonic()
    env.timers.after(100, () => firedAt.push(env.clock.monotonic() - startMs))
    await pass(99)
    expect(firedAt).toEqual([])
    await pass(1)
    expect(firedAt).toEqual([100])
    await pass(1_000)
    expect(firedAt).toEqual([100])
  })

  it("fires timers by time, and by arrival at equal times", async () => {
    const { env, pass } = open()
    const fired: string[] = []
    env.timers.after(20, () => fired.push("20 first"))
    env.timers.after(10, () => fired.push("10 first"))
    env.timers.after(20, () => fired.push("20 second"))
    env.timers.after(10, () => fired.push("10 second"))
    await pass(30)
    expect(fired).toEqual(["10 first", "10 second", "20 first", "20 second"])
  })

  it("fires timers that a promise behind another timer arms", async () => {
    const { env, pass } = open()
    const fired: string[] = []
    async function sleep(delayMs: number): Promise<void> {
      await new Promise<void>((resolve) => env.timers.after(delayMs, resolve))
    }
    async function work(): Promise<void> {
      for (const name of ["a", "b", "c"]) {
        await sleep(10)
        fired.push(name)
      }
    }
    const done = work()
    await pass(30)
    expect(fired).toEqual(["a", "b", "c"])
    await done
  })

  it("does not fire a canceled timer, and cancels any number of times", async () => {
    const { env, pass } = open()
    const fired: string[] = []
    const canceled = env.timers.after(10, () => fired.push("canceled"))
    const kept = env.timers.after(10, () => fired.push("kept"))
    canceled.cancel()
    canceled.cancel()
    await pass(20)
    expect(fired).toEqual(["kept"])
    kept.cancel()
    env.timers.after(10, () => fired.push("later"))
    canceled.cancel()
    kept.cancel()
    await pass(20)
    expect(fired).toEqual(["kept", "later"])
  })

  it("lets one timer cancel another that is due at the same moment", async () => {
    const { env, pass } = open()
    const fired: string[] = []
    env.timers.after(10, () => {
      fired.push("first")
      second.cancel()
    })
    const second = env.timers.after(10, () => fired.push("second"))
    await pass(20)
    expect(fired).toEqual(["first"])
  })

  it("keeps delays above 2^31 - 1 ms, and cancels them on the way", async () => {
    const { env, pass } = open()
    const fired: string[] = []
    const days = 24 * 60 * 60 * 1_000
    env.timers.after(60 * days, () => fired.push("60 days"))
    const canceled = env.timers.after(61 * days, () => fired.push("61 days"))
    await pass(59 * days)
    expect(fired).toEqual([])
    canceled.cancel()
    await pass(1 * days)
    expect(fired).toEqual(["60 days"])
    await pass(10 * days)
    expect(fired).toEqual(["60 days"])
  })

  it.each([-1, NaN, Infinity, -Infinity])("refuses a delay of %d", (delayMs) => {
    const { env } = open()
    expect(() => env.timers.after(delayMs, () => {})).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID", message: expect.stringContaining(`"${delayMs}"`) }),
    )
  })

  it("measures durations that include fractions", async () => {
    const { env, pass } = open()
    const startMs = env.clock.monotonic()
    await pass(2.5)
    expect(env.clock.monotonic() - startMs).toBeCloseTo(2.5, 3)
  })

  it("shows people whole milliseconds that advance with time", async () => {
    const { env, pass } = open()
    const start = env.clock.now()
    expect(Number.isInteger(start)).toBe(true)
    await pass(1_500)
    expect(env.clock.now() - start).toBe(1_500)
  })

  it("runs a microtask after the synchronous work and before a timer of no delay", async () => {
    const { env, pass } = open()
    const ran: string[] = []
    env.timers.after(0, () => ran.push("timer"))
    env.microtask(() => ran.push("microtask"))
    ran.push("synchronous")
    await pass(1)
    expect(ran).toEqual(["synchronous", "microtask", "timer"])
  })

  it("draws numbers in [0, 1) that spread over it", () => {
    const { env } = open()
    const numbers = Array.from({ length: 10_000 }, () => env.random.next())
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...numbers)).toBeLessThan(1)
    for (let tenth = 0; tenth < 10; tenth++) {
      const count = numbers.filter((number) => Math.floor(number * 10) === tenth).length
      expect(count).toBeGreaterThan(800)
      expect(count).toBeLessThan(1_200)
    }
  })

  it("makes ids of 128 bits that never repeat", () => {
    const { env } = open()
    const ids = Array.from({ length: 10_000 }, () => env.ids.next())
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/)
    // Every bit takes both values: no part of an id is constant or padding.
    const bytes = ids.map((id) => Buffer.from(id, "base64url"))
    expect(bytes.every((id) => id.length === 16)).toBe(true)
    for (let bit = 0; bit < 128; bit++) {
      const ones = bytes.filter((id) => ((id[bit >> 3] ?? 0) >> (bit & 7)) & 1).length
      expect(ones).toBeGreaterThan(4_000)
      expect(ones).toBeLessThan(6_000)
    }
  })

  it("digests as FIPS 180-4 says", () => {
    const { env } = open()
    const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
    expect(env.sha256(encode(""))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    expect(env.sha256(encode("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    // A view digests what it shows, not the buffer behind it.
    expect(env.sha256(encode("xabcx").subarray(1, 4))).toBe(env.sha256(encode("abc")))
  })
})
