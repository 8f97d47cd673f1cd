/** Runs: asked for, joined, executed once, settled for everybody, kept, retried, named by generations. */
import { expect } from "vitest"
import type { RunId } from "../../src/kernel/index.ts"
import { expectKind, expectRefused, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

const BACKOFF = { maxAttempts: 3, initialMs: 100, factor: 2, maxMs: 1_000 }

export function testRuns(it: Conform): void {
  it(
    "gives a run to one of thirty sessions that ask at once, and its result to all (O1, O2, O4)",
    ["runs"],
    async (world) => {
      const clients = await world.openMany(30)
      const asked = await Promise.all(clients.map(async (client) => await client.ask(specOf("render"))))
      const executors = asked.flatMap(({ outcome }, at) => (outcome.kind === "claimed" ? [{ at, ...outcome }] : []))
      expect(executors).toHaveLength(1)
      const [{ at, claim, waiting } = executors[0] as never] = executors
      expect({ attempt: claim.attempt, waiting }).toEqual({ attempt: 1, waiting: true })
      await clients[at]?.complete(claim.token, 42)
      const settlements = await Promise.all(
        clients.map(async (client, each) => await client.settled(asked[each]?.request as never)),
      )
      expect(settlements).toEqual(clients.map(() => ({ kind: "completed", result: 42 })))
      for (const client of clients) await client.expectNothing()
    },
  )

  it("serves a result at once, as often as asked, whoever asks (O2, O4, O9)", ["runs"], async (world) => {
    const executor = await world.open()
    const spec = specOf("render", "a long name")
    const claim = await executor.claim(spec)
    const result = Uint8Array.of(1, 2, 3)
    await executor.complete(claim.token, result)
    await executor.end("closed")
    for (const client of await world.openMany(3)) {
      const settlement = { kind: "completed", result }
      expect((await client.ask(spec)).outcome).toEqual({ kind: "settled", run: claim.run, settlement })
      expect((await client.awaitRun(claim.run)).outcome).toEqual({ kind: "settled", run: claim.run, settlement })
      expect(await client.enqueue(spec)).toEqual({
        kind: "enqueued",
        run: claim.run,
        created: false,
        status: "completed",
      })
      expect(await client.readRun(spec)).toMatchObject({ status: "completed", result, attempt: 1, args: spec.args })
    }
  })

  it("shows what a run came to without starting or awaiting anything (O2, O9)", ["runs"], async (world) => {
    const [executor, looker] = [await world.open(), await world.open()]
    const spec = specOf("render")
    expect(await looker.peek(spec)).toEqual({ kind: "run", view: null })
    const { run } = await executor.enqueue(spec)
    expect(await looker.peek(spec)).toEqual({ kind: "status", status: "pending" })
    const claim = await executor.claim(spec)
    expect(await looker.peek(spec)).toEqual({ kind: "status", status: "running" })
    await executor.complete(claim.token, Uint8Array.of(1, 2, 3))
    const completed = { kind: "completed", result: Uint8Array.of(1, 2, 3) } as const
    expect(await looker.peek(spec)).toEqual({ kind: "settled", run, settlement: completed })
    await executor.send({ kind: "forgetResult", identity: spec.identity })
    expect(await looker.peek(spec)).toEqual({ kind: "run", view: null })

    const failing = specOf("render", 1)
    await executor.fail((await executor.claim(failing)).token, "no")
    expect(await looker.peek(failing)).toMatchObject({ kind: "settled", settlement: { failure: { message: "no" } } })
    const [canceled] = [await executor.enqueue(specOf("render", 2))]
    await executor.send({ kind: "controlRun", run: canceled.run, action: "cancel" })
    expect(await looker.peek(specOf("render", 2))).toMatchObject({ settlement: { kind: "canceled" } })
    await looker.expectNothing()
  })

  it("keeps identities apart, and shows what a run was asked with (O7)", ["runs"], async (world) => {
    const client = await world.open()
    const specs = [specOf("render", 0), specOf("render", "0"), specOf("render", 0, { version: 2 }), specOf("draw", 0)]
    const runs = []
    for (const spec of specs) runs.push(await client.enqueue(spec))
    expect(new Set(runs.map(({ run }) => run)).size).toBe(4)
    expect(await client.readRun(specOf("render", "0"))).toMatchObject({
      operation: "render",
      version: 1,
      args: new TextEncoder().encode("0"),
      status: "pending",
      key: null,
      attempt: 0,
      waiters: 0,
      result: null,
      failure: null,
    })
  })

  it("has one open run an identity, however it is asked for (O1)", ["runs"], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    const first = await one.enqueue(specOf("render"))
    expect(first).toMatchObject({ created: true, status: "pending" })
    expect(await two.enqueue(specOf("render"))).toMatchObject({ run: first.run, created: false })
    expect(await two.enqueue(specOf("render"), true)).toMatchObject({ run: first.run, created: false })
    const claim = await two.claim(specOf("render"), { force: true })
    expect(claim.run).toBe(first.run)
    expect(await one.enqueue(specOf("render"))).toMatchObject({ run: first.run, status: "running" })
  })

  it("opens the next generation by force, and tells the old from the new (L2, O3)", ["runs"], async (world) => {
    const client = await world.open()
    const first = await client.claim(specOf("render"))
    await client.complete(first.token, 1)
    const second = await client.claim(specOf("render"), { force: true })
    expect(second.run).not.toBe(first.run)
    expect(second.token).toBeGreaterThan(first.token)
    expectRefused((await client.awaitRun(first.run)).outcome, "RUN_SUPERSEDED")
    expectRefused(await client.control(first.run, "cancel"), "RUN_SUPERSEDED")
    await client.complete(second.token, 2)
    const third = await client.enqueue(specOf("render"), true)
    expect(third).toMatchObject({ created: true, status: "pending" })
  })

  it("knows no run that never was, or whose name makes no sense", ["runs"], async (world) => {
    const client = await world.open()
    const { identity } = specOf("render")
    for (const run of [`${identity}@1`, "nonsense", "@", `${identity}@`] as never[]) {
      expectRefused((await client.awaitRun(run)).outcome, "RUN_UNKNOWN")
      expectRefused(await client.control(run, "pause"), "RUN_UNKNOWN")
      expectRefused(await client.send({ kind: "watchRun", request: client.nextRequest(), run }), "RUN_UNKNOWN")
    }
    expect(await client.readRun(specOf("render"))).toBeNull()
  })

  it(
    "refuses a key that was used with other arguments, wherever it is asked (O7)",
    ["runs", "cells"],
    async (world) => {
      const client = await world.open()
      const used = await client.enqueue(specOf("charge", 1, { key: "order 7" }))
      const other = specOf("charge", 2, { key: "order 7" })
      expectRefused((await client.ask(other)).outcome, "KEY_MISMATCH")
      expectRefused(await client.send({ kind: "enqueueRun", spec: other, force: false }), "KEY_MISMATCH")
      expectRefused(await client.send({ kind: "putResult", spec: other, result: 1 }), "KEY_MISMATCH")
      expectRefused(await client.commit({ starts: [other] }), "KEY_MISMATCH")
      expect(await client.enqueue(specOf("charge", 1, { key: "order 7" }))).toMatchObject({ run: used.run })
      const claim = await client.claim(specOf("charge", 1, { key: "order 7" }))
      await client.complete(claim.token)
      expectRefused((await client.ask(other)).outcome, "KEY_MISMATCH")
    },
  )

  it(
    "lets a waiter execute a run that was only queued, and hands its claim on when that waiter leaves (O4, O6)",
    ["runs"],
    async (world) => {
      const [one, two] = [await world.open(), await world.open()]
      const { run } = await one.enqueue(specOf("render"))
      const passive = await two.awaitRun(run)
      expect(passive.outcome).toEqual({ kind: "joined", run })
      const active = await one.awaitRun(run, { execute: true })
      const { claim, waiting } = expectKind(active.outcome, "claimed")
      expect(waiting).toBe(true)
      await one.complete(claim.token, 5)
      for (const [client, request] of [
        [one, active.request],
        [two, passive.request],
      ] as const) {
        expect(await client.settled(request)).toEqual({ kind: "completed", result: 5 })
      }
    },
  )

  it(
    "fails for good when the policy is used up, with the last failure for everybody (O2, O4)",
    ["runs"],
    async (world) => {
      const [one, two] = [await world.open(), await world.open()]
      const { request, outcome } = await one.ask(specOf("render"))
      const { claim } = expectKind(outcome, "claimed")
      const joined = await two.join(specOf("render"))
      expect(await one.fail(claim.token, "out of ink")).toEqual({ kind: "status", status: "failed" })
      const failure = { code: "RUN_FAILED", name: "Error", message: "out of ink", stack: null }
      expect(await one.settled(request)).toEqual({ kind: "failed", failure })
      expect(await two.settled(joined)).toEqual({ kind: "failed", failure })
      expect(await two.readRun(specOf("render"))).toMatchObject({ status: "failed", failure, result: null })
      expect((await two.awaitRun(claim.run)).outcome).toMatchObject({ kind: "settled", settlement: { failure } })
    },
  )

  it("opens a failed run again for whoever asks again, as the same generation (O3)", ["runs"], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    const first = await one.claim(specOf("render"))
    await one.fail(first.token)
    const second = await two.claim(specOf("render"))
    expect(second).toMatchObject({ run: first.run, attempt: 2 })
    await two.fail(second.token)
    expect(await one.enqueue(specOf("render"))).toMatchObject({ run: first.run, created: true, status: "pending" })
  })

  it(
    "waits longer after each failure, then tries again by itself (O3, O6)",
    ["runs", "virtual-time"],
    async (world) => {
      const client = await world.open()
      const spec = specOf("render", 0, { retry: BACKOFF })
      const { request, outcome } = await client.ask(spec)
      let claim = expectKind(outcome, "claimed").claim
      for (const [at, waitMs] of [100, 200].entries()) {
        const { notBefore } = expectKind(await client.fail(claim.token), "retrying")
        const view = await client.readRun(spec)
        expect(view).toMatchObject({ status: "pending", notBefore, attempt: at + 1 })
        await world.advance(waitMs - 1)
        await client.expectUnanswered(request)
        await world.advance(1)
        claim = await client.assigned(request)
        expect(claim.attempt).toBe(at + 2)
      }
      expect(await client.fail(claim.token, "the last")).toEqual({ kind: "status", status: "failed" })
      expect(await client.settled(request)).toMatchObject({ failure: { message: "the last" } })
    },
  )

  it("answers who asks for a run's flush, whatever became of the run (O2, O3)", ["runs"], async (world) => {
    const client = await world.open()
    const claim = await client.claim(specOf("render"))
    await client.complete(claim.token)
    expect(await client.send({ kind: "flushRun", run: claim.run })).toEqual({ kind: "done" })
    const unknown = `${specOf("render", 1).identity}@7` as RunId // Brand constructor.
    expect(await client.send({ kind: "flushRun", run: unknown })).toEqual({ kind: "done" })
  })

  it("tries again after a wait that has passed for real (O3)", ["runs"], async (world) => {
    const client = await world.open()
    const { request, outcome } = await client.ask(specOf("render", 0, { retry: { ...BACKOFF, initialMs: 20 } }))
    expectKind(await client.fail(expectKind(outcome, "claimed").claim.token), "retrying")
    await world.advance(50)
    await client.complete((await client.assigned(request)).token)
    await client.settled(request)
  })

  it("never waits longer than the policy's bound (O3)", ["runs", "virtual-time"], async (world) => {
    const client = await world.open()
    const retry = { maxAttempts: 4, initialMs: 100, factor: 10, maxMs: 250 }
    const { request, outcome } = await client.ask(specOf("render", 0, { retry }))
    let claim = expectKind(outcome, "claimed").claim
    for (const waitMs of [100, 250, 250]) {
      await client.fail(claim.token)
      await world.advance(waitMs)
      claim = await client.assigned(request)
    }
    expect(claim.attempt).toBe(4)
  })

  it("skips what is left of the policy where a failure is final (O3)", ["runs"], async (world) => {
    const client = await world.open()
    const claim = await client.claim(specOf("render", 0, { retry: BACKOFF }))
    expect(await client.fail(claim.token, "hopeless", true)).toEqual({ kind: "status", status: "failed" })
  })

  it("does not start a delayed run before its time (O6)", ["runs", "steady"], async (world) => {
    const [caller, other] = [await world.open(), await world.open()]
    const request = await caller.join(specOf("render", 0, { delayMs: 300 }))
    const worker = await other.openWorker(["render"])
    await other.parkSlot(worker)
    await caller.expectUnanswered(request)
    await world.advance(400)
    // Its own waiter comes before any worker.
    const claim = await caller.assigned(request)
    await caller.complete(claim.token)
    await other.expectNothing()
  })

  it("forgets a settled run when it was kept as long as asked, and nobody sooner (O3, O9)", ["runs"], async (world) => {
    const client = await world.open()
    const settle = async (arg: number, retainMs: number | null) => {
      const spec = specOf("render", arg, { retainMs })
      const claim = await client.claim(spec)
      await client.complete(claim.token)
      return spec
    }
    const specs = [await settle(1, 100), await settle(2, 60_000), await settle(3, null)] as const
    await world.advance(200)
    expect(await client.readRun(specs[0])).toBeNull()
    expect(await client.readRun(specs[1])).toMatchObject({ status: "completed" })
    expect(await client.readRun(specs[2])).toMatchObject({ status: "completed" })
    const again = await client.claim(specs[0])
    expect(again.attempt).toBe(1)
  })

  it("forgets a run in its time also while somebody watches or has just read it (O3, O9)", ["runs"], async (world) => {
    const [client, watcher] = [await world.open(), await world.open()]
    const spec = specOf("render", 0, { retainMs: 100 })
    const claim = await client.claim(spec)
    await client.complete(claim.token)
    await watcher.readRun(spec)
    const request = watcher.nextRequest()
    expectKind(await watcher.send({ kind: "watchRun", request, run: claim.run }), "run")
    await world.advance(200)
    expect(await client.readRun(spec)).toBeNull()
    expectRefused((await client.awaitRun(claim.run)).outcome, "RUN_UNKNOWN")
  })

  it("keeps a run that is open, however short it may be kept (O3)", ["runs"], async (world) => {
    const client = await world.open()
    const spec = specOf("render", 0, { retainMs: 10 })
    const { request, outcome } = await client.ask(spec)
    const { claim } = expectKind(outcome, "claimed")
    await client.fail(claim.token)
    await client.settled(request)
    const again = await client.claim(spec)
    await world.advance(100)
    expect(await client.readRun(spec)).toMatchObject({ status: "running" })
    await client.complete(again.token)
  })

  it(
    "puts a result from outside over a computation in flight, which can no longer bring its own (O5)",
    ["runs"],
    async (world) => {
      const [executor, writer] = [await world.open(), await world.open()]
      const { request, outcome } = await executor.ask(specOf("render"))
      const { claim } = expectKind(outcome, "claimed")
      const stored = await writer.send({ kind: "putResult", spec: specOf("render"), result: 7 })
      expect(stored).toEqual({ kind: "settled", run: claim.run, settlement: { kind: "completed", result: 7 } })
      expect(await executor.event("claimControl")).toMatchObject({
        token: claim.token,
        action: "lost",
        reason: "stored",
      })
      expect(await executor.settled(request)).toEqual({ kind: "completed", result: 7 })
      expectRefused(await executor.send({ kind: "completeRun", token: claim.token, result: 1 }), "STALE_ATTEMPT")
      expect(await writer.readRun(specOf("render"))).toMatchObject({ status: "completed", result: 7 })
    },
  )

  it(
    "puts a result where there was none, or over an older one as the next generation (O2, O3)",
    ["runs"],
    async (world) => {
      const client = await world.open()
      const spec = specOf("render")
      const first = expectKind(await client.send({ kind: "putResult", spec, result: 1 }), "settled")
      const second = expectKind(await client.send({ kind: "putResult", spec, result: 2 }), "settled")
      expect(second.run).not.toBe(first.run)
      expect((await client.ask(spec)).outcome).toMatchObject({ run: second.run, settlement: { result: 2 } })
    },
  )

  it("forgets a result, and a computation in flight never brings it back (O5, O9)", ["runs"], async (world) => {
    const [executor, other] = [await world.open(), await world.open()]
    const spec = specOf("render")
    const first = await executor.claim(spec)
    const joined = await other.join(spec)
    expectKind(await other.send({ kind: "forgetResult", identity: spec.identity }), "done")
    expect(await executor.event("claimControl")).toMatchObject({ action: "lost", reason: "forgotten" })
    expect(await other.settled(joined)).toEqual({ kind: "forgotten" })
    expectRefused(await executor.send({ kind: "completeRun", token: first.token, result: 1 }), "STALE_ATTEMPT")
    expect(await other.readRun(spec)).toBeNull()
    // What is asked for afterwards is another generation.
    const second = await other.claim(spec)
    expect(second.run).not.toBe(first.run)
    await other.complete(second.token, 2)
    expectKind(await other.send({ kind: "forgetResult", identity: spec.identity }), "done")
    expectKind(await other.send({ kind: "forgetResult", identity: spec.identity }), "done")
    await executor.claim(spec)
  })

  it("forgets a damaged result where it can be computed again, and never another (O9, S2)", ["runs"], async (world) => {
    const [client, other] = [await world.open(), await world.open()]
    const pure = await client.claim(specOf("render"))
    // Not settled: there is no result to be damaged.
    expect(await other.send({ kind: "discardResult", run: pure.run })).toEqual({ kind: "status", status: "running" })
    await client.complete(pure.token, 1)
    expectKind(await other.send({ kind: "discardResult", run: pure.run }), "done")
    expectRefused(await other.send({ kind: "discardResult", run: pure.run }), "RUN_UNKNOWN")
    const again = await other.claim(specOf("render"))
    expect(again.run).not.toBe(pure.run)
    expectRefused(await client.send({ kind: "discardResult", run: pure.run }), "RUN_SUPERSEDED")
    const spec = specOf("charge", 1, { effects: "idempotent" })
    const charge = await client.claim(spec)
    await client.complete(charge.token, 2)
    const refused = expectRefused(await client.send({ kind: "discardResult", run: charge.run }), "STORE_DAMAGED")
    expect(refused.message).toContain(charge.run)
    expect((await client.ask(spec)).outcome).toMatchObject({ settlement: { result: 2 } })
  })

  it("keeps a pinned run past its retention, until it is unpinned (O9)", ["runs", "virtual-time"], async (world) => {
    const client = await world.open()
    const spec = specOf("render", 1, { retainMs: 50 })
    const claim = await client.claim(spec)
    expect(await client.control(claim.run, "pin")).toMatchObject({ kind: "status", status: "running" })
    await client.complete(claim.token, 1)
    await world.advance(200)
    expect(await client.readRun(spec)).toMatchObject({ status: "completed", pinned: true })
    await client.control(claim.run, "unpin")
    // Kept for longer than its retention by now.
    await world.advance(10)
    expect(await client.readRun(spec)).toBeNull()
  })

  it("takes bounds for large values, and refuses what are none (O9)", ["runs"], async (world) => {
    const client = await world.open()
    for (const bytes of [null, 0, 1e9]) expectKind(await client.send({ kind: "setBlobBudget", bytes }), "done")
    expectKind(await client.send({ kind: "holdBlobs", hold: [], drop: [] }), "done")
    expectRefused(await client.send({ kind: "setBlobBudget", bytes: -1 }), "ARGUMENT_INVALID")
    expectRefused(await client.send({ kind: "evictBlobs", maxBytes: Number.NaN }), "ARGUMENT_INVALID")
    expect(await client.send({ kind: "evictBlobs", maxBytes: 0 })).toEqual({ kind: "evicted", runs: 0, bytes: 0 })
  })

  it("lists runs in order of arrival, by operation and status, up to a limit (O2)", ["runs"], async (world) => {
    const client = await world.open()
    for (const arg of [3, 1, 2]) await client.enqueue(specOf("render", arg))
    const claim = await client.claim(specOf("render", 1))
    await client.complete(claim.token)
    await client.enqueue(specOf("draw", 9))
    const list = async (filter: {
      operation?: string
      statuses?: readonly "completed"[] | readonly "pending"[]
      limit?: number
    }) => {
      const whole = { operation: null, statuses: null, limit: 100, ...filter }
      const { views } = expectKind(await client.send({ kind: "listRuns", filter: whole }), "runs")
      return views.map((view) => [view.operation, view.args])
    }
    expect(await list({})).toEqual([
      ["render", 3],
      ["render", 1],
      ["render", 2],
      ["draw", 9],
    ])
    expect(await list({ operation: "render", statuses: ["pending"] })).toEqual([
      ["render", 3],
      ["render", 2],
    ])
    expect(await list({ statuses: ["completed"] })).toEqual([["render", 1]])
    expect(await list({ limit: 2 })).toEqual([
      ["render", 3],
      ["render", 1],
    ])
    expect(await list({ operation: "nobody" })).toEqual([])
    // The next generation of a run arrives when it is asked for, not when the first was.
    const again = await client.enqueue(specOf("render", 3))
    await client.control(again.run, "cancel")
    await client.enqueue(specOf("render", 3))
    expect(await list({ statuses: ["pending"] })).toEqual([
      ["render", 2],
      ["draw", 9],
      ["render", 3],
    ])
  })

  it("refuses a request id that is in use, and keeps the one that has it (O4)", ["runs", "cells"], async (world) => {
    const [executor, client] = [await world.open(), await world.open()]
    const claim = await executor.claim(specOf("render"))
    const request = await client.join(specOf("render"))
    const worker = await client.openWorker(["draw"])
    const { run } = claim
    for (const command of [
      { kind: "claimRun", request, spec: specOf("draw"), holding: [], force: false },
      { kind: "awaitRun", request, run, holding: [], execute: true },
      { kind: "takeRun", request, worker },
      { kind: "watchRun", request, run },
      { kind: "watchCells", request, pattern: { kind: "name", name: "a" } },
    ] as const) {
      expectRefused(await client.send(command), "ARGUMENT_INVALID")
    }
    await executor.complete(claim.token, 3)
    expect(await client.settled(request)).toEqual({ kind: "completed", result: 3 })
  })
}
