import { describe, expect, it } from "vitest"
import { A, AWAIT, CLAIM, lock, REQUEST, TAKE, WRITE } from "../../../../test/simulation/scripted-keeper.ts"
import type { CellView, Command, Outcome, RunView, StoreEvent, Token, WorkerId } from "../../../kernel/index.ts"
import { SessionRecord } from "./session-record.ts"

const TOKEN = 7 as Token // Brand constructor.
const WORKER = 1 as WorkerId // Brand constructor.
const LOCK = lock(1)
const WITHDRAW: Command = { kind: "withdrawRequest", session: A, request: REQUEST, reason: "abort" }
const PARKED: Outcome = { kind: "parked" }
const CLAIMED: Outcome = { kind: "claimed", claim: CLAIM, waiting: false }
const WITHDRAWN: Outcome = { kind: "withdrawn", found: true, locks: [] }

/** What is asked and answered, in this order. */
function recordOf(...steps: readonly (readonly [Command, Outcome])[]): SessionRecord {
  const record = new SessionRecord(A)
  for (const [command, outcome] of steps) {
    record.asked(command)
    record.answered(command, outcome)
  }
  return record
}

function known({ waits, grants, claims, returning }: SessionRecord): Readonly<Record<string, unknown>> {
  const maps = { waits, grants, claims, returning }
  return Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, [...map.keys()]]))
}

const NOTHING = { waits: [], grants: [], claims: [], returning: [] }

describe("a wait", () => {
  it("is known from its outcome to the event that answers it (O4)", () => {
    const answers: readonly StoreEvent[] = [
      { kind: "lockGranted", session: A, request: REQUEST, token: TOKEN, at: 0 },
      { kind: "requestRefused", session: A, request: REQUEST, code: "DEADLOCK", message: "", details: {} },
    ]
    for (const answer of answers) {
      const record = recordOf([LOCK, PARKED])
      expect([known(record), record.isExpecting]).toEqual([{ ...NOTHING, waits: [REQUEST] }, true])
      expect(record.told(answer)).toBe(true)
      expect(record.isExpecting).toBe(false)
    }
  })

  it("is never known where it was withdrawn before its own outcome came, and its request is free again then (L4)", () => {
    const record = new SessionRecord(A)
    record.asked(LOCK)
    record.asked(WITHDRAW)
    record.answered(WITHDRAW, WITHDRAWN)
    expect(record.isWithdrawn(REQUEST)).toBe(true)
    record.answered(LOCK, PARKED)
    expect([known(record), record.isWithdrawn(REQUEST)]).toEqual([NOTHING, false])
  })

  it("ends with its withdrawal, also where nobody knows what came of that (L4)", () => {
    const record = recordOf([LOCK, PARKED])
    record.asked(WITHDRAW)
    expect(known(record)).toEqual({ ...NOTHING, waits: [REQUEST] })
    record.failed(WITHDRAW)
    expect(known(record)).toEqual(NOTHING)
  })

  it("for a run goes on while the run is executed here, and that for any run does not (O4)", () => {
    const joined = recordOf([AWAIT, { kind: "joined", run: CLAIM.run }])
    joined.told({ kind: "runAssigned", session: A, request: REQUEST, claim: CLAIM })
    expect(known(joined)).toEqual({ ...NOTHING, waits: [REQUEST], claims: [CLAIM.token] })
    const taken = recordOf([TAKE, PARKED])
    taken.told({ kind: "runAssigned", session: A, request: REQUEST, claim: CLAIM })
    expect(known(taken)).toEqual({ ...NOTHING, claims: [CLAIM.token] })
  })

  it("of a worker's slot ends with its worker, and no other wait does", () => {
    const open: Command = { kind: "openWorker", session: A, worker: WORKER, operations: [], slots: 1 }
    const record = recordOf([open, { kind: "done" }], [TAKE, PARKED], [lock(2), PARKED])
    expect([...record.workers.keys()]).toEqual([WORKER])
    record.asked({ kind: "closeWorker", session: A, worker: WORKER })
    expect([[...record.workers.keys()], known(record)]).toEqual([[], { ...NOTHING, waits: [2] }])
  })
})

describe("a grant", () => {
  it("is known with its names until it is given back or lost (L5)", () => {
    const record = recordOf([LOCK, { kind: "granted", token: TOKEN, at: 0 }])
    expect([...record.grants]).toEqual([[TOKEN, ["l"]]])
    record.asked({ kind: "releaseLock", session: A, token: TOKEN })
    expect(known(record)).toEqual(NOTHING)
    const parked = recordOf([LOCK, PARKED])
    parked.told({ kind: "lockGranted", session: A, request: REQUEST, token: TOKEN, at: 0 })
    expect([...parked.grants]).toEqual([[TOKEN, ["l"]]])
    parked.told({ kind: "grantLost", session: A, token: TOKEN, names: ["l"] })
    expect(known(parked)).toEqual(NOTHING)
  })
})

describe("a claim", () => {
  const { token } = CLAIM
  const complete: Command = { kind: "completeRun", session: A, token, result: 1 }
  const commit: Command = { ...WRITE, complete: { token, result: 1 } }
  const giveBack: Command = { kind: "returnRun", session: A, token, started: true }
  const conflict: Outcome = { kind: "conflict", name: "x", expected: 1, found: 2 }

  it("is nobody's once its end is reported, and somebody's again where that report was not taken (O5)", () => {
    for (const report of [complete, commit]) {
      const record = recordOf([TAKE, CLAIMED])
      record.asked(report)
      expect(known(record)).toEqual(NOTHING)
      record.failed(report)
      expect(known(record)).toEqual({ ...NOTHING, claims: [token] })
    }
  })

  it("is somebody's again where the commit that ends it lost its race, and gone where it did not (O10)", () => {
    const lost = recordOf([TAKE, CLAIMED], [commit, conflict])
    expect(known(lost)).toEqual({ ...NOTHING, claims: [token] })
    const won = recordOf([TAKE, CLAIMED], [commit, { kind: "committed", versions: [], starts: [] }])
    won.failed(commit)
    expect(known(won)).toEqual(NOTHING)
  })

  it("that could not be given back is still to be, as it was to be, and is nobody's (O10)", () => {
    const record = recordOf([TAKE, CLAIMED])
    record.asked(giveBack)
    record.failed(giveBack)
    expect([[...record.returning], record.claims.size]).toEqual([[[token, giveBack]], 0])
    record.asked(giveBack)
    expect(record.returning.size).toBe(0)
  })

  it("that is lost is lost wherever it was: held, reported, or still to be given back (O5)", () => {
    const lost: StoreEvent = { kind: "claimControl", session: A, token, action: "lost", reason: "timeout" }
    const held = recordOf([TAKE, CLAIMED])
    held.told(lost)
    const reported = recordOf([TAKE, CLAIMED])
    reported.asked(complete)
    reported.told(lost)
    reported.failed(complete)
    const returning = recordOf([TAKE, CLAIMED])
    returning.asked(giveBack)
    returning.failed(giveBack)
    returning.told(lost)
    expect([known(held), known(reported), known(returning)]).toEqual([NOTHING, NOTHING, NOTHING])
  })

  it("remembers whether its body was told to pause", () => {
    const record = recordOf([TAKE, CLAIMED])
    for (const action of ["pause", "resume"] as const) {
      record.told({ kind: "claimControl", session: A, token, action, reason: "asked" })
      expect(record.claims.get(token)?.paused).toBe(action === "pause")
    }
  })
})

describe("a watch that is told again", () => {
  it("tells no version of a cell twice, and none that is older (C4)", () => {
    const watch: Command = { kind: "watchCells", session: A, request: REQUEST, pattern: { kind: "name", name: "x" } }
    const at = (version: number): CellView => ({ name: "x", version, value: 1 })
    const record = recordOf([watch, { kind: "cells", cells: [at(3)] }])
    const tell = (version: number) =>
      record.told({ kind: "cellChanged", session: A, request: REQUEST, cell: at(version) })
    expect([2, 3, 4, 4, 3, 5].map(tell)).toEqual([false, false, true, false, false, true])
  })

  it("tells of a run only what is another state of it, whoever waits for it", () => {
    const watch: Command = { kind: "watchRun", session: A, request: REQUEST, run: CLAIM.run }
    // Of a run, nothing else is looked at.
    const at = (attempt: number, waiters: number): RunView => ({ run: CLAIM.run, attempt, waiters }) as RunView
    const record = recordOf([watch, { kind: "run", view: at(1, 0) }])
    const tell = (view: RunView) => record.told({ kind: "runChanged", session: A, request: REQUEST, view })
    expect([at(1, 0), at(1, 5), at(2, 5), at(2, 0), at(1, 0)].map(tell)).toEqual([false, false, true, false, true])
  })
})
