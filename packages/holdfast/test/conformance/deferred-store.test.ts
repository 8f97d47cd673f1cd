/** The wire itself: late, in order, complete, and the same again from the same seed. */
import { describe, expect, it } from "vitest"
import { createPrng } from "../../src/env/prng.ts"
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import type { Command, SessionId, StoreEvent } from "../../src/kernel/index.ts"
import type { Store } from "../../src/store/index.ts"
import { MemoryStore } from "../../src/stores/memory/index.ts"
import { deferredBy, DeferredStore, postponeByTime } from "./deferred-store.ts"

const session = "session" as SessionId

function connect(seed: number, lines: "one" | "two"): Store {
  const inner = new MemoryStore({ env: createSimulatedEnv({ seed: 1 }), check: true }).connect()
  return new DeferredStore(inner, deferredBy(seed, lines))
}

function write(value: number): Command {
  const nothing = { holding: [], reads: [], starts: [], step: null, complete: null }
  return { kind: "commitCells", session, writes: [{ kind: "put", name: "a", value }], ...nothing }
}

/** Watches a cell through the wire and writes it a hundred times at once; gives what arrived in which order. */
async function storm(store: Store): Promise<string[]> {
  const arrived: string[] = []
  store.onEvent((event: StoreEvent) => {
    if (event.kind === "cellChanged") arrived.push(`event ${String(event.cell.version)}`)
  })
  await store.execute({ kind: "openSession", session, label: "" })
  await store.execute({ kind: "watchCells", session, request: 1 as never, pattern: { kind: "name", name: "a" } })
  await Promise.all(
    Array.from({ length: 100 }, async (_none, value) => {
      const outcome = await store.execute(write(value))
      if (outcome.kind === "committed") arrived.push(`outcome ${String(outcome.versions[0]?.version)}`)
    }),
  )
  await store.execute({ kind: "inspect", session })
  return arrived
}

describe("a deferred store", () => {
  it("keeps the order of outcomes and the order of events, and loses none", async () => {
    for (const lines of ["one", "two"] as const) {
      const arrived = await storm(connect(3, lines))
      const outcomes = arrived.filter((each) => each.startsWith("outcome"))
      expect(outcomes).toEqual(Array.from({ length: 100 }, (_none, at) => `outcome ${String(at + 1)}`))
      const events = arrived.filter((each) => each.startsWith("event"))
      expect(events).toEqual(Array.from({ length: events.length }, (_none, at) => `event ${String(at + 1)}`))
      if (lines === "one") expect(events).toHaveLength(100)
    }
  })

  it("lets outcomes and events overtake each other where they have lines of their own", async () => {
    const arrived = await storm(connect(3, "two"))
    const lead = arrived.map((_each, at) => {
      const before = arrived.slice(0, at + 1)
      return before.filter((each) => each.startsWith("event")).length * 2 - before.length
    })
    expect(Math.max(...lead)).toBeGreaterThan(1)
    expect(Math.min(...lead)).toBeLessThan(-1)
  })

  it("does the same again from the same seed, and otherwise from another", async () => {
    const arrived = await storm(connect(3, "two"))
    expect(await storm(connect(3, "two"))).toEqual(arrived)
    expect(await storm(connect(4, "two"))).not.toEqual(arrived)
  })

  it("answers what was asked before it was closed, and says nothing afterwards", async () => {
    const store = connect(5, "two")
    const events: StoreEvent[] = []
    store.onEvent((event) => events.push(event))
    await store.execute({ kind: "openSession", session, label: "" })
    await store.execute({ kind: "watchCells", session, request: 1 as never, pattern: { kind: "prefix", prefix: "" } })
    const writing = store.execute(write(1))
    const closing = store.close()
    await expect(store.execute(write(2))).rejects.toMatchObject({ code: "CLOSED" })
    expect(await writing).toMatchObject({ kind: "committed" })
    await closing
    const before = events.length
    await storm(connect(5, "two"))
    expect(events).toHaveLength(before)
  })

  it("takes its time by a clock, where it is given one", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const inner = new MemoryStore({ env, check: true }).connect()
    const options = { random: createPrng(1), lines: "one", postpone: postponeByTime(env), delayBound: 20 } as const
    const store = new DeferredStore(inner, options)
    let isOpen = false
    const opening = (async () => {
      await store.execute({ kind: "openSession", session, label: "" })
      isOpen = true
    })()
    await env.advanceBy(1)
    expect(isOpen).toBe(false)
    await env.runUntilIdle()
    await opening
    expect(env.clock.monotonic()).toBeLessThanOrEqual(40)
  })
})
