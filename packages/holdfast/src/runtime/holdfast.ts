/** An open store, as users hold it: the three primitives and what is around them. */
import type { Env } from "../env/index.ts"
import { Binary, type CellView, checkName, HoldfastError, type StoreView, type Transition } from "../kernel/index.ts"
import { Metrics, type MetricsSnapshot } from "../observe/index.ts"
import type { Store } from "../store/index.ts"
import {
  checkCount,
  checkDuration,
  checkFunction,
  checkOptions,
  checkWait,
  describeType,
  NO_OPTIONS,
  type WaitOptions,
} from "./bounds.ts"
import { writeBinary } from "./byte-source.ts"
import type { Arguments } from "./call.ts"
import { Cell, type CellOptions, type Versioned } from "./cell.ts"
import { CellUpdates } from "./cell-updates.ts"
import { Committer } from "./committer.ts"
import { GrantList, type LockHome } from "./grant.ts"
import { checkNames, Lock, Semaphore } from "./lock.ts"
import { createAdHoc, createOperation, type Operation, type OperationOptions, type StartOptions } from "./operation.ts"
import { closedError, refusalError, unexpected } from "./refusal.ts"
import { RunHandle, type RunInfo, toRunInfo } from "./run-handle.ts"
import { checkStatuses } from "./run-statuses.ts"
import { Runs } from "./runs.ts"
import { detached } from "./scope.ts"
import { Session, setBlobBudget } from "./session.ts"
import { type Transaction, transact, type TransactOptions, type ValuesOf } from "./transaction.ts"
import { type Changes, watchCells } from "./watch.ts"
import { type AnyOperation, Worker, type WorkOptions } from "./worker.ts"
import type { RunStatus } from "../kernel/index.ts"

/** What `close` could not have given back within its bound. */
export interface CloseReport {
  /** Bodies that had not ended; their runs are pending again, `once` ones interrupted. */
  readonly bodies: number
  /** Grants whose callbacks had not ended; their locks are free. */
  readonly grants: number
}

/** @internal How a session is opened on a connected store. */
interface ConnectOptions {
  readonly store: Store
  readonly env: Env
  readonly label: string
  /** Undefined leaves what the store has. */
  readonly blobBudgetBytes?: number | null | undefined
}

/** How a store is closed. */
export interface CloseOptions {
  /** How long bodies and callbacks may take to end after their signals were aborted, in milliseconds. Default 5,000. */
  readonly graceMs?: number
}

/** Which runs to list. */
export interface RunsOptions {
  readonly operation?: string
  readonly status?: RunStatus | readonly RunStatus[]
  /** At most this many, oldest first. Default 100. */
  readonly limit?: number
}

/** The kinds of transitions `on` reports; `*` is all of them. */
export type TransitionKind = Transition["kind"]

/** Long enough for a body to notice its signal; short enough for a deploy. */
const CLOSE_GRACE_MS = 5_000

const LISTED = 100

/** Lock objects of recent names, which carry no state of their own. Dropped whole at the bound. */
const RECENT_LOCKS = 4_096

/** An open store. Close it, or open it with `await using`. */
export class Holdfast implements AsyncDisposable {
  readonly #session: Session
  readonly #committer: Committer
  readonly #updates: CellUpdates
  readonly #runs: Runs
  readonly #grants = new GrantList(() => this.#onQuiet?.())
  readonly #lockHome: LockHome
  readonly #locks = new Map<string, Lock>()
  readonly #workers = new Set<Worker>()
  readonly #observers = new Set<Observer>()
  #closing: Promise<CloseReport> | null = null
  /** True once closing is over: until then, what runs may still read and write. */
  #isOver = false
  /** Set while closing waits for what runs. */
  #onQuiet: (() => void) | null = null

  private constructor(session: Session) {
    this.#session = session
    this.#committer = new Committer(session)
    this.#updates = new CellUpdates(session, this.#committer)
    this.#runs = new Runs(session, this.#committer)
    this.#lockHome = { session, grants: this.#grants }
    this.#runs.onEnded(() => this.#onQuiet?.())
    session.listen({
      grantLost: (token) => {
        this.#grants.lose(token)
      },
      // In no scope: it aborts signals, and who happens to bring the news must not lend their listeners its locks.
      claimControl: (event) => {
        detached(() => {
          this.#runs.control(event)
        })
      },
      runAssigned: (request, claim) => {
        this.#runs.assigned(request, claim)
      },
    })
  }

  /** @internal Opens a session on a connected store; users call `open`. */
  static async connect(options: ConnectOptions): Promise<Holdfast> {
    const session = new Session({ ...options, metrics: new Metrics() })
    try {
      const outcome = await session.execute({ kind: "openSession", session: session.id, label: options.label })
      if (outcome.kind === "done") {
        if (options.blobBudgetBytes !== undefined) await setBlobBudget(session, options.blobBudgetBytes)
        return new Holdfast(session)
      }
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("openSession", outcome)
    } catch (error) {
      await session.close()
      throw error
    }
  }

  // Locks

  /**
   * The lock of a name, or of several names granted together or not at all.
   *
   * @throws HoldfastError ARGUMENT_INVALID for a name that is empty, over 512 bytes or no string
   */
  lock(names: string | readonly string[]): Lock {
    const recent = typeof names === "string" ? this.#locks.get(names) : undefined
    if (recent !== undefined) return recent
    const lock = new Lock(this.#lockHome, checkNames(names))
    if (typeof names === "string") {
      if (this.#locks.size >= RECENT_LOCKS) this.#locks.clear()
      this.#locks.set(names, lock)
    }
    return lock
  }

  /**
   * A lock with `limit` permits.
   *
   * @throws HoldfastError ARGUMENT_INVALID for a bad name or a limit that is no whole number from 1
   */
  semaphore(name: string, limit: number): Semaphore {
    checkName(name, "the name of a semaphore")
    checkCount(limit, "limit")
    return new Semaphore(this.#lockHome, name, limit)
  }

  /** Runs `fn` in no scope, so that what it starts holds nothing of the caller's and may outlive it. */
  detached<T>(fn: () => T): T {
    checkFunction(fn, "the callback of detached")
    return detached(fn)
  }

  // Cells

  /** The cell of a name. With `initial`, an absent cell reads as that; without, as undefined. */
  cell<T>(name: string, options: CellOptions<T> & { readonly initial: T }): Cell<T>
  cell<T = unknown>(name: string, options?: CellOptions<T>): Cell<T | undefined>
  cell<T>(name: string, options: CellOptions<T> = {}): Cell<T> {
    return new Cell<T>({ session: this.#session, updates: this.#updates, committer: this.#committer }, name, options)
  }

  /** Several cells at one instant. */
  async read<const Cells extends readonly Cell<unknown>[]>(cells: Cells): Promise<ValuesOf<Cells>> {
    checkCells(cells)
    const views = await this.#committer.readAll(
      cells.map((cell) => cell.name),
      { head: false },
    )
    const values = views.map((view, index) => cells[index]?.decode(view))
    // One value a cell, in its type: the store answers in the order asked.
    return values as ValuesOf<Cells>
  }

  /** Names and versions of cells that have a value and start with `prefix`, by name. */
  async list(
    prefix: string,
    options: { readonly limit?: number } = {},
  ): Promise<readonly { readonly name: string; readonly version: number }[]> {
    checkPrefix(prefix)
    checkOptions(options)
    const { limit = LISTED } = options
    checkCount(limit, "limit")
    const views = await this.#committer.list(prefix, limit)
    return views.map(({ name, version }) => ({ name, version }))
  }

  /** Every change of every cell whose name starts with `prefix`, starting with those that have a value. */
  watch(
    prefix: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Changes<{ readonly name: string } & Versioned<unknown>> {
    checkPrefix(prefix)
    checkOptions(options)
    const reader = new Map<string, Cell<unknown>>()
    const view = (cell: CellView) => {
      const known = reader.get(cell.name) ?? this.cell(cell.name)
      reader.set(cell.name, known)
      return { name: cell.name, value: known.decode(cell), version: cell.version }
    }
    return watchCells(this.#session, { kind: "prefix", prefix }, options, view)
  }

  /**
   * Reads and writes many cells, all or nothing: `fn` is run again when what it read was changed meanwhile.
   *
   * @throws HoldfastError CONFLICT, FENCED, VALUE_INVALID, VALUE_NOT_ENCODABLE, CLOSED
   * @throws what `fn` throws; nothing is written then
   */
  async transact<T>(fn: (tx: Transaction) => T | Promise<T>, options: TransactOptions = {}): Promise<T> {
    // Checked here, as the function would run before anything is asked of the store.
    if (this.#isOver) throw closedError()
    return await transact({ session: this.#session, committer: this.#committer }, fn, options)
  }

  // Operations

  /**
   * Defines an operation: work that is done once for the same arguments, however many callers, sessions and processes ask.
   *
   * @throws HoldfastError ARGUMENT_INVALID, or OPERATION_UNKNOWN when the name and version are defined already
   * @example const square = hf.operation("square", { version: 1, effects: "pure", run: (ctx, x: number) => x * x })
   */
  operation<Args extends readonly unknown[], R>(name: string, options: OperationOptions<Args, R>): Operation<Args, R> {
    return createOperation(this.#runs, name, options)
  }

  /** Makes sure a run of the operation exists for a worker to take: a durable queue. */
  async start<Args extends readonly unknown[], R>(
    operation: Operation<Args, R>,
    args: Arguments<Args>,
    options: StartOptions = {},
  ): Promise<RunHandle<R>> {
    checkFunction(operation, "what start takes")
    return await operation.start(args, options)
  }

  /** Runs `fn` once for the key; every other caller, now or later, gets its result. */
  async once<R>(key: string, fn: () => R | Promise<R>, options: WaitOptions = NO_OPTIONS): Promise<R> {
    checkFunction(fn, "the function of once")
    checkWait(options)
    // Under one key there is one result; that its callers expect one type is theirs to keep.
    return (await this.#runs.call(createAdHoc(this.#runs, key, fn), options)) as R
  }

  /**
   * Bytes as an immutable handle that is hashed once: as an argument it enters an identity by its digest (O7). Copies them.
   *
   * @throws HoldfastError ARGUMENT_INVALID for anything but a Uint8Array
   */
  binary(bytes: Uint8Array): Binary {
    if (bytes instanceof Uint8Array) return Binary.of(bytes, this.#session.env.sha256)
    throw new HoldfastError("ARGUMENT_INVALID", `binary takes a Uint8Array, found ${typeof bytes}`)
  }

  /**
   * Bytes as an immutable handle, written to the store while they come, so that they never are in memory as a whole. The
   * handle is good as an argument, a result or part of a cell's value: the store keeps the bytes for as long as this
   * session has the handle or anything stored names it. Where the source ends early or `signal` is aborted, nothing is left.
   *
   * @throws HoldfastError ARGUMENT_INVALID, STORE_FULL, STORE_UNAVAILABLE, CLOSED; the signal's reason; what the source throws
   * @example const video = await hf.writeBinary(createReadStream("talk.mp4"))
   */
  async writeBinary(
    source: AsyncIterable<Uint8Array>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Binary> {
    return await writeBinary(this.#session, source, options)
  }

  /** Takes queued runs of the operations and executes them here until drained. */
  async work(operations: readonly AnyOperation[], options: WorkOptions = {}): Promise<Worker> {
    const worker = await Worker.open(this.#runs, operations, options)
    // Workers that were drained meanwhile have nothing left for close to do.
    for (const each of this.#workers) if (each.isClosed) this.#workers.delete(each)
    this.#workers.add(worker)
    return worker
  }

  /** A run by its id, as `RunInfo.run` gives it. */
  run(id: RunInfo["run"]): RunHandle<unknown> {
    return new RunHandle(this.#runs, id, null)
  }

  /** Runs in the store, oldest first. */
  async runs(options: RunsOptions = {}): Promise<readonly RunInfo[]> {
    checkOptions(options)
    const { operation, status, limit = LISTED } = options
    checkCount(limit, "limit")
    if (operation !== undefined) checkName(operation, "the operation to list")
    const statuses = status === undefined ? null : checkStatuses(status)
    const session = this.#session.id
    const outcome = await this.#session.execute({
      kind: "listRuns",
      session,
      filter: { operation: operation ?? null, statuses, limit },
    })
    if (outcome.kind !== "runs")
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("listRuns", outcome)
    return outcome.views.map((view) => toRunInfo(this.#session, view))
  }

  // Looking at it

  /**
   * Reports transitions of the store to `handler` as they happen, in no scope. Returns what stops it. What a handler
   * throws is uncaught: it stops nobody else.
   *
   * @throws HoldfastError ARGUMENT_INVALID for a kind there is not, CLOSED
   */
  on(kind: TransitionKind | "*", handler: (transition: Transition) => void): () => void {
    if (kind !== "*" && !Object.hasOwn(TRANSITION_KINDS, kind)) {
      throw new HoldfastError("ARGUMENT_INVALID", `on takes a kind of transition or "*", found ${JSON.stringify(kind)}`)
    }
    checkFunction(handler, "the handler of on")
    if (this.#session.isClosed) throw closedError()
    const observer: Observer = { kind, handler }
    this.#observers.add(observer)
    if (this.#observers.size === 1) {
      this.#session.onTransition((transition) => {
        this.#report(transition)
      })
    }
    return () => {
      if (this.#observers.delete(observer) && this.#observers.size === 0) this.#session.onTransition(null)
    }
  }

  /** Counters and histograms of this session. */
  metrics(): MetricsSnapshot {
    return this.#session.metrics.snapshot()
  }

  /** Who holds what, who waits for whom, what runs: the whole store at one moment. */
  async inspect(): Promise<StoreView> {
    const outcome = await this.#session.execute({ kind: "inspect", session: this.#session.id })
    if (outcome.kind === "view") return outcome.view
    throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("inspect", outcome)
  }

  // The end

  /**
   * Ends the session: aborts what runs, answers what waits with CLOSED, gives back what is held, and says what had not
   * ended within the bound (S1). What runs may still read and write until then; nothing new begins. Idempotent.
   *
   * @throws HoldfastError ARGUMENT_INVALID for a grace that is no duration; the store stays open then
   */
  async close(options: CloseOptions = {}): Promise<CloseReport> {
    if (this.#closing === null) {
      checkOptions(options)
      const { graceMs = CLOSE_GRACE_MS } = options
      checkDuration(graceMs, "graceMs", { zero: true })
      // In no scope, for the listeners of the signals that are aborted on the way.
      this.#closing = detached(() => this.#close(graceMs))
    }
    return await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(graceMs: number): Promise<CloseReport> {
    const session = this.#session
    const reason = closedError()
    session.stopWaiting()
    try {
      await Promise.all([...this.#workers].map((worker) => worker.stop()))
      for (const grant of this.#grants) grant.abort(reason)
      this.#runs.abortAll(reason)
      await this.#whenQuiet(graceMs)
      const report = { bodies: this.#runs.executing, grants: this.#runningGrants() }
      const { unstarted } = this.#runs
      await session.end(unstarted)
      // Bodies are in the background too, and those that had not ended may never.
      if (report.bodies === 0) await session.settle()
      return report
    } finally {
      this.#isOver = true
      for (const grant of this.#grants) grant.drop()
      this.#observers.clear()
      session.onTransition(null)
      await session.close()
    }
  }

  /** Resolves when no body and no callback of a lock runs, or when the grace is over. */
  async #whenQuiet(graceMs: number): Promise<void> {
    if (this.#isQuiet()) return
    await new Promise<void>((resolve) => {
      const timer = this.#session.env.timers.after(graceMs, resolve)
      this.#onQuiet = () => {
        if (!this.#isQuiet()) return
        timer.cancel()
        resolve()
      }
    })
  }

  #isQuiet(): boolean {
    return this.#runs.executing === 0 && this.#runningGrants() === 0
  }

  #runningGrants(): number {
    let count = 0
    for (const grant of this.#grants) if (grant.isRunning) count += 1
    return count
  }

  #report(transition: Transition): void {
    // Those of this moment: who is added by a handler is told of what comes after.
    const observers = [...this.#observers]
    for (const { kind, handler } of observers) {
      if (kind !== "*" && kind !== transition.kind) continue
      try {
        detached(() => {
          handler(transition)
        })
      } catch (error) {
        this.#session.env.microtask(() => {
          throw error
        })
      }
    }
  }
}

/** Somebody who is told of transitions. */
interface Observer {
  readonly kind: TransitionKind | "*"
  readonly handler: (transition: Transition) => void
}

/** Every kind there is, so that a misspelled one is refused and not waited for. */
const TRANSITION_KINDS: Readonly<Record<TransitionKind, true>> = {
  "session.opened": true,
  "session.ended": true,
  "lock.waiting": true,
  "lock.granted": true,
  "lock.released": true,
  "lock.lost": true,
  "lock.timeout": true,
  "lock.withdrawn": true,
  "lock.resized": true,
  "deadlock.refused": true,
  "commit.applied": true,
  "commit.conflict": true,
  "commit.fenced": true,
  "run.enqueued": true,
  "run.claimed": true,
  "run.joined": true,
  "run.completed": true,
  "run.failed": true,
  "run.retrying": true,
  "run.crashed": true,
  "run.returned": true,
  "run.canceled": true,
  "run.interrupted": true,
  "run.paused": true,
  "run.resumed": true,
  "run.forgotten": true,
  "run.stored": true,
  "run.expired": true,
  "run.evicted": true,
  "attempt.stale": true,
}

/** A prefix may be empty: it is then every name's. */
function checkPrefix(prefix: unknown): void {
  if (typeof prefix === "string") return
  throw new HoldfastError("ARGUMENT_INVALID", `a prefix must be a string, found ${describeType(prefix)}`)
}

function checkCells(cells: unknown): void {
  if (Array.isArray(cells) && cells.every((cell) => cell instanceof Cell)) return
  throw new HoldfastError("ARGUMENT_INVALID", "read takes an array of cells, as hf.cell gives them")
}
