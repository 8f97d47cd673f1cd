/** Takeover: what happens to a claim whose session ends, whose time is over, or that is given back. */
import { expect } from "vitest"
import { type Client, expectKind, expectRefused, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

export function testTakeover(it: Conform): void {
  it(
    "gives the run of a session that died to exactly one of those who wait (O1, O6)",
    ["runs", "steady"],
    async (world) => {
      const [dying, ...heirs] = await world.openMany(6)
      const first = await (dying as Client).claim(specOf("render"))
      const requests = []
      for (const heir of heirs) requests.push(await heir.join(specOf("render")))
      await (dying as Client).end()
      const second = await (heirs[0] as Client).assigned(requests[0] as never)
      expect(second).toMatchObject({ run: first.run, attempt: 2 })
      expect(second.token).toBeGreaterThan(first.token)
      for (const [at, heir] of heirs.slice(1).entries()) await heir.expectUnanswered(requests[at + 1] as never)
      await (heirs[0] as Client).complete(second.token, 8)
      for (const [at, heir] of heirs.entries()) {
        expect(await heir.settled(requests[at] as never)).toEqual({ kind: "completed", result: 8 })
      }
    },
  )

  it(
    "passes a run on from session to session as they close, without counting it as a crash (O6)",
    ["runs"],
    async (world) => {
      const clients = await world.openMany(6)
      const { run } = await (clients[0] as Client).claim(specOf("render"))
      for (const [at, client] of clients.slice(1).entries()) {
        const request = await client.join(specOf("render"))
        await (clients[at] as Client).end("closed")
        expect(await client.assigned(request)).toMatchObject({ run, attempt: at + 2 })
      }
    },
  )

  it(
    "fails a run whose executors died three times in a row, and tells those who wait (O4, O6)",
    ["runs"],
    async (world) => {
      const witness = await world.open()
      const { run } = await witness.enqueue(
        specOf("render", 0, { retry: { maxAttempts: 9, initialMs: 0, factor: 1, maxMs: 0 } }),
      )
      const { request } = await witness.awaitRun(run)
      for (const at of [1, 2, 3]) {
        const victim = await world.open()
        const { outcome } = await victim.awaitRun(run, { execute: true })
        expect(expectKind(outcome, "claimed").claim.attempt).toBe(at)
        await victim.end()
      }
      const settlement = await witness.settled(request)
      expect(settlement).toMatchObject({ kind: "failed", failure: { code: "RUN_CRASHED" } })
      expect(await witness.readRun(specOf("render"))).toMatchObject({ status: "failed", attempt: 3 })
      // Asking again is a decision: the count starts over.
      expect(await witness.claim(specOf("render"))).toMatchObject({ run, attempt: 4 })
    },
  )

  it(
    "counts crashes in a row only: an attempt that ends otherwise starts the count over (O6)",
    ["runs", "steady"],
    async (world) => {
      const spec = specOf("render", 0, { retry: { maxAttempts: 9, initialMs: 0, factor: 1, maxMs: 0 } })
      const witness = await world.open()
      for (const end of ["died", "died", "failed", "died", "died"]) {
        const victim = await world.open()
        const claim = await victim.claim(spec)
        if (end === "failed") expectKind(await victim.fail(claim.token), "retrying")
        await victim.end(end === "failed" ? "closed" : "died")
        expect(await witness.readRun(spec)).toMatchObject({ status: "pending" })
      }
      // The failed attempt was handed to its own waiter once more before that closed.
      expect(await witness.claim(spec)).toMatchObject({ attempt: 7 })
    },
  )

  it("counts no crash for a session that was never given the run (L6, O6)", ["runs"], async (world) => {
    const [caller, dying] = [await world.open(), await world.open()]
    const spec = (arg: number) => specOf("render", arg, { concurrency: 1, abandon: "cancel" })
    for (let round = 0; round < 3; round++) {
      const doomed = round === 0 ? dying : await world.open()
      // It executes one run for itself alone, and has a free slot for others that wait for the place it takes.
      await doomed.claim(spec(100 + round))
      if (round === 0) await caller.enqueue(spec(0))
      const worker = await doomed.openWorker(["render"])
      const slot = await doomed.parkSlot(worker)
      await doomed.end()
      expect(doomed.log.filter((event) => "request" in event && event.request === slot)).toEqual([])
    }
    expect(await caller.claim(spec(0))).toMatchObject({ attempt: 1 })
  })

  it(
    "accepts nothing from an executor whose session has ended and come back under another name (O5)",
    ["runs", "cells"],
    async (world) => {
      const [zombie, heir] = [await world.open(), await world.open()]
      const claim = await zombie.claim(specOf("render"))
      await zombie.end()
      const revenant = await zombie.link.open()
      const { token } = claim
      const commands = [
        { kind: "completeRun", token, result: 666 },
        { kind: "failRun", token, failure: { code: "RUN_FAILED", name: "E", message: "m", stack: null }, final: true },
        { kind: "returnRun", token, started: true },
        { kind: "reportProgress", token, progress: 6 },
      ] as const
      for (const command of commands) {
        expectRefused(await zombie.send(command), "SESSION_LOST")
        expectRefused(await revenant.send(command), "STALE_ATTEMPT")
      }
      expectRefused(await revenant.commit({ complete: { token, result: 666 } }), "FENCED")
      expect(await heir.claim(specOf("render"))).toMatchObject({ run: claim.run, attempt: 2 })
    },
  )

  it(
    "takes a run back from an executor that returns it, as if it had not been tried (O6)",
    ["runs", "steady"],
    async (world) => {
      const [draining, other] = [await world.open(), await world.open()]
      const spec = specOf("render")
      const claim = await draining.claim(spec)
      const joined = await other.join(spec)
      expect(await draining.send({ kind: "returnRun", token: claim.token, started: true })).toMatchObject({
        kind: "status",
      })
      // The executor still waits for the run, and was first.
      const event = await draining.event("runAssigned")
      expect(event.claim).toMatchObject({ run: claim.run, attempt: 2 })
      expectRefused(await draining.send({ kind: "returnRun", token: claim.token, started: true }), "STALE_ATTEMPT")
      await draining.end("closed")
      const next = await other.assigned(joined)
      await other.fail(next.token)
      expect(await other.settled(joined)).toMatchObject({ kind: "failed" })
    },
  )

  it(
    "asks for a decision where an attempt of a `once` operation was cut off, and never repeats it by itself (O10)",
    ["runs"],
    async (world) => {
      const witness = await world.open()
      const spec = (arg: number) => specOf("charge", arg, { effects: "once", attemptTimeoutMs: arg === 2 ? 50 : null })
      const cutOff = [
        async (client: Client) => {
          await client.end("died")
        },
        async (client: Client) => {
          await client.end("closed")
        },
        async () => {
          await world.advance(100)
        },
        async (client: Client, token: number) => {
          expectKind(await client.send({ kind: "returnRun", token: token as never, started: true }), "status")
        },
      ]
      for (const [arg, cut] of cutOff.entries()) {
        const executor = await world.open()
        const claim = await executor.claim(spec(arg))
        const joined = await witness.join(spec(arg))
        await cut(executor, claim.token)
        expect(await witness.settled(joined)).toEqual({ kind: "interrupted", attempt: 1 })
        expect((await witness.ask(spec(arg))).outcome).toMatchObject({ settlement: { kind: "interrupted" } })
        expect(await witness.enqueue(spec(arg))).toMatchObject({ created: false, status: "interrupted" })
        expect(await witness.readRun(spec(arg))).toMatchObject({ status: "interrupted" })
      }
    },
  )

  it("hands on what a closing session had not started, `once` or not (O6, O10)", ["runs"], async (world) => {
    const [closing, heir] = [await world.open(), await world.open()]
    const spec = (arg: number) => specOf("charge", arg, { effects: "once" })
    const [started, unstarted] = [await closing.claim(spec(1)), await closing.claim(spec(2))]
    await closing.end("closed", [unstarted.token])
    expect(await heir.readRun(spec(1))).toMatchObject({ run: started.run, status: "interrupted" })
    expect(await heir.claim(spec(2))).toMatchObject({ run: unstarted.run, attempt: 2 })
  })

  it(
    "goes on from an interruption only as decided: again, not at all, or with a result from outside (O3, O10)",
    ["runs"],
    async (world) => {
      const witness = await world.open()
      const interrupt = async (arg: number) => {
        const executor = await world.open()
        const spec = specOf("charge", arg, { effects: "once", retainMs: 50 })
        const claim = await executor.claim(spec)
        await executor.end()
        return { spec, run: claim.run }
      }
      const [again, dropped, known, forced] = [
        await interrupt(1),
        await interrupt(2),
        await interrupt(3),
        await interrupt(4),
      ]
      await world.advance(100)
      expect(await witness.control(again.run, "retry")).toEqual({ kind: "status", status: "pending" })
      expect(await witness.claim(again.spec)).toMatchObject({ run: again.run, attempt: 2 })
      expect(await witness.control(dropped.run, "cancel")).toEqual({ kind: "status", status: "canceled" })
      expectKind(await witness.send({ kind: "putResult", spec: known.spec, result: 5 }), "settled")
      expect((await witness.ask(known.spec)).outcome).toMatchObject({ settlement: { result: 5 } })
      expect((await witness.claim(forced.spec, { force: true })).run).not.toBe(forced.run)
    },
  )

  it(
    "ends an attempt whose time is over, tells its body, and tries again by the policy (O5, O6)",
    ["runs", "steady"],
    async (world) => {
      const [slow, other] = [await world.open(), await world.open()]
      const spec = specOf("render", 0, {
        attemptTimeoutMs: 100,
        retry: { maxAttempts: 2, initialMs: 0, factor: 1, maxMs: 0 },
      })
      const first = await slow.claim(spec)
      const joined = await other.join(spec)
      await world.advance(200)
      expect(await slow.event("claimControl")).toMatchObject({ token: first.token, action: "lost", reason: "timeout" })
      expectRefused(await slow.send({ kind: "completeRun", token: first.token, result: 1 }), "STALE_ATTEMPT")
      // The same session still waits, and was first.
      expect((await slow.event("runAssigned")).claim).toMatchObject({ run: first.run, attempt: 2 })
      await world.advance(200)
      expect(await other.settled(joined)).toMatchObject({ kind: "failed", failure: { name: "TimeoutError" } })
    },
  )

  it("does not time an attempt that ended in time (O5)", ["runs"], async (world) => {
    const client = await world.open()
    const claim = await client.claim(specOf("render", 0, { attemptTimeoutMs: 2_000 }))
    await client.complete(claim.token, 1)
    await world.advance(100)
    await client.expectNothing((event) => event.kind === "claimControl")
    expect(await client.readRun(specOf("render"))).toMatchObject({ status: "completed" })
  })

  it("completes, fails and returns only what the session itself executes (O5)", ["runs"], async (world) => {
    const [executor, stranger] = [await world.open(), await world.open()]
    const { token } = await executor.claim(specOf("render"))
    const grant = await stranger.lock("a")
    for (const each of [token, grant]) {
      expectRefused(await stranger.send({ kind: "completeRun", token: each, result: 0 }), "STALE_ATTEMPT")
      expectRefused(await stranger.fail(each), "STALE_ATTEMPT")
      expectRefused(await stranger.send({ kind: "returnRun", token: each, started: true }), "STALE_ATTEMPT")
      expectRefused(await stranger.send({ kind: "reportProgress", token: each, progress: 0 }), "STALE_ATTEMPT")
    }
    expectRefused(await stranger.send({ kind: "releaseLock", token }), "GRANT_LOST")
    await executor.complete(token, 1)
    expectRefused(await executor.send({ kind: "completeRun", token, result: 2 }), "STALE_ATTEMPT")
    expect(await stranger.readRun(specOf("render"))).toMatchObject({ result: 1 })
  })
}
