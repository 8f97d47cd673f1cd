/** Administration on the wire. The order of variants and fields is protocol: append, never move. */
import type { AdminAnswer, AdminOrder, StoreReport } from "../keeper/admin.ts"
import { list, nullable, record, union } from "./compound.ts"
import { boolean, count, finite, lockName, name, text } from "./scalar.ts"
import type { Shape } from "./shape.ts"
import { BY_STATUS, HOLDER, LOCK_WAITER, QUEUE, SESSION_VIEW } from "./view-table.ts"
import { id, MAX_ANSWERED_COUNT, run, status } from "./words.ts"

/** What a path may take, and the end of one in bytes on Linux. */
const MAX_PATH_BYTES = 4_096

/** What whoever looks after a store can ask. */
export const ADMIN_ORDER: Shape<AdminOrder> = union("kind", "an order", {
  ping: {},
  report: { since: nullable(count("a revision")) },
  backup: { file: text("a backup's path", MAX_PATH_BYTES, "name") },
  compact: { vacuum: boolean("whether to give space back") },
  holdFiles: {},
  releaseFiles: {},
})

const lockLine = record("a lock", {
  name: lockName,
  limit: nullable(count("the limit of a lock")),
  holders: list("the holders of a lock", HOLDER, MAX_ANSWERED_COUNT),
  waiters: list("the waiters of a lock", LOCK_WAITER, MAX_ANSWERED_COUNT),
  waiterCount: count("how many wait for a lock"),
  holderCount: count("how many hold a lock"),
})

const runLine = record("a run", {
  run,
  operation: name("the name of an operation"),
  version: count("a version"),
  key: nullable(name("a run's key")),
  status,
  paused: boolean("whether a run is paused"),
  attempt: count("an attempt"),
  waiters: count("the waiters of a run"),
  createdAt: finite("when a run was created"),
  startedAt: nullable(finite("when a run started")),
})

const report: Shape<StoreReport> = record("a report", {
  revision: count("a revision"),
  at: finite("when a report was made"),
  keeper: record("a keeper", {
    pid: count("a keeper's process"),
    build: id("a build"),
    startedAt: finite("when a keeper started"),
  }),
  store: record("a store", {
    instance: id("a store's instance"),
    createdAt: finite("when a store was made"),
    build: id("a build"),
  }),
  sessions: list("sessions", SESSION_VIEW, MAX_ANSWERED_COUNT),
  sessionCount: count("how many sessions there are"),
  locks: list("locks", lockLine, MAX_ANSWERED_COUNT),
  lockCount: count("how many locks there are"),
  runs: record("runs", {
    byStatus: BY_STATUS,
    open: list("open runs", runLine, MAX_ANSWERED_COUNT),
    openCount: count("how many runs are open"),
  }),
  queues: list("queues", QUEUE, MAX_ANSWERED_COUNT),
  cells: record("cells", { stored: count("cells with a value"), resident: count("resident cells") }),
  results: record("results", {
    served: count("results served"),
    joined: count("requests that joined a run"),
    computed: count("results computed"),
  }),
})

/** What a keeper answers to an order. */
export const ADMIN_ANSWER: Shape<AdminAnswer> = union("kind", "an answer", { done: {}, report: { report } })
