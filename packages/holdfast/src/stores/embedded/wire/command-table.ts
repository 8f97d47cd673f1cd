/** Commands on the wire. The order of variants, fields and words is protocol: append, never move. */
import type { CellRead, CellWrite, Command, RetryPolicy, RunFilter, RunSpec } from "../../../kernel/index.ts"
import { list, nullable, record, union } from "./compound.ts"
import { boolean, choice, count, encodedValue, lockName, name, number, text } from "./scalar.ts"
import type { Shape } from "./shape.ts"
import * as words from "./words.ts"

const { request, run, session, token, worker } = words

const cellName = name("the name of a cell")
const operation = name("the name of an operation")
const version = count("a version")
const prefix = text("the prefix of names", 512)
const holding = list("tokens held", token, words.MAX_ASKED_COUNT)

const retry: Shape<RetryPolicy> = record("a retry policy", {
  maxAttempts: number("the most attempts"),
  initialMs: number("the first backoff"),
  factor: number("the factor of a backoff"),
  maxMs: number("the longest backoff"),
})

const spec: Shape<RunSpec> = record("a run's spec", {
  identity: words.identity,
  operation,
  version,
  args: encodedValue("the arguments of a run"),
  key: nullable(name("a run's key")),
  effects: words.effects,
  retry,
  concurrency: nullable(number("an operation's concurrency")),
  keyed: nullable(
    record("a keyed limit", { key: name("the key of a limit"), count: number("the count of a keyed limit") }),
  ),
  attemptTimeoutMs: nullable(number("the timeout of an attempt")),
  retainMs: nullable(number("how long a run is kept")),
  abandon: choice("what an abandoned run does", ["keep", "cancel"]),
  priority: number("a run's priority"),
  delayMs: number("a run's delay"),
})

const read: Shape<CellRead> = record("a cell's version", { name: cellName, version })

const write: Shape<CellWrite> = union("kind", "a cell's write", {
  put: { name: cellName, value: encodedValue("the value of a cell") },
  delete: { name: cellName },
  merge: {
    name: cellName,
    merge: choice("a merge", ["max", "counter", "last"]),
    value: encodedValue("the value of a merge"),
  },
})

const filter: Shape<RunFilter> = record("a filter of runs", {
  operation: nullable(operation),
  statuses: nullable(list("statuses to list", words.status, words.MAX_ASKED_COUNT)),
  limit: count("the most runs to list"),
})

/** What a session can ask. Numbers that the kernel judges itself are let through for it to refuse as an outcome. */
export const COMMAND: Shape<Command> = union("kind", "a command", {
  openSession: { session, label: words.label },
  endSession: {
    session,
    reason: choice("why a session ended", ["closed", "died"]),
    unstarted: list("claims not started", token, words.MAX_ASKED_COUNT),
  },
  acquireLock: {
    session,
    request,
    names: list("the names of a request", lockName, words.MAX_ASKED_COUNT),
    mode: words.mode,
    permits: number("the permits of a request"),
    limit: nullable(number("the limit of a lock")),
    leaseMs: nullable(number("a lease")),
    holding,
    wait: boolean("whether to wait"),
  },
  withdrawRequest: { session, request, reason: choice("why a request ended", ["timeout", "abort", "done"]) },
  releaseLock: { session, token },
  renewLock: { session, token, leaseMs: number("a lease") },
  resizeLock: { session, name: lockName, limit: number("the limit of a lock") },
  claimRun: { session, request, spec, holding, force: boolean("whether to force") },
  enqueueRun: { session, spec, force: boolean("whether to force") },
  awaitRun: { session, request, run, holding, execute: boolean("whether to execute") },
  openWorker: {
    session,
    worker,
    operations: list(
      "the operations of a worker",
      record("an operation of a worker", { operation, version }),
      words.MAX_ASKED_COUNT,
    ),
    slots: number("the slots of a worker"),
  },
  closeWorker: { session, worker },
  takeRun: { session, request, worker },
  completeRun: { session, token, result: encodedValue("the result of a run") },
  failRun: { session, token, failure: words.failure, final: boolean("whether a failure is final") },
  returnRun: { session, token, started: boolean("whether a claim was started") },
  controlRun: {
    session,
    run,
    action: choice("what to do with a run", ["cancel", "pause", "resume", "retry", "pin", "unpin"]),
  },
  reportProgress: { session, token, progress: encodedValue("the progress of a run") },
  readRun: { session, identity: words.identity },
  listRuns: { session, filter },
  watchRun: { session, request, run },
  putResult: { session, spec, result: encodedValue("a stored result") },
  forgetResult: { session, identity: words.identity },
  readCells: {
    session,
    names: list("the cells to read", cellName, words.MAX_ASKED_COUNT),
    head: boolean("whether to read the head"),
  },
  listCells: { session, prefix, limit: count("the most cells to list") },
  commitCells: {
    session,
    holding,
    reads: list("the versions a commit rests on", read, words.MAX_ASKED_COUNT),
    writes: list("the writes of a commit", write, words.MAX_ASKED_COUNT),
    starts: list("the runs a commit starts", spec, words.MAX_ASKED_COUNT),
    step: nullable(
      record("a recorded step", { token, name: name("the name of a step"), outcome: encodedValue("a step's outcome") }),
    ),
    complete: nullable(record("a completion", { token, result: encodedValue("the result of a run") })),
  },
  watchCells: {
    session,
    request,
    pattern: union("kind", "a pattern of cells", { name: { name: cellName }, prefix: { prefix } }),
  },
  inspect: { session },
  advanceTime: {},
  discardResult: { session, run },
  evictRuns: { identities: list("the results to evict", words.identity, words.MAX_ASKED_COUNT) },
  setBlobBudget: { session, bytes: nullable(number("a budget of bytes")) },
  evictBlobs: { session, maxBytes: number("a bound of bytes") },
  holdBlobs: {
    session,
    hold: list("the blobs to hold", words.digest, words.MAX_ASKED_COUNT),
    drop: list("the blobs to drop", words.digest, words.MAX_ASKED_COUNT),
  },
  flushRun: { session, run },
  peekRun: { session, identity: words.identity },
})
