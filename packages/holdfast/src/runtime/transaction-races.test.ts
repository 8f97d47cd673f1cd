/** Transactions that lose races: run again, bounded, and serializable in the end. */
import { describe, expect, it } from "vitest"
import { drive, faultOf, RuntimeWorld } from "../../test/runtime-world.ts"

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

describe("a transaction that loses a race", () => {
  it("is run again on what is current then (C3)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const a = hf.cell("a", { initial: 0 })
    let attempts = 0
    const result = await hf.transact(async (tx) => {
      attempts += 1
      const value = await tx.get(a)
      if (attempts === 1) await other.cell("a").set(10)
      tx.set(a, value + 1)
      return value
    })
    expect([attempts, result, await a.get()]).toEqual([2, 10, 11])
    expect(hf.metrics().cells["a"]).toMatchObject({ conflicts: 1, retries: 1 })
  })

  it("notices that what was absent is there now, and the reverse (C3)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const [a, b] = [hf.cell<number>("a"), hf.cell<number>("b")]
    const seen: unknown[] = []
    const work = hf.transact(async (tx) => {
      seen.push(await tx.get(a))
      if (seen.length === 1) await other.cell("a").set(1)
      else if (seen.length === 2) await other.cell("a").delete()
      tx.set(b, seen.length)
    })
    await drive(world.env, work)
    expect(seen).toEqual([undefined, 1, undefined])
    expect(await b.read()).toEqual({ value: 3, version: 1 })
  })

  it("that only reads still sees one state (C3)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const [a, b] = [hf.cell("a", { initial: 0 }), hf.cell("b", { initial: 0 })]
    let isChanged = false
    const pair = await hf.transact(async (tx) => {
      const first = await tx.get(a)
      if (!isChanged) {
        isChanged = true
        await other.transact((inner) => {
          inner.set(other.cell("a"), 1)
          inner.set(other.cell("b"), 1)
        })
      }
      return [first, await tx.get(b)]
    })
    expect(pair).toEqual([1, 1])
  })

  it("does not let out an error that rests on a state that never was: it is run again", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const [a, b] = [hf.cell("a", { initial: 50 }), hf.cell("b", { initial: 50 })]
    let attempts = 0
    const sum = await hf.transact(async (tx) => {
      attempts += 1
      const first = await tx.get(a)
      if (attempts === 1) {
        await other.transact((inner) => {
          inner.set(other.cell("a"), 0)
          inner.set(other.cell("b"), 100)
        })
      }
      const total = first + (await tx.get(b))
      if (total !== 100) throw new Error(`impossible: ${total}`)
      return total
    })
    expect([attempts, sum]).toEqual([2, 100])
  })

  it("lets an error out at once when what it read is current, or when it read nothing", async () => {
    const hf = await new RuntimeWorld().open()
    let attempts = 0
    const own = new Error("own")
    await expect(
      hf.transact(async (tx) => {
        attempts += 1
        await tx.get(hf.cell("a"))
        throw own
      }),
    ).rejects.toBe(own)
    expect(attempts).toBe(1)
  })

  it("lets its own error out when the grant it ran under is gone or the store has closed", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const own = new Error("own")
    const grant = await hf.lock("door").acquire({ leaseMs: 10 })
    await expect(
      grant.scope.run(() =>
        hf.transact(async (tx) => {
          await tx.get(hf.cell("a"))
          await world.env.advanceBy(20)
          throw own
        }),
      ),
    ).rejects.toBe(own)
    await expect(
      hf.transact(async (tx) => {
        await tx.get(hf.cell("a"))
        await hf.close()
        throw own
      }),
    ).rejects.toBe(own)
  })

  it("gives up with CONFLICT after so many attempts, saying what it lost and how (C3)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const a = hf.cell("a", { initial: 0 })
    let attempts = 0
    const work = faultOf(
      hf.transact(
        async (tx) => {
          attempts += 1
          await tx.get(a)
          await other.cell("a").set(attempts)
          tx.set(a, -1)
        },
        { maxAttempts: 5 },
      ),
      "CONFLICT",
    )
    const fault = await drive(world.env, work)
    expect(attempts).toBe(5)
    expect(fault.message).toMatch(/lost the race 5 times, last for cell "a" \(read at version 4, found 5\)/)
    expect(fault.details).toMatchObject({ cell: "a", attempts: 5, last: { kind: "conflict", expected: 4, found: 5 } })
    expect(fault.cause).toBeUndefined()
    expect(fault.retryable).toBe(true)
    expect(await a.get()).toBe(5)
  })

  it("names what its function threw as the cause, where it threw on what was stale each time", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const own = new Error("own")
    const fault = await faultOf(
      hf.transact(
        async (tx) => {
          await tx.get(hf.cell("a"))
          await other.cell("a").set(1)
          throw own
        },
        { maxAttempts: 1 },
      ),
      "CONFLICT",
    )
    expect(fault.cause).toBe(own)
    expect(hf.metrics().cells["a"]?.retries).toBe(1)
  })

  it("gives up with CONFLICT where others queue for the cell all the while (C2)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const queue = world.store.connect()
    const session = "queue" as never
    void queue.execute({ kind: "openSession", session, label: "queue" })
    void queue.execute({
      kind: "acquireLock",
      session,
      request: 1 as never,
      names: ["\0cell:a"],
      mode: "exclusive",
      permits: 1,
      limit: null,
      leaseMs: null,
      holding: [],
      wait: true,
    })
    const work = hf.transact((tx) => tx.set(hf.cell("a"), 1), { maxAttempts: 3 })
    const fault = await faultOf(drive(world.env, work), "CONFLICT")
    expect(fault.message).toMatch(/others queue for it/)
    await queue.close()
    await hf.transact((tx) => tx.set(hf.cell("a"), 1))
  })

  it("backs off, longer each time up to a bound, and at once the first time", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const at: number[] = []
    const work = faultOf(
      hf.transact(
        async (tx) => {
          at.push(world.env.clock.monotonic())
          await tx.get(hf.cell("a"))
          await other.cell("a").set(1)
          tx.set(hf.cell("a"), 0)
        },
        { maxAttempts: 15 },
      ),
      "CONFLICT",
    )
    await drive(world.env, work)
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0))
    expect(waits[0]).toBe(0)
    expect(waits.slice(1).every((wait, index) => wait <= Math.min(2 ** index, 64) + 1)).toBe(true)
    expect(Math.max(...waits)).toBeGreaterThan(8)
    expect(world.env.pendingTimers).toEqual([])
  })
})

describe("transactions of several sessions behind wires", () => {
  it("keep the sum of what they move about (C3)", async () => {
    const world = new RuntimeWorld()
    const sessions = await Promise.all(times(4, (index) => world.openDeferred(index + 1, "two", `s${index}`)))
    const names = ["a", "b", "c"]
    const work = Promise.all(
      sessions.map(async (hf, index) => {
        const cells = names.map((name) => hf.cell(name, { initial: 100 }))
        for (let round = 0; round < 8; round++) {
          const from = cells[(index + round) % 3]
          const to = cells[(index + round + 1 + (round % 2)) % 3]
          if (from === undefined || to === undefined) throw new Error("no such cell")
          await hf.transact(
            async (tx) => {
              const [x, y] = await tx.getAll([from, to])
              expect(await tx.get(from)).toBe(x)
              tx.set(from, x - 1)
              tx.set(to, y + 1)
            },
            { maxAttempts: 1_000 },
          )
        }
      }),
    )
    await drive(world.env, work)
    const [hf] = sessions
    const values = await hf?.read(names.map((name) => hf.cell(name, { initial: 100 })))
    expect(values?.reduce((sum, value) => sum + value, 0)).toBe(300)
    const conflicts = sessions.flatMap((each) => Object.values(each.metrics().cells).map((cell) => cell.conflicts))
    expect(conflicts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0)
  })
})
