import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import { RestartingDriver } from "../../test/kernel/restarting-driver.ts"
import { type ClaimView, generationOf, type RestoredState, type RunId, type RunRow } from "./index.ts"
import type { RequestId, RunSpec, SessionId, Token } from "./index.ts"
import type { LiveRow } from "./live-state.ts"

const S1 = "s1" as SessionId
const POOL = { mode: "shared", limit: 3 } as const

function job(id: string, options: Partial<RunSpec> = {}): RunSpec {
  return specOf("job", id, options)
}

function take(d: Driver, session: string, worker: number): ClaimView {
  const outcome = d.take(session, worker)
  if (outcome.kind !== "claimed") throw new Error(`nothing to take: ${JSON.stringify(outcome)}`)
  return outcome.claim
}

function read(d: Driver, { identity }: RunSpec): unknown {
  const outcome = d.send({ kind: "readRun", session: S1, identity })
  return outcome.kind === "run" ? outcome.view : outcome
}

/** What was written, without some of its live rows. */
function without(state: RestoredState, isGone: (row: LiveRow) => boolean): RestoredState {
  return { ...state, live: state.live.filter((row) => !isGone(row)) }
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
    const late = d.park("s3", "a")
    d.release("s1", a)
    expect(d.events()).toMatchObject([{ kind: "lockGranted", request: early, at: 1_000 }])
    expect(d.withdraw("s3", late)).toMatchObject({ found: true })
  })

  it("drops what belongs to a session that is gone, and wakes who waited for it (L6, O6)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "a")
    const own = d.park("s1", "x")
    d.grant("s3", "b")
    d.park("s1", "b")
    const next = d.park("s2", "a")
    const claim = d.claim("s1", job("1"))
    expect(own).toBeUndefined()
    d.restart((state) => without(state, (row) => row.kind === "session" && row.session === S1))
    d.granted(next)
    expect(d.kernel.snapshot()).toMatchObject({ locks: [{ name: "b", queue: [] }, { name: "a" }] })
    expect(claim.attempt).toBe(1)
  })
})
