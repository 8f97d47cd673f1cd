import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { type Driver, refusal } from "../../test/kernel/driver.ts"
import { RestartingDriver } from "../../test/kernel/restarting-driver.ts"
import { without } from "../../test/kernel/written.ts"
import { type ClaimView, generationOf, type RestoredState, type RunId, type RunSpec } from "./index.ts"
import type { SessionId, Token } from "./index.ts"
import type { LiveRow } from "./live-state.ts"

function job(id: string, options: Partial<RunSpec> = {}): RunSpec {
  return specOf("job", id, options)
}

/** Any change of a run's row from what was written of it. */
function withRun(state: RestoredState, change: Partial<RestoredState["runs"][number]>): RestoredState {
  return { ...state, runs: state.runs.map((row) => ({ ...row, ...change })) }
}

describe("a restored claim", () => {
  it("is its run's only one, and what its body reports counts (O1, O2, O5)", () => {
    const d = new RestartingDriver()
    const spec = job("1")
    const { token } = d.claim("s1", spec)
    d.restart()
    d.join("s2", spec)
    expect(d.view(spec)).toMatchObject({ status: "running", attempt: 1, startedAt: 1_000 })
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
    expect(d.view(spec)).toMatchObject({ status: "running", attempt: 1, startedAt: 1_000 })
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
        expect(d.view(spec)).toMatchObject({ status })
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
      expect(d.view(pure)).toMatchObject({ status })
      expect(d.view(once)).toMatchObject({ status: "interrupted" })
    }
    expect(d.view(pure)).toMatchObject({ attempt: 3, failure: { code: "RUN_CRASHED" } })
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
    expect(d.view(spec)).toMatchObject({ run, status: "running" })
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
    const first = d.takeClaim("s1", 1)
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
    expect(d.kernel.viewStored(row)).toEqual(d.view(spec))
    expect(d.kernel.viewStored({ ...row, identity: job("2").identity })).toMatchObject({ waiters: 0 })
    expect(d.kernel.storedRun(job("2").identity)).toBeNull()
    const ids = [run, `${job("2").identity}@1`, "no run"] as RunId[] // Brand constructors.
    expect(ids.map((id) => d.kernel.effectsOf(id))).toEqual(["idempotent", undefined, undefined])
    expect(generationOf(run)).toBe(row.generation)
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
  const { token } = d.takeClaim("s2", 1)
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
    expect(d.takeClaim("s3", 1).run).toBe(later)
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
    const { token } = d.takeClaim("s2", 1)
    d.park("s2", "a", { holding: [token] })
    refusal(d.await("s1", d.enqueue("s1", job("2")), { holding: [a] }), "DEADLOCK")
  })
})
