/** Concurrent updates and merges: none is lost, none conflicts, and those of one session travel together. */
import { describe, expect, it } from "vitest"
import { drive, faultOf, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { createSimulatedEnv } from "../env/simulated-env.ts"
import type { Command } from "../kernel/index.ts"
import type { Store, StoreOutcome } from "../store/index.ts"
import { Holdfast } from "./index.ts"

/** The commands that passed, by kind. */
class CountingStore implements Store {
  readonly id: string
  readonly #inner: Store
  readonly passed: Command["kind"][] = []

  constructor(inner: Store) {
    this.id = inner.id
    this.#inner = inner
  }

  execute(command: Command): StoreOutcome | Promise<StoreOutcome> {
    this.passed.push(command.kind)
    return this.#inner.execute(command)
  }

  onEvent(...args: Parameters<Store["onEvent"]>): void {
    this.#inner.onEvent(...args)
  }

  onTransition(...args: Parameters<Store["onTransition"]>): void {
    this.#inner.onTransition(...args)
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }

  count(kind: Command["kind"]): number {
    return this.passed.filter((each) => each === kind).length
  }
}

async function openCounted(world: RuntimeWorld, seed = 1): Promise<{ hf: Holdfast; store: CountingStore }> {
  const store = new CountingStore(world.wire(seed, "two"))
  return { hf: await Holdfast.connect({ store, env: world.env, label: "counted" }), store }
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

describe("updates of one session", () => {
  it("that wait for the same commit travel in one, each with its own result (C2)", async () => {
    const { hf, store } = await openCounted(new RuntimeWorld())
    const cell = hf.cell("n", { initial: 0 })
    const results = await Promise.all(times(500, () => cell.update((n) => n + 1)))
    expect(results).toEqual(times(500, (index) => index + 1))
    // The first leaves at once; what comes while it is under way is the second.
    expect(await cell.read()).toEqual({ value: 500, version: 2 })
    expect(store.count("commitCells")).toBe(2)
  })

  it("travel in batches of a bounded size", async () => {
    const { hf, store } = await openCounted(new RuntimeWorld())
    const cell = hf.cell("n", { initial: 0 })
    await Promise.all(times(2_501, () => cell.update((n) => n + 1)))
    expect(await cell.get()).toBe(2_501)
    expect(store.count("commitCells")).toBe(4)
  })

  it("that throw end alone: the others of their batch go on from the value before (C2)", async () => {
    const { hf } = await openCounted(new RuntimeWorld())
    const cell = hf.cell("n", { initial: 0 })
    const own = new Error("own")
    const outcomes = await Promise.allSettled(
      times(10, (index) =>
        cell.update((n) => {
          if (index % 2 === 0) throw own
          return n + 1
        }),
      ),
    )
    expect(await cell.get()).toBe(5)
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(5)
    expect(outcomes[9]).toEqual({ status: "fulfilled", value: 5 })
  })

  it("that all throw commit nothing", async () => {
    const { hf, store } = await openCounted(new RuntimeWorld())
    const cell = hf.cell("n", { initial: 0 })
    const updates = times(3, () =>
      cell.update(() => {
        throw new Error("no")
      }),
    )
    expect((await Promise.allSettled(updates)).map(({ status }) => status)).toEqual(times(3, () => "rejected"))
    expect(store.count("commitCells")).toBe(0)
    expect((await cell.read()).version).toBe(0)
  })

  it("of different cells do not wait for each other", async () => {
    const { hf, store } = await openCounted(new RuntimeWorld())
    const [a, b] = [hf.cell("a", { initial: 0 }), hf.cell("b", { initial: 0 })]
    await Promise.all([a.update((n) => n + 1), b.update((n) => n + 1)])
    expect(store.passed.slice(1)).toEqual(["readCells", "readCells", "commitCells", "commitCells"])
  })

  it("with and without a grant are fenced apart: a lost lease takes only its own with it (L8, C2)", async () => {
    const world = new RuntimeWorld()
    const { hf } = await openCounted(world)
    const cell = hf.cell("n", { initial: 0 })
    const grant = await hf.lock("door").acquire({ leaseMs: 100 })
    await world.env.advanceBy(101)
    const free = times(3, () => cell.update((n) => n + 1))
    const held = grant.scope.run(() => times(3, () => cell.update((n) => n + 100)))
    const after = times(3, () => cell.update((n) => n + 10))
    for (const each of held) await faultOf(each, "FENCED")
    await Promise.all([...free, ...after])
    expect(await cell.get()).toBe(33)
  })

  it("may ask for another update from inside: it takes its turn after", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("n", { initial: 1 })
    let inner: Promise<number> | undefined
    const outer = await cell.update((n) => {
      inner ??= cell.update((m) => m * 10)
      return n + 1
    })
    expect([outer, await inner]).toEqual([2, 20])
    expect((await cell.read()).version).toBe(2)
  })

  it("survive a write to the same cell from inside the function (C2)", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("n", { initial: 1 })
    let wrote: Promise<number> | undefined
    const result = await cell.update((n) => {
      wrote ??= cell.set(50)
      return n + 1
    })
    await wrote
    expect([result, await cell.get()]).toEqual([51, 51])
  })
})

describe("updates of a cell that nobody else writes", () => {
  /** A session that has written the cell twice, and another one. */
  async function openAfterTwo() {
    const world = new RuntimeWorld()
    const { hf, store } = await openCounted(world)
    const other = await world.open("other")
    const cell = hf.cell("n", { initial: 0 })
    await cell.update((n) => n + 1)
    await cell.update((n) => n + 1)
    return { hf, store, cell, theirs: other.cell("n", { initial: 0 }) }
  }

  it("go on from what was written last, unread", async () => {
    const { store, cell } = await openAfterTwo()
    expect(store.count("readCells")).toBe(2)
    for (let n = 3; n <= 10; n++) expect(await cell.update((value) => value + 1)).toBe(n)
    expect(store.count("readCells")).toBe(2)
    expect(store.count("commitCells")).toBe(10)
    expect(await cell.read()).toEqual({ value: 10, version: 10 })
  })

  it("are made of the newest version where somebody wrote meanwhile, and read first from then on (C2)", async () => {
    const { store, cell, theirs } = await openAfterTwo()
    for (let round = 0; round < 5; round++) {
      await theirs.set(100 * (round + 1))
      expect(await cell.update((n) => n + 1)).toBe(100 * (round + 1) + 1)
    }
    // One wrong guess: a commit more than there are updates.
    expect(store.count("commitCells")).toBe(8)
    expect(store.count("readCells")).toBe(7)
    expect(await cell.read()).toEqual({ value: 501, version: 12 })
  })

  it("that throw at what was written last are asked with what is there (C2)", async () => {
    const { cell, theirs } = await openAfterTwo()
    await theirs.set(100)
    const spend = (n: number): number => {
      if (n < 50) throw new Error(`only ${String(n)} left`)
      return n - 50
    }
    expect(await cell.update(spend)).toBe(50)
    expect(await cell.update(spend)).toBe(0)
    await expect(cell.update(spend)).rejects.toThrow("only 0 left")
    expect((await cell.read()).version).toBe(5)
  })

  it("see what the session itself wrote by other ways", async () => {
    const { hf, cell } = await openAfterTwo()
    await cell.set(10)
    expect(await cell.update((n) => n + 1)).toBe(11)
    await hf.transact(async (tx) => await tx.update(cell, (n) => n * 2))
    expect(await cell.update((n) => n + 1)).toBe(23)
    await cell.delete()
    expect(await cell.update((n) => n + 1)).toBe(1)
  })

  it("are fenced with the grant they hold (L8)", async () => {
    const world = new RuntimeWorld()
    const { hf } = await openCounted(world)
    const cell = hf.cell("n", { initial: 0 })
    const grant = await hf.lock("door").acquire({ leaseMs: 100 })
    const bump = async (): Promise<number> => await cell.update((n) => n + 1)
    for (let round = 0; round < 3; round++) await grant.scope.run(bump)
    await world.env.advanceBy(101)
    await faultOf(grant.scope.run(bump), "FENCED")
    expect(await cell.get()).toBe(3)
  })
})

describe("updates of several sessions", () => {
  it.each([1, 2, 3, 4, 5])("all take effect and never end in a CONFLICT, wire %d (C2, C1)", async (seed) => {
    const world = new RuntimeWorld()
    const sessions = await Promise.all(times(4, (index) => world.openDeferred(seed * 10 + index, "two", `s${index}`)))
    const results = await Promise.all(
      sessions.flatMap((hf) => {
        const cell = hf.cell("n", { initial: 0 })
        return times(25, () => cell.update((n) => n + 1))
      }),
    )
    expect(results.toSorted((a, b) => a - b)).toEqual(times(100, (index) => index + 1))
    const [first] = sessions
    const races = sessions.map((hf) => hf.metrics().cells["n"])
    // Somebody lost a race, or this test would prove nothing.
    expect(races.reduce((sum, each) => sum + (each?.retries ?? 0), 0)).toBeGreaterThan(0)
    expect(await first?.cell("n").get()).toBe(100)
    const view = await first?.inspect()
    expect(view?.locks).toEqual([])
  })

  it("take effect among sets, deletes, merges and transactions, one version each (C1, C2)", async () => {
    const world = new RuntimeWorld()
    const sessions = await Promise.all(times(3, (index) => world.openDeferred(index + 1, "two", `s${index}`)))
    let writes = 0
    const work = Promise.all(
      sessions.map(async (hf, index) => {
        const cell = hf.cell("n", { initial: 0, relaxed: "counter" })
        for (let round = 0; round < 10; round++) {
          if (index === 0) await cell.update((n) => n + 1)
          else if (index === 1) await (round % 2 === 0 ? cell.set(round) : cell.delete())
          else if (round % 2 === 0) await cell.merge(1)
          else await hf.transact(async (tx) => await tx.update(cell, (n) => n + 1), { maxAttempts: 1_000 })
          writes += 1
        }
      }),
    )
    // Backing off takes simulated time.
    await drive(world.env, work)
    expect(writes).toBe(30)
    expect((await sessions[0]?.cell("n").read())?.version).toBe(30)
  })

  it("that queue for a cell leave nothing behind when the session dies meanwhile (L6)", async () => {
    const world = new RuntimeWorld()
    const [dying, other] = [await world.openDeferred(1, "two", "dying"), await world.open("other")]
    const cell = other.cell("n", { initial: 0 })
    const far = dying.cell("n", { initial: 0 })
    const lost = Promise.allSettled(times(20, () => far.update((n) => n + 1)))
    for (let round = 0; round < 20; round++) await cell.update((n) => n + 1)
    world.kill("dying")
    await settle()
    expect(await cell.update((n) => n)).toBe(await cell.get())
    expect((await other.inspect()).locks).toEqual([])
    await dying.close().catch(() => undefined)
    await lost
  })

  it("end with the refusal of the store when the session is lost: SESSION_LOST", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open("me")
    world.kill("me")
    const cell = hf.cell("n", { initial: 0, relaxed: "counter" })
    await faultOf(
      cell.update((n) => n + 1),
      "SESSION_LOST",
    )
    await faultOf(cell.merge(1), "SESSION_LOST")
    await faultOf(cell.get(), "SESSION_LOST")
  })

  it("answer with CLOSED when the store closes while they queue for the cell", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open("me"), await world.open("other")]
    // Holds the cell's queue as another update in its turn would.
    const queue = world.store.connect()
    const session = createSimulatedEnv({ seed: 9 }).ids.next() as never
    void queue.execute({ kind: "openSession", session, label: "queue" })
    void queue.execute({
      kind: "acquireLock",
      session,
      request: 1 as never,
      names: ["\0cell:n"],
      mode: "exclusive",
      permits: 1,
      limit: null,
      leaseMs: null,
      holding: [],
      wait: true,
    })
    const waiting = [hf.cell("n", { initial: 0 }).update((n) => n + 1), hf.cell("n").set(1)]
    const ended = waiting.map(async (each) => await faultOf(each, "CLOSED"))
    await settle()
    await hf.close()
    await Promise.all(ended)
    await queue.close()
    expect(await other.cell("n", { initial: 0 }).update((n) => n + 1)).toBe(1)
  })
})

describe("merges", () => {
  it.each([
    ["max", 1_000, 999],
    ["counter", 1_000, 499_500],
    ["last", 1_000, 999],
  ] as const)("by %s of one tick are one commit", async (relaxed, count, expected) => {
    const { hf, store } = await openCounted(new RuntimeWorld())
    const cell = hf.cell<number>("p", { relaxed })
    await Promise.all(times(count, (index) => cell.merge(index)))
    expect(await cell.read()).toEqual({ value: expected, version: 1 })
    expect(store.count("commitCells")).toBe(1)
  })

  it("that come while a commit is under way are combined into the next, in their order", async () => {
    const { hf, store } = await openCounted(new RuntimeWorld())
    const cell = hf.cell<number>("p", { relaxed: "last" })
    const merges: Promise<void>[] = []
    for (let index = 0; index < 100; index++) {
      merges.push(cell.merge(index))
      await Promise.resolve()
      await Promise.resolve()
      await Promise.resolve()
    }
    await Promise.all(merges)
    expect(await cell.get()).toBe(99)
    expect(store.count("commitCells")).toBe(2)
  })

  it("of different kinds or under different grants are not combined", async () => {
    const { hf } = await openCounted(new RuntimeWorld())
    const [max, sum] = [hf.cell<number>("p", { relaxed: "max" }), hf.cell<number>("p", { relaxed: "counter" })]
    await Promise.all([max.merge(5), sum.merge(1), sum.merge(1), max.merge(3), max.merge(9)])
    expect(await max.read()).toEqual({ value: 9, version: 3 })
  })

  it("under a lost lease are refused apart from those without: FENCED (L8)", async () => {
    const world = new RuntimeWorld()
    const { hf } = await openCounted(world)
    const cell = hf.cell("p", { initial: 0, relaxed: "counter" })
    const grant = await hf.lock("door").acquire({ leaseMs: 100 })
    await world.env.advanceBy(101)
    const free = cell.merge(1)
    const held = faultOf(
      grant.scope.run(() => cell.merge(100)),
      "FENCED",
    )
    await Promise.all([free, held, cell.merge(10)])
    expect(await cell.get()).toBe(11)
  })

  it("that fail tell all who merged, and the next start anew", async () => {
    const { hf } = await openCounted(new RuntimeWorld())
    const cell = hf.cell("p", { relaxed: "counter" })
    await cell.set("text")
    const first = [cell.merge(1), cell.merge(2)].map(async (each) => await faultOf(each, "VALUE_INVALID"))
    await Promise.resolve()
    await Promise.resolve()
    const second = faultOf(cell.merge(3), "VALUE_INVALID")
    await Promise.all([...first, second])
    await cell.set(1)
    await cell.merge(1)
    expect(await cell.get()).toBe(2)
  })

  it("of many sessions only ever raise a maximum", async () => {
    const world = new RuntimeWorld()
    const sessions = await Promise.all(times(3, (index) => world.openDeferred(index + 1, "two", `s${index}`)))
    const reader = (await world.open("reader")).cell("p", { initial: 0 })
    const seen: number[] = []
    const watching = (async () => {
      for await (const { value } of reader.watch()) {
        seen.push(value)
        if (value === 29) return
      }
    })()
    await Promise.all(
      sessions.flatMap((hf, index) => times(10, (n) => hf.cell("p", { relaxed: "max" }).merge(n * 3 + index))),
    )
    await watching
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  })
})
