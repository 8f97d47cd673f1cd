/** Events and transitions on the wire. The order of variants, fields and words is protocol: append, never move. */
import type { StoreEvent, Transition } from "../../../kernel/index.ts"
import { list, nullable, union } from "./compound.ts"
import { details } from "./details.ts"
import { choice, count, errorCode, finite, freeText, lockName, name, number } from "./scalar.ts"
import type { Shape } from "./shape.ts"
import { CELL, CLAIM, RUN, SETTLEMENT } from "./view-table.ts"
import { identity, MAX_ANSWERED_COUNT, mode, request, run, session, token } from "./words.ts"

const at = finite("when it happened")
const names = list("the names of locks", lockName, MAX_ANSWERED_COUNT)
const waitedMs = finite("how long it waited")
const heldMs = finite("how long it was held")

/** What the store tells one session. */
export const EVENT: Shape<StoreEvent> = union("kind", "an event", {
  lockGranted: { session, request, token, at },
  requestRefused: { session, request, code: errorCode, message: freeText("the message of a refusal"), details },
  grantLost: { session, token, names },
  runSettled: { session, request, run, settlement: SETTLEMENT },
  runAssigned: { session, request, claim: CLAIM },
  claimControl: {
    session,
    token,
    action: choice("what happens to a claim", ["pause", "resume", "lost"]),
    reason: choice("why it happens to a claim", ["canceled", "timeout", "forgotten", "stored", "asked", "sessionLost"]),
  },
  cellChanged: { session, request, cell: CELL },
  runChanged: { session, request, view: RUN },
})

const lockAsked = { at, session, names, mode, token: nullable(token), waitedMs }
const lockLeft = { at, session, names, token, heldMs }
const lockGivenUp = { at, session, names, waitedMs }
const runMoved = {
  at,
  session: nullable(session),
  run,
  identity,
  operation: name("the name of an operation"),
  attempt: count("an attempt"),
}

/** What observers see. */
export const TRANSITION: Shape<Transition> = union("kind", "a transition", {
  "session.opened": { at, session },
  "session.ended": { at, session, reason: choice("why a session ended", ["closed", "died"]) },
  "lock.waiting": lockAsked,
  "lock.granted": lockAsked,
  "lock.released": lockLeft,
  "lock.lost": lockLeft,
  "lock.timeout": lockGivenUp,
  "lock.withdrawn": lockGivenUp,
  "lock.resized": { at, name: lockName, limit: number("the limit of a lock") },
  "deadlock.refused": { at, session, message: freeText("the message of a refusal") },
  "commit.applied": { at, session, cells: list("cells", name("the name of a cell"), MAX_ANSWERED_COUNT) },
  "commit.conflict": { at, session, cell: name("the name of a cell") },
  "commit.fenced": { at, session, token },
  "run.enqueued": runMoved,
  "run.claimed": runMoved,
  "run.joined": runMoved,
  "run.completed": runMoved,
  "run.failed": runMoved,
  "run.retrying": runMoved,
  "run.crashed": runMoved,
  "run.returned": runMoved,
  "run.canceled": runMoved,
  "run.interrupted": runMoved,
  "run.paused": runMoved,
  "run.resumed": runMoved,
  "run.forgotten": runMoved,
  "run.stored": runMoved,
  "run.expired": runMoved,
  "attempt.stale": { at, session, token },
  "run.evicted": runMoved,
})
