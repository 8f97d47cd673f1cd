/**
 * Everything a session can ask of a store, as data. A command has one outcome (outcome.ts); what happens later on its
 * account arrives as events (event.ts). Every field is required; `null` means absent.
 */
import type { Digest } from "./binary.ts"
import type { Identity } from "./identity.ts"
import type { RequestId, RunId, SessionId, Token, WorkerId } from "./ids.ts"
import type { Value } from "./value.ts"

/** How a lock is asked for: alone, or together with other shared holders. */
export type LockMode = "exclusive" | "shared"

/** What a definition declares about re-running its body: freely, after a crash, or never without a decision (O10). */
export type Effects = "pure" | "idempotent" | "once"

/** How often a failed body is tried and how long to wait in between: `initialMs * factor ** (failures - 1)`, at most `maxMs`. */
export interface RetryPolicy {
  /** Attempts in all, at least 1. */
  readonly maxAttempts: number
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
}

/** A run as asked for: which identity, with what arguments, under which options of its definition. */
export interface RunSpec {
  readonly identity: Identity
  readonly operation: string
  readonly version: number
  /** The encoded arguments, an array. */
  readonly args: Value
  /** The idempotency key that stands for the arguments in the identity. */
  readonly key: string | null
  readonly effects: Effects
  readonly retry: RetryPolicy
  /** At most this many live claims of the operation. */
  readonly concurrency: number | null
  /** At most `count` live claims of the operation for this key. */
  readonly keyed: { readonly key: string; readonly count: number } | null
  readonly attemptTimeoutMs: number | null
  /** How long a settled run is kept; null keeps it. */
  readonly retainMs: number | null
  readonly abandon: "keep" | "cancel"
  /** Higher first; ties in order of arrival. */
  readonly priority: number
  readonly delayMs: number
}

/** What a failed attempt leaves behind. */
export interface Failure {
  readonly code: "RUN_FAILED" | "RUN_CRASHED"
  /** The name of the error the body threw, such as `TypeError`. */
  readonly name: string
  readonly message: string
  readonly stack: string | null
}

/** How relaxed writes combine: the larger number, the sum, or the last value. */
export type Merge = "max" | "counter" | "last"

/** One change of a commit to one cell. */
export type CellWrite =
  | { readonly kind: "put"; readonly name: string; readonly value: Value }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "merge"; readonly name: string; readonly merge: Merge; readonly value: Value }

/** A version a commit rests on; version 0 is a cell that never was. */
export interface CellRead {
  readonly name: string
  readonly version: number
}

/** Which runs to list; `null` fields do not filter. */
export interface RunFilter {
  readonly operation: string | null
  readonly statuses: readonly RunStatus[] | null
  readonly limit: number
}

/** Where a run stands; completed and canceled are final for its generation. */
export type RunStatus = "pending" | "running" | "completed" | "failed" | "canceled" | "interrupted"

export interface OpenSession {
  readonly kind: "openSession"
  readonly session: SessionId
  /** What people see where the session is listed. */
  readonly label: string
}

export interface EndSession {
  readonly kind: "endSession"
  readonly session: SessionId
  /** A session that closed gave its runs back on purpose; one that died crashed them (O6). */
  readonly reason: "closed" | "died"
  /** Claims whose bodies were never entered; then nothing of a `once` operation can have happened (O10). */
  readonly unstarted: readonly Token[]
}

export interface AcquireLock {
  readonly kind: "acquireLock"
  readonly session: SessionId
  readonly request: RequestId
  /** One or several names, granted together or not at all; distinct. */
  readonly names: readonly string[]
  readonly mode: LockMode
  /** How much of the limit a shared grant takes; 1 where there is no limit. */
  readonly permits: number
  /** The limit the caller believes the names have; null takes what is stored. */
  readonly limit: number | null
  /** The grant ends by itself after this long unless renewed; null never. */
  readonly leaseMs: number | null
  /** Tokens of every grant and claim in the caller's scope chain. */
  readonly holding: readonly Token[]
  /** False asks without waiting: the outcome is `granted` or `busy`. */
  readonly wait: boolean
}

export interface WithdrawRequest {
  readonly kind: "withdrawRequest"
  readonly session: SessionId
  readonly request: RequestId
  readonly reason: "timeout" | "abort" | "done"
}

export interface ReleaseLock {
  readonly kind: "releaseLock"
  readonly session: SessionId
  readonly token: Token
}

export interface RenewLock {
  readonly kind: "renewLock"
  readonly session: SessionId
  readonly token: Token
  readonly leaseMs: number
}

export interface ResizeLock {
  readonly kind: "resizeLock"
  readonly session: SessionId
  readonly name: string
  readonly limit: number
}

/** Asks for the result of an identity: served, joined, or claimed for execution here. */
export interface ClaimRun {
  readonly kind: "claimRun"
  readonly session: SessionId
  readonly request: RequestId
  readonly spec: RunSpec
  readonly holding: readonly Token[]
  /** Opens the next generation even where a result is at hand. */
  readonly force: boolean
}

/** Makes sure a run of the identity exists, for a worker to take. */
export interface EnqueueRun {
  readonly kind: "enqueueRun"
  readonly session: SessionId
  readonly spec: RunSpec
  readonly force: boolean
}

/** Waits for one generation to settle. */
export interface AwaitRun {
  readonly kind: "awaitRun"
  readonly session: SessionId
  readonly request: RequestId
  readonly run: RunId
  readonly holding: readonly Token[]
  /** True where the caller has the definition and may be handed the claim. */
  readonly execute: boolean
}

export interface OpenWorker {
  readonly kind: "openWorker"
  readonly session: SessionId
  readonly worker: WorkerId
  /** Definitions the worker can execute; a run of another version of an operation is not offered. */
  readonly operations: readonly { readonly operation: string; readonly version: number }[]
  /** How many bodies it runs at once, those that await other runs not counted. */
  readonly slots: number
}

export interface CloseWorker {
  readonly kind: "closeWorker"
  readonly session: SessionId
  readonly worker: WorkerId
}

/** One free slot of a worker asks for one run. */
export interface TakeRun {
  readonly kind: "takeRun"
  readonly session: SessionId
  readonly request: RequestId
  readonly worker: WorkerId
}

export interface CompleteRun {
  readonly kind: "completeRun"
  readonly session: SessionId
  readonly token: Token
  readonly result: Value
}

export interface FailRun {
  readonly kind: "failRun"
  readonly session: SessionId
  readonly token: Token
  readonly failure: Failure
  /** True skips what is left of the retry policy. */
  readonly final: boolean
}

/** Gives a claim back unfinished and uncounted, as a draining worker does. */
export interface ReturnRun {
  readonly kind: "returnRun"
  readonly session: SessionId
  readonly token: Token
  /** False where the body was never entered; then nothing of a `once` operation can have happened. */
  readonly started: boolean
}

export interface ControlRun {
  readonly kind: "controlRun"
  readonly session: SessionId
  readonly run: RunId
  readonly action: "cancel" | "pause" | "resume" | "retry" | "pin" | "unpin"
}

export interface ReportProgress {
  readonly kind: "reportProgress"
  readonly session: SessionId
  readonly token: Token
  readonly progress: Value
}

export interface ReadRun {
  readonly kind: "readRun"
  readonly session: SessionId
  readonly identity: Identity
}

/** What the identity's newest run came to, or where it stands; nothing else of it, which is less to carry. */
export interface PeekRun {
  readonly kind: "peekRun"
  readonly session: SessionId
  readonly identity: Identity
}

export interface ListRuns {
  readonly kind: "listRuns"
  readonly session: SessionId
  readonly filter: RunFilter
}

export interface WatchRun {
  readonly kind: "watchRun"
  readonly session: SessionId
  readonly request: RequestId
  readonly run: RunId
}

/** Stores a result from outside; a computation in flight never overwrites it. */
export interface PutResult {
  readonly kind: "putResult"
  readonly session: SessionId
  readonly spec: RunSpec
  readonly result: Value
}

/** Forgets what is known of an identity; a computation in flight never brings it back. */
export interface ForgetResult {
  readonly kind: "forgetResult"
  readonly session: SessionId
  readonly identity: Identity
}

/** The stored result of a run is missing or altered: it is forgotten where it can be computed again (O9, S2). */
export interface DiscardResult {
  readonly kind: "discardResult"
  readonly session: SessionId
  readonly run: RunId
}

/** Forgets results that can be computed again, to make room; those pinned, watched or irreplaceable stay. */
export interface EvictRuns {
  readonly kind: "evictRuns"
  readonly identities: readonly Identity[]
}

/** How many bytes of large values the store may keep before it forgets what can be computed again; null is no limit. */
export interface SetBlobBudget {
  readonly kind: "setBlobBudget"
  readonly session: SessionId
  readonly bytes: number | null
}

/** Forgets what can be computed again until large values take at most so many bytes, once. */
export interface EvictBlobs {
  readonly kind: "evictBlobs"
  readonly session: SessionId
  readonly maxBytes: number
}

/** The session has these large values in its hands, or no longer: held, they stay although nothing names them. */
export interface HoldBlobs {
  readonly kind: "holdBlobs"
  readonly session: SessionId
  readonly hold: readonly Digest[]
  readonly drop: readonly Digest[]
}

export interface ReadCells {
  readonly kind: "readCells"
  readonly session: SessionId
  readonly names: readonly string[]
  /** True shows what is not durable yet: to functions whose own outcome is told only when that is (C5). */
  readonly head: boolean
}

export interface ListCells {
  readonly kind: "listCells"
  readonly session: SessionId
  readonly prefix: string
  readonly limit: number
}

/** All of it or none of it: versions read, cells written, runs started, a step recorded, a run completed. */
export interface CommitCells {
  readonly kind: "commitCells"
  readonly session: SessionId
  /** Every grant of the scope chain and the claim of its run: each must be live (L8). */
  readonly holding: readonly Token[]
  readonly reads: readonly CellRead[]
  readonly writes: readonly CellWrite[]
  readonly starts: readonly RunSpec[]
  readonly step: { readonly token: Token; readonly name: string; readonly outcome: Value } | null
  readonly complete: { readonly token: Token; readonly result: Value } | null
}

/** Watches one cell, or every cell whose name starts with a prefix. */
export interface WatchCells {
  readonly kind: "watchCells"
  readonly session: SessionId
  readonly request: RequestId
  readonly pattern:
    { readonly kind: "name"; readonly name: string } | { readonly kind: "prefix"; readonly prefix: string }
}

/** Answered once everything that anyone was told of the run is durable; changes nothing. */
export interface FlushRun {
  readonly kind: "flushRun"
  readonly session: SessionId
  readonly run: RunId
}

export interface Inspect {
  readonly kind: "inspect"
  readonly session: SessionId
}

/** Lets time pass: leases end, delays are over, attempts time out. Sent by the store at {@link Kernel.nextDeadline}. */
export interface AdvanceTime {
  readonly kind: "advanceTime"
}

/** A command of the port. */
export type Command =
  | OpenSession
  | EndSession
  | AcquireLock
  | WithdrawRequest
  | ReleaseLock
  | RenewLock
  | ResizeLock
  | ClaimRun
  | EnqueueRun
  | AwaitRun
  | OpenWorker
  | CloseWorker
  | TakeRun
  | CompleteRun
  | FailRun
  | ReturnRun
  | ControlRun
  | ReportProgress
  | ReadRun
  | PeekRun
  | ListRuns
  | WatchRun
  | PutResult
  | ForgetResult
  | DiscardResult
  | EvictRuns
  | SetBlobBudget
  | EvictBlobs
  | HoldBlobs
  | ReadCells
  | ListCells
  | CommitCells
  | WatchCells
  | FlushRun
  | Inspect
  | AdvanceTime
