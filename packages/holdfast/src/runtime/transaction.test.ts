/** Transactions over many cells: all or nothing, and as if one after the other. */
import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { drive, faultOf, Gate, reasonOf, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Store } from "../store/index.ts"
import { Holdfast, type Transaction } from "./index.ts"

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

describe("a transaction", () => {
  it("commits all of its writes in one step, one version each (C1, C3)", async () => {
    const hf = await new RuntimeWorld().open()
    const [a, b, c] = [hf.cell("a", { initial: 1 }), hf.cell("b", { initial: 2 }), hf.cell("c", { initial: 3 })]
    await c.set(3)
    const commits: (readonly string[])[] = []
    hf.on("commit.applied", (transition) => {
      if (transition.kind === "commit.applied") commits.push(transition.cells)
    })
    const result = await hf.transact(async (tx) => {
      tx.set(a, (await tx.get(a)) + 10)
      tx.set(b, (await tx.get(b)) + 10)
      tx.delete(c)
      return "done"
    })
    expect(result).toBe("done")
    expect(await hf.read([a, b, c])).toEqual([11, 12, 3])
    expect((await c.read()).version).toBe(2)
    expect(commits).toEqual([["a", "b", "c"]])
  })

  it("writes nothing when its function throws, whatever it throws", async () => {
    const hf = await new RuntimeWorld().open()
    const a = hf.cell("a", { initial: 1 })
    for (const thrown of [new Error("own"), undefined, "text"]) {
      const outcome = await Promise.allSettled([
        hf.transact(async (tx) => {
          tx.set(a, (await tx.get(a)) + 1)
          throw thrown
        }),
        hf.transact((tx) => {
          tx.set(a, 5)
          throw thrown
        }),
      ])
      for (const each of outcome) expect(each).toEqual({ status: "rejected", reason: thrown })
    }
    expect((await a.read()).version).toBe(0)
  })

  it("sees its own writes and deletions, and gives copies", async () => {
    const hf = await new RuntimeWorld().open()
    const a = hf.cell("a", { initial: { n: 1 } })
    await hf.transact(async (tx) => {
      const first = await tx.get(a)
      first.n = 100
      expect(await tx.get(a)).toEqual({ n: 1 })
      tx.set(a, { n: 2 })
      expect(await tx.get(a)).toEqual({ n: 2 })
      expect(await tx.update(a, ({ n }) => ({ n: n + 1 }))).toEqual({ n: 3 })
      expect(await tx.getAll([a, a])).toEqual([{ n: 3 }, { n: 3 }])
      tx.delete(a)
      expect(await tx.get(a)).toEqual({ n: 1 })
      tx.set(a, { n: 9 })
    })
    expect(await a.read()).toEqual({ value: { n: 9 }, version: 1 })
  })

  it("loses none of its own concurrent updates", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const a = hf.cell("a", { initial: 0 })
      const before = await a.get()
      await hf.transact(async (tx) => {
        const results = await Promise.all(times(5, () => tx.update(a, (n) => n + 1)))
        expect(results.toSorted((x, y) => x - y)).toEqual(times(5, (index) => before + index + 1))
      })
      expect(await a.get()).toBe(before + 5)
    }
  })

  it("rests on the first version any of its branches read (C3)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.openDeferred(3), await world.open("other")]
    const [a, b] = [hf.cell("a", { initial: 0 }), hf.cell("b", { initial: 0 })]
    const mirror = other.cell("a", { initial: 0 })
    const seen: [number, number][] = []
    await hf.transact(async (tx) => {
      const single = tx.get(a)
      const both = single.then(async () => {
        // Changed after the first branch has read it, before the second does.
        if (seen.length === 0) await mirror.set(5)
        return await tx.getAll([b, a])
      })
      const [one, [, two]] = await Promise.all([single, both])
      seen.push([one, two])
      tx.set(b, one + two)
    })
    expect(seen).toEqual([
      [0, 0],
      [5, 5],
    ])
    expect(await b.get()).toBe(10)
  })

  it("rests on the first version also where two branches read it at once (C3)", async () => {
    const world = new RuntimeWorld()
    const other = await world.open("other")
    const mirror = other.cell("a", { initial: 0 })
    let reads = 0
    let written: Promise<number> | undefined
    const inner = world.store.connect()
    // Somebody writes between the two reads that are under way.
    const store: Store = {
      id: inner.id,
      execute: async (command) => {
        const outcome = inner.execute(command)
        reads += command.kind === "readCells" ? 1 : 0
        // The memory store writes before this returns.
        if (command.kind === "readCells" && reads === 1) written = mirror.set(5)
        return await outcome
      },
      onEvent: (handler) => {
        inner.onEvent(handler)
      },
      onTransition: (handler) => {
        inner.onTransition(handler)
      },
      close: async () => {
        await inner.close()
      },
    }
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const [a, b] = [hf.cell("a", { initial: 0 }), hf.cell("b", { initial: 0 })]
    const pair = await hf.transact(async (tx) => {
      const [first, [, second]] = await Promise.all([tx.get(a), tx.getAll([b, a])])
      tx.set(b, 1)
      return [first, second]
    })
    expect([pair, await written]).toEqual([[5, 5], 1])
  })

  it("reads many cells as of one instant, and each only once", async () => {
    const hf = await new RuntimeWorld().openDeferred()
    const cells = times(5, (index) => hf.cell(`c${index}`, { initial: index }))
    await hf.transact(async (tx) => {
      expect(await tx.getAll(cells)).toEqual([0, 1, 2, 3, 4])
      expect(await tx.getAll([])).toEqual([])
      expect(await tx.getAll([...cells, ...cells])).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
    })
  })

  it("without reads or writes is a promise to keep: it returns its result", async () => {
    const hf = await new RuntimeWorld().open()
    expect(await hf.transact(() => 7)).toBe(7)
  })

  it("cannot be used after its function has returned: GRANT_LOST", async () => {
    const hf = await new RuntimeWorld().open()
    const a = hf.cell("a", { initial: 0 })
    const op = hf.operation("op", { version: 1, effects: "pure", run: () => 1 })
    const kept = await hf.transact((tx: Transaction) => tx)
    await faultOf(kept.get(a), "GRANT_LOST")
    await faultOf(kept.getAll([a]), "GRANT_LOST")
    await faultOf(
      kept.update(a, (n) => n),
      "GRANT_LOST",
    )
    for (const use of [() => kept.set(a, 1), () => kept.delete(a), () => kept.start(op, [])]) {
      expect(use).toThrow(expect.objectContaining({ code: "GRANT_LOST" }))
    }
    expect((await a.read()).version).toBe(0)
  })

  it("does not wait for an update that was not awaited, which is refused: GRANT_LOST", async () => {
    const hf = await new RuntimeWorld().openDeferred()
    const a = hf.cell("a", { initial: 0 })
    let late: Promise<unknown> | undefined
    await hf.transact((tx) => {
      late = faultOf(
        tx.update(a, (n) => n + 1),
        "GRANT_LOST",
      )
    })
    await late
    expect((await a.read()).version).toBe(0)
  })

  it.each([
    ["a function that is none", 5, {}],
    ["no attempts at all", () => 1, { maxAttempts: 0 }],
    ["half an attempt", () => 1, { maxAttempts: 1.5 }],
    ["a signal that is none", () => 1, { signal: {} }],
    ["options that are none", () => 1, null],
  ])("refuses %s with ARGUMENT_INVALID", async (_, fn, options) => {
    const hf = await new RuntimeWorld().open()
    await faultOf(hf.transact(fn as never, options as never), "ARGUMENT_INVALID")
  })

  it("refuses a write that a schema or the encoding rejects, and writes nothing", async () => {
    const hf = await new RuntimeWorld().open()
    const a = hf.cell("a")
    await faultOf(
      hf.transact((tx) => {
        tx.set(a, 1)
        tx.set(a, () => 1)
      }),
      "VALUE_NOT_ENCODABLE",
    )
    await faultOf(
      hf.transact(async (tx) => await tx.update(a, async () => await Promise.resolve(1))),
      "VALUE_INVALID",
    )
    await faultOf(
      hf.transact(async (tx) => await tx.update(a, "no function" as never)),
      "ARGUMENT_INVALID",
    )
    expect((await a.read()).version).toBe(0)
  })
})

describe("a transaction's signal", () => {
  it("ends the retrying with its reason, and leaves no timer and no listener", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const controller = new AbortController()
    const { signal } = controller
    let attempts = 0
    const work = hf.transact(
      async (tx) => {
        attempts += 1
        await tx.get(hf.cell("a"))
        await other.cell("a").set(attempts)
        tx.set(hf.cell("a"), 0)
      },
      { signal, maxAttempts: 1_000 },
    )
    const ended = reasonOf(work)
    await settle()
    expect(getEventListeners(signal, "abort")).toHaveLength(1)
    controller.abort("enough")
    expect(await ended).toBe("enough")
    expect(attempts).toBe(2)
    expect(world.env.pendingTimers).toEqual([])
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  it("has no listener left when the transaction wins after backing off", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const { signal } = new AbortController()
    let attempts = 0
    const work = hf.transact(
      async (tx) => {
        attempts += 1
        await tx.get(hf.cell("a"))
        if (attempts < 6) await other.cell("a").set(attempts)
        tx.set(hf.cell("a"), 0)
      },
      { signal },
    )
    await drive(world.env, work)
    expect([attempts, getEventListeners(signal, "abort"), world.env.pendingTimers]).toEqual([6, [], []])
  })

  it("keeps it from starting, and from committing what it had begun", async () => {
    const hf = await new RuntimeWorld().open()
    const a = hf.cell("a", { initial: 0 })
    let calls = 0
    await expect(hf.transact(() => (calls += 1), { signal: AbortSignal.abort("before") })).rejects.toBe("before")
    expect(calls).toBe(0)
    const controller = new AbortController()
    const gate = new Gate()
    const work = hf.transact(
      async (tx) => {
        tx.set(a, 1)
        await gate.opened
      },
      { signal: controller.signal },
    )
    const ended = reasonOf(work)
    controller.abort("during")
    gate.open()
    expect(await ended).toBe("during")
    expect((await a.read()).version).toBe(0)
  })

  it("does not end a transaction that has committed", async () => {
    const hf = await new RuntimeWorld().open()
    const controller = new AbortController()
    expect(await hf.transact((tx) => tx.set(hf.cell("a"), 1), { signal: controller.signal })).toBeUndefined()
    controller.abort()
    expect(await hf.cell("a").get()).toBe(1)
  })
})

describe("what a transaction starts", () => {
  it("starts with its commit and only then, once (an outbox)", async () => {
    const hf = await new RuntimeWorld().open()
    const told: string[] = []
    const notify = hf.operation("notify", {
      version: 1,
      effects: "idempotent",
      run: (_, who: string) => void told.push(who),
    })
    const a = hf.cell("a", { initial: 0 })
    const worker = await hf.work([notify])
    let attempts = 0
    await hf.transact(async (tx) => {
      attempts += 1
      const value = await tx.get(a)
      tx.start(notify, ["you"])
      await settle()
      expect(told).toEqual([])
      if (attempts === 1) await a.set(value + 1)
      tx.set(a, value + 10)
    })
    await settle()
    expect([attempts, told]).toEqual([2, ["you"]])
    await expect(
      hf.transact((tx) => {
        tx.start(notify, ["nobody"])
        throw new Error("no")
      }),
    ).rejects.toThrow("no")
    await settle()
    expect(told).toEqual(["you"])
    await worker.drain()
  })

  it("takes a key, a delay and a priority, but no force: ARGUMENT_INVALID", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: (_, n: number) => n })
    await hf.transact((tx) => {
      tx.start(op, [1], { key: "k", delayMs: 50, priority: 3 })
    })
    expect(await hf.runs()).toMatchObject([{ key: "k", priority: 3, notBefore: world.env.clock.now() + 50 }])
    for (const start of [
      (tx: Transaction) => tx.start(op, [1], { force: true } as never),
      (tx: Transaction) => tx.start(op, [1], null as never),
      (tx: Transaction) => tx.start("op" as never, [1] as never),
    ]) {
      await faultOf(hf.transact(start), "ARGUMENT_INVALID")
    }
  })

  it("is refused with the whole commit when its key was used with other arguments: KEY_MISMATCH", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: (_, n: number) => n })
    await op.start([1], { key: "k" })
    await faultOf(
      hf.transact((tx) => {
        tx.set(hf.cell("a"), 1)
        tx.start(op, [2], { key: "k" })
      }),
      "KEY_MISMATCH",
    )
    expect((await hf.cell("a").read()).version).toBe(0)
  })
})
