/** Promises of the runtime that a planted bug once broke without any other test noticing. */
import { describe, expect, it } from "vitest"
import { nextTurn } from "../../src/env/turn.ts"
import { type Command, HoldfastError, type StoreEvent } from "../../src/kernel/index.ts"
import { Holdfast } from "../../src/runtime/index.ts"
import type { Store, StoreOutcome } from "../../src/store/index.ts"
import { drive, faultOf, RuntimeWorld, settle } from "../runtime-world.ts"

type Executed = StoreOutcome | Promise<StoreOutcome>

/** What a test does to the commands and events of a connection on their way. */
interface Hands {
  readonly execute?: (command: Command, pass: () => Executed) => Executed
  readonly deliver?: (event: StoreEvent, pass: (event: StoreEvent) => void) => void
}

async function openInHands(world: RuntimeWorld, inner: Store, hands: Hands): Promise<Holdfast> {
  const store: Store = {
    id: inner.id,
    execute(command) {
      const pass = (): Executed => inner.execute(command)
      return hands.execute === undefined ? pass() : hands.execute(command, pass)
    },
    onEvent(handler) {
      inner.onEvent((event) => {
        if (hands.deliver === undefined) handler(event)
        else hands.deliver(event, handler)
      })
    },
    onTransition(handler) {
      inner.onTransition(handler)
    },
    async close() {
      await inner.close()
    },
  }
  return await Holdfast.connect({ store, env: world.env, label: "in hands" })
}

it("a transaction rests on the first version of a cell, also where two branches ask for it at once (C3)", async () => {
  const world = new RuntimeWorld()
  const other = (await world.open("other")).cell("a", { initial: 0 })
  let reads = 0
  const hf = await openInHands(world, world.store.connect(), {
    execute: async (command, pass) => {
      if (command.kind === "readCells") reads += 1
      // The second of two reads that are under way comes after somebody's write.
      if (command.kind === "readCells" && reads === 2) await other.set(5)
      return await pass()
    },
  })
  const [a, b] = [hf.cell("a", { initial: 0 }), hf.cell("b", { initial: 0 })]
  await hf.transact(async (tx) => {
    const [one, two] = await Promise.all([tx.get(a), tx.get(a)])
    tx.set(b, one + two)
  })
  expect(await b.get()).toBe(10)
})

it("merges by maximum that travel together keep the largest, in whatever order they came (C5)", async () => {
  const hf = await new RuntimeWorld().open()
  const reached = hf.cell<number>("reached", { relaxed: "max" })
  await Promise.all([reached.merge(3), reached.merge(9), reached.merge(5)])
  expect(await reached.read()).toEqual({ value: 9, version: 1 })
})

it("merges of one cell are committed one after the other, however they come (C5)", async () => {
  const world = new RuntimeWorld()
  const log = { underWay: 0, most: 0 }
  const hf = await openInHands(world, world.wire(1, "two"), {
    execute: async (command, pass) => {
      if (command.kind !== "commitCells") return await pass()
      log.underWay += 1
      log.most = Math.max(log.most, log.underWay)
      try {
        return await pass()
      } finally {
        log.underWay -= 1
      }
    },
  })
  const last = hf.cell<number>("last", { relaxed: "last" })
  const merges: Promise<void>[] = []
  for (let value = 0; value < 40; value++) {
    merges.push(last.merge(value))
    await nextTurn()
  }
  await Promise.all(merges)
  expect([await last.get(), log.most]).toEqual([39, 1])
})

it("a watch never goes back where the store registers it first and looks afterwards (C4)", async () => {
  const world = new RuntimeWorld()
  const inner = world.store.connect()
  const other = (await world.open("other")).cell<string>("a")
  const late: (() => void)[] = []
  const hf = await openInHands(world, inner, {
    execute: async (command, pass) => {
      const outcome = await pass()
      if (command.kind !== "watchCells") return outcome
      await other.set("told before the answer")
      await other.set("told after it")
      return await inner.execute({ kind: "readCells", session: command.session, names: ["a"], head: false })
    },
    deliver: (event, pass) => {
      if (event.kind === "cellChanged" && event.cell.version === 2) late.push(() => pass(event))
      else pass(event)
    },
  })
  const seen: number[] = []
  const watching = (async () => {
    for await (const { version } of hf.cell("a").watch()) {
      seen.push(version)
      if (version === 3) return
    }
  })()
  await settle()
  for (const deliver of late) deliver()
  await settle()
  await other.set("and on")
  await watching
  expect(seen).toEqual([2, 3])
})

describe("what is written in turn, after a lost race, and cannot give its turn back", () => {
  /** The first commit loses its race, and the store is gone once the second has taken effect. */
  async function openLosing(
    lost: Extract<StoreOutcome, { readonly kind: "conflict" | "contended" }>,
    isToldOf: boolean,
  ): Promise<Holdfast> {
    const world = new RuntimeWorld()
    let commits = 0
    return await openInHands(world, world.store.connect(), {
      execute: async (command, pass) => {
        if (command.kind === "releaseLock") throw new HoldfastError("STORE_UNAVAILABLE", "nobody keeps the store")
        if (command.kind !== "commitCells") return await pass()
        commits += 1
        if (commits === 1) return lost
        const outcome = await pass()
        if (!isToldOf) throw new HoldfastError("OUTCOME_UNKNOWN", "sent and not answered")
        return outcome
      },
    })
  }

  it("is told that nobody knows whether it took effect, and not that it did not (S4)", async () => {
    const hf = await openLosing({ kind: "conflict", name: "a", expected: 0, found: 1 }, false)
    const cell = hf.cell("a", { initial: 0 })
    await faultOf(
      cell.update((n) => n + 1),
      "OUTCOME_UNKNOWN",
    )
    expect(await cell.read()).toEqual({ value: 1, version: 1 })
  })

  it("is told the version that it made (C1, S4)", async () => {
    const hf = await openLosing({ kind: "contended", name: "a" }, true)
    const cell = hf.cell("a", { initial: 0 })
    expect(await cell.set(5)).toBe(1)
    expect(await cell.read()).toEqual({ value: 5, version: 1 })
  })
})

it("a run whose report the store cannot take for a while is reported again, once it can (O4, O5)", async () => {
  const world = new RuntimeWorld()
  const faults = ["STORE_FULL", "STORE_UNAVAILABLE", "OUTCOME_UNKNOWN"] as const
  let reports = 0
  const hf = await openInHands(world, world.store.connect(), {
    execute: (command, pass) => {
      const isReport = command.kind === "completeRun" || command.kind === "failRun"
      const fault = isReport ? faults[reports++ % 4] : undefined
      if (fault !== undefined) throw new HoldfastError(fault, "not this time")
      return pass()
    },
  })
  const definition = { version: 1, effects: "pure" } as const
  const good = hf.operation("good", { ...definition, run: () => "done" })
  const bad = hf.operation("bad", { ...definition, run: () => Promise.reject(new Error("no luck")) })
  expect(await drive(world.env, good())).toBe("done")
  await faultOf(drive(world.env, bad()), "RUN_FAILED")
  expect(reports).toBe(8)
})

it("a run whose result the store does not take fails with the reason, and hangs nobody (O4)", async () => {
  const world = new RuntimeWorld()
  const hf = await openInHands(world, world.store.connect(), {
    execute: (command, pass) => {
      if (command.kind === "completeRun") throw new HoldfastError("ARGUMENT_INVALID", "larger than a request may be")
      return pass()
    },
  })
  const retry = { maxAttempts: 5 }
  const large = hf.operation("large", { version: 1, effects: "pure", retry, run: () => "imagine megabytes" })
  const failure = await faultOf(large(), "RUN_FAILED")
  expect(failure.message).toContain("larger than a request may be")
  expect((await large.handle().status())?.attempt).toBe(1)
})

it("a report is not repeated for a store that closes meanwhile (S1)", async () => {
  const world = new RuntimeWorld()
  const hf = await openInHands(world, world.store.connect(), {
    execute: (command, pass) => {
      if (command.kind === "completeRun") throw new HoldfastError("STORE_FULL", "for ever")
      return pass()
    },
  })
  const asked = hf.operation("good", { version: 1, effects: "pure", run: () => "done" })()
  const ended = faultOf(asked, "CLOSED")
  await settle()
  const closing = hf.close({ graceMs: 1_000 })
  await ended
  await drive(world.env, closing)
  expect(world.env.pendingTimers).toEqual([])
})
