import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import type { Identity, RequestId, RunId, RunSpec, SessionId, Token } from "./index.ts"

const RETRY = { maxAttempts: 3, initialMs: 10, factor: 2, maxMs: 15 }

function spec(id: string, options: Partial<RunSpec> = {}): RunSpec {
  return specOf("work", id, options)
}

function statusOf(d: Driver, asked: RunSpec): string | undefined {
  const outcome = d.send({ kind: "readRun", session: "s1" as SessionId, identity: asked.identity })
  return outcome.kind === "run" ? outcome.view?.status : undefined
}

describe("asking for a result", () => {
  it("executes it once: one claim, everybody else joins, all get the one result (O1, O2, O4)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1"))
    const joined = [d.join("s2", spec("1")), d.join("s3", spec("1"))]
    expect(d.complete("s1", claim.token)).toEqual({ kind: "status", status: "completed" })
    const settled = { kind: "runSettled", run: claim.run, settlement: { kind: "completed", result: 1 } }
    expect(d.events()).toMatchObject([settled, { ...settled, request: joined[0] }, { ...settled, request: joined[1] }])
    expect(d.claimRun("s3", spec("1"))).toEqual({ kind: "settled", run: claim.run, settlement: settled.settlement })
  })

  it("by force opens the next generation, and waiters stay bound to theirs (O3)", () => {
    const d = new Driver()
    const first = d.claim("s1", spec("1"))
    d.complete("s1", first.token)
    const second = d.claim("s1", spec("1"), { force: true })
    expect(second.run).not.toBe(first.run)
    expect(refusal(d.await("s2", first.run), "RUN_SUPERSEDED")).toContain(second.run)
    // A run that is open already is what force wants.
    expect(d.claimRun("s2", spec("1"), { force: true })).toMatchObject({ kind: "joined", run: second.run })
  })

  it("under a key stands for its arguments: others are a mismatch", () => {
    const d = new Driver()
    d.complete("s1", d.claim("s1", spec("1", { key: "k", args: 1 })).token)
    expect(refusal(d.claimRun("s1", spec("1", { key: "k", args: 2 })), "KEY_MISMATCH")).toContain('key "k" of "work"')
    const other = {
      kind: "enqueueRun",
      session: "s1" as SessionId,
      spec: spec("1", { key: "k", args: 2 }),
      force: false,
    } as const
    refusal(d.send(other), "KEY_MISMATCH")
    refusal(d.send({ kind: "putResult", session: "s1" as SessionId, spec: other.spec, result: 1 }), "KEY_MISMATCH")
  })

  it("with numbers that make no sense is refused before anything changes", () => {
    const d = new Driver()
    const before = d.kernel.snapshot()
    const bad: Partial<RunSpec>[] = [
      { retry: { ...RETRY, maxAttempts: 0 } },
      { retry: { ...RETRY, maxAttempts: Number.NaN } },
      { retry: { ...RETRY, initialMs: -1 } },
      { concurrency: 0 },
      { keyed: { key: "k", count: 0 } },
      { attemptTimeoutMs: 0 },
      { retainMs: -1 },
      { delayMs: Number.NaN },
      { priority: Number.NaN },
    ]
    for (const options of bad) refusal(d.claimRun("s1", spec("1", options)), "ARGUMENT_INVALID")
    expect(d.kernel.snapshot()).toEqual(before)
  })

  it("of a run that never was, or with an id that is none, is refused", () => {
    const d = new Driver()
    for (const run of ["hf1:none@7", "nonsense", "@7"]) {
      refusal(d.await("s1", run as RunId), "RUN_UNKNOWN")
      refusal(d.control(run as RunId, "cancel"), "RUN_UNKNOWN")
      refusal(
        d.send({ kind: "watchRun", session: "s1" as SessionId, request: 900 as RequestId, run: run as RunId }),
        "RUN_UNKNOWN",
      )
    }
  })

  it("awaits what is queued, and executes it where the waiter can and a slot is free (L7)", () => {
    const d = new Driver()
    const run = d.enqueue("s1", spec("1"))
    expect(d.await("s2", run)).toEqual({ kind: "joined", run })
    const outcome = d.await("s3", run, { execute: true })
    expect(outcome).toMatchObject({ kind: "claimed", waiting: true, claim: { run, attempt: 1 } })
    expect(d.await("s1", run, { execute: true })).toEqual({ kind: "joined", run })
    const delayed = d.enqueue("s1", spec("2", { delayMs: 5 }))
    expect(d.await("s2", delayed, { execute: true })).toEqual({ kind: "joined", run: delayed })
    d.pass(5)
    expect(d.assigned().run).toBe(delayed)
  })
})

describe("attempts", () => {
  it("that fail are retried with backoff, by whoever waits, until the policy ends (O3)", () => {
    const d = new Driver()
    const asked = spec("1", { retry: RETRY })
    const first = d.claim("s1", asked)
    expect(d.fail("s1", first.token)).toEqual({ kind: "retrying", notBefore: d.now + 10 })
    d.pass(10)
    const second = d.assigned()
    expect(second).toMatchObject({ run: first.run, attempt: 2 })
    expect(d.fail("s1", second.token)).toEqual({ kind: "retrying", notBefore: d.now + 15 })
    d.pass(15)
    expect(d.fail("s1", d.assigned().token)).toEqual({ kind: "status", status: "failed" })
    expect(d.events()).toMatchObject([
      { kind: "runSettled", settlement: { kind: "failed", failure: { message: "no" } } },
    ])
    // Asked again, it is the same run with a fresh budget.
    expect(d.claim("s2", asked)).toMatchObject({ run: first.run, attempt: 4 })
  })

  it("that fail for good skip the rest of the policy, and are retried by asking (O3)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1", { retry: RETRY }))
    expect(d.fail("s1", claim.token, true)).toEqual({ kind: "status", status: "failed" })
    expect(d.await("s2", claim.run)).toMatchObject({ kind: "settled", settlement: { kind: "failed" } })
    expect(d.control(claim.run, "retry")).toEqual({ kind: "status", status: "pending" })
    d.openWorker("s2", 1, ["work"])
    expect(d.take("s2", 1)).toMatchObject({ kind: "claimed", claim: { run: claim.run } })
    expect(d.control(claim.run, "retry")).toEqual({ kind: "status", status: "running" })
  })

  it("that are over change nothing: a returning zombie is refused (O5)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1", { attemptTimeoutMs: 20, retry: RETRY }))
    d.pass(20)
    expect(d.events()).toMatchObject([{ kind: "claimControl", action: "lost", reason: "timeout", token: claim.token }])
    const progress = { kind: "reportProgress", session: "s1" as SessionId, token: claim.token, progress: 1 } as const
    refusal(d.send(progress), "STALE_ATTEMPT")
    expect(refusal(d.complete("s1", claim.token), "STALE_ATTEMPT")).toContain("nothing was changed")
    refusal(d.fail("s1", claim.token), "STALE_ATTEMPT")
    refusal(d.giveBack("s1", 9_999 as Token), "STALE_ATTEMPT")
    expect(statusOf(d, spec("1"))).toBe("pending")
    d.pass(10)
    const second = d.assigned()
    refusal(d.complete("s2", second.token), "STALE_ATTEMPT")
    expect(d.send({ ...progress, token: second.token })).toEqual({ kind: "done" })
    d.pass(19)
    d.complete("s1", second.token)
    d.pass(100)
    expect(statusOf(d, spec("1"))).toBe("completed")
  })

  it("that time out too often fail the run, and a once run is interrupted (O10)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1", { attemptTimeoutMs: 20 }))
    const once = d.claim("s1", spec("2", { attemptTimeoutMs: 30, effects: "once" }))
    d.pass(20)
    expect(d.await("s2", claim.run)).toMatchObject({
      settlement: { kind: "failed", failure: { name: "TimeoutError", message: "attempt 1 did not end within 20 ms" } },
    })
    d.pass(10)
    expect(d.await("s2", once.run)).toMatchObject({ settlement: { kind: "interrupted", attempt: 1 } })
  })

  it("that are given back go on elsewhere as if never made; a once run is interrupted (O6, O10)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1"))
    d.join("s2", spec("1"))
    d.withdraw("s1", 1 as RequestId)
    expect(d.giveBack("s1", claim.token)).toEqual({ kind: "status", status: "running" })
    expect(d.assigned()).toMatchObject({ run: claim.run })
    const once = d.claim("s1", spec("2", { effects: "once" }))
    expect(d.giveBack("s1", once.token)).toEqual({ kind: "status", status: "interrupted" })
  })
})

describe("sessions that end (O6)", () => {
  it("pass their runs on to exactly one waiter, at once (O6)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1"))
    d.join("s2", spec("1"))
    d.join("s3", spec("1"))
    d.end("s1")
    expect(d.events()).toMatchObject([{ kind: "runAssigned", session: "s2", claim: { run: claim.run, attempt: 2 } }])
  })

  it("three in a row fail the run; an attempt that ends otherwise starts the count again (O6)", () => {
    const d = new Driver()
    const asked = spec("1", { retry: { ...RETRY, initialMs: 0 } })
    const crash = (): RunId => {
      const { run } = d.claim("s1", asked)
      d.end("s1")
      d.send({ kind: "openSession", session: "s1" as SessionId, label: "s1" })
      return run
    }
    crash()
    crash()
    d.fail("s2", d.claim("s2", asked).token)
    d.end("s2")
    crash()
    const run = crash()
    expect(d.await("s3", run)).toMatchObject({
      settlement: {
        kind: "failed",
        failure: { code: "RUN_CRASHED", message: expect.stringContaining("died 3 times") as string },
      },
    })
  })

  it("that close on purpose give runs back uncounted, and interrupt once runs (O6, O10)", () => {
    const d = new Driver()
    const [plain, once] = [d.claim("s1", spec("1")), d.claim("s1", spec("2", { effects: "once" }))]
    for (let index = 0; index < 5; index += 1) {
      d.end("s1", "closed")
      d.send({ kind: "openSession", session: "s1" as SessionId, label: "s1" })
      expect(d.claim("s1", spec("1")).run).toBe(plain.run)
    }
    expect(d.claimRun("s2", spec("2"))).toMatchObject({ kind: "settled", settlement: { kind: "interrupted" } })
    expect(d.control(once.run, "retry")).toEqual({ kind: "status", status: "pending" })
    d.claim("s2", spec("2", { effects: "once" }))
    d.end("s2")
    expect(statusOf(d, spec("2"))).toBe("interrupted")
    expect(d.control(once.run, "cancel")).toEqual({ kind: "status", status: "canceled" })
  })

  it("are handed nothing while they end: neither the run they cancel nor what it makes room for (L6, O6)", () => {
    const d = new Driver()
    const abandon = (id: string) => spec(id, { abandon: "cancel", concurrency: 1 })
    const other = d.claim("s2", abandon("other"))
    d.withdraw("s2", 1 as RequestId)
    // Both of s1's runs wait for the slot of s2's, which nobody waits for any more.
    expect(statusOf(d, abandon("other"))).toBe("canceled")
    d.complete("s2", other.token)
    d.claim("s2", abandon("busy"))
    d.join("s1", abandon("1"))
    d.join("s1", abandon("2"))
    d.openWorker("s1", 1, ["work"])
    d.take("s1", 1)
    d.events()
    d.end("s1")
    expect(d.events()).toEqual([])
    expect([statusOf(new Driver(), abandon("1"))]).toEqual([undefined])
  })

  it("with a body that was already lost forget it (O5, O6)", () => {
    const d = new Driver()
    const claim = d.claim("s2", spec("1"))
    d.control(claim.run, "cancel")
    d.end("s2")
    expect(d.kernel.snapshot().sessions).toHaveLength(2)
  })
})

describe("cancel, pause, resume (O8)", () => {
  it("cancel reaches the body and answers every waiter; the run never completes afterwards (O4, O8)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1"))
    const waiting = d.join("s2", spec("1"))
    expect(d.control(claim.run, "cancel")).toEqual({ kind: "status", status: "canceled" })
    expect(d.events()).toMatchObject([
      { kind: "claimControl", action: "lost", reason: "canceled", token: claim.token },
      { kind: "runSettled", session: "s1", settlement: { kind: "canceled" } },
      { kind: "runSettled", request: waiting },
    ])
    refusal(d.complete("s1", claim.token), "STALE_ATTEMPT")
    expect(d.control(claim.run, "cancel")).toEqual({ kind: "status", status: "canceled" })
    expect(d.await("s3", claim.run)).toMatchObject({ settlement: { kind: "canceled" } })
    // Asked for again, it is the next generation.
    expect(d.claim("s1", spec("1")).run).not.toBe(claim.run)
  })

  it("the last waiter to leave cancels, where the definition says so, and only then (O8)", () => {
    const d = new Driver()
    const kept = d.claim("s1", spec("kept"))
    d.withdraw("s1", d.lastRequest)
    expect(statusOf(d, spec("kept"))).toBe("running")
    const claim = d.claim("s1", spec("1", { abandon: "cancel" }))
    const first = d.lastRequest
    const second = d.join("s2", spec("1"))
    d.withdraw("s1", first)
    expect(statusOf(d, spec("1"))).toBe("running")
    d.withdraw("s2", second)
    expect(d.events()).toMatchObject([{ kind: "claimControl", action: "lost", token: claim.token }])
    d.complete("s1", kept.token)
  })

  it("a paused run is not taken, a running one is told; resume sets both going (O8)", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["work"])
    const run = d.enqueue("s2", spec("1"))
    d.control(run, "pause")
    d.control(run, "pause")
    expect(d.take("s1", 1)).toEqual({ kind: "parked" })
    d.control(run, "resume")
    const claim = d.assigned()
    d.control(run, "pause")
    d.control(run, "resume")
    expect(d.events()).toMatchObject([
      { kind: "claimControl", action: "pause", token: claim.token, reason: "asked" },
      { kind: "claimControl", action: "resume", token: claim.token },
    ])
    d.control(run, "pause")
    d.complete("s1", claim.token)
    expect(d.control(run, "pause")).toEqual({ kind: "status", status: "completed" })
  })
})

describe("results from outside", () => {
  it("are stored at once, and a computation in flight never overwrites them (O3, O5)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1"))
    const put = { kind: "putResult", session: "s2" as SessionId, spec: spec("1"), result: 9 } as const
    expect(d.send(put)).toMatchObject({ kind: "settled", run: claim.run, settlement: { kind: "completed", result: 9 } })
    refusal(d.complete("s1", claim.token), "STALE_ATTEMPT")
    const again = d.send({ ...put, result: 10 })
    expect(again).toMatchObject({ kind: "settled", settlement: { result: 10 } })
    expect(again.kind === "settled" && again.run).not.toBe(claim.run)
  })

  it("are forgotten with the run: waiters are told to ask again, watches end (O4, O5)", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1"))
    d.send({ kind: "watchRun", session: "s2" as SessionId, request: 900 as RequestId, run: claim.run })
    const forget = { kind: "forgetResult", session: "s2" as SessionId, identity: spec("1").identity } as const
    expect(d.send(forget)).toEqual({ kind: "done" })
    expect(d.events()).toMatchObject([
      { kind: "claimControl", reason: "forgotten" },
      { kind: "runSettled", settlement: { kind: "forgotten" } },
      { kind: "requestRefused", session: "s2", request: 900, code: "RUN_SUPERSEDED" },
    ])
    expect(d.send(forget)).toEqual({ kind: "done" })
    refusal(d.complete("s1", claim.token), "STALE_ATTEMPT")
    expect(statusOf(d, spec("1"))).toBeUndefined()
    expect(d.withdraw("s2", 900 as RequestId)).toMatchObject({ found: false })
  })

  it("expire when their operation says so, unless they wait for a decision or a new generation came", () => {
    const d = new Driver()
    const retained = (id: string, options: Partial<RunSpec> = {}) => spec(id, { retainMs: 50, ...options })
    d.complete("s1", d.claim("s1", retained("1")).token)
    const once = d.claim("s1", retained("2", { effects: "once" }))
    d.giveBack("s1", once.token)
    d.complete("s1", d.claim("s1", retained("3")).token)
    expect(d.kernel.nextExpiry()).toBe(d.now + 50)
    expect(d.kernel.nextDeadline()).toBeUndefined()
    d.claim("s1", retained("3"), { force: true })
    d.pass(50)
    expect(["1", "2", "3"].map((id) => statusOf(d, retained(id)))).toEqual([undefined, "interrupted", "running"])
  })

  it("expire on time also when a deadlock refused the run that would have replaced them (L7)", () => {
    const d = new Driver()
    const walk = (id: string) => specOf("walk", id, { concurrency: 1, retainMs: 50 })
    d.fail("s1", d.claim("s1", walk("failed")).token)
    d.complete("s1", d.claim("s1", walk("done")).token)
    const parent = d.claim("s1", walk("parent"))
    refusal(d.claimRun("s1", walk("failed"), { holding: [parent.token] }), "DEADLOCK")
    refusal(d.claimRun("s1", walk("done"), { holding: [parent.token], force: true }), "DEADLOCK")
    expect(statusOf(d, walk("failed"))).toBe("failed")
    d.pass(50)
    expect([statusOf(d, walk("failed")), statusOf(d, walk("done"))]).toEqual([undefined, undefined])
  })
})

describe("making room", () => {
  const evict = (d: Driver, ...specs: readonly RunSpec[]) =>
    d.send({ kind: "evictRuns", identities: specs.map(({ identity }) => identity) })

  it("forgets completed pure runs that nobody has pinned or watches, and nothing else (O9)", () => {
    const d = new Driver()
    d.observe()
    const done = (id: string, options: Parameters<typeof specOf>[2] = {}) => {
      const asked = spec(id, options)
      const claim = d.claim("s1", asked)
      d.complete("s1", claim.token)
      return { asked, run: claim.run }
    }
    const plain = done("plain")
    const pinned = done("pinned")
    d.control(pinned.run, "pin")
    const watched = done("watched")
    d.send({ kind: "watchRun", session: "s2" as SessionId, request: 900 as RequestId, run: watched.run })
    const charge = done("charge", { effects: "idempotent" })
    const open = spec("open")
    d.claim("s1", open)
    const all = [plain.asked, pinned.asked, watched.asked, charge.asked, open]
    evict(d, ...all, spec("never"))
    expect(all.map((each) => statusOf(d, each))).toEqual([undefined, "completed", "completed", "completed", "running"])
    expect(d.seen.filter(({ kind }) => kind === "run.evicted")).toHaveLength(1)
    d.control(pinned.run, "unpin")
    d.control(pinned.run, "unpin")
    d.withdraw("s2", 900 as RequestId)
    evict(d, ...all)
    expect(all.map((each) => statusOf(d, each))).toEqual([undefined, undefined, undefined, "completed", "running"])
  })

  it("keeps what is pinned past its retention, also where it was pinned once settled (O9)", () => {
    const d = new Driver()
    const asked = spec("1", { retainMs: 50 })
    const claim = d.claim("s1", asked)
    d.complete("s1", claim.token)
    d.pass(40)
    d.control(claim.run, "pin")
    d.pass(40)
    expect(statusOf(d, asked)).toBe("completed")
    d.control(claim.run, "unpin")
    d.pass(0)
    expect(statusOf(d, asked)).toBeUndefined()
  })

  it("forgets a damaged result that can be computed again, and no other (O9, S2)", () => {
    const d = new Driver()
    const discard = (run: RunId) => d.send({ kind: "discardResult", session: "s1" as SessionId, run })
    const claim = d.claim("s1", spec("1"))
    expect(discard(claim.run)).toEqual({ kind: "status", status: "running" })
    d.complete("s1", claim.token)
    expect(discard(claim.run)).toEqual({ kind: "done" })
    refusal(discard(claim.run), "RUN_UNKNOWN")
    const charge = d.claim("s1", spec("2", { effects: "once" }))
    d.complete("s1", charge.token)
    refusal(discard(charge.run), "STORE_DAMAGED")
  })

  it("takes bounds for large values, of which it has none", () => {
    const d = new Driver()
    const session = "s1" as SessionId
    expect(d.send({ kind: "setBlobBudget", session, bytes: null })).toEqual({ kind: "done" })
    expect(d.send({ kind: "setBlobBudget", session, bytes: 5 })).toEqual({ kind: "done" })
    refusal(d.send({ kind: "setBlobBudget", session, bytes: -5 }), "ARGUMENT_INVALID")
    expect(d.send({ kind: "evictBlobs", session, maxBytes: 5 })).toEqual({ kind: "evicted", runs: 0, bytes: 0 })
    expect(d.send({ kind: "holdBlobs", session, hold: [], drop: [] })).toEqual({ kind: "done" })
    refusal(d.send({ kind: "evictBlobs", session, maxBytes: Number.NaN }), "ARGUMENT_INVALID")
  })
})

describe("looking at runs", () => {
  it("lists them in order of arrival, by operation and status, up to a limit", () => {
    const d = new Driver()
    d.complete("s1", d.claim("s1", spec("1")).token)
    d.enqueue("s1", spec("2"))
    d.enqueue("s1", specOf("other", "1"))
    const list = (filter: { operation?: string; statuses?: readonly ("pending" | "completed")[]; limit?: number }) => {
      const { operation = null, statuses = null, limit = 10 } = filter
      const outcome = d.send({ kind: "listRuns", session: "s1" as SessionId, filter: { operation, statuses, limit } })
      return outcome.kind === "runs" ? outcome.views.map((view) => view.identity) : []
    }
    expect(list({})).toHaveLength(3)
    expect(list({ limit: 1 })).toEqual([spec("1").identity])
    expect(list({ operation: "work", statuses: ["pending"] })).toEqual([spec("2").identity])
  })

  it("watches every change of one run, until the watch is withdrawn", () => {
    const d = new Driver()
    const claim = d.claim("s1", spec("1"))
    const watch = { kind: "watchRun", session: "s2" as SessionId, request: 900 as RequestId, run: claim.run } as const
    expect(d.send(watch)).toMatchObject({ kind: "run", view: { status: "running", waiters: 1, attempt: 1 } })
    refusal(d.send(watch), "ARGUMENT_INVALID")
    d.send({ kind: "reportProgress", session: "s1" as SessionId, token: claim.token, progress: 0.5 })
    d.complete("s1", claim.token)
    const told = d
      .events()
      .flatMap((event) => (event.kind === "runChanged" ? [event.view.progress, event.view.status] : []))
    expect(told).toEqual([0.5, "running", 0.5, "completed"])
    expect(d.withdraw("s2", 900 as RequestId)).toMatchObject({ found: true })
    d.send({ ...watch, request: 901 as RequestId })
    d.end("s2")
  })

  it("shows observers every transition", () => {
    const d = new Driver()
    d.observe()
    const asked = spec("1", { retry: { ...RETRY, initialMs: 0 }, retainMs: 5 })
    d.fail("s1", d.claim("s1", asked).token)
    d.giveBack("s1", d.assigned().token)
    const run = d.enqueue("s2", spec("2"))
    d.control(run, "pause")
    d.control(run, "resume")
    d.control(run, "cancel")
    d.join("s2", asked)
    d.events()
    d.end("s1")
    d.complete("s2", d.assigned().token)
    d.pass(5)
    d.complete("s2", 9_999 as Token)
    d.send({ kind: "putResult", session: "s2" as SessionId, spec: spec("3"), result: 1 })
    d.send({ kind: "forgetResult", session: "s2" as SessionId, identity: spec("3").identity })
    d.fail("s2", d.claim("s2", spec("4")).token)
    d.giveBack("s2", d.claim("s2", spec("5", { effects: "once" })).token)
    const kinds = new Set(d.seen.map(({ kind }) => kind))
    for (const kind of "enqueued claimed joined completed failed retrying crashed returned canceled interrupted paused resumed forgotten stored expired".split(
      " ",
    )) {
      expect(kinds).toContain(`run.${kind}`)
    }
    expect(kinds).toContain("attempt.stale")
  })

  it("finds nothing under an identity that was never asked for", () => {
    const d = new Driver()
    expect(d.send({ kind: "readRun", session: "s1" as SessionId, identity: "hf1:none" as Identity })).toEqual({
      kind: "run",
      view: null,
    })
  })
})
