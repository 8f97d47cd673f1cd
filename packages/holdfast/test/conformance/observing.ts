/** Looking at a store: the picture of who holds what, and the stream of transitions. */
import { expect } from "vitest"
import type { Transition } from "../../src/kernel/index.ts"
import { expectKind, expectRefused, put, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

export function testObserving(it: Conform): void {
  it("shows who holds what, who waits and what runs (L7)", ["runs", "inspect", "steady"], async (world) => {
    const [ada, bob] = [await world.open("ada"), await world.open("bob")]
    const token = await ada.lock("a")
    await bob.queue(["a", "b"])
    await ada.lock("pool", { mode: "shared", limit: 3, permits: 2 })
    const again = await bob.claim(specOf("render", 0))
    await bob.fail(again.token)
    const done = await bob.claim(specOf("render", 1))
    await bob.complete(done.token)
    const running = await bob.claim(specOf("render", 2))
    const queued = await ada.enqueue(specOf("render", 3))
    await bob.enqueue(specOf("render", 0))
    const { view } = expectKind(await ada.send({ kind: "inspect" }), "view")
    expect(view.sessions).toEqual([
      { session: ada.session, label: "ada", grants: 2, claims: 0, waits: 0 },
      { session: bob.session, label: "bob", grants: 0, claims: 1, waits: 2 },
    ])
    const byName = new Map(view.locks.map((lock) => [lock.name, lock]))
    expect([...byName.keys()].toSorted()).toEqual(["a", "b", "pool"])
    expect(byName.get("a")).toMatchObject({
      holders: [{ session: ada.session, label: "ada", token, mode: "exclusive" }],
      waiters: [{ session: bob.session, label: "bob", mode: "exclusive" }],
      waiterCount: 1,
    })
    expect(byName.get("pool")).toMatchObject({ limit: 3, holders: [{ permits: 2, mode: "shared" }], waiterCount: 0 })
    expect(view.runs.byStatus).toEqual({ pending: 2, running: 1, completed: 1, failed: 0, canceled: 0, interrupted: 0 })
    // A run that is asked for again after it failed keeps its place.
    expect(view.runs.open.map(({ run }) => run)).toEqual([again.run, running.run, queued.run])
  })

  it(
    "reports each transition of the whole store while somebody observes (L1, O2)",
    ["runs", "cells", "transitions"],
    async (world) => {
      const observer = await world.link()
      const seen: Transition[] = []
      observer.store.onTransition((transition) => seen.push(transition))
      const [ada, bob] = [await world.open(), await world.open()]
      const token = await ada.lock("a")
      const waiting = await bob.queue("a")
      expectRefused((await ada.acquire("a", { holding: [token] })).outcome, "DEADLOCK")
      const timedOut = await bob.queue("a")
      await bob.withdraw(timedOut, "timeout")
      await ada.release(token)
      await bob.granted(waiting)
      await ada.put("x", 1)
      await ada.commit({ reads: [{ name: "x", version: 0 }] })
      await ada.commit({ holding: [token] })
      const claim = await ada.claim(specOf("render"))
      const joined = await bob.join(specOf("render"))
      await ada.fail(claim.token)
      await bob.settled(joined)
      await ada.send({ kind: "completeRun", token: claim.token, result: 1 })
      const { run } = await bob.enqueue(specOf("draw"))
      await bob.control(run, "pause")
      await bob.control(run, "resume")
      await bob.control(run, "cancel")
      await bob.end("closed")
      await ada.catchUp()
      const kinds = new Set(seen.map(({ kind }) => kind))
      for (const kind of EXPECTED) expect(kinds).toContain(kind)
      observer.store.onTransition(null)
      const before = seen.length
      await ada.write(put("y", 1))
      expect(seen).toHaveLength(before)
    },
  )

  it("keeps other observers when one leaves (S1)", ["cells", "transitions"], async (world) => {
    const [leaving, staying, client] = [await world.link(), await world.link(), await world.open()]
    const seen: string[] = []
    const witness = await staying.open()
    leaving.store.onTransition(() => seen.push("leaving"))
    staying.store.onTransition(() => seen.push("staying"))
    // What is told on a connection comes before what is answered there later.
    await witness.catchUp()
    await leaving.store.close()
    seen.length = 0
    await client.put("a", 1)
    await witness.catchUp()
    expect(seen).toContain("staying")
    expect(seen).not.toContain("leaving")
  })
}

const EXPECTED: readonly Transition["kind"][] = [
  "session.opened",
  "session.ended",
  "lock.waiting",
  "lock.granted",
  "lock.released",
  "lock.timeout",
  "deadlock.refused",
  "commit.applied",
  "commit.conflict",
  "commit.fenced",
  "attempt.stale",
  "run.enqueued",
  "run.claimed",
  "run.joined",
  "run.failed",
  "run.paused",
  "run.resumed",
  "run.canceled",
]
