/**
 * The kernel: the one definition of what Holdfast's words mean, as a deterministic state machine.
 *
 *     apply(command, now) ──▶ outcome        (or `need`: load these rows and apply again)
 *                         └─▶ events         (taken by the store after each command)
 *
 * It holds no promise, clock, randomness or I/O; the same commands at the same times give the same outcomes and events.
 * Every store executes these semantics or is checked against them.
 *
 * 1. A command is applied whole or answered by a refusal or a `need` that changed nothing.
 * 2. What is due by `now` happens before the command, in order of its time.
 * 3. Time does not go back: a smaller `now` counts as the last one seen.
 */
import { assertInvariant, unreachable } from "./assert.ts"
import { CellTable } from "./cell-table.ts"
import type { Command, Effects, EndSession, WithdrawRequest } from "./command.ts"
import { Context } from "./context.ts"
import type { StoreEvent, Transition } from "./event.ts"
import type { Identity } from "./identity.ts"
import type { RequestId, RunId, SessionId, Token } from "./ids.ts"
import { type LiveChange, type LiveRow, type SessionHolding, sortLiveRows } from "./live-state.ts"
import { LockTable } from "./lock-table.ts"
import type { Need, Outcome, RowKey, RunView, StoreView } from "./outcome.ts"
import { refuse } from "./refuse.ts"
import { RunTable } from "./run-table.ts"
import { viewClaim, viewRow } from "./run-view.ts"
import { type KernelSnapshot, takeSnapshot } from "./snapshot.ts"
import type { CellRow, CellWatch, Deadline, LockRequest, Run, RunRow, RunWait, RunWatch } from "./state.ts"
import type { Session, Taker, Wait } from "./state.ts"
import { identityOf } from "./state.ts"
import { TokenTable } from "./token-table.ts"
import { allCanFinish } from "./waiting-graph.ts"
import { type RowChange, WorkingSet } from "./working-set.ts"

const NO_EVENTS: readonly StoreEvent[] = []

/** A row as a backing store keeps it, with its key. */
export type StoredRow =
  | { readonly key: `cell:${string}`; readonly row: CellRow | null }
  | { readonly key: `run:${string}`; readonly row: RunRow | null }
  | { readonly key: `limit:${string}`; readonly row: number | null }

export interface KernelOptions {
  /** True where rows also live in a backing store: unknown rows are asked for with `need`, idle ones can be evicted. */
  readonly backed: boolean
}

/** What a kernel that is gone left behind. */
export interface RestoredState {
  readonly now: number
  /** At least the last token that may have been handed out (L2). */
  readonly lastToken: number
  readonly lastArrival: number
  /** Open runs; settled ones are loaded when somebody asks for them. */
  readonly runs: readonly RunRow[]
  /** Runs that were handed out and are not stored. */
  readonly claimed: readonly RunRow[]
  /** Runs that completed and are not stored as such. */
  readonly completed: readonly RunRow[]
  readonly live: readonly LiveRow[]
}

export class Kernel {
  readonly #context: Context
  readonly #sessions = new Map<SessionId, Session>()
  readonly #backed: boolean
  readonly #limits: WorkingSet<number>
  readonly #runRows: WorkingSet<Run>
  readonly #cellRows: WorkingSet<CellRow>
  readonly #locks: LockTable
  readonly #runs: RunTable
  readonly #cells: CellTable
  /** Sessions that were restored and have not come back yet. */
  readonly #away = new Set<SessionId>()
  /** The listing whose rows were just loaded; good for the next command only. */
  #scanned: Need["scan"] = null

  constructor(options: KernelOptions) {
    this.#context = new Context(options)
    this.#backed = options.backed
    this.#limits = new WorkingSet(options)
    this.#runRows = new WorkingSet(options)
    this.#cellRows = new WorkingSet(options)
    this.#locks = new LockTable(this.#context, this.#limits)
    this.#runs = new RunTable(this.#context, this.#runRows)
    this.#cells = new CellTable({ context: this.#context, cells: this.#cellRows, locks: this.#locks, runs: this.#runs })
  }

  /** Applies one command at `now` (milliseconds since the epoch). */
  apply(command: Command, now: number): Outcome {
    if (now > this.#context.now) this.#context.now = now
    this.#fireDue()
    this.#runs.refuseStuck()
    if (this.#backed) {
      const need = this.#needs(command)
      if (need !== null) return need
    }
    const outcome = this.#execute(command)
    this.#runs.refuseStuck()
    return outcome
  }

  #execute(command: Command): Outcome {
    if (command.kind === "openSession") return this.#openSession(command.session, command.label)
    if (command.kind === "advanceTime") return { kind: "done" }
    if (command.kind === "evictRuns") {
      this.#runs.evict(command.identities)
      return { kind: "done" }
    }
    const session = this.#sessions.get(command.session)
    if (session === undefined) {
      if (command.kind === "endSession") return { kind: "done" }
      return refuse("SESSION_LOST", `session ${command.session} is not open in this store; open the store again`)
    }
    return this.#applyTo(session, command)
  }

  /** What the last commands had to say to sessions, in order; each event is handed over once. */
  takeEvents(): readonly StoreEvent[] {
    if (this.#context.events.length === 0) return NO_EVENTS
    const { events } = this.#context
    this.#context.events = []
    return events
  }

  /** When something that may be waited for is due next, or undefined; the store then sends `advanceTime`. */
  nextDeadline(): number | undefined {
    return this.#context.deadlines.top?.at
  }

  /** When a settled run is to be forgotten next; nobody waits for that. */
  nextExpiry(): number | undefined {
    return this.#context.expiries.top?.at
  }

  /** Reports every transition to `observer` from now on; null stops. */
  observe(observer: ((transition: Transition) => void) | null): void {
    this.#context.observe = observer
  }

  // Working set

  /** Takes rows that a `need` asked for. */
  load(rows: readonly StoredRow[], scan: Need["scan"]): void {
    for (const stored of rows) {
      if (isKey(stored.key, "cell")) this.#cellRows.load(stored.key.slice(5), stored.row as CellRow | null)
      // The key's prefix tells which row it is; the pair is a discriminated union that slicing the key hides.
      else if (isKey(stored.key, "run")) {
        const row = stored.row as RunRow | null
        const identity = stored.key.slice(4)
        if (!this.#runRows.isKnown(identity)) {
          this.#runRows.load(identity, row === null ? null : this.#runs.load(row))
        }
      } else this.#limits.load(stored.key.slice(6), stored.row as number | null)
    }
    this.#scanned = scan
  }

  /** What changed since the last call, to be stored before anybody learns of it. */
  takeChanges(): readonly RowChange<CellRow | RunRow | number>[] {
    return [
      ...this.#cellRows.takeChanges("cell", (row) => ({ ...row })),
      ...this.#runRows.takeChanges("run", (run) => ({ ...run.row })),
      ...this.#limits.takeChanges("limit", (limit) => limit),
    ]
  }

  /** What came and went of sessions, grants, tickets and claims since the last call. */
  takeLiveChanges(): readonly LiveChange[] {
    return this.#context.live?.take() ?? []
  }

  /**
   * Takes up the work of a kernel that is gone, before any command. Its sessions hold what they held; until one comes
   * back it blocks only that. What nobody executes any more crashed with its session (O6).
   */
  restore(state: RestoredState): void {
    this.#context.now = state.now
    this.#context.lastToken = state.lastToken
    this.#context.lastArrival = state.lastArrival
    for (const row of state.runs) this.#runs.restore(row)
    for (const row of state.claimed) this.#runs.restoreUnstored(row)
    const { sessions, claims, grants, tickets } = sortLiveRows(state.live)
    for (const { session, label } of sessions) {
      this.#openSession(session, label)
      this.#away.add(session)
    }
    this.#runs.gather(this.#away.size > 0)
    // Holders before requests, and those in order of arrival: each finds what it rests on and stands behind.
    for (const row of claims) this.#runs.restoreClaim(this.#sessions.get(row.session), row)
    for (const row of grants) this.#locks.restoreGrant(this.#sessions.get(row.session), row)
    for (const row of tickets) this.#locks.restoreTicket(this.#sessions.get(row.session), row)
    // What was restored is written already; only what changes from here on is news.
    this.#context.live?.take()
    this.#locks.pumpAll()
    this.#runs.settleRestored()
    for (const row of state.completed) this.#runs.restoreCompleted(row)
  }

  /** A restored session is connected again, and has asked for its waits anew. */
  sessionReturned(id: SessionId): void {
    if (!this.#away.delete(id) || this.#away.size > 0) return
    this.#runs.gather(false)
    this.#runs.refuseStuck()
  }

  /** The last token handed out: a store reserves them ahead (L2). */
  get lastToken(): Token {
    return this.#context.lastToken as Token // Brand constructor.
  }

  /** What a resident run declares about its effects. */
  effectsOf(run: RunId): Effects | undefined {
    const identity = identityOf(run)
    return identity === undefined ? undefined : this.#runRows.get(identity)?.row.effects
  }

  /** The row of a resident run, to be stored. */
  storedRun(identity: Identity): RunRow | null {
    const run = this.#runRows.get(identity)
    return run === undefined ? null : { ...run.row }
  }

  /** A stored run as anyone may see it. */
  viewStored(row: RunRow): RunView {
    return viewRow(row, this.#runRows.get(row.identity)?.waiters.size ?? 0)
  }

  hasSession(id: SessionId): boolean {
    return this.#sessions.has(id)
  }

  /** Restored sessions that have not come back. */
  awaySessions(): readonly SessionId[] {
    return [...this.#away]
  }

  /** What a session holds and which locks it waits for: its opener compares that with what it was told; null where it is not open. */
  holdingOf(id: SessionId): SessionHolding | null {
    const session = this.#sessions.get(id)
    if (session === undefined) return null
    const claims = [...session.claims.values()].filter((claim) => claim.live)
    const waiting = [...session.requests.values()].filter((registration) => registration.kind === "lock")
    return {
      grants: [...session.grants.values()].map(({ token, request, at }) => ({ token, request, at })),
      claims: claims.map((claim) => ({ request: claim.request, claim: viewClaim(claim) })),
      waiting: waiting.map(({ command }) => command.request),
    }
  }

  /**
   * Lets every idle row go: settled runs nobody waits for, cells, limits of locks not in use; those only where
   * `isStored` says that their last change can be loaded again.
   */
  evictIdle(isStored: (key: RowKey) => boolean): void {
    for (const key of this.#cellRows.knownKeys()) if (isStored(`cell:${key}`)) this.#cellRows.evict(key)
    for (const key of this.#limits.knownKeys()) {
      if (isStored(`limit:${key}`) && !this.#locks.isInUse(key)) this.#limits.evict(key)
    }
    for (const key of this.#runRows.knownKeys()) {
      if (this.#runRows.isDirty(key) || !isStored(`run:${key}`) || !this.#runs.isIdle(key)) continue
      this.#runs.release(key)
      this.#runRows.evict(key)
    }
  }

  /** How many rows are in memory. */
  residentRows(): number {
    return this.#cellRows.size + this.#runRows.size + this.#limits.size
  }

  /** Asserts every invariant of the design that can be seen in memory. */
  check(): void {
    const sessions = [...this.#sessions.values()]
    this.#locks.check(sessions)
    this.#runs.check(sessions)
    this.#cells.check()
    const waits: Wait[] = []
    for (const session of sessions) {
      for (const registration of session.requests.values()) {
        if (registration.kind === "lock" || registration.kind === "run") waits.push(registration)
      }
    }
    assertInvariant(allCanFinish(waits), "L7", "a deadlock stands")
    for (const holder of this.#context.holders.values()) {
      assertInvariant(this.#sessions.get(holder.session.id) === holder.session, "L6", "a holder's session has ended")
      for (const wait of holder.waits ?? [])
        assertInvariant(waits.includes(wait), "L4", "a holder keeps a wait that is over")
    }
  }

  /** Everything the future depends on, as plain data: two kernels with equal snapshots behave alike from here on. */
  snapshot(): KernelSnapshot {
    return takeSnapshot({
      context: this.#context,
      sessions: this.#sessions.values(),
      locks: this.#locks.locks(),
      queues: this.#runs.queues(),
      runs: this.#runRows,
      cells: this.#cellRows,
      limits: this.#limits,
    })
  }

  // Commands

  #applyTo(
    session: Session,
    command: Exclude<Command, { kind: "openSession" | "advanceTime" | "evictRuns" }>,
  ): Outcome {
    switch (command.kind) {
      case "acquireLock":
        return this.#locks.acquire(session, command)
      case "releaseLock":
        return this.#locks.release(session, command.token)
      case "withdrawRequest":
        return this.#withdraw(session, command)
      case "renewLock":
        return this.#locks.renew(session, command)
      case "resizeLock":
        return this.#locks.resize(command)
      case "claimRun":
        return (
          this.#onceOnly(session, command.request) ??
          this.#runs.claim(session, command, this.#context.resolve(command.holding))
        )
      case "enqueueRun":
        return this.#runs.enqueue(session, command)
      case "awaitRun":
        return (
          this.#onceOnly(session, command.request) ??
          this.#runs.await(session, command, this.#context.resolve(command.holding))
        )
      case "openWorker":
        return this.#runs.openWorker(session, command)
      case "closeWorker":
        this.#runs.closeWorker(session, command.worker)
        return { kind: "done" }
      case "takeRun":
        return this.#onceOnly(session, command.request) ?? this.#runs.take(session, command)
      case "completeRun":
        return this.#runs.complete(session, command.token, command.result)
      case "failRun":
        return this.#runs.fail(session, command.token, command)
      case "returnRun":
        return this.#runs.giveBack(session, command)
      case "controlRun":
        return this.#runs.control(command)
      case "reportProgress":
        return this.#runs.progress(session, command.token, command.progress)
      case "readRun":
        return this.#runs.read(command.identity)
      case "peekRun":
        return this.#runs.peek(command.identity)
      case "listRuns":
        return this.#runs.list(command.filter)
      case "watchRun":
        return this.#onceOnly(session, command.request) ?? this.#runs.watch(session, command.request, command.run)
      case "putResult":
        return this.#runs.put(session, command)
      case "forgetResult":
        return this.#runs.forget(session, command)
      case "discardResult":
        return this.#runs.discard(session, command.run)
      case "holdBlobs":
        // Where large values lie with the others there is nothing that could go.
        return { kind: "done" }
      case "setBlobBudget":
        return checkBytes(command.bytes ?? 0) ?? { kind: "done" }
      case "evictBlobs":
        // Where large values lie with the others there is nothing to make room for; a store that has more sees to it.
        return checkBytes(command.maxBytes) ?? { kind: "evicted", runs: 0, bytes: 0 }
      case "readCells":
        return this.#cells.read(command.names)
      case "listCells":
        return { kind: "cells", cells: this.#cells.list(command.prefix, command.limit) }
      case "commitCells":
        return this.#cells.commit(session, command)
      case "watchCells":
        return this.#onceOnly(session, command.request) ?? this.#cells.watch(session, command)
      case "flushRun":
        return { kind: "done" }
      case "inspect":
        return { kind: "view", view: this.view() }
      case "endSession":
        this.#endSession(session, command)
        return { kind: "done" }
      default:
        return unreachable(command)
    }
  }

  #openSession(id: SessionId, label: string): Outcome {
    if (this.#sessions.has(id)) return refuse("ARGUMENT_INVALID", `session ${id} is already open`)
    const session: Session = {
      id,
      label,
      grants: new TokenTable(),
      claims: new Map(),
      requests: new Map(),
      workers: new Map(),
    }
    this.#sessions.set(id, session)
    this.#context.live?.sessionOpened(session)
    this.#context.observe?.({ kind: "session.opened", at: this.#context.now, session: id })
    return { kind: "done" }
  }

  /** Everything the session waited for, held and executed is given back, and those who wait for it are woken (L6, O6). */
  #endSession(session: Session, command: EndSession): void {
    // Requests first, and all of them before anything moves on: nothing may come to a session that is ending.
    const requests: LockRequest[] = []
    const waiters: RunWait[] = []
    for (const registration of session.requests.values()) {
      if (registration.kind === "lock") requests.push(registration)
      else if (registration.kind === "run") waiters.push(registration)
      else this.#drop(registration)
    }
    this.#locks.withdrawAll(requests)
    this.#runs.withdrawAll(waiters)
    // In order of their tokens: what happens must not depend on where a table keeps them.
    const grants = [...session.grants.values()].toSorted((a, b) => a.token - b.token)
    for (const grant of grants) this.#locks.end(grant, "released")
    this.#runs.endSession(session, command)
    this.#sessions.delete(session.id)
    this.#context.live?.sessionEnded(session)
    this.sessionReturned(session.id)
    const { reason } = command
    this.#context.observe?.({ kind: "session.ended", at: this.#context.now, session: session.id, reason })
  }

  #withdraw(session: Session, command: WithdrawRequest): Outcome {
    const registration = session.requests.get(command.request)
    if (registration === undefined) return { kind: "withdrawn", found: false, locks: [] }
    if (registration.kind === "lock") {
      return { kind: "withdrawn", found: true, locks: this.#locks.withdraw(registration, command.reason) }
    }
    if (registration.kind === "run") this.#runs.withdraw(registration)
    else this.#drop(registration)
    return { kind: "withdrawn", found: true, locks: [] }
  }

  /** Ends what nobody else depends on. */
  #drop(registration: Taker | CellWatch | RunWatch): void {
    switch (registration.kind) {
      case "taker":
        this.#runs.withdrawTaker(registration)
        break
      case "cellWatch":
        this.#cells.unwatch(registration)
        break
      case "runWatch":
        this.#runs.unwatch(registration)
        break
    }
  }

  #onceOnly(session: Session, request: RequestId): Outcome | null {
    return session.requests.has(request)
      ? refuse("ARGUMENT_INVALID", `request ${String(request)} is already in use`)
      : null
  }

  #fireDue(): void {
    for (let due = this.#context.takeDue(); due !== undefined; due = this.#context.takeDue()) this.#fire(due)
  }

  #fire(due: Deadline): void {
    switch (due.kind) {
      case "lease": {
        const { session, token, locks } = due.grant
        due.grant.lease = null
        // Told before the next holder is: nobody ever sees two.
        this.#context.emit({ kind: "grantLost", session: session.id, token, names: locks.map((lock) => lock.name) })
        this.#locks.end(due.grant, "lost")
        break
      }
      case "attempt":
        this.#runs.timeOut(due.claim)
        break
      case "ready":
        this.#runs.becomeReady(due.run)
        break
      case "expiry":
        this.#runs.expire(due.run)
        break
    }
  }

  /** Rows the command touches and the kernel does not know, or null. */
  #needs(command: Command): Need | null {
    const keys = rowsOf(command).filter((key) => !this.#isKnown(key))
    const scan = scanOf(command)
    const scanned = this.#scanned === scan
    this.#scanned = null
    if (keys.length === 0 && (scan === null || scanned)) return null
    return { kind: "need", keys, scan: scanned ? null : scan }
  }

  #isKnown(key: RowKey): boolean {
    if (isKey(key, "cell")) return this.#cellRows.isKnown(key.slice(5))
    if (isKey(key, "run")) return this.#runRows.isKnown(key.slice(4))
    return this.#limits.isKnown(key.slice(6))
  }

  /** Who holds what, who waits for whom, what runs, as far as it is in memory. */
  view(): StoreView {
    return {
      sessions: [...this.#sessions.values()].map((session) => ({
        session: session.id,
        label: session.label,
        grants: session.grants.size,
        claims: session.claims.size,
        waits: session.requests.size,
      })),
      locks: [...this.#locks.locks()].map((lock) => this.#locks.view(lock)),
      ...this.#runs.view(),
      cells: { resident: this.#cellRows.size },
      blobs: { count: 0, bytes: 0, budgetBytes: null, evicted: 0 },
    }
  }
}

function checkBytes(bytes: number): Outcome | null {
  if (bytes >= 0) return null
  return refuse("ARGUMENT_INVALID", `a bound is a number of bytes from 0, found ${String(bytes)}`)
}

function isKey(key: RowKey, prefix: "cell" | "run" | "limit"): boolean {
  return key.startsWith(`${prefix}:`)
}

/** Rows a command reads or writes; those behind a live claim or a parked request are in memory anyway. */
function rowsOf(command: Command): RowKey[] {
  switch (command.kind) {
    case "acquireLock":
      return command.names.map((name) => `limit:${name}` as const)
    case "resizeLock":
      return [`limit:${command.name}`]
    case "claimRun":
    case "enqueueRun":
    case "putResult":
      return [`run:${command.spec.identity}`]
    case "readRun":
    case "peekRun":
    case "forgetResult":
      return [`run:${command.identity}`]
    case "evictRuns":
      return command.identities.map((identity) => `run:${identity}` as const)
    case "awaitRun":
    case "watchRun":
    case "controlRun":
    case "discardResult": {
      const identity = identityOf(command.run)
      return identity === undefined ? [] : [`run:${identity}`]
    }
    case "readCells":
      return command.names.map((name) => `cell:${name}` as const)
    case "watchCells":
      return command.pattern.kind === "name" ? [`cell:${command.pattern.name}`] : []
    case "commitCells":
      return [
        ...command.reads.map((read) => `cell:${read.name}` as const),
        ...command.writes.map((write) => `cell:${write.name}` as const),
        ...command.starts.map((spec) => `run:${spec.identity}` as const),
      ]
    default:
      return []
  }
}

function scanOf(command: Command): Need["scan"] {
  switch (command.kind) {
    case "listRuns":
    case "inspect":
      return "runs"
    case "listCells":
      return "cells"
    case "watchCells":
      return command.pattern.kind === "prefix" ? "cells" : null
    default:
      return null
  }
}
