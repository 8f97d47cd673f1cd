/**
 * The records the kernel's state is made of, linked the way the semantics ask.
 *
 *     Session ──holds──▶ Grant ◀──holders── Lock ──queue──▶ Ticket ──▶ LockRequest ◀──waits── Session
 *        │                 ▲                                               │
 *        │                 └─────────── waits (who blocks this scope) ─────┤
 *        └──executes──▶ Claim ◀──claim── Run ──waiters──▶ RunWait ◀────────┘
 *
 * A grant or claim stands for the scope that holds it: `waits` are the blocked requests of that scope and of everything
 * it started, because those requests name its token among what they hold. That is the whole waiting graph (L7).
 */
import { assertInvariant } from "./assert.ts"
import type { AcquireLock, Effects, Failure, LockMode, RetryPolicy, RunStatus } from "./command.ts"
import type { Heap, HeapPlace } from "./heap.ts"
import type { Identity } from "./identity.ts"
import type { RequestId, RunId, SessionId, Token, WorkerId } from "./ids.ts"
import type { TokenTable } from "./token-table.ts"
import type { Value } from "./value.ts"

export interface Session {
  readonly id: SessionId
  readonly label: string
  readonly grants: TokenTable<Grant>
  /** Every body this session runs, live or not, until it is reported ended. */
  readonly claims: Map<Token, Claim>
  /** Everything of this session that is parked or registered, by its request. */
  readonly requests: Map<RequestId, Registration>
  readonly workers: Map<WorkerId, Worker>
}

/** What can stand under a request id: a wait that will be answered once, or a watch that goes on. */
export type Registration = LockRequest | RunWait | Taker | CellWatch | RunWatch

/** What blocks a scope. */
export type Wait = LockRequest | RunWait

/** What a scope holds while it goes on. */
export type Holder = Grant | Claim

export interface Lock {
  readonly name: string
  limit: number | null
  /** The one exclusive holder. */
  exclusive: Grant | null
  /** The shared holders; null until there has been one. */
  shared: Set<Grant> | null
  /** Permits of all holders together. */
  used: number
  /** True while holders of before a resize use more than the lowered limit. */
  shrunk: boolean
  /** Ends of the queue, in order of arrival. */
  head: Ticket | null
  tail: Ticket | null
  waiting: number
  /** True while it stands among the spare locks, which are kept for reuse when idle. */
  isSpare: boolean
  /** Requests in the queue that stand in other queues too; null while there is none. */
  joint: Set<LockRequest> | null
}

/** A request's place in one queue. */
export interface Ticket {
  readonly request: LockRequest
  readonly lock: Lock
  previous: Ticket | null
  next: Ticket | null
}

export interface LockRequest {
  readonly kind: "lock"
  readonly session: Session
  readonly command: AcquireLock
  readonly since: number
  /** Order of arrival in the store (L3). */
  readonly arrival: number
  readonly tickets: Ticket[]
  /** The grants and claims of its scope chain that are still live. */
  readonly holders: readonly Holder[]
}

export interface Grant {
  readonly kind: "grant"
  readonly token: Token
  readonly session: Session
  /** What it was asked under. */
  readonly request: RequestId
  readonly locks: readonly Lock[]
  readonly mode: LockMode
  readonly permits: number
  readonly at: number
  waits: Set<Wait> | null
  /** Set while the grant has a lease. */
  lease: Deadline | null
}

export interface RunStep {
  readonly name: string
  readonly outcome: Value
}

/** What is stored of a run: plain data, all there is of it once it has settled. */
export interface RunRow {
  readonly identity: Identity
  /** Strictly increasing over all runs of the store; names the run together with the identity. */
  readonly generation: Token
  readonly operation: string
  readonly version: number
  readonly args: Value
  readonly key: string | null
  readonly effects: Effects
  readonly retry: RetryPolicy
  /** The operation's limit as last asked for with this run; a kernel after this one takes it up from the newest run. */
  concurrency: number | null
  readonly keyed: { readonly key: string; readonly count: number } | null
  readonly attemptTimeoutMs: number | null
  readonly retainMs: number | null
  readonly abandon: "keep" | "cancel"
  readonly priority: number
  readonly arrival: number
  readonly createdAt: number
  status: RunStatus
  paused: boolean
  /** Kept from eviction and retention. */
  pinned: boolean
  notBefore: number
  /** Claims so far. */
  attempt: number
  /** Failed attempts that count against the retry policy. */
  failures: number
  /** Crashes of executing sessions since an attempt last ended otherwise (O6). */
  crashes: number
  steps: readonly RunStep[]
  progress: Value | null
  result: Value | null
  failure: Failure | null
  startedAt: number | null
  settledAt: number | null
}

/** A run in memory: its row and, while it is open or watched, who waits and who executes. */
export interface Run {
  readonly row: RunRow
  readonly queue: OperationQueue
  claim: Claim | null
  readonly waiters: Set<RunWait>
  readonly watches: Set<RunWatch>
  /** Places in the queue's heaps and its key's; `wanted` serves both, since a run is never in both. */
  readonly ready: HeapPlace
  readonly wanted: HeapPlace
  readonly blocked: HeapPlace
  /** When a delay or backoff is over, or when a settled run is forgotten. */
  deadline: Deadline | null
}

export interface RunWait {
  readonly kind: "run"
  readonly session: Session
  readonly request: RequestId
  readonly run: Run
  readonly since: number
  /** True where the waiter's session can execute the run and may be handed the claim. */
  readonly execute: boolean
  readonly holders: readonly Holder[]
}

export interface Claim {
  readonly kind: "claim"
  readonly token: Token
  readonly session: Session
  readonly run: Run
  /** The request that was handed the run: a waiter's, or a slot's. */
  readonly request: RequestId
  readonly attempt: number
  readonly at: number
  readonly workerId: WorkerId | null
  /** Whose slot the body occupies, until it is reported ended; null for inline execution, and until a worker is back. */
  worker: Worker | null
  /** False once the run settled or went on without this attempt; the body may still be running. */
  live: boolean
  waits: Set<Wait> | null
  timeout: Deadline | null
}

/** Per-key part of an operation's queue. */
export interface KeySlot {
  live: number
  /** Ready runs that wait for a slot of this key. */
  readonly blocked: Heap<Run>
  /** Those of them that have a waiter able to execute. */
  readonly wanted: Heap<Run>
}

/** The open runs of one operation in one version, and who takes them. */
export interface OperationQueue {
  readonly operation: string
  readonly version: number
  /** True while sessions that may take its runs are on their way back to a kernel that was restored. */
  isGathering: boolean
  concurrency: number | null
  readonly live: Set<Claim>
  readonly keys: Map<string, KeySlot>
  readonly workers: Set<Worker>
  /** Free slots of those workers, in order of arrival. */
  readonly takers: Set<Taker>
  /** Runs that only lack an executor. */
  readonly ready: Heap<Run>
  /** Those of them that have a waiter able to execute; they lack a slot of the operation. */
  readonly wanted: Heap<Run>
}

export interface Worker {
  readonly id: WorkerId
  readonly session: Session
  readonly queues: readonly OperationQueue[]
  readonly takers: Set<Taker>
  /** Bodies that run in its slots; one that awaits a run does not count against them meanwhile. */
  readonly busy: Set<Claim>
  readonly slots: number
}

/** One free slot of a worker. */
export interface Taker {
  readonly kind: "taker"
  readonly session: Session
  readonly request: RequestId
  readonly worker: Worker
}

export interface CellWatch {
  readonly kind: "cellWatch"
  readonly session: Session
  readonly request: RequestId
  readonly pattern:
    { readonly kind: "name"; readonly name: string } | { readonly kind: "prefix"; readonly prefix: string }
}

export interface RunWatch {
  readonly kind: "runWatch"
  readonly session: Session
  readonly request: RequestId
  readonly run: Run
}

/** What is stored of a cell; `value` null is a deletion. */
export interface CellRow {
  version: number
  value: Value | null
}

/** Something that happens when its time has come. */
export type Deadline = { readonly at: number; readonly order: number; readonly place: HeapPlace } & (
  | { readonly kind: "lease"; readonly grant: Grant }
  | { readonly kind: "attempt"; readonly claim: Claim }
  | { readonly kind: "ready"; readonly run: Run }
  | { readonly kind: "expiry"; readonly run: Run }
)

/** Takes a registration out of its session: ids are never used twice, so what stands there is this one (L4). */
export function unregister(session: Session, request: RequestId, registration: Registration): void {
  assertInvariant(session.requests.get(request) === registration, "L4", "a request ends that is not registered")
  session.requests.delete(request)
}

/** Grants that hold the lock now. */
export function holdersOf(lock: Lock): Grant[] {
  if (lock.exclusive !== null) return [lock.exclusive]
  return lock.shared === null ? [] : [...lock.shared]
}

/** The id of a run: its identity and generation. */
export function runIdOf(row: RunRow): RunId {
  return `${row.identity}@${String(row.generation)}` as RunId // Brand constructor.
}

/** The generation in a run's id; NaN where it names none. */
export function generationOf(run: RunId): Token {
  return Number(run.slice(run.lastIndexOf("@") + 1)) as Token // Brand constructor.
}

/** The identity part of a run id, or undefined where the text is none. */
export function identityOf(run: RunId): Identity | undefined {
  const end = run.lastIndexOf("@")
  return end <= 0 ? undefined : (run.slice(0, end) as Identity) // Brand constructor.
}
