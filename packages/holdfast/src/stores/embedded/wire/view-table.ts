/** What outcomes and events show of runs, cells and locks. The order of fields and variants is protocol. */
import type {
  CellView,
  ClaimView,
  HolderView,
  LockView,
  RunView,
  Settlement,
  StoreView,
} from "../../../kernel/index.ts"
import { list, nullable, record, union } from "./compound.ts"
import { boolean, count, encodedValue, finite, lockName, name, number } from "./scalar.ts"
import type { Shape } from "./shape.ts"
import * as words from "./words.ts"

const { identity, label, mode, run, session, token } = words

const operation = name("the name of an operation")
const version = count("a version")
const attempt = count("an attempt")

export const SETTLEMENT: Shape<Settlement> = union("kind", "a settlement", {
  completed: { result: encodedValue("the result of a run") },
  failed: { failure: words.failure },
  canceled: {},
  interrupted: { attempt },
  forgotten: {},
})

export const CLAIM: Shape<ClaimView> = record("a claim", {
  run,
  identity,
  operation,
  version,
  args: encodedValue("the arguments of a run"),
  token,
  attempt,
  steps: list(
    "the steps of a run",
    record("a recorded step", { name: name("the name of a step"), outcome: encodedValue("a step's outcome") }),
    words.MAX_ANSWERED_COUNT,
  ),
  paused: boolean("whether a run is paused"),
})

export const RUN: Shape<RunView> = record("a run", {
  run,
  identity,
  operation,
  version,
  key: nullable(name("a run's key")),
  args: encodedValue("the arguments of a run"),
  effects: words.effects,
  status: words.status,
  paused: boolean("whether a run is paused"),
  pinned: boolean("whether a run is pinned"),
  attempt,
  priority: number("a run's priority"),
  progress: nullable(encodedValue("the progress of a run")),
  result: nullable(encodedValue("the result of a run")),
  failure: nullable(words.failure),
  createdAt: finite("when a run was created"),
  // A delay or a backoff may be without end: the kernel takes Infinity for both.
  notBefore: number("when a run may start"),
  startedAt: nullable(finite("when a run started")),
  settledAt: nullable(finite("when a run settled")),
  waiters: count("the waiters of a run"),
})

export const CELL: Shape<CellView> = record("a cell", {
  name: name("the name of a cell"),
  version,
  value: nullable(encodedValue("the value of a cell")),
})

export const HOLDER: Shape<HolderView> = record("a holder", {
  session,
  label,
  token,
  mode,
  permits: count("permits held"),
  sinceMs: finite("how long a lock is held"),
})

export const LOCK_WAITER: Shape<LockView["waiters"][number]> = record("a waiter", {
  session,
  label,
  mode,
  sinceMs: finite("how long a lock is waited for"),
})

export const LOCK: Shape<LockView> = record("a lock", {
  name: lockName,
  limit: nullable(count("the limit of a lock")),
  holders: list("the holders of a lock", HOLDER, words.MAX_ANSWERED_COUNT),
  waiters: list("the waiters of a lock", LOCK_WAITER, words.MAX_ANSWERED_COUNT),
  waiterCount: count("how many wait for a lock"),
})

export const SESSION_VIEW: Shape<StoreView["sessions"][number]> = record("a session", {
  session,
  label,
  grants: count("the grants of a session"),
  claims: count("the claims of a session"),
  waits: count("the waits of a session"),
})

export const BY_STATUS: Shape<StoreView["runs"]["byStatus"]> = record("runs by status", {
  pending: count("pending runs"),
  running: count("running runs"),
  completed: count("completed runs"),
  failed: count("failed runs"),
  canceled: count("canceled runs"),
  interrupted: count("interrupted runs"),
})

export const QUEUE: Shape<StoreView["queues"][number]> = record("a queue", {
  operation,
  version,
  pending: count("pending runs"),
  running: count("running runs"),
})

export const STORE: Shape<StoreView> = record("a store", {
  sessions: list("sessions", SESSION_VIEW, words.MAX_ANSWERED_COUNT),
  locks: list("locks", LOCK, words.MAX_ANSWERED_COUNT),
  runs: record("runs", { byStatus: BY_STATUS, open: list("open runs", RUN, words.MAX_ANSWERED_COUNT) }),
  queues: list("queues", QUEUE, words.MAX_ANSWERED_COUNT),
  cells: record("cells", { resident: count("resident cells") }),
  blobs: record("blobs", {
    count: count("how many blobs there are"),
    bytes: count("the bytes of blobs"),
    budgetBytes: nullable(number("a budget of bytes")),
    evicted: count("results evicted"),
  }),
})
