/** Looking at a store: transitions as they happen, and the whole of it at one moment. */
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Transition } from "../kernel/index.ts"

describe("hf.on", () => {
  it("reports each transition of a lock's life, of every session, in order", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open("watching"), await world.open("other")]
    const seen: string[] = []
    const stop = hf.on("*", (transition) => {
      // Grants that had to wait; those given at once would fill the list.
      if (transition.kind !== "lock.granted" || transition.waitedMs > 0) seen.push(transition.kind)
    })
    const grant = await other.lock("a").acquire()
    const waiting = other.lock("a").acquire()
    const timed = faultOf(hf.lock("a").acquire({ waitMs: 5 }), "LOCK_TIMEOUT")
    const controller = new AbortController()
    const aborted = hf.lock("a").acquire({ signal: controller.signal })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" })
    await world.env.advanceBy(5)
    await timed
    await grant.release()
    await (await waiting).release()
    await faultOf(
      other.lock("a").run(async () => await other.lock("a").acquire()),
      "DEADLOCK",
    )
    await other.lock("b").acquire({ leaseMs: 5 })
    await world.env.advanceBy(5)
    await other.semaphore("s", 1).run(async () => {
      await other.semaphore("s", 1).resize(2)
    })
    await other.close()
    stop()
    await hf.lock("c").run(() => undefined)
    expect(seen).toMatchInlineSnapshot(`
      [
        "lock.waiting",
        "lock.waiting",
        "lock.waiting",
        "lock.withdrawn",
        "lock.timeout",
        "lock.released",
        "lock.granted",
        "lock.released",
        "deadlock.refused",
        "lock.released",
        "lock.lost",
        "lock.resized",
        "lock.released",
        "session.ended",
      ]
    `)
  })

  it("reports one kind to who asked for it, with what it is about", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const seen: Transition[] = []
    hf.on("lock.released", (transition) => seen.push(transition))
    await hf.lock(["a", "b"]).run(async ({ token }) => {
      await world.env.advanceBy(40)
      expect(token).toBe(1)
    })
    expect(seen).toEqual([expect.objectContaining({ kind: "lock.released", names: ["a", "b"], token: 1, heldMs: 40 })])
  })

  it("tells each observer by itself: the same handler twice, stopped one by one, stopping twice", async () => {
    const hf = await new RuntimeWorld().open()
    let count = 0
    const handler = (): void => void (count += 1)
    const stops = [hf.on("lock.granted", handler), hf.on("lock.granted", handler), hf.on("lock.released", handler)]
    const cycle = async (): Promise<number> => {
      count = 0
      const held = await hf.lock("a").acquire()
      const waiting = hf.lock("a").acquire()
      await held.release()
      await (await waiting).release()
      return count
    }
    const all = await cycle()
    stops[0]?.()
    stops[0]?.()
    const less = await cycle()
    stops[1]?.()
    const least = await cycle()
    stops[2]?.()
    const none = await cycle()
    expect(all).toBeGreaterThan(less)
    expect(less).toBeGreaterThan(least)
    expect([least, none]).toEqual([2, 0])
  })

  it("may be answered with commands of its own, which hold nothing of who caused the transition (L8)", async () => {
    const hf = await new RuntimeWorld().open()
    const audits: Promise<unknown>[] = []
    hf.on("lock.released", ({ kind }) => {
      audits.push(hf.cell<number>("audit").update((count) => (count ?? 0) + 1))
      expect(kind).toBe("lock.released")
    })
    hf.on("lock.waiting", () => {
      // Inside the holder's scope this would be a lock asked for twice.
      audits.push(faultOf(hf.lock("a").acquire({ waitMs: 0 }), "LOCK_TIMEOUT"))
    })
    const busy = await hf.lock("b").acquire()
    await hf.lock("a").run(async () => {
      const waiting = hf.lock("b").acquire()
      await busy.release()
      await (await waiting).release()
    })
    await settle()
    await Promise.all(audits)
    expect(await hf.cell("audit").get()).toBe(3)
    expect(audits).toHaveLength(4)
  })

  it("lets what a handler throws surface, and harms neither the store nor other handlers", async () => {
    const world = new RuntimeWorld()
    const surfaced: unknown[] = []
    const env = {
      ...world.env,
      microtask: (task: () => void) => {
        world.env.microtask(() => {
          try {
            task()
          } catch (error) {
            surfaced.push(error)
          }
        })
      },
    }
    const hf = await world.open("me", env)
    const seen: string[] = []
    const failure = new Error("a handler's bug")
    hf.on("*", () => {
      throw failure
    })
    hf.on("*", ({ kind }) => seen.push(kind))
    const held = await hf.lock("a").acquire()
    const waiting = hf.lock("a").run(() => "still works")
    await held.release()
    expect(await waiting).toBe("still works")
    await settle()
    expect(seen.length).toBeGreaterThan(1)
    expect(surfaced).toEqual(seen.map(() => failure))
  })

  it("tells a handler that was added by a handler only of what comes after", async () => {
    const hf = await new RuntimeWorld().open()
    let added = 0
    const add = (): void => {
      added += 1
      if (added < 1_000) hf.on("lock.released", add)
    }
    hf.on("lock.released", add)
    await hf.lock("a").run(() => undefined)
    expect(added).toBe(1)
  })
})

describe("hf.inspect", () => {
  it("shows who holds what, who waits, and for how long", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open("holder"), await world.open("waiter")]
    const shared = [await hf.lock("a").shared().acquire(), await hf.lock("a").shared().acquire()]
    const semaphore = await hf.semaphore("s", 5).acquire({ permits: 3 })
    await world.env.advanceBy(100)
    const writer = other.lock("a").acquire()
    await world.env.advanceBy(20)
    const gate = new Gate()
    const running = other.operation("busy", { version: 1, effects: "pure", run: async () => await gate.opened })()
    const view = await hf.inspect()
    expect(view.sessions).toMatchObject([
      { label: "holder", grants: 3, claims: 0, waits: 0 },
      // The caller of an operation waits for the run it executes itself.
      { label: "waiter", grants: 0, claims: 1, waits: 2 },
    ])
    expect(view.locks).toMatchObject([
      {
        name: "a",
        limit: null,
        holders: [
          { label: "holder", mode: "shared", permits: 1, sinceMs: 120 },
          { label: "holder", mode: "shared" },
        ],
        waiters: [{ label: "waiter", mode: "exclusive", sinceMs: 20 }],
        waiterCount: 1,
      },
      { name: "s", limit: 5, holders: [{ permits: 3 }], waiters: [], waiterCount: 0 },
    ])
    expect(view.runs.byStatus).toMatchObject({ running: 1, pending: 0 })
    expect(view.runs.open).toMatchObject([{ operation: "busy", status: "running", waiters: 1 }])
    gate.open()
    await running
    for (const grant of shared) await grant.release()
    await (await writer).release()
    await semaphore.release()
    expectQuiet(await hf.inspect())
  })

  it("lists a hundred of many waiters, and counts them all", async () => {
    const hf = await new RuntimeWorld().open()
    const held = await hf.lock("a").acquire()
    const waiting = Array.from({ length: 250 }, async () => {
      await hf.lock("a").run(() => undefined)
    })
    const [lock] = (await hf.inspect()).locks
    expect([lock?.waiters.length, lock?.waiterCount]).toEqual([100, 250])
    await held.release()
    await Promise.all(waiting)
  })
})
