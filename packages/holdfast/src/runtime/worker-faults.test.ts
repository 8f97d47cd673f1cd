/** A worker whose store does not take what it asks, for a while or for good. */
import { describe, expect, it } from "vitest"
import { createSimulatedEnv, type SimulatedEnv } from "../env/simulated-env.ts"
import { type ErrorCode, HoldfastError } from "../kernel/index.ts"
import type { Store } from "../store/index.ts"
import { MemoryStore } from "../stores/memory/index.ts"
import { Holdfast } from "./index.ts"

/** A store that does not take the first claims that are asked of it. */
async function openFailing(
  code: ErrorCode,
): Promise<{ readonly env: SimulatedEnv; readonly hf: Holdfast; readonly asked: () => number }> {
  const env = createSimulatedEnv({ seed: 1 })
  const inner = new MemoryStore({ env, check: true }).connect()
  let asked = 0
  const store: Store = {
    id: inner.id,
    execute: (command) => {
      if (command.kind === "takeRun") asked += 1
      const isRefused = command.kind === "takeRun" && asked <= 2
      return isRefused ? Promise.reject(new HoldfastError(code, "not now")) : inner.execute(command)
    },
    onEvent: (handler) => inner.onEvent(handler),
    onTransition: (handler) => inner.onTransition(handler),
    close: () => inner.close(),
  }
  return { env, hf: await Holdfast.connect({ store, env, label: "test" }), asked: () => asked }
}

describe("a worker", () => {
  it("asks again when the disk was full, and takes what was started meanwhile (O6)", async () => {
    const { env, hf, asked } = await openFailing("STORE_FULL")
    const square = hf.operation("square", { version: 1, effects: "pure", run: (_, x: number) => x * x })
    await hf.work([square])
    const run = await hf.start(square, [3])
    await env.advanceBy(99)
    expect(asked()).toBe(1)
    await env.advanceBy(200)
    expect(asked()).toBeGreaterThanOrEqual(3)
    expect(await run.result()).toBe(9)
    await hf.close()
  })

  it("asks no more when its session is over, or was closed meanwhile (S1)", async () => {
    for (const code of ["SESSION_LOST", "STORE_FULL"] as const) {
      const { env, hf, asked } = await openFailing(code)
      const square = hf.operation("square", { version: 1, effects: "pure", run: (_, x: number) => x * x })
      await hf.work([square])
      const closed = hf.close()
      await env.advanceBy(1_000)
      await closed
      expect(asked()).toBe(1)
      expect(env.pendingTimers).toEqual([])
    }
  })
})
