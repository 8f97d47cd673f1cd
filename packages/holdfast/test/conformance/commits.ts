/** Commits: fenced by what they rest on, with steps, runs started and a run completed in the same breath. */
import { expect } from "vitest"
import { expectKind, expectRefused, put, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

export function testCommits(it: Conform): void {
  it("accepts a commit under grants that are live, and refuses it once one is not (L8)", ["cells"], async (world) => {
    const client = await world.open()
    const [a, b] = [await client.lock("a"), await client.lock("b", { mode: "shared" })]
    expectKind(await client.commit({ holding: [a, b], writes: [put("x", 1)] }), "committed")
    await client.release(b)
    const refusal = expectRefused(await client.commit({ holding: [a, b], writes: [put("x", 2)] }), "FENCED")
    expect(refusal.details).toMatchObject({ token: b })
    expect(await client.get("x")).toEqual([1, 1])
    // Held again is not held still.
    await client.lock("b")
    expectRefused(await client.commit({ holding: [a, b], writes: [put("x", 2)] }), "FENCED")
  })

  it("refuses the commit of a holder whose lease ended while it was not looking (L8)", ["cells"], async (world) => {
    const [paused, next] = [await world.open(), await world.open()]
    const old = await paused.lock("a", { leaseMs: 50 })
    const waiting = await next.queue("a")
    await world.advance(100)
    const token = await next.granted(waiting)
    expectKind(await next.commit({ holding: [token], writes: [put("x", 1)] }), "committed")
    expectRefused(await paused.commit({ holding: [old], writes: [put("x", 666)] }), "FENCED")
    expect(await next.get("x")).toEqual([1, 1])
  })

  it(
    "rests on the grants of every session in its scope chain, and on none that never was (L8)",
    ["cells"],
    async (world) => {
      const [outer, inner] = [await world.open(), await world.open()]
      const token = await outer.lock("a")
      expectKind(await inner.commit({ holding: [token], writes: [put("x", 1)] }), "committed")
      expectRefused(await inner.commit({ holding: [1_000_000 as never], writes: [put("x", 2)] }), "FENCED")
      await outer.end()
      expectRefused(await inner.commit({ holding: [token], writes: [put("x", 2)] }), "FENCED")
      expect(await inner.get("x")).toEqual([1, 1])
    },
  )

  it("refuses to speak for a run that another session executes (L8, O5)", ["cells", "runs"], async (world) => {
    const [executor, thief] = [await world.open(), await world.open()]
    const { token } = await executor.claim(specOf("render"))
    for (const commit of [{ step: { token, name: "s", outcome: 1 } }, { complete: { token, result: 1 } }]) {
      expectRefused(await thief.commit({ ...commit, writes: [put("x", 1)] }), "FENCED")
    }
    expect(await thief.get("x")).toEqual([0, null])
  })

  it("refuses the commits of an attempt that is over (L8, O5)", ["cells", "runs"], async (world) => {
    const [executor, other] = [await world.open(), await world.open()]
    const { token, run } = await executor.claim(specOf("render"))
    expectKind(await executor.commit({ holding: [token], writes: [put("x", 1)] }), "committed")
    await other.control(run, "cancel")
    for (const commit of [
      { holding: [token] },
      { step: { token, name: "s", outcome: 1 } },
      { complete: { token, result: 1 } },
    ]) {
      expectRefused(await executor.commit({ ...commit, writes: [put("x", 2)] }), "FENCED")
    }
    expect(await other.get("x")).toEqual([1, 1])
  })

  it("checks a fence before anything else (L8)", ["cells"], async (world) => {
    const client = await world.open()
    const token = await client.lock("a")
    await client.release(token)
    const reads = [{ name: "x", version: 7 }]
    expectRefused(await client.commit({ holding: [token], reads, writes: [put("x", 1), put("x", 2)] }), "FENCED")
  })

  it(
    "records a step with its commit, once, and gives its outcome to later attempts (O10)",
    ["cells", "runs"],
    async (world) => {
      const [first, second] = [await world.open(), await world.open()]
      const spec = specOf("charge", 0, { effects: "idempotent" })
      const claim = await first.claim(spec)
      const step = { token: claim.token, name: "withdraw", outcome: 30 }
      expectKind(await first.commit({ step, writes: [put("account", 70)] }), "committed")
      // Sent again by mistake, it changes nothing and gives the first outcome.
      const twice = { ...step, outcome: 31 }
      expect(await first.commit({ step: twice, writes: [put("account", 0)] })).toEqual({
        kind: "recorded",
        outcome: 30,
      })
      await first.end()
      const again = await second.claim(spec)
      expect(again).toMatchObject({ attempt: 2, steps: [{ name: "withdraw", outcome: 30 }] })
      const replay = { ...step, token: again.token }
      expect(await second.commit({ step: replay, writes: [put("account", 40)] })).toMatchObject({ kind: "recorded" })
      const next = { token: again.token, name: "deposit", outcome: 1 }
      expectKind(await second.commit({ step: next, writes: [put("other", 30)] }), "committed")
      expect([await first.link.open().then((c) => c.get("account")), await second.get("other")]).toEqual([
        [1, 70],
        [1, 30],
      ])
      expectRefused(await first.commit({ step }), "SESSION_LOST")
    },
  )

  it(
    "keeps the steps of attempts that failed, in order, also when the run is asked for again (O10)",
    ["cells", "runs"],
    async (world) => {
      const client = await world.open()
      const spec = specOf("charge", 0, { effects: "idempotent" })
      for (const [attempt, name] of ["one", "two", "three"].entries()) {
        const { token, steps } = await client.claim(spec)
        expect(steps.map((step) => step.outcome)).toEqual([0, 1, 2].slice(0, attempt))
        expectKind(await client.commit({ step: { token, name, outcome: attempt } }), "committed")
        await client.fail(token)
      }
      const last = await client.claim(spec)
      expect(last.steps.map((step) => step.name)).toEqual(["one", "two", "three"])
      await client.complete(last.token)
      expect((await client.claim(spec, { force: true })).steps).toEqual([])
    },
  )

  it("records no step whose commit is refused (O10, C3)", ["cells", "runs"], async (world) => {
    const client = await world.open()
    const { token } = await client.claim(specOf("charge"))
    const step = { token, name: "s", outcome: 1 }
    expectKind(await client.commit({ step, reads: [{ name: "x", version: 3 }] }), "conflict")
    expectKind(await client.commit({ step, writes: [put("x", 1)] }), "committed")
    const grant = await client.lock("a")
    expectRefused(await client.commit({ step: { ...step, token: grant } }), "FENCED")
  })

  it("completes a run in its last commit, both or neither (O2, O10)", ["cells", "runs"], async (world) => {
    const [executor, caller] = [await world.open(), await world.open()]
    const claim = await executor.claim(specOf("render"))
    const joined = await caller.join(specOf("render"))
    const complete = { token: claim.token, result: 12 }
    expectKind(
      await executor.commit({ complete, reads: [{ name: "x", version: 1 }], writes: [put("x", 1)] }),
      "conflict",
    )
    await caller.expectUnanswered(joined)
    expectKind(await executor.commit({ complete, holding: [claim.token], writes: [put("x", 1)] }), "committed")
    expect(await caller.settled(joined)).toEqual({ kind: "completed", result: 12 })
    expect(await caller.get("x")).toEqual([1, 1])
    expectRefused(await executor.commit({ complete, writes: [put("x", 2)] }), "FENCED")
  })

  it("starts runs with its commit, or none of them (C3, O1)", ["cells", "runs"], async (world) => {
    const [client, other] = [await world.open(), await world.open()]
    const slot = await other.parkSlot(await other.openWorker(["notify"]))
    const starts = [specOf("notify", 1), specOf("notify", 2)]
    expectKind(await client.commit({ starts, reads: [{ name: "x", version: 4 }] }), "conflict")
    await other.expectUnanswered(slot)
    const committed = expectKind(await client.commit({ starts, writes: [put("x", 1)] }), "committed")
    expect(committed.starts).toMatchObject([{ created: true }, { created: true }])
    expect(await other.assigned(slot)).toMatchObject({ run: committed.starts[0]?.run })
    const again = expectKind(await client.commit({ starts }), "committed")
    expect(again.starts).toEqual(committed.starts.map(({ run }) => ({ run, created: false })))
  })

  it(
    "starts one run for the many commits that cross a threshold together (C2, O1)",
    ["cells", "runs"],
    async (world) => {
      const clients = await world.openMany(8)
      const outcomes = await Promise.all(
        clients.map(async (client) => {
          const writes = [{ kind: "merge", name: "votes", merge: "counter", value: 1 }] as const
          return expectKind(await client.commit({ writes, starts: [specOf("promote")] }), "committed")
        }),
      )
      const starts = outcomes.flatMap((outcome) => outcome.starts)
      expect(starts.filter(({ created }) => created)).toHaveLength(1)
      expect(new Set(starts.map(({ run }) => run)).size).toBe(1)
      expect(await clients[0]?.get("votes")).toEqual([8, 8])
    },
  )

  it(
    "hands the next run to a worker when the last commit of one starts it (O2, O6)",
    ["cells", "runs"],
    async (world) => {
      const client = await world.open()
      const worker = await client.openWorker(["stage one", "stage two"])
      const limited = { concurrency: 1 }
      await client.enqueue(specOf("stage one", 0, limited))
      const first = await client.takeNow(worker)
      const slot = await client.parkSlot(worker)
      const starts = [specOf("stage one", 1, limited), specOf("stage two", 0)]
      expectKind(await client.commit({ starts, complete: { token: first.token, result: 1 } }), "committed")
      expect((await client.assigned(slot)).operation).toBe("stage two")
      expect((await client.takeNow(worker)).args).toBe(1)
    },
  )
}
