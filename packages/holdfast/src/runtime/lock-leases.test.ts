/** Grants that end by themselves unless renewed, and what becomes of the code that runs under one. */
import { describe, expect, it } from "vitest"
import { faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { createSimulatedEnv } from "../env/simulated-env.ts"
import type { Grant } from "./index.ts"

describe("leases", () => {
  it("end by themselves: the grant is lost, its signal aborted, and the next in line is served (L6)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const grant = await hf.lock("a").acquire({ leaseMs: 100 })
    const next = hf.lock("a").acquire()
    await world.env.advanceBy(99)
    expect(grant.isHeld).toBe(true)
    await world.env.advanceBy(1)
    expect(grant.isHeld).toBe(false)
    expect(grant.signal.reason).toMatchObject({ code: "GRANT_LOST" })
    expect((await next).isHeld).toBe(true)
    await grant.release()
    expect((await next).isHeld).toBe(true)
    await (await next).release()
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 2, lost: 1, held: 0 })
  })

  it("are renewed as long as the callback of run goes on, and no longer", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const gate = new Gate()
    const running = hf.lock("a").run(
      async (grant) => {
        await gate.opened
        return grant.isHeld
      },
      { leaseMs: 90 },
    )
    await world.env.advanceBy(10_000)
    gate.open()
    expect(await running).toBe(true)
    expect(world.env.pendingTimers).toEqual([])
    expect(hf.metrics().locks["a"]).toMatchObject({ lost: 0 })
  })

  it("do not keep the process alive by being renewed", async () => {
    const world = new RuntimeWorld()
    const hf = await world.openDeferred(1)
    const gate = new Gate()
    const running = hf.lock("a").run(async () => await gate.opened, { leaseMs: 90 })
    await settle()
    expect(world.env.pendingTimers).toContainEqual({ dueAtMs: 30, keepAlive: false })
    gate.open()
    await running
    await settle()
    expect(world.env.pendingTimers).toEqual([])
  })

  it("that end while a callback runs make run reject: it was not held to the end (L1, L8)", async () => {
    const world = new RuntimeWorld()
    // A frozen process: its own timers stand still while the store's time goes on.
    const hf = await world.open("frozen", createSimulatedEnv({ seed: 2 }))
    const gate = new Gate()
    const reasons: unknown[] = []
    const running = hf.lock("a").run(
      async ({ signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason))
        await gate.opened
        await faultOf(hf.cell("x").set(1), "FENCED")
        return "done"
      },
      { leaseMs: 90 },
    )
    const other = await world.open("other")
    const next = other.lock("a").acquire()
    await world.env.advanceBy(90)
    expect((await next).isHeld).toBe(true)
    expect(reasons).toEqual([expect.objectContaining({ code: "GRANT_LOST" })])
    gate.open()
    await faultOf(running, "GRANT_LOST")
    expect((await next).isHeld).toBe(true)
    expect(await other.cell("x").get()).toBeUndefined()
    expect(hf.metrics()).toMatchObject({ locks: { a: { lost: 1, held: 0 } }, cells: { x: { fenced: 1 } } })
  })

  it("that end while a callback fails leave it its own error", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open("frozen", createSimulatedEnv({ seed: 2 }))
    const gate = new Gate()
    const failure = new Error("mine")
    const running = hf.lock("a").run(
      async () => {
        await gate.opened
        throw failure
      },
      { leaseMs: 90 },
    )
    await world.env.advanceBy(90)
    gate.open()
    await expect(running).rejects.toBe(failure)
  })

  it("that are over without anybody having noticed make run reject all the same (L1)", async () => {
    // The store's alarm never rings: the release itself is what finds the lease over.
    const world = new RuntimeWorld({
      storeEnv: (env) => ({ ...env, timers: { after: () => ({ cancel: () => undefined }) } }),
    })
    const hf = await world.open("frozen", createSimulatedEnv({ seed: 2 }))
    const gate = new Gate()
    let grant: Grant | undefined
    const running = hf.lock("a").run(
      async (held) => {
        grant = held
        await gate.opened
      },
      { leaseMs: 90 },
    )
    await world.env.advanceBy(90)
    expect(grant?.isHeld).toBe(true)
    const signal = grant?.signal
    gate.open()
    await faultOf(running, "GRANT_LOST")
    expect(signal?.aborted).toBe(true)
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 1, lost: 1, held: 0 })
  })
})
