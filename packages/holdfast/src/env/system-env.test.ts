import { afterEach, describe, expect, it, vi } from "vitest"
import { systemEnv } from "./system-env.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

describe("the system's env", () => {
  it("is never early, although Node's timers are", async () => {
    const earlyByMs = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const delayMs = 1 + (index % 20) + index / 200
        const startMs = performance.now()
        await new Promise<void>((resolve) => systemEnv.timers.after(delayMs, resolve))
        return startMs + delayMs - performance.now()
      }),
    )
    expect(Math.max(...earlyByMs)).toBeLessThanOrEqual(0)
  })

  it("arms again when Node fires early", () => {
    let nowMs = 1_000
    const armed: { delayMs: number; fire: () => void }[] = []
    vi.spyOn(performance, "now").mockImplementation(() => nowMs)
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((fire: () => void, delayMs: number) => {
      armed.push({ delayMs, fire })
      return { unref: () => {} }
      // The rest of a Node timer is not used here.
    }) as unknown as typeof setTimeout)
    const callback = vi.fn<() => void>()
    systemEnv.timers.after(10, callback)
    nowMs = 1_009.4
    armed[0]?.fire()
    expect(callback).not.toHaveBeenCalled()
    expect(armed.map((timer) => timer.delayMs)).toEqual([10, 1])
    nowMs = 1_010
    armed[1]?.fire()
    expect(callback).toHaveBeenCalledOnce()
    expect(armed).toHaveLength(2)
  })

  it.each([
    { options: undefined, hasRef: true },
    { options: {}, hasRef: true },
    { options: { keepAlive: true }, hasRef: true },
    { options: { keepAlive: false }, hasRef: false },
  ])("keeps the process alive: $hasRef, with $options", ({ options, hasRef }) => {
    const setTimeoutSpy = vi.spyOn(globalThis, "setTimeout")
    const timer = systemEnv.timers.after(60_000, () => {}, options)
    const handle = setTimeoutSpy.mock.results[0]?.value
    timer.cancel()
    expect(handle?.hasRef()).toBe(hasRef)
  })

  it("tells the time of this machine", () => {
    const before = Date.now()
    const now = systemEnv.clock.now()
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })
})
