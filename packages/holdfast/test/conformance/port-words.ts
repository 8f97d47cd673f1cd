/** Every word of the port, so that a suite can show that it left none out; the compiler keeps the lists complete. */
import type { Command, ErrorCode, StoreEvent } from "../../src/kernel/index.ts"
import type { StoreOutcome } from "../../src/store/index.ts"

/** `advanceTime` is what a store sends itself. */
export const COMMANDS: Readonly<Record<Exclude<Command["kind"], "advanceTime">, true>> = {
  openSession: true,
  endSession: true,
  acquireLock: true,
  withdrawRequest: true,
  releaseLock: true,
  renewLock: true,
  resizeLock: true,
  claimRun: true,
  enqueueRun: true,
  awaitRun: true,
  openWorker: true,
  closeWorker: true,
  takeRun: true,
  completeRun: true,
  failRun: true,
  returnRun: true,
  controlRun: true,
  reportProgress: true,
  readRun: true,
  listRuns: true,
  watchRun: true,
  putResult: true,
  forgetResult: true,
  readCells: true,
  listCells: true,
  commitCells: true,
  watchCells: true,
  inspect: true,
}

export const OUTCOMES: Readonly<Record<StoreOutcome["kind"], true>> = {
  refused: true,
  done: true,
  granted: true,
  parked: true,
  busy: true,
  withdrawn: true,
  released: true,
  unheld: true,
  settled: true,
  claimed: true,
  joined: true,
  enqueued: true,
  retrying: true,
  status: true,
  run: true,
  runs: true,
  cells: true,
  committed: true,
  conflict: true,
  contended: true,
  recorded: true,
  view: true,
}

export const EVENTS: Readonly<Record<StoreEvent["kind"], true>> = {
  lockGranted: true,
  requestRefused: true,
  grantLost: true,
  runSettled: true,
  runAssigned: true,
  claimControl: true,
  cellChanged: true,
  runChanged: true,
}

/** The codes a store refuses with; the others are the runtime's. */
export const REFUSALS: Readonly<Partial<Record<ErrorCode, true>>> = {
  ARGUMENT_INVALID: true,
  DEADLOCK: true,
  GRANT_LOST: true,
  FENCED: true,
  LIMIT_MISMATCH: true,
  RUN_SUPERSEDED: true,
  RUN_UNKNOWN: true,
  STALE_ATTEMPT: true,
  KEY_MISMATCH: true,
  VALUE_INVALID: true,
  SESSION_LOST: true,
}
