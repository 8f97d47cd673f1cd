/** Asking for locks: what is granted to whom, in which order, and how a wait ends. */
import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Grant } from "./index.ts"

describe("lock.run", () => {
  it("gives the lock back however its callback ends, and passes on what it ended with (L5)", async () => {
    const hf = await new RuntimeWorld().open()
    const lock = hf.lock("a")
    const failure = new Error("no luck")
    expect(await lock.run(() => 1)).toBe(1)
    expect(await lock.run(() => Promise.resolve(2))).toBe(2)
    // A thenable that is no promise of this realm is awaited like one.
    expect(await lock.run(() => ({ then: (resolve: (value: number) => void) => resolve(3) }) as never)).toBe(3)
    const endings: (() => unknown)[] = [
      () => {
        throw failure
      },
      () => Promise.reject(failure),
      () => Promise.reject(undefined),
      () => {
        throw undefined
      },
    ]
    const ended = await Promise.allSettled(endings.map((ending) => lock.run(ending)))
    expect(ended).toEqual([failure, failure, undefined, undefined].map((reason) => ({ status: "rejected", reason })))
    expectQuiet(await hf.inspect())
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 7, held: 0, waiting: 0 })
  })

  it("lets one callback in at a time, in the order they were asked for (L1, L3)", async () => {
    const hf = await new RuntimeWorld().open()
    const order: number[] = []
    let inside = 0
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        hf.lock("a").run(async () => {
          inside += 1
          expect(inside).toBe(1)
          await Promise.resolve()
          order.push(at)
          inside -= 1
        }),
      ),
    )
    expect(order).toEqual(Array.from({ length: 20 }, (_, at) => at))
  })

  it("hands its callback the grant, whose tokens strictly increase (L2)", async () => {
    const hf = await new RuntimeWorld().open()
    const seen: Grant[] = []
    for (const name of ["a", "b", "a"]) {
      await hf.lock(name).run((grant) => {
        expect(grant.isHeld).toBe(true)
        expect(grant.signal.aborted).toBe(false)
        seen.push(grant)
      })
    }
    const tokens = seen.map(({ token }) => token)
    expect(tokens.toSorted((left, right) => left - right)).toEqual(tokens)
    expect(new Set(tokens).size).toBe(3)
    expect(seen.map(({ isHeld }) => isHeld)).toEqual([false, false, false])
  })

  it("does not wait for what its callback left behind, only for what it returned", async () => {
    const hf = await new RuntimeWorld().open()
    const never = new Promise(() => undefined)
    await hf.lock("a").run(() => void never)
    expectQuiet(await hf.inspect())
  })
})

describe("lock.try", () => {
  it("takes a free lock and says undefined of a busy one, without queueing (L3)", async () => {
    const hf = await new RuntimeWorld().open()
    const grant = await hf.lock("a").try()
    expect(grant?.isHeld).toBe(true)
    expect(await hf.lock("a").try()).toBeUndefined()
    expect(await hf.lock("a").shared().try()).toBeUndefined()
    expect((await hf.inspect()).locks[0]).toMatchObject({ name: "a", waiterCount: 0 })
    await grant?.release()
    const again = await hf.lock("a").try()
    expect(again?.isHeld).toBe(true)
    await again?.release()
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 2, busy: 2, timeouts: 0 })
  })

  it("never passes those who wait already (L3)", async () => {
    const hf = await new RuntimeWorld().open()
    const reader = await hf.lock("a").shared().acquire()
    const writer = hf.lock("a").acquire()
    // Alone it would join the reader; but a writer is ahead.
    expect(await hf.lock("a").shared().try()).toBeUndefined()
    await reader.release()
    await (await writer).release()
  })

  it("takes as many permits as it was told, and a lease (L1)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const semaphore = hf.semaphore("s", 3)
    const two = await semaphore.try({ permits: 2, leaseMs: 100 })
    expect(await semaphore.try({ permits: 2 })).toBeUndefined()
    const one = await semaphore.try()
    await world.env.advanceBy(100)
    expect([two?.isHeld, one?.isHeld]).toEqual([false, true])
  })

  it("says DEADLOCK of a lock its own scope holds, on which no later try could succeed (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    await hf.lock("a").run(async () => {
      await faultOf(hf.lock("a").try(), "DEADLOCK")
    })
  })
})

describe("shared locks", () => {
  it("are held together, and never beside an exclusive one (L1)", async () => {
    const hf = await new RuntimeWorld().open()
    const lock = hf.lock("a")
    const readers = await Promise.all([lock.shared().acquire(), lock.shared().acquire()])
    expect(await lock.try()).toBeUndefined()
    for (const reader of readers) await reader.release()
    const writer = await lock.acquire()
    expect(await lock.shared().try()).toBeUndefined()
    await writer.release()
  })

  it("let nobody pass a writer that waits, so that it does not starve (L3)", async () => {
    const hf = await new RuntimeWorld().open()
    const lock = hf.lock("a")
    const order: string[] = []
    const first = await lock.shared().acquire()
    const writer = lock.run(() => order.push("writer"))
    const reader = lock.shared().run(() => order.push("reader"))
    await settle()
    expect(order).toEqual([])
    await first.release()
    await Promise.all([writer, reader])
    expect(order).toEqual(["writer", "reader"])
  })

  it("take a limit, which all who name it must agree on (L1)", async () => {
    const hf = await new RuntimeWorld().open()
    const shared = hf.lock("docs").shared({ limit: 2 })
    const two = [await shared.acquire(), await shared.acquire()]
    expect(await shared.try()).toBeUndefined()
    const error = await faultOf(hf.lock("docs").shared({ limit: 3 }).acquire(), "LIMIT_MISMATCH")
    expect(error.details).toMatchObject({ name: "docs", stored: 2, asked: 3 })
    for (const grant of two) await grant.release()
    expect(hf.lock("docs").shared().names).toEqual(["docs"])
  })
})

describe("semaphores", () => {
  it("never give out more than their permits, and pass nobody who asked for many (L1, L3)", async () => {
    const hf = await new RuntimeWorld().open()
    const semaphore = hf.semaphore("s", 3)
    const order: string[] = []
    let used = 0
    const ask = (who: string, permits: number) =>
      semaphore.run(
        async () => {
          used += permits
          expect(used).toBeLessThanOrEqual(3)
          order.push(who)
          await settle()
          used -= permits
        },
        { permits },
      )
    await Promise.all([ask("two", 2), ask("three", 3), ask("one", 1), ask("other one", 1)])
    expect(order).toEqual(["two", "three", "one", "other one"])
  })

  it("refuse a request that could never be granted, and a limit others do not share (L1)", async () => {
    const hf = await new RuntimeWorld().open()
    await faultOf(hf.semaphore("s", 2).acquire({ permits: 3 }), "ARGUMENT_INVALID")
    const held = await hf.semaphore("s", 2).acquire()
    await faultOf(hf.semaphore("s", 5).acquire(), "LIMIT_MISMATCH")
    await held.release()
  })

  it("can be resized: up wakes who waits, down lets holders finish (L1, L3)", async () => {
    const hf = await new RuntimeWorld().open()
    const semaphore = hf.semaphore("s", 1)
    const first = await semaphore.acquire()
    const second = semaphore.acquire()
    await semaphore.resize(2)
    expect((await second).isHeld).toBe(true)
    await semaphore.resize(1)
    expect(first.isHeld).toBe(true)
    await first.release()
    expect(await hf.semaphore("s", 1).try()).toBeUndefined()
    await (await second).release()
    await (await hf.semaphore("s", 1).acquire()).release()
    await faultOf(hf.semaphore("unknown", 1).resize(2), "LIMIT_MISMATCH")
  })
})

describe("several names", () => {
  it("are granted together or not at all (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const b = await hf.lock("b").acquire()
    const both = hf.lock(["a", "b"]).acquire()
    await settle()
    const view = await hf.inspect()
    expect(view.locks.find(({ name }) => name === "a")?.holders).toEqual([])
    await b.release()
    const grant = await both
    expect(await hf.lock("a").try()).toBeUndefined()
    expect(await hf.lock("b").try()).toBeUndefined()
    await grant.release()
    expectQuiet(await hf.inspect())
  })

  it("asked for in opposite orders do not block each other (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const orders = [
      ["a", "b"],
      ["b", "a"],
      ["c", "a", "b"],
    ]
    const ended = await Promise.all(
      Array.from({ length: 30 }, (_, at) => hf.lock(orders[at % 3] ?? []).run(async () => await Promise.resolve())),
    )
    expect(ended).toHaveLength(30)
  })

  it("stay what they were when the caller's array changes", async () => {
    const hf = await new RuntimeWorld().open()
    const names = ["a", "b"]
    const lock = hf.lock(names)
    names[1] = "a"
    expect(lock.names).toEqual(["a", "b"])
    await lock.run(() => undefined)
  })
})

describe("a bounded wait", () => {
  it("ends with LOCK_TIMEOUT, which says who holds the lock, since when, and how many wait (L4)", async () => {
    const world = new RuntimeWorld()
    const [holder, waiter] = [await world.open("holder"), await world.open("waiter")]
    const grant = await holder.lock("a").acquire()
    await world.env.advanceBy(1_000)
    const other = waiter.lock("a").acquire()
    const timed = faultOf(waiter.lock("a").acquire({ waitMs: 250 }), "LOCK_TIMEOUT")
    await world.env.advanceBy(249)
    expect((await waiter.inspect()).locks[0]?.waiterCount).toBe(2)
    await world.env.advanceBy(1)
    const error = await timed
    expect(error.message).toBe(
      `lock "a" was not granted within 250 ms; "a" is held by holder (token ${String(grant.token)}, exclusive, for 1250 ms), 2 requests were waiting, this one included`,
    )
    expect(error.details).toMatchObject({ locks: [{ name: "a", holders: [{ label: "holder" }], waiterCount: 2 }] })
    expect((await waiter.inspect()).locks[0]?.waiterCount).toBe(1)
    await grant.release()
    await (await other).release()
    expect(waiter.metrics().locks["a"]).toMatchObject({ timeouts: 1, granted: 1, contended: 1, waiting: 0 })
  })

  it("names three holders and counts the rest, and pictures each of several names", async () => {
    const hf = await new RuntimeWorld().open("reader")
    for (let at = 0; at < 5; at++) await hf.lock("a").shared().acquire()
    const b = await hf.lock("b").acquire()
    const error = await faultOf(hf.lock(["a", "b"]).acquire({ waitMs: 0 }), "LOCK_TIMEOUT")
    expect(error.message).toMatch(/^lock "a" and "b" was not granted within 0 ms; "a" is held by reader/)
    expect(error.message).toMatch(/ and 2 more, 0 requests were waiting$/)
    await b.release()
  })

  it("of 0 ms asks once, leaves no timer, and counts as a timeout", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const grant = await hf.lock("a").acquire({ waitMs: 0 })
    const error = await faultOf(
      hf.lock("a").run(() => expect.fail("it was not granted"), { waitMs: 0 }),
      "LOCK_TIMEOUT",
    )
    expect(error.message).toContain("0 requests were waiting")
    expect(world.env.pendingTimers).toEqual([])
    await grant.release()
    expectQuiet(await hf.inspect())
    expect(hf.metrics().locks["a"]).toMatchObject({ timeouts: 1, busy: 0, granted: 1 })
  })

  it("of Infinity is none, and sets no timer", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const grant = await hf.lock("a").acquire()
    const waiting = hf.lock("a").acquire({ waitMs: Number.POSITIVE_INFINITY })
    await world.env.advanceBy(1e9)
    expect(world.env.pendingTimers).toEqual([])
    await grant.release()
    await (await waiting).release()
  })

  it("that is not used up leaves no timer behind (L4)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const grant = await hf.lock("a").acquire()
    const waiting = hf.lock("a").acquire({ waitMs: 1_000 })
    expect(world.env.pendingTimers).toHaveLength(1)
    await grant.release()
    const second = await waiting
    expect(world.env.pendingTimers).toEqual([])
    await second.release()
  })

  it("that ends in the middle of a queue lets those behind go on (L3, L4)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const reader = await hf.lock("a").shared().acquire()
    const writer = faultOf(hf.lock("a").acquire({ waitMs: 10 }), "LOCK_TIMEOUT")
    const behind = hf.lock("a").shared().acquire()
    await world.env.advanceBy(10)
    await writer
    expect((await behind).isHeld).toBe(true)
    await reader.release()
  })

  it.each([
    ["memory", async (world: RuntimeWorld) => await world.open()],
    ["deferred", async (world: RuntimeWorld) => await world.openDeferred(5)],
  ])("ends with an error of its own, whose stack names who asked (%s)", async (_, connect) => {
    const world = new RuntimeWorld()
    const hf = await connect(world)
    const held = await hf.lock("a").acquire()
    async function impatientCaller(): Promise<void> {
      await hf.lock("a").run(() => undefined, { waitMs: 5 })
    }
    async function impatientOwner(): Promise<void> {
      await hf.lock("a").acquire({ waitMs: 5 })
    }
    const ends = [
      faultOf(impatientCaller(), "LOCK_TIMEOUT"),
      faultOf(impatientCaller(), "LOCK_TIMEOUT"),
      faultOf(impatientOwner(), "LOCK_TIMEOUT"),
    ]
    await settle()
    await world.env.advanceBy(5)
    const [first, second, third] = await Promise.all(ends)
    expect(first).not.toBe(second)
    expect(first?.stack).toContain("impatientCaller")
    expect(third?.stack).toContain("impatientOwner")
    await held.release()
  })
})

describe("an AbortSignal", () => {
  it("that is aborted already ends the call with its reason before anything is asked (L4)", async () => {
    const hf = await new RuntimeWorld().open()
    const reason = new Error("changed my mind")
    const signal = AbortSignal.abort(reason)
    await expect(hf.lock("a").run(() => 1, { signal })).rejects.toBe(reason)
    await expect(hf.lock("a").acquire({ signal })).rejects.toBe(reason)
    await expect(hf.semaphore("s", 1).acquire({ signal })).rejects.toBe(reason)
    expectQuiet(await hf.inspect())
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 0, aborted: 0 })
  })

  it("ends a wait at once, with its reason, and nobody notices but who is behind (L3, L4)", async () => {
    const hf = await new RuntimeWorld().open()
    const controller = new AbortController()
    const reason = { odd: "reasons need not be errors" }
    const held = await hf.lock("a").shared().acquire()
    const writer = hf.lock("a").run(() => expect.fail("it was aborted"), { signal: controller.signal, waitMs: 1_000 })
    const behind = hf.lock("a").shared().acquire()
    controller.abort(reason)
    await expect(writer).rejects.toBe(reason)
    expect((await behind).isHeld).toBe(true)
    expect(getEventListeners(controller.signal, "abort")).toEqual([])
    expect(hf.metrics().locks["a"]).toMatchObject({ aborted: 1, timeouts: 0, waiting: 0 })
    await held.release()
    await (await behind).release()
    expectQuiet(await hf.inspect())
  })

  it("has no listener and no effect once the lock is granted", async () => {
    const hf = await new RuntimeWorld().open()
    const controller = new AbortController()
    const held = await hf.lock("a").acquire()
    const waiting = hf.lock("a").run(
      (grant) => {
        expect(getEventListeners(controller.signal, "abort")).toEqual([])
        controller.abort()
        return grant.signal.aborted
      },
      { signal: controller.signal },
    )
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1)
    await held.release()
    expect(await waiting).toBe(false)
  })

  it("and a bound may both be given; whichever comes first ends the wait, once", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const held = await hf.lock("a").acquire()
    const controller = new AbortController()
    const timed = faultOf(hf.lock("a").acquire({ waitMs: 10, signal: controller.signal }), "LOCK_TIMEOUT")
    await world.env.advanceBy(10)
    controller.abort(new Error("too late"))
    await timed
    expect(getEventListeners(controller.signal, "abort")).toEqual([])
    await held.release()
    expectQuiet(await hf.inspect())
  })
})
