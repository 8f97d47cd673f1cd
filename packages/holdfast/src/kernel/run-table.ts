/**
 * The run table: one row an identity (its newest generation), claims, waiters, workers.
 *
 *     (none) ──claim, enqueue──▶ pending ◀──retry, crash, timeout, return── running
 *                                  │  └───────────claim, take──────────────▶ │
 *                                  │                                         ├──complete──▶ completed
 *                                  └──cancel──▶ canceled ◀──cancel───────────┤
 *     failed ──asked again──▶ pending                                        ├──fail, last attempt, 3rd crash──▶ failed
 *     interrupted ──retry──▶ pending                                         └──cut off, effects once──▶ interrupted
 *
 * completed and canceled are final; asking again opens the next generation, which replaces the row. `put` completes and
 * `forget` removes from any state; a computation in flight then has a dead claim and cannot bring its result back.
 *
 * 1. A running run has exactly one live claim, any other run none (O1). A claim that is not live changes nothing (O5).
 * 2. Settling answers every waiter in the same step (O2, O4); no settled run has waiters.
 * 3. A generation is a token, so it is never used twice, whatever was forgotten in between (O3).
 */
import { assertInvariant } from "./assert.ts"
import type {
  AwaitRun,
  ClaimRun,
  ControlRun,
  EndSession,
  EnqueueRun,
  Failure,
  ForgetResult,
  OpenWorker,
  PutResult,
  ReturnRun,
  RunFilter,
  RunSpec,
  RunStatus,
  TakeRun,
} from "./command.ts"
import type { Context } from "./context.ts"
import type { StoreEvent, Transition } from "./event.ts"
import type { Identity } from "./identity.ts"
import type { RequestId, RunId, Token, WorkerId } from "./ids.ts"
import type { ClaimRow } from "./live-state.ts"
import type { Outcome, Refused, RunView, Settlement, StoreView } from "./outcome.ts"
import { refuse } from "./refuse.ts"
import { backoffMs } from "./retry.ts"
import { checkRuns, MAX_CRASHES } from "./run-check.ts"
import { executorOf, RunQueues } from "./run-queue.ts"
import { createRow, refuseKey, refuseOtherArgs, refuseSpec, reopenRow } from "./run-row.ts"
import {
  countByStatus,
  isEvictable,
  isOpen,
  isServed,
  matches,
  settled,
  settlementOf,
  viewClaim,
  viewOpen,
  viewQueues,
  viewRun,
} from "./run-view.ts"
import { identityOf, runIdOf, unregister } from "./state.ts"
import type { Claim, Holder, OperationQueue, Run, RunRow, RunWait, RunWatch, Session, Taker, Worker } from "./state.ts"
import { sameValue } from "./value.ts"
import type { Value } from "./value.ts"
import { awaitsRun, type Cycle, findDeadlock, findStandingDeadlock } from "./waiting-graph.ts"
import type { WorkingSet } from "./working-set.ts"

type RunTransition = Extract<Transition, { readonly operation: string }>["kind"]
type ClaimControl = Extract<StoreEvent, { readonly kind: "claimControl" }>

/** What asking for a run came to, and how to take it back. */
interface OpenedRun {
  readonly run: Run
  readonly opened: boolean
  /** The operation's limit until now. */
  readonly limitBefore: number | null
  readonly undo: () => void
}

export class RunTable {
  readonly #context: Context
  readonly #runs: WorkingSet<Run>
  readonly #queues: RunQueues
  /** Runs and queues whose waiters may have lost their hope in this command (L7); asked again before it ends. */
  readonly #doubted = new Set<Run | OperationQueue>()

  constructor(context: Context, runs: WorkingSet<Run>) {
    this.#context = context
    this.#runs = runs
    this.#queues = new RunQueues(context, (run, to) => {
      this.#assign(run, to)
    })
  }

  /** A stored row back in memory; what is kept for a while is forgotten in time. */
  load(row: RunRow): Run {
    const run = this.#adopt(row)
    this.#keepForRetention(run)
    return run
  }

  /** An open run of before this kernel, in order of arrival; what becomes of it is decided once all claims are back. */
  restore(row: RunRow): void {
    const run = this.#adopt(row)
    this.#runs.load(row.identity, run)
    run.queue.concurrency = row.concurrency
  }

  /** An open run of before this kernel that no store has. */
  restoreUnstored(row: RunRow): void {
    const run = this.#adopt(row)
    this.#runs.set(row.identity, run)
    run.queue.concurrency = row.concurrency
  }

  /** A run that completed before this kernel, of which no store has the result. */
  restoreCompleted(row: RunRow): void {
    this.#runs.set(row.identity, this.load(row))
  }

  /** A claim of before this kernel, unless its run went on without it. */
  restoreClaim(session: Session | undefined, claim: ClaimRow): void {
    const run = this.#runs.get(claim.identity)
    if (session === undefined || run?.claim !== null || run.row.generation !== claim.generation) return
    const { row } = run
    // The claim may have been written before its row was; a row that is pending again has seen the attempt end.
    const isAhead = row.status === "pending" && row.attempt < claim.attempt
    if (!isAhead && (row.status !== "running" || row.attempt !== claim.attempt)) return
    row.status = "running"
    row.attempt = claim.attempt
    row.startedAt = claim.at
    this.#runs.touch(row.identity)
    this.#attach(run, session, {
      token: claim.token,
      request: claim.request,
      at: claim.at,
      workerId: claim.worker,
      worker: null,
      timeoutAt: claim.timeoutAt,
    })
  }

  /** What runs without a claim was cut off with its session; what is pending may be taken. */
  settleRestored(): void {
    for (const run of this.#runs.values()) {
      if (run.row.status === "running" && run.claim === null) this.#crash(run)
      else this.#queues.place(run)
    }
  }

  /** While restored sessions are away, a queue may get back workers that nobody sees yet (L7). */
  gather(isGathering: boolean): void {
    this.#queues.gather(isGathering)
    if (!isGathering) for (const queue of this.#queues.queues()) this.#doubted.add(queue)
  }

  /** Wraps a row. */
  #adopt(row: RunRow): Run {
    return {
      row,
      queue: this.#queues.queue(row.operation, row.version),
      claim: null,
      waiters: new Set(),
      watches: new Set(),
      ready: { index: -1 },
      wanted: { index: -1 },
      blocked: { index: -1 },
      deadline: null,
    }
  }

  // Asking

  claim(session: Session, command: ClaimRun, holders: readonly Holder[]): Outcome {
    const { spec, request } = command
    const known = this.#runs.get(spec.identity)
    const mismatch = this.refuseStart(spec)
    if (mismatch !== null) return mismatch
    if (known !== undefined && !command.force && isServed(known.row)) return settled(known.row)
    const { run, limitBefore, undo } = this.#openRun(spec, command.force)
    const waiter: RunWait = { kind: "run", session, request, run, since: this.#context.now, execute: true, holders }
    const cycle = this.#wait(waiter)
    if (cycle !== null) {
      undo()
      return this.#refuseDeadlock(session, cycle)
    }
    this.#queues.place(run)
    if (known !== undefined && known !== run) this.#dismissWatchers(known)
    const claim = this.#queues.canStart(run) ? this.#claim(run, session, { request, worker: null }) : null
    if (claim === null) this.#observe("run.joined", run.row, session)
    this.#limitChanged(spec, limitBefore)
    return claim === null
      ? { kind: "joined", run: runIdOf(run.row) }
      : { kind: "claimed", claim: viewClaim(claim), waiting: true }
  }

  enqueue(session: Session, command: EnqueueRun): Outcome {
    const mismatch = this.refuseStart(command.spec)
    if (mismatch !== null) return mismatch
    return { kind: "enqueued", ...this.start(session, command.spec, command.force) }
  }

  /** Why a run of this spec cannot be started, or null. */
  refuseStart(spec: RunSpec): Refused | null {
    const known = this.#runs.get(spec.identity)
    return refuseSpec(spec) ?? (known === undefined ? null : refuseKey(known.row, spec))
  }

  /** Why these runs cannot be started in one step, or null. */
  refuseStarts(specs: readonly RunSpec[]): Refused | null {
    const keyed = new Map<Identity, RunSpec>()
    for (const spec of specs) {
      const refused = this.refuseStart(spec)
      if (refused !== null) return refused
      const other = keyed.get(spec.identity)
      if (other !== undefined && !sameValue(other.args, spec.args)) return refuseOtherArgs(spec, spec.key)
      if (spec.key !== null) keyed.set(spec.identity, spec)
    }
    return null
  }

  /** Makes sure that a run of the identity is open or has its result. */
  start(session: Session, spec: RunSpec, force: boolean): { run: RunId; created: boolean; status: RunStatus } {
    const known = this.#runs.get(spec.identity)
    if (known !== undefined && !force && isServed(known.row)) {
      return { run: runIdOf(known.row), created: false, status: known.row.status }
    }
    const { run, opened, limitBefore } = this.#openRun(spec, force)
    if (known !== undefined && known !== run) this.#dismissWatchers(known)
    if (opened) {
      this.#queues.place(run)
      this.#observe("run.enqueued", run.row, session)
      this.#queues.dispatch(run.queue)
    }
    this.#limitChanged(spec, limitBefore)
    return { run: runIdOf(run.row), created: opened, status: run.row.status }
  }

  await(session: Session, command: AwaitRun, holders: readonly Holder[]): Outcome {
    const found = this.#find(command.run)
    if ("kind" in found) return found
    if (!isOpen(found.row)) return settled(found.row)
    const { request, execute } = command
    const cycle = this.#wait({ kind: "run", session, request, run: found, since: this.#context.now, execute, holders })
    if (cycle !== null) return this.#refuseDeadlock(session, cycle)
    if (!execute || found.row.status !== "pending") return { kind: "joined", run: command.run }
    this.#queues.place(found)
    if (!this.#queues.canStart(found)) return { kind: "joined", run: command.run }
    return { kind: "claimed", claim: viewClaim(this.#claim(found, session, { request, worker: null })), waiting: true }
  }

  /** A waiter leaves; the last to leave a run that nobody else wants cancels it, where its definition says so (O8). */
  withdraw(waiter: RunWait): void {
    this.#dropWaiter(waiter)
    this.#afterLeaving(waiter)
  }

  /** Every wait of a session that ends leaves before any run is decided: none of them is handed a claim. */
  withdrawAll(waiters: readonly RunWait[]): void {
    for (const waiter of waiters) this.#dropWaiter(waiter)
    // No queue may still count on them as executors when the first of them lets something be dispatched.
    for (const { run } of waiters) if (run.row.status === "pending") this.#queues.place(run)
    for (const waiter of waiters) this.#afterLeaving(waiter)
  }

  #afterLeaving({ run, execute }: RunWait): void {
    if (run.waiters.size === 0 && run.row.abandon === "cancel" && isOpen(run.row)) {
      this.#cancel(run)
    } else if (execute && run.row.status === "pending") {
      this.#queues.place(run)
      this.#queues.dispatch(run.queue)
      // It may have been the one who would have executed the run, in nobody's slot.
      if (executorOf(run) === undefined) this.#doubted.add(run)
    }
  }

  // Workers

  openWorker(session: Session, command: OpenWorker): Outcome {
    if (session.workers.has(command.worker)) {
      return refuse("ARGUMENT_INVALID", `worker ${String(command.worker)} is already open`)
    }
    if (!Number.isSafeInteger(command.slots) || command.slots < 1) {
      return refuse("ARGUMENT_INVALID", "a worker has a whole number of slots, at least 1")
    }
    const queues = command.operations.map(({ operation, version }) => this.#queues.queue(operation, version))
    const worker: Worker = {
      id: command.worker,
      session,
      queues,
      takers: new Set(),
      busy: new Set(),
      slots: command.slots,
    }
    session.workers.set(command.worker, worker)
    for (const queue of queues) queue.workers.add(worker)
    // Bodies that outlived the kernel before this one occupy its slots again.
    for (const claim of session.claims.values()) {
      if (claim.worker !== null || claim.workerId !== worker.id) continue
      claim.worker = worker
      worker.busy.add(claim)
    }
    return { kind: "done" }
  }

  /** Takes a worker out of the queues; bodies it runs go on. */
  closeWorker(session: Session, id: WorkerId): void {
    const worker = session.workers.get(id)
    if (worker === undefined) return
    session.workers.delete(id)
    for (const queue of worker.queues) {
      queue.workers.delete(worker)
      if (queue.workers.size > 0) this.#doubted.add(queue)
    }
    for (const taker of worker.takers) this.withdrawTaker(taker)
  }

  take(session: Session, command: TakeRun): Outcome {
    const worker = session.workers.get(command.worker)
    if (worker === undefined) return refuse("ARGUMENT_INVALID", `worker ${String(command.worker)} is not open`)
    const run = this.#queues.bestFor(worker)
    if (run !== undefined) {
      return {
        kind: "claimed",
        claim: viewClaim(this.#claim(run, session, { request: command.request, worker })),
        waiting: false,
      }
    }
    const taker: Taker = { kind: "taker", session, request: command.request, worker }
    worker.takers.add(taker)
    for (const queue of worker.queues) queue.takers.add(taker)
    session.requests.set(command.request, taker)
    return { kind: "parked" }
  }

  withdrawTaker(taker: Taker): void {
    taker.worker.takers.delete(taker)
    for (const queue of taker.worker.queues) queue.takers.delete(taker)
    unregister(taker.session, taker.request, taker)
  }

  // What an executor reports

  complete(session: Session, token: Token, result: Value): Outcome {
    const claim = this.#endBody(session, token)
    if ("code" in claim) return claim
    this.#settle(claim.run, { status: "completed", result, failure: null })
    return { kind: "status", status: "completed" }
  }

  fail(session: Session, token: Token, options: { failure: Failure; final: boolean }): Outcome {
    const claim = this.#endBody(session, token)
    if ("code" in claim) return claim
    claim.run.row.crashes = 0
    return this.#failAttempt(claim.run, options.failure, options.final)
  }

  /** Takes back a claim whose body will not go on, as if it had never been made; a `once` body may have done something. */
  giveBack(session: Session, command: ReturnRun): Outcome {
    const claim = this.#endBody(session, command.token)
    if ("code" in claim) return claim
    if (claim.run.row.effects === "once" && command.started) this.#interrupt(claim.run)
    else this.#reopen(claim.run, "run.returned")
    return { kind: "status", status: claim.run.row.status }
  }

  progress(session: Session, token: Token, progress: Value): Outcome {
    const claim = this.#liveClaim(session, token)
    if ("code" in claim) return claim
    claim.run.row.progress = progress
    this.#changed(claim.run)
    return { kind: "done" }
  }

  /** The outcome an earlier commit of this run recorded for the step, if any. */
  recordedStep(token: Token, name: string): Value | undefined {
    const holder = this.#context.holders.get(token)
    assertInvariant(holder?.kind === "claim", "O5", "a step is looked up without a live claim")
    return holder.run.row.steps.find((step) => step.name === name)?.outcome
  }

  recordStep(token: Token, name: string, outcome: Value): void {
    const holder = this.#context.holders.get(token)
    assertInvariant(holder?.kind === "claim", "O5", "a step is recorded without a live claim")
    const { row } = holder.run
    row.steps = [...row.steps, { name, outcome }]
    this.#runs.touch(row.identity)
  }

  /** Refuses the waits that lost their hope in this command and are part of a deadlock now (L7). */
  refuseStuck(): void {
    while (this.#doubted.size > 0) {
      const doubted = [...this.#doubted]
      this.#doubted.clear()
      for (const waiter of this.#waitersOf(doubted)) this.#refuseIfStuck(waiter)
    }
  }

  /** A session is over: what it executed crashed, or was given back by a session that closed (O6). */
  endSession(session: Session, { reason, unstarted }: EndSession): void {
    for (const worker of session.workers.values()) this.closeWorker(session, worker.id)
    for (const claim of session.claims.values()) {
      this.#leaveWorker(claim)
      if (!claim.live) continue
      this.#detach(claim)
      if (reason === "died") this.#crash(claim.run)
      else if (claim.run.row.effects === "once" && !unstarted.includes(claim.token)) this.#interrupt(claim.run)
      else this.#reopen(claim.run, "run.returned")
    }
    session.claims.clear()
  }

  // What anyone may ask of a run

  control(command: ControlRun): Outcome {
    const found = this.#find(command.run)
    if ("kind" in found) return found
    const { row } = found
    switch (command.action) {
      case "cancel":
        if (isOpen(row) || row.status === "interrupted") this.#cancel(found)
        break
      case "pause":
      case "resume":
        if (isOpen(row)) this.#pause(found, command.action === "pause")
        break
      case "retry":
        if (row.status === "failed" || row.status === "interrupted") {
          reopenRow(row, this.#context.now)
          this.#reopen(found, "run.retrying")
        }
        break
      case "pin":
      case "unpin":
        this.#pin(found, command.action === "pin")
        break
    }
    return { kind: "status", status: row.status }
  }

  put(session: Session, command: PutResult): Outcome {
    const mismatch = this.refuseStart(command.spec)
    if (mismatch !== null) return mismatch
    const known = this.#runs.get(command.spec.identity)
    const run = known !== undefined && isOpen(known.row) ? known : this.#newRun(command.spec)
    if (known !== undefined && known !== run) this.#dismissWatchers(known)
    this.#observe("run.stored", run.row, session)
    if (run.claim !== null) this.#revoke(run.claim, "stored")
    this.#settle(run, { status: "completed", result: command.result, failure: null })
    return { kind: "settled", run: runIdOf(run.row), settlement: { kind: "completed", result: command.result } }
  }

  forget(session: Session, command: ForgetResult): Outcome {
    const run = this.#runs.get(command.identity)
    if (run === undefined) return { kind: "done" }
    this.#observe("run.forgotten", run.row, session)
    if (run.claim !== null) this.#revoke(run.claim, "forgotten")
    this.#remove(run)
    return { kind: "done" }
  }

  /** A result that cannot be read any more; whoever asks for a pure one computes it again (O9, S2). */
  discard(session: Session, id: RunId): Outcome {
    const found = this.#find(id)
    if ("kind" in found) return found
    const { row } = found
    if (row.status !== "completed") return { kind: "status", status: row.status }
    if (row.effects !== "pure") {
      const message = `the stored result of run ${id} is damaged, and "${row.operation}" is ${row.effects}, so it is not computed again; restore a backup, or forget it to start anew`
      return refuse("STORE_DAMAGED", message, { run: id })
    }
    this.#observe("run.forgotten", row, session)
    this.#remove(found)
    return { kind: "done" }
  }

  /** Forgets completed `pure` runs that nobody holds on to; they are computed again when asked for (O9). */
  evict(identities: readonly Identity[]): void {
    for (const identity of identities) {
      const run = this.#runs.get(identity)
      if (run === undefined || run.watches.size > 0 || !isEvictable(run.row)) continue
      this.#observe("run.evicted", run.row, null)
      this.#remove(run)
    }
  }

  read(identity: Identity): Outcome {
    const run = this.#runs.get(identity)
    return { kind: "run", view: run === undefined ? null : viewRun(run) }
  }

  peek(identity: Identity): Outcome {
    const run = this.#runs.get(identity)
    if (run === undefined) return { kind: "run", view: null }
    return isOpen(run.row) ? { kind: "status", status: run.row.status } : settled(run.row)
  }

  list(filter: RunFilter): Outcome {
    const views: RunView[] = []
    const runs = [...this.#runs.values()].filter((run) => matches(run.row, filter))
    runs.sort((a, b) => a.row.arrival - b.row.arrival)
    for (const run of runs.slice(0, filter.limit)) views.push(viewRun(run))
    return { kind: "runs", views }
  }

  watch(session: Session, request: RequestId, id: RunId): Outcome {
    const run = this.#find(id)
    if ("kind" in run) return run
    const watch: RunWatch = { kind: "runWatch", session, request, run }
    run.watches.add(watch)
    session.requests.set(request, watch)
    return { kind: "run", view: viewRun(run) }
  }

  unwatch(watch: RunWatch): void {
    watch.run.watches.delete(watch)
    unregister(watch.session, watch.request, watch)
  }

  // What time does

  /** A delay or backoff is over. */
  becomeReady(run: Run): void {
    run.deadline = null
    this.#queues.place(run)
    this.#queues.dispatch(run.queue)
  }

  /** An attempt took longer than its operation allows. */
  timeOut(claim: Claim): void {
    claim.timeout = null
    const { run } = claim
    this.#revoke(claim, "timeout")
    if (run.row.effects === "once") {
      this.#interrupt(run)
      return
    }
    run.row.crashes = 0
    const limit = String(run.row.attemptTimeoutMs)
    const message = `attempt ${String(claim.attempt)} did not end within ${limit} ms`
    this.#failAttempt(run, { code: "RUN_FAILED", name: "TimeoutError", message, stack: null }, false)
  }

  /** A settled run was kept as long as its operation asked for. */
  expire(run: Run): void {
    run.deadline = null
    this.#observe("run.expired", run.row, null)
    this.#remove(run)
  }

  // Working set

  /** True when nothing but the row is left of the run. */
  isIdle(identity: string): boolean {
    const run = this.#runs.get(identity)
    return run === undefined || (!isOpen(run.row) && run.waiters.size === 0 && run.watches.size === 0)
  }

  queues(): IterableIterator<OperationQueue> {
    return this.#queues.queues()
  }

  /** Called before an idle run leaves memory: its store sweeps what is over by `expiresAt`. */
  release(identity: string): void {
    const run = this.#runs.get(identity)
    if (run !== undefined) this.#context.cancel(run.deadline)
  }

  /** What `inspect` shows of runs and their queues. */
  view(): Pick<StoreView, "runs" | "queues"> {
    const runs = [...this.#runs.values()]
    return { runs: { byStatus: countByStatus(runs), open: viewOpen(runs) }, queues: viewQueues(runs) }
  }

  /** Asserts O1 to O6 over the whole table. */
  check(sessions: Iterable<Session>): void {
    checkRuns({ context: this.#context, runs: this.#runs, queues: this.#queues, sessions })
  }

  // Transitions

  /** The open run of the spec's identity: as it is, opened again after a failure, or the next generation. */
  #openRun(spec: RunSpec, force: boolean): OpenedRun {
    const known = this.#runs.get(spec.identity)
    const queue = this.#queues.queue(spec.operation, spec.version)
    const limitBefore = queue.concurrency
    const undoLimit = (): void => {
      queue.concurrency = limitBefore
    }
    queue.concurrency = spec.concurrency
    if (known !== undefined && isOpen(known.row)) {
      const { row } = known
      const asked = row.concurrency
      if (asked !== spec.concurrency) {
        row.concurrency = spec.concurrency
        this.#runs.touch(spec.identity)
      }
      const undo = (): void => {
        undoLimit()
        row.concurrency = asked
      }
      return { run: known, opened: false, limitBefore, undo }
    }
    if (known !== undefined && known.row.status === "failed" && !force) {
      const before = { ...known.row }
      reopenRow(known.row, this.#context.now)
      this.#clearDeadline(known)
      this.#runs.touch(spec.identity)
      const undo = (): void => {
        undoLimit()
        Object.assign(known.row, before)
        this.#keepForRetention(known)
      }
      return { run: known, opened: true, limitBefore, undo }
    }
    const run = this.#newRun(spec)
    const undo = (): void => {
      undoLimit()
      if (known === undefined) {
        this.#runs.delete(spec.identity)
      } else {
        this.#runs.set(spec.identity, known)
        this.#keepForRetention(known)
      }
    }
    return { run, opened: true, limitBefore, undo }
  }

  /** The newest definition's limit counts: a raised one lets runs start, a lowered one can leave waits without hope. */
  #limitChanged(spec: RunSpec, before: number | null): void {
    if (spec.concurrency === before) return
    const queue = this.#queues.queue(spec.operation, spec.version)
    this.#queues.dispatch(queue)
    this.#doubted.add(queue)
  }

  #newRun(spec: RunSpec): Run {
    const { now } = this.#context
    const before = this.#runs.get(spec.identity)
    if (before !== undefined) this.#clearDeadline(before)
    const run = this.#adopt(
      createRow(spec, { generation: this.#context.nextToken(), arrival: this.#context.nextArrival(), now }),
    )
    this.#runs.set(spec.identity, run)
    return run
  }

  /** Registers a waiter, unless its wait would never end. */
  #wait(waiter: RunWait): Cycle | null {
    waiter.run.waiters.add(waiter)
    waiter.session.requests.set(waiter.request, waiter)
    for (const holder of waiter.holders) (holder.waits ??= new Set()).add(waiter)
    if (waiter.holders.length === 0) return null
    const cycle = findDeadlock(waiter, this.#context.now)
    if (cycle !== null) this.#dropWaiter(waiter)
    return cycle
  }

  #dropWaiter(waiter: RunWait): void {
    waiter.run.waiters.delete(waiter)
    for (const holder of waiter.holders) {
      if (holder.waits?.delete(waiter) !== true || holder.kind === "grant" || holder.worker === null) continue
      // A body that no longer awaits a run takes its slot back, even where it is blocked by a lock.
      if (holder.waits.size > 0 && !awaitsRun(holder))
        for (const queue of holder.worker.queues) this.#doubted.add(queue)
    }
    unregister(waiter.session, waiter.request, waiter)
  }

  #assign(run: Run, to: RunWait | Taker): void {
    const worker = to.kind === "taker" ? to.worker : null
    if (to.kind === "taker") this.withdrawTaker(to)
    const claim = this.#claim(run, to.session, { request: to.request, worker })
    this.#context.emit({ kind: "runAssigned", session: to.session.id, request: to.request, claim: viewClaim(claim) })
  }

  #claim(run: Run, session: Session, { request, worker }: { request: RequestId; worker: Worker | null }): Claim {
    const { row } = run
    assertInvariant(row.status === "pending" && run.claim === null, "O1", `a ${row.status} run is claimed`)
    const { now } = this.#context
    this.#queues.unplace(run)
    row.status = "running"
    row.attempt += 1
    row.startedAt = now
    const claim = this.#attach(run, session, {
      token: this.#context.nextToken(),
      request,
      at: now,
      workerId: worker?.id ?? null,
      worker,
      timeoutAt: row.attemptTimeoutMs === null ? null : now + row.attemptTimeoutMs,
    })
    this.#observe("run.claimed", row, session)
    this.#changed(run)
    return claim
  }

  /** Makes the claim that a running run has. */
  #attach(
    run: Run,
    session: Session,
    parts: Pick<Claim, "token" | "request" | "at" | "workerId" | "worker"> & { readonly timeoutAt: number | null },
  ): Claim {
    const { token, request, at, workerId, worker, timeoutAt } = parts
    const { attempt } = run.row
    const claim: Claim = {
      kind: "claim",
      token,
      session,
      run,
      request,
      attempt,
      at,
      workerId,
      worker,
      live: true,
      waits: null,
      timeout: null,
    }
    if (timeoutAt !== null) claim.timeout = this.#context.schedule(timeoutAt, { kind: "attempt", claim })
    run.claim = claim
    this.#context.holders.add(claim)
    session.claims.set(token, claim)
    worker?.busy.add(claim)
    this.#queues.occupy(claim)
    this.#context.live?.claimed(claim)
    return claim
  }

  /** The live claim of this token, or why there is none. */
  #liveClaim(session: Session, token: Token): Claim | Refused {
    const claim = session.claims.get(token)
    if (claim?.live === true) return claim
    this.#context.observe?.({ kind: "attempt.stale", at: this.#context.now, session: session.id, token })
    return refuse(
      "STALE_ATTEMPT",
      `the attempt with token ${String(token)} is over: its run settled, or another attempt has it; nothing was changed`,
      { token },
    )
  }

  /** The body has ended and no longer occupies a slot; returns its claim where it still counts. */
  #endBody(session: Session, token: Token): Claim | Refused {
    const claim = this.#liveClaim(session, token)
    const ended = session.claims.get(token)
    if (ended !== undefined) this.#leaveWorker(ended)
    session.claims.delete(token)
    if (!("code" in claim)) this.#detach(claim)
    return claim
  }

  #leaveWorker(claim: Claim): void {
    claim.worker?.busy.delete(claim)
  }

  /** Ends what the claim stands for; its run is decided by the caller in the same step. */
  #detach(claim: Claim): void {
    claim.live = false
    claim.run.claim = null
    this.#context.holders.delete(claim)
    this.#context.live?.claimEnded(claim)
    this.#context.cancel(claim.timeout)
    claim.timeout = null
    this.#queues.vacate(claim)
  }

  /** Ends a claim whose body does not know it yet, and tells it. */
  #revoke(claim: Claim, reason: ClaimControl["reason"]): void {
    this.#detach(claim)
    this.#context.emit({ kind: "claimControl", session: claim.session.id, token: claim.token, action: "lost", reason })
  }

  #failAttempt(run: Run, failure: Failure, final: boolean): Outcome {
    const { row } = run
    row.failures += 1
    if (final || row.failures >= row.retry.maxAttempts) {
      this.#settle(run, { status: "failed", result: null, failure })
      return { kind: "status", status: "failed" }
    }
    row.failure = failure
    row.notBefore = this.#context.now + backoffMs(row.retry, row.failures)
    this.#reopen(run, "run.retrying")
    return { kind: "retrying", notBefore: row.notBefore }
  }

  #crash(run: Run): void {
    const { row } = run
    row.crashes += 1
    this.#observe("run.crashed", row, null)
    if (row.effects === "once") {
      this.#interrupt(run)
    } else if (row.crashes >= MAX_CRASHES) {
      const message = `the executing session of "${row.operation}" died ${String(row.crashes)} times in a row`
      this.#settle(run, {
        status: "failed",
        result: null,
        failure: { code: "RUN_CRASHED", name: "Error", message, stack: null },
      })
    } else {
      this.#reopen(run, "run.retrying")
    }
  }

  /** An attempt was cut off and its effects may have happened: a person or program decides (O10). */
  #interrupt(run: Run): void {
    this.#settle(run, { status: "interrupted", result: null, failure: null })
  }

  #cancel(run: Run): void {
    if (run.claim !== null) this.#revoke(run.claim, "canceled")
    this.#settle(run, { status: "canceled", result: null, failure: null })
  }

  /** Back to pending: executors that wait are served, and waits that lost their hope are refused. */
  #reopen(run: Run, transition: RunTransition): void {
    run.row.status = "pending"
    this.#clearDeadline(run)
    this.#queues.place(run)
    this.#observe(transition, run.row, null)
    this.#changed(run)
    this.#queues.dispatch(run.queue)
    // Without its executor it may need a slot that its own waiters are in the way of.
    this.#doubted.add(run)
  }

  /** Waits of scopes that hold something, for any of these runs or for a pending run of any of these queues. */
  #waitersOf(doubted: readonly (Run | OperationQueue)[]): Set<RunWait> {
    const waiters = new Set<RunWait>()
    const queues = new Set<OperationQueue>()
    for (const each of doubted) {
      if ("row" in each) for (const waiter of each.waiters) waiters.add(waiter)
      else queues.add(each)
    }
    if (queues.size === 0) return waiters
    // In order of their tokens: what happens must not depend on where a table keeps them.
    for (const holder of [...this.#context.holders.values()].toSorted((a, b) => a.token - b.token)) {
      for (const wait of holder.waits ?? []) if (wait.kind === "run" && queues.has(wait.run.queue)) waiters.add(wait)
    }
    return waiters
  }

  #refuseIfStuck(waiter: RunWait): void {
    const { session, request, run, holders } = waiter
    if (holders.length === 0 || run.row.status !== "pending" || session.requests.get(request) !== waiter) return
    const cycle = findStandingDeadlock(waiter, this.#context.now)
    if (cycle === null) return
    this.#dropWaiter(waiter)
    const { message, details, code } = this.#refuseDeadlock(session, cycle)
    this.#context.emit({ kind: "requestRefused", session: session.id, request, code, message, details })
    this.#afterLeaving(waiter)
  }

  #pause(run: Run, paused: boolean): void {
    if (run.row.paused === paused) return
    run.row.paused = paused
    this.#observe(paused ? "run.paused" : "run.resumed", run.row, null)
    if (run.claim !== null) {
      const { session, token } = run.claim
      this.#context.emit({
        kind: "claimControl",
        session: session.id,
        token,
        action: paused ? "pause" : "resume",
        reason: "asked",
      })
    }
    this.#queues.place(run)
    this.#changed(run)
    this.#queues.dispatch(run.queue)
    if (!paused) this.#doubted.add(run)
  }

  #pin(run: Run, pinned: boolean): void {
    if (run.row.pinned === pinned) return
    run.row.pinned = pinned
    this.#clearDeadlineOfSettled(run)
    this.#changed(run)
  }

  /** The one way into a settled state: the row, every waiter and every watcher in one step (O2, O4). */
  #settle(
    run: Run,
    end: { status: "completed" | "failed" | "canceled" | "interrupted"; result: Value | null; failure: Failure | null },
  ): void {
    const { row } = run
    assertInvariant(isOpen(row) || row.status === "interrupted", "O3", `a ${row.status} run settles again`)
    assertInvariant(run.claim === null, "O5", "a run settles while a claim is live")
    this.#queues.unplace(run)
    row.status = end.status
    row.result = end.result
    row.failure = end.failure
    row.settledAt = this.#context.now
    row.paused = false
    if (end.status === "completed") row.steps = []
    this.#answer(run, settlementOf(row))
    this.#observe(`run.${end.status}`, row, null)
    this.#changed(run)
    this.#keepForRetention(run)
    this.#queues.dispatch(run.queue)
  }

  #answer(run: Run, settlement: Settlement): void {
    const id = runIdOf(run.row)
    for (const waiter of run.waiters) {
      this.#dropWaiter(waiter)
      this.#context.emit({
        kind: "runSettled",
        session: waiter.session.id,
        request: waiter.request,
        run: id,
        settlement,
      })
    }
  }

  /** Takes the row away; whoever waits is told to ask again. */
  #remove(run: Run): void {
    this.#queues.unplace(run)
    this.#clearDeadline(run)
    this.#answer(run, { kind: "forgotten" })
    this.#dismissWatchers(run)
    this.#runs.delete(run.row.identity)
    this.#queues.dispatch(run.queue)
  }

  /** A settled run is kept as long as its definition asks; one that awaits a decision stays. */
  #keepForRetention(run: Run): void {
    const { retainMs, settledAt, status, pinned } = run.row
    if (retainMs === null || settledAt === null || status === "interrupted" || pinned) return
    run.deadline = this.#context.schedule(settledAt + retainMs, { kind: "expiry", run })
  }

  /** Whoever watches a run that is gone or replaced is told so: a watch ends because of something, too. */
  #dismissWatchers(run: Run): void {
    const id = runIdOf(run.row)
    const message = `run ${id} was forgotten, has expired, or was replaced by a newer one; ask the operation again`
    for (const watch of run.watches) {
      this.unwatch(watch)
      const { session, request } = watch
      const details = { run: id }
      this.#context.emit({
        kind: "requestRefused",
        session: session.id,
        request,
        code: "RUN_SUPERSEDED",
        message,
        details,
      })
    }
  }

  /** What is kept begins or ceases to be kept for a while only. */
  #clearDeadlineOfSettled(run: Run): void {
    if (isOpen(run.row)) return
    this.#clearDeadline(run)
    this.#keepForRetention(run)
  }

  #clearDeadline(run: Run): void {
    this.#context.cancel(run.deadline)
    run.deadline = null
  }

  #changed(run: Run): void {
    this.#runs.touch(run.row.identity)
    for (const watch of run.watches) {
      this.#context.emit({ kind: "runChanged", session: watch.session.id, request: watch.request, view: viewRun(run) })
    }
  }

  #find(id: RunId): Run | Refused {
    const identity = identityOf(id)
    const run = identity === undefined ? undefined : this.#runs.get(identity)
    if (run === undefined)
      return refuse("RUN_UNKNOWN", `the store holds no run ${id}; it was forgotten, has expired, or never was`, {
        run: id,
      })
    if (runIdOf(run.row) !== id) {
      return refuse("RUN_SUPERSEDED", `run ${id} was replaced by ${runIdOf(run.row)}; ask the operation again`, {
        run: id,
      })
    }
    return run
  }

  #refuseDeadlock(session: Session, cycle: Cycle): Refused {
    this.#context.observe?.({
      kind: "deadlock.refused",
      at: this.#context.now,
      session: session.id,
      message: cycle.message,
    })
    return refuse("DEADLOCK", cycle.message, { cycle: cycle.steps })
  }

  #observe(kind: RunTransition, row: RunRow, session: Session | null): void {
    this.#context.observe?.({
      kind,
      at: this.#context.now,
      session: session?.id ?? null,
      run: runIdOf(row),
      identity: row.identity,
      operation: row.operation,
      attempt: row.attempt,
    })
  }
}
