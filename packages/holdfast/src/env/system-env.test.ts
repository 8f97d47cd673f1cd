import { execFileSync } from "node:child_process"
import { Worker } from "node:worker_threads"
import { afterEach, describe, expect, it, vi } from "vitest"
import { sinceBootMs, systemEnv } from "./system-env.ts"

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

describe("the machine's monotonic clock", () => {
  it("goes on between two readings", () => {
    const before = sinceBootMs()
    expect(before).toBeGreaterThan(0)
    expect(sinceBootMs()).toBeGreaterThanOrEqual(before)
  })

  it("is one for all processes and threads", async () => {
    // Read there in between two readings here: any clock of their own would lie outside, as both are younger.
    const script = `process.stdout.write(String(Number(process.hrtime.bigint()) / 1e6))`
    const beforeProcess = sinceBootMs()
    const inProcess = Number(execFileSync(process.execPath, ["--eval", script], { encoding: "utf8" }))
    const beforeThread = sinceBootMs()
    const inThread = await readInThread()
    expect([beforeProcess, inProcess, beforeThread, inThread, sinceBootMs()]).toSatisfy(isSorted)
  })
})

async function readInThread(): Promise<number> {
  const source = `require("node:worker_threads").parentPort.postMessage(Number(process.hrtime.bigint()) / 1e6)`
  const worker = new Worker(source, { eval: true })
  return await new Promise((resolve, reject) => {
    worker.once("message", resolve)
    worker.once("error", reject)
  })
}

function isSorted(readings: readonly number[]): boolean {
  return readings.every((reading, at) => at === 0 || reading >= (readings[at - 1] ?? 0))
}
