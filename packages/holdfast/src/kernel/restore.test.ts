import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import { RestartingDriver } from "../../test/kernel/restarting-driver.ts"
import { type ClaimView, generationOf, type RestoredState, type RunId, type RunSpec } from "./index.ts"
import type { RequestId, SessionId, Token } from "./index.ts"
import type { LiveRow } from "./live-state.ts"

const SHARED = { mode: "shared" } as const

function job(id: string, options: Partial<RunSpec> = {}): RunSpec {
  return specOf("job", id, options)
}

function take(d: Driver, session: string, worker: number): ClaimView {
  const outcome = d.take(session, worker)
  if (outcome.kind !== "claimed") throw new Error(`nothing to take: ${JSON.stringify(outcome)}`)
  return outcome.claim
}

/** What a session sees of the run. */
function view(d: Driver, { identity }: RunSpec, session = "s2"): unknown {
  const outcome = d.send({ kind: "readRun", session: session as SessionId, identity })
  return outcome.kind === "run" ? outcome.view : outcome
}

/** What was written, without some of its live rows. */
function without(state: RestoredState, isGone: (row: LiveRow) => boolean): RestoredState {
  return { ...state, live: state.live.filter((row) => !isGone(row)) }
}

/** Any change of a run's row from what was written of it. */
function withRun(state: RestoredState, change: Partial<RestoredState["runs"][number]>): RestoredState {
  return { ...state, runs: state.runs.map((row) => ({ ...row, ...change })) }
}

describe("a restored kernel", () => {
  it("goes on behind the time, the tokens and the arrivals of the one before it (L2, L3)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const early = d.park("s2", "a")
    // A store reserves tokens ahead, so more may have been handed out than it knows of.
    d.restart((state) => ({ ...state, lastToken: state.lastToken + 100 }))
    expect(d.kernel.lastToken).toBe(a + 100)
    expect(d.grant("s3", "b")).toBe(a + 101)
    d.now -= 500
    d.park("s3", "a")
    d.release("s1", a)
    expect(d.events()).toMatchObject([{ kind: "lockGranted", request: early, at: 1_000 }])
  })

  it("knows its sessions, which of them are away, and what each of them has (L6)", () => {
    const d = new RestartingDriver()
    const [a, b] = [d.grant("s1", "a"), d.grant("s2", "b")]
    const granted = d.lastRequest
    const waiting = d.park("s2", "a")
    const claim = d.claim("s2", job("1"))
    const claimed = d.lastRequest
    d.restart()
    expect(d.kernel.awaySessions()).toEqual(["s1", "s2", "s3"])
    d.comeBack("s1", "s9", "s1", "s3")
    expect(d.kernel.awaySessions()).toEqual(["s2"])
    expect(["s2", "s9"].map((id) => d.kernel.hasSession(id as SessionId))).toEqual([true, false])
    expect(d.kernel.holdingOf("s9" as SessionId)).toBeNull()
    expect(d.kernel.holdingOf("s2" as SessionId)).toEqual({
      grants: [{ token: b, request: granted, at: 1_000 }],
      claims: [{ request: claimed, claim }],
      waiting: [waiting],
    })
    // A body whose run was canceled goes on for a while, but is nothing the session has.
    d.control(claim.run, "cancel")
    expect(d.kernel.holdingOf("s2" as SessionId)).toMatchObject({ claims: [] })
    expect(d.kernel.holdingOf("s1" as SessionId)?.grants).toMatchObject([{ token: a }])
    expect(d.send({ kind: "openSession", session: "s2" as SessionId, label: "" })).toMatchObject({ kind: "refused" })
  })

  it("drops what belongs to a session that is gone, and wakes who waited for it (L4, L6, O6)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "a")
    const b = d.grant("s3", "b")
    d.park("s1", "b")
    const [next, behind] = [d.park("s2", "a"), d.park("s2", "b")]
    const spec = job("1")
    d.claim("s1", spec)
    d.restart((state) => without(state, (row) => row.kind === "session" && row.session === "s1"))
    // Whose grant came while nobody kept the store is told so, and it is written.
    const token = d.granted(next)
    expect(d.liveChanges()).toMatchObject({ [`grant:${String(token)}`]: { names: ["a"], request: next } })
    expect(view(d, spec)).toMatchObject({ status: "pending", attempt: 1 })
    d.release("s3", b)
    d.granted(behind)
  })

  it("gives back what an absent session holds when it ends after all (L6, O6)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "a")
    const next = d.park("s2", "a")
    const spec = job("1")
    d.claim("s1", spec)
    d.restart()
    d.end("s1")
    expect(d.granted(next)).toBeGreaterThan(0)
    expect(d.kernel.awaySessions()).toEqual(["s2", "s3"])
    expect(view(d, spec)).toMatchObject({ status: "pending" })
  })
})

describe("a restored grant", () => {
  it("excludes others until its own session releases it, and counts from when it was given (L1, L5)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", ["a", "b"])
    d.restart()
    d.now += 70
    expect(d.acquire("s2", "b", { wait: false })).toMatchObject({
      kind: "busy",
      lock: { holders: [{ session: "s1", label: "s1", token: a, mode: "exclusive", sinceMs: 70 }] },
    })
    refusal(d.release("s2", a), "GRANT_LOST")
    const next = d.park("s2", ["b", "a"])
    expect(d.release("s1", a)).toEqual({ kind: "released", heldMs: 70 })
    d.granted(next)
    expect(d.release("s1", a)).toEqual({ kind: "unheld" })
  })

  it("ends with its lease, and is told lost before the next holder is told granted (L1, L6)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    const next = d.park("s2", "a")
    d.restart()
    expect(d.kernel.nextDeadline()).toBe(1_050)
    d.pass(49)
    expect(d.events()).toEqual([])
    d.pass(1)
    expect(d.events()).toMatchObject([
      { kind: "grantLost", token: a, names: ["a"] },
      { kind: "lockGranted", request: next },
    ])
  })

  it("is lost at once where its lease ran out while nobody kept the store (L6)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.now += 200
    d.restart((state) => ({ ...state, now: d.now }))
    d.pass(0)
    expect(d.events()).toMatchObject([{ kind: "grantLost", token: a }])
    d.grant("s2", "a")
  })

  it("has the lease it was renewed to (L6)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.restart()
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 500 })
    expect(d.liveChanges()).toMatchObject({ [`grant:${String(a)}`]: { kind: "grant", token: a, leaseAt: 1_500 } })
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 600 })
    d.restart()
    d.pass(599)
    expect(d.events()).toEqual([])
    d.pass(1)
    expect(d.events()).toMatchObject([{ kind: "grantLost", token: a }])
  })

  it("stands beside the other shared ones, within their limit (L1)", () => {
    const d = new RestartingDriver()
    const pool = { ...SHARED, limit: 3 }
    const [one] = [d.grant("s1", "pool", pool), d.grant("s2", "pool", { ...pool, permits: 2 })]
    const unlimited = [d.grant("s1", "free", SHARED), d.grant("s2", "free", SHARED)]
    d.restart()
    refusal(d.acquire("s3", "pool", { ...SHARED, limit: 4 }), "LIMIT_MISMATCH")
    expect(d.acquire("s3", "pool", { ...SHARED, wait: false })).toMatchObject({ kind: "busy", lock: { limit: 3 } })
    d.release("s1", one)
    d.grant("s3", "pool", SHARED)
    const writer = d.park("s3", "free")
    for (const [at, token] of unlimited.entries()) d.release(`s${String(at + 1)}`, token)
    d.granted(writer)
  })

  it("brings along a limit whose own row was not written yet (L1)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "pool", { ...SHARED, limit: 2 })
    d.grant("s1", "door")
    d.park("s2", "door", { ...SHARED, limit: 1 })
    d.written.take(d.kernel)
    for (const name of ["pool", "door"]) d.written.lose(`limit:${name}`)
    d.restart()
    expect(d.kernel.takeChanges()).toEqual([
      { key: "limit:pool", row: 2 },
      { key: "limit:door", row: 1 },
    ])
    d.grant("s2", "pool", SHARED)
    expect(d.acquire("s3", "pool", { ...SHARED, wait: false })).toMatchObject({ kind: "busy", lock: { limit: 2 } })
    refusal(d.acquire("s3", "door", { ...SHARED, limit: 2 }), "LIMIT_MISMATCH")
  })

  it("stays above a limit that was lowered meanwhile, and nothing new is granted until all are within it (L1)", () => {
    const d = new RestartingDriver()
    const pool = { ...SHARED, limit: 4, permits: 2 }
    const held = [d.grant("s1", "pool", pool), d.grant("s1", "pool", pool)]
    d.resize("pool", 2)
    const waiting = d.park("s2", "pool", SHARED)
    d.restart()
    expect(d.acquire("s3", "pool", { ...SHARED, wait: false })).toMatchObject({ kind: "busy", lock: { limit: 2 } })
    d.release("s1", held[0] as Token)
    expect(d.events()).toEqual([])
    d.release("s1", held[1] as Token)
    d.granted(waiting)
  })
})

describe("restored lock requests", () => {
  it("stand in order of arrival, however they were read (L3)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const waiting = ["s2", "s3", "s1"].map((session) => d.park(session, "a"))
    d.restart((state) => ({ ...state, live: state.live.toReversed() }))
    const late = d.park("s2", "a")
    let [holder, token] = ["s1", a]
    for (const [at, request] of [...waiting, late].entries()) {
      d.release(holder, token)
      token = d.granted(request)
      holder = ["s2", "s3", "s1", "s2"][at] ?? ""
    }
  })

  it("for several names stand in all their queues, and nobody passes them (L3, L4)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const [both, behind, last] = [d.park("s2", ["a", "b"]), d.park("s3", "b"), d.park("s1", ["b", "c"])]
    d.restart((state) => ({ ...state, live: state.live.toReversed() }))
    expect(d.acquire("s3", "b", { wait: false })).toMatchObject({ kind: "busy", lock: { waiterCount: 3 } })
    d.release("s1", a)
    d.release("s2", d.granted(both))
    d.release("s3", d.granted(behind))
    d.granted(last)
  })

  it("have waited since they were asked, and are withdrawn without a trace (L4)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const request = d.park("s2", "a")
    d.restart()
    d.now += 30
    expect(d.withdraw("s2", request, "timeout")).toMatchObject({
      found: true,
      locks: [{ name: "a", waiters: [{ session: "s2", sinceMs: 30 }] }],
    })
    expect(d.liveChanges()).toEqual({ [`ticket:s2/${String(request)}`]: null })
    d.release("s1", a)
    expect(d.events()).toEqual([])
  })

  it("block the scopes they were asked in, so a deadlock with them is still seen (L7)", () => {
    const d = new RestartingDriver()
    const [a, b] = [d.grant("s1", "a"), d.grant("s2", "b")]
    const gone = d.grant("s3", "c")
    d.park("s1", "b", { holding: [a, gone] })
    d.release("s3", gone)
    d.restart()
    refusal(d.acquire("s2", "a", { holding: [b] }), "DEADLOCK")
    // What was given back since it asked stands in nobody's way.
    d.grant("s2", "c", { holding: [b] })
  })

  it("of a body block its run, so who awaits that run is refused what the body waits for (L7)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const body = d.claim("s2", job("1"))
    d.park("s2", "a", { holding: [body.token] })
    d.restart()
    refusal(d.await("s1", body.run, { holding: [a] }), "DEADLOCK")
  })
})

describe("a restored claim", () => {
  it("is its run's only one, and what its body reports counts (O1, O2, O5)", () => {
    const d = new RestartingDriver()
    const spec = job("1")
    const { token } = d.claim("s1", spec)
    d.restart()
    d.join("s2", spec)
    expect(view(d, spec)).toMatchObject({ status: "running", attempt: 1, startedAt: 1_000 })
    refusal(d.complete("s2", token), "STALE_ATTEMPT")
    expect(d.complete("s1", token)).toEqual({ kind: "status", status: "completed" })
    expect(d.events()).toMatchObject([{ kind: "runSettled", session: "s2", settlement: { result: 1 } }])
    expect(d.liveChanges()).toEqual({ [`claim:${String(token)}`]: null })
  })

  it("times out when it would have (O5)", () => {
    const d = new RestartingDriver()
    const { token } = d.claim("s1", job("1", { attemptTimeoutMs: 100 }))
    d.pass(40)
    d.restart()
    d.pass(59)
    expect(d.events()).toEqual([])
    d.pass(1)
    expect(d.events()).toMatchObject([{ kind: "claimControl", session: "s1", token, reason: "timeout" }])
  })

  it("counts against the limits of its operation and its key (O1)", () => {
    const d = new RestartingDriver()
    const limited = { concurrency: 1 }
    const keyed = { keyed: { key: "k", count: 1 } }
    const first = [d.claim("s1", job("1", limited)), d.claim("s1", specOf("other", "1", keyed))]
    const next = [d.enqueue("s1", job("2", limited)), d.enqueue("s1", specOf("other", "2", keyed))]
    d.restart()
    d.openWorker("s2", 1, ["job", "other"], 2)
    for (let slot = 0; slot < 2; slot += 1) expect(d.take("s2", 1)).toEqual({ kind: "parked" })
    for (const [at, claim] of first.entries()) {
      d.complete("s1", claim.token)
      expect(d.assigned().run).toBe(next[at])
    }
  })

  it("is taken up where its row was written before the run's (O1)", () => {
    const d = new RestartingDriver()
    const spec = job("1")
    const { token } = d.claim("s1", spec)
    d.restart((state) => withRun(state, { status: "pending", attempt: 0, startedAt: null }))
    expect(view(d, spec)).toMatchObject({ status: "running", attempt: 1, startedAt: 1_000 })
    expect(d.kernel.takeChanges()).toMatchObject([{ row: { status: "running", attempt: 1 } }])
    expect(d.complete("s1", token)).toMatchObject({ status: "completed" })
  })

  it("is nothing any more where its run went on without it (O1, O5)", () => {
    const retry = { maxAttempts: 5, initialMs: 0, factor: 1, maxMs: 0 }
    const goneOn: readonly ((d: Driver, spec: RunSpec, claim: ClaimView) => string)[] = [
      // Failed, and to be tried again.
      (d, _, { token }) => {
        d.fail("s1", token)
        return "pending"
      },
      // In its second attempt, by another.
      (d, spec, { token }) => {
        d.fail("s1", token)
        d.claim("s2", spec)
        return "running"
      },
      // Canceled, and asked for again.
      (d, spec, { run }) => {
        d.control(run, "cancel")
        d.claim("s2", spec)
        return "running"
      },
      // Settled, so that it is loaded when somebody asks.
      (d, _, { token }) => {
        d.complete("s1", token)
        return "completed"
      },
    ]
    for (const goOn of goneOn) {
      for (const isFirst of [true, false]) {
        const d = new RestartingDriver()
        const spec = job("1", { retry })
        const claim = d.claim("s1", spec)
        let stale: readonly LiveRow[] = []
        d.restart((state) => {
          stale = state.live.filter((row) => row.kind === "claim")
          return state
        })
        const status = goOn(d, spec, claim)
        const holding = d.kernel.holdingOf("s2" as SessionId)
        d.restart((state) => ({ ...state, live: isFirst ? [...stale, ...state.live] : [...state.live, ...stale] }))
        expect(d.kernel.holdingOf("s1" as SessionId)).toMatchObject({ claims: [] })
        expect(d.kernel.holdingOf("s2" as SessionId)).toEqual(holding)
        expect(view(d, spec)).toMatchObject({ status })
        refusal(d.complete("s1", claim.token), "STALE_ATTEMPT")
      }
    }
  })

  it("lost with its session crashes its run: a once one is interrupted, the third in a row fails (O6, O10)", () => {
    const d = new RestartingDriver()
    const [pure, once] = [job("1"), job("2", { effects: "once" })]
    d.claim("s1", once)
    for (const status of ["pending", "pending", "failed"]) {
      d.claim("s1", pure)
      d.restart((state) => without(state, (row) => row.kind === "claim"))
      expect(view(d, pure)).toMatchObject({ status })
      expect(view(d, once)).toMatchObject({ status: "interrupted" })
    }
    expect(view(d, pure)).toMatchObject({ attempt: 3, failure: { code: "RUN_CRASHED" } })
  })

  it("is taken up with a run that no store has yet, over an older one of its identity (O1, O3)", () => {
    const d = new RestartingDriver()
    const spec = job("1", { concurrency: 1 })
    let old: RestoredState["runs"] = []
    const first = d.enqueue("s1", spec)
    d.restart((state) => {
      old = state.runs
      return state
    })
    d.control(first, "cancel")
    const { run, token } = d.claim("s1", spec)
    d.restart((state) => ({ ...state, runs: old, claimed: state.runs }))
    expect(generationOf(run)).toBeGreaterThan(generationOf(first))
    expect(view(d, spec)).toMatchObject({ run, status: "running" })
    expect(d.kernel.takeChanges()).toMatchObject([{ key: `run:${spec.identity}`, row: { status: "running" } }])
    // The operation's limit is that of the run handed out last.
    d.openWorker("s2", 1, ["job"])
    d.enqueue("s1", job("2", { concurrency: 1 }))
    expect(d.take("s2", 1)).toEqual({ kind: "parked" })
    expect(d.complete("s1", token)).toMatchObject({ status: "completed" })
    expect(d.assigned()).toMatchObject({ identity: job("2").identity })
  })
})

describe("restored runs", () => {
  it("that are pending go to the next executor, by priority, under the newest limit, delayed ones in time (O6)", () => {
    const d = new RestartingDriver()
    d.enqueue("s1", job("1", { delayMs: 50, concurrency: 2 }))
    const low = d.enqueue("s1", job("2", { concurrency: 2 }))
    const high = d.enqueue("s1", job("3", { priority: 1, concurrency: 1 }))
    d.restart()
    d.openWorker("s1", 1, ["job"], 3)
    const first = take(d, "s1", 1)
    expect(first.run).toBe(high)
    expect([d.take("s1", 1), d.take("s1", 1)]).toEqual([{ kind: "parked" }, { kind: "parked" }])
    d.complete("s1", first.token)
    const second = d.assigned()
    expect(second.run).toBe(low)
    d.complete("s1", second.token)
    expect(d.events()).toEqual([])
    d.pass(50)
    expect(d.assigned().identity).toBe(job("1").identity)
  })

  it("show who waits for them, and what they declare, to a store that has their rows (O9)", () => {
    const d = new RestartingDriver()
    const spec = job("1", { effects: "idempotent" })
    const run = d.enqueue("s1", spec)
    d.restart()
    d.await("s2", run)
    const row = d.kernel.storedRun(spec.identity)
    if (row === null) throw new Error("the run is not resident")
    expect(d.kernel.viewStored(row)).toEqual(view(d, spec))
    expect(d.kernel.viewStored({ ...row, identity: job("2").identity })).toMatchObject({ waiters: 0 })
    expect(d.kernel.storedRun(job("2").identity)).toBeNull()
    const ids = [run, `${job("2").identity}@1`, "no run"] as RunId[] // Brand constructors.
    expect(ids.map((id) => d.kernel.effectsOf(id))).toEqual(["idempotent", undefined, undefined])
    expect([generationOf(run), row.generation]).toEqual([row.generation, Number(run.split("@")[1])])
  })
})

/**
 * s1 holds `a` and awaits a queued run; the worker of s2 has its one slot in a body that waits for `a`; the worker of s3
 * could take the run.
 */
function createJam(): { readonly d: RestartingDriver; readonly a: Token; readonly later: RunId } {
  const d = new RestartingDriver()
  const a = d.grant("s1", "a")
  d.openWorker("s2", 1, ["job", "other"])
  d.openWorker("s3", 1, ["job", "other"])
  d.enqueue("s1", job("1"))
  const { token } = take(d, "s2", 1)
  const later = d.enqueue("s1", job("2"))
  d.await("s1", later, { holding: [a] })
  d.park("s2", "a", { holding: [token] })
  d.restart()
  return { d, a, later }
}

describe("workers that are on their way back", () => {
  it("are waited for: no deadlock is seen while one may still come (L7)", () => {
    const { d, a, later } = createJam()
    d.openWorker("s2", 1, ["job", "other"])
    d.comeBack("s1", "s2")
    expect(d.await("s1", later, { holding: [a] })).toMatchObject({ kind: "joined" })
    d.openWorker("s3", 1, ["job", "other"])
    d.comeBack("s3")
    expect(d.events()).toEqual([])
    expect(take(d, "s3", 1).run).toBe(later)
  })

  it("are waited for by operations that had no run before, too (L7)", () => {
    const { d, a } = createJam()
    d.openWorker("s2", 1, ["job", "other"])
    d.comeBack("s1", "s2")
    const fresh = d.enqueue("s1", specOf("other", "1"))
    expect(d.await("s1", fresh, { holding: [a] })).toMatchObject({ kind: "joined" })
    const request = d.lastRequest
    d.comeBack("s3")
    expect(d.events()).toMatchObject([{ kind: "requestRefused", session: "s1", request, code: "DEADLOCK" }])
  })

  it("are waited for no longer once all are back or gone: a wait without hope is refused (L6, L7)", () => {
    const endings: readonly ((d: RestartingDriver) => void)[] = [
      (d) => {
        d.comeBack("s3")
      },
      (d) => {
        d.end("s3")
      },
    ]
    for (const end of endings) {
      const { d, a, later } = createJam()
      d.openWorker("s2", 1, ["job", "other"])
      d.comeBack("s1", "s2")
      d.await("s1", later, { holding: [a] })
      const request = d.lastRequest
      expect(d.events()).toEqual([])
      end(d)
      expect(d.events()).toMatchObject([{ kind: "requestRefused", session: "s1", request, code: "DEADLOCK" }])
      refusal(d.await("s1", later, { holding: [a] }), "DEADLOCK")
    }
  })

  it("have their slots occupied again by the bodies that went on, those of other workers do not (L7)", () => {
    for (const [worker, isStuck] of [
      [1, true],
      [2, false],
    ] as const) {
      const { d, a, later } = createJam()
      d.claim("s2", specOf("inline", "1"))
      d.openWorker("s2", worker, ["job"])
      d.comeBack("s1", "s2", "s3")
      const outcome = d.await("s1", later, { holding: [a] })
      if (isStuck) refusal(outcome, "DEADLOCK")
      else expect(outcome).toMatchObject({ kind: "joined" })
    }
  })

  it("are not waited for where there was no session", () => {
    const d = new RestartingDriver([])
    d.restart()
    d.send({ kind: "openSession", session: "s2" as SessionId, label: "" })
    d.send({ kind: "openSession", session: "s1" as SessionId, label: "" })
    const a = d.grant("s1", "a")
    d.openWorker("s2", 1, ["job"])
    d.enqueue("s1", job("1"))
    const { token } = take(d, "s2", 1)
    d.park("s2", "a", { holding: [token] })
    refusal(d.await("s1", d.enqueue("s1", job("2")), { holding: [a] }), "DEADLOCK")
  })
})

describe("live changes", () => {
  it("say what came and went, whole (L3, L6, O1)", () => {
    const d = new RestartingDriver(["s1"])
    const a = d.grant("s1", ["a", "b"], { ...SHARED, limit: 4, permits: 2, leaseMs: 9 })
    const granted = d.lastRequest
    const waiting = d.park("s1", "a")
    d.openWorker("s1", 7, ["job"])
    d.enqueue("s1", job("1", { attemptTimeoutMs: 30 }))
    const claim = take(d, "s1", 7)
    expect(d.liveChanges()).toEqual({
      "session:s1": { kind: "session", session: "s1", label: "s1" },
      [`grant:${String(a)}`]: {
        kind: "grant",
        session: "s1",
        token: a,
        request: granted,
        names: ["a", "b"],
        limits: [4, 4],
        mode: "shared",
        permits: 2,
        at: 1_000,
        leaseAt: 1_009,
      },
      [`ticket:s1/${String(waiting)}`]: expect.objectContaining({
        kind: "ticket",
        arrival: 1,
        since: 1_000,
      }) as unknown,
      [`claim:${String(claim.token)}`]: {
        kind: "claim",
        session: "s1",
        token: claim.token,
        request: d.lastRequest,
        identity: claim.identity,
        generation: generationOf(claim.run),
        attempt: 1,
        at: 1_000,
        worker: 7,
        timeoutAt: 1_030,
      },
    })
    expect(d.liveChanges()).toEqual({})
    d.end("s1")
    expect(d.liveChanges()).toEqual({
      "session:s1": null,
      [`grant:${String(a)}`]: null,
      [`ticket:s1/${String(waiting)}`]: null,
      [`claim:${String(claim.token)}`]: null,
    })
  })

  it("leave out what came and went between two of them (L4)", () => {
    const d = new RestartingDriver(["s1"])
    d.liveChanges()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 60 })
    d.withdraw("s1", d.park("s1", "a"))
    d.release("s1", a)
    d.complete("s1", d.claim("s1", job("1")).token)
    d.send({ kind: "openSession", session: "s2" as SessionId, label: "" })
    d.end("s2")
    expect(d.liveChanges()).toEqual({})
  })

  it("have one end for what was renewed and then released (L6)", () => {
    const d = new RestartingDriver(["s1"])
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.liveChanges()
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 60 })
    d.release("s1", a)
    expect(d.liveChanges()).toEqual({ [`grant:${String(a)}`]: null })
  })

  it("are none in a kernel whose sessions end with it", () => {
    const d = new Driver()
    d.grant("s1", "a")
    expect(d.kernel.takeLiveChanges()).toEqual([])
  })

  it("are none of being restored (L4)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "a", { leaseMs: 50 })
    d.park("s2", "a")
    d.claim("s1", job("1"))
    d.restart()
    expect(d.liveChanges()).toEqual({})
  })
})
