/**
 * One attempt of a run, executed here.
 *
 *     started ──body returns──▶ completed
 *        ├──body throws──▶ failed (the store decides about another attempt)
 *        └──canceled, timed out, forgotten──▶ lost: the signal is aborted, whatever the body still does counts for nothing (O5)
 *
 * A body runs in a root scope of its own, holding only its claim (O8).
 */
import {
  type ClaimView,
  decodeValue,
  encodeResult,
  encodeValue,
  type Failure,
  HoldfastError,
  isHoldfastError,
  type RunId,
  type StoreEvent,
  type Token,
} from "../kernel/index.ts"
import type { OperationMetrics } from "../observe/index.ts"
import type { Committer } from "./committer.ts"
import { refusalError, unexpected } from "./refusal.ts"
import { Scope } from "./scope.ts"
import type { Session } from "./session.ts"
import { type Transaction, type TransactOptions, transactWith } from "./transaction.ts"

/** What executes a claim: a body and how its result is kept. */
export interface Definition {
  readonly name: string
  readonly version: number
  readonly ephemeral: boolean
  readonly body: (context: RunContext, ...args: never[]) => unknown
  readonly metrics: OperationMetrics
}

/** Whose slot a body occupies. */
export interface ExecutionObserver {
  /** The body waits for other runs, or goes on. */
  awaiting(isAwaiting: boolean): void
  ended(): void
}

export interface ExecutionHome {
  readonly session: Session
  readonly committer: Committer
  /** Results of `ephemeral` operations, kept in this process alone. */
  keepEphemeral(run: RunId, value: unknown): void
  /** The error a body threw here, so that callers in this process get it as the cause. */
  keepCause(run: RunId, error: unknown): void
}

export class Execution {
  readonly session: Session
  readonly claim: ClaimView
  readonly definition: Definition
  readonly #home: ExecutionHome
  readonly #controller = new AbortController()
  readonly #scope: Scope
  #isPaused: boolean
  #isOver = false
  #resumed: (() => void)[] = []
  /** Runs this body awaits at the moment; while there are any it gives up its worker's slot (L7). */
  #awaiting = 0
  readonly #observer: ExecutionObserver | null

  constructor(home: ExecutionHome, options: { claim: ClaimView; definition: Definition; observer: ExecutionObserver | null }) {
    const { claim, definition } = options
    this.session = home.session
    this.#observer = options.observer
    this.claim = claim
    this.definition = definition
    this.#home = home
    this.#isPaused = claim.paused
    this.#scope = Scope.ofBody(home.session, claim.token, this)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  beginAwait(): void {
    this.#awaiting += 1
    if (this.#awaiting === 1) this.#observer?.awaiting(true)
  }

  endAwait(): void {
    this.#awaiting -= 1
    if (this.#awaiting === 0) this.#observer?.awaiting(false)
  }

  /** Runs the body and reports how it ended. Never rejects: faults of the store end the attempt with its session. */
  async run(): Promise<void> {
    const { metrics } = this.definition
    const since = this.session.env.clock.monotonic()
    metrics.attempts += 1
    metrics.executing += 1
    const context = new RunContext(this, this.#home)
    try {
      const result = await this.#scope.run(() => this.#callBody(context))
      if (!this.#isOver) await this.#complete(result)
    } catch (error) {
      await this.#fail(error)
    } finally {
      this.#isOver = true
      this.#scope.isEnded = true
      metrics.executing -= 1
      metrics.bodyMs.observe(this.session.env.clock.monotonic() - since)
      this.#observer?.ended()
    }
  }

  control(event: Extract<StoreEvent, { readonly kind: "claimControl" }>): void {
    if (event.action === "lost") {
      this.abort(lostReason(this.claim, event.reason))
    } else {
      this.#isPaused = event.action === "pause"
      if (!this.#isPaused) this.#wakePaused()
    }
  }

  abort(reason: HoldfastError): void {
    this.#controller.abort(reason)
    this.#wakePaused()
  }

  /** Waits while the run is paused. */
  async whilePaused(): Promise<void> {
    while (this.#isPaused && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#resumed.push(resolve)
      })
    }
    this.signal.throwIfAborted()
  }

  /** The run was completed by a commit of the body itself. */
  finish(): void {
    this.#isOver = true
    this.definition.metrics.completed += 1
  }

  get isOver(): boolean {
    return this.#isOver
  }

  #callBody(context: RunContext): unknown {
    const args = decodeValue(this.claim.args)
    // The arguments were encoded as an array by the operation of this name and version; their types are its own.
    return this.definition.body(context, ...(args as never[]))
  }

  async #complete(result: unknown): Promise<void> {
    const { definition, claim, session } = this
    const what = `the result of operation "${definition.name}"`
    if (definition.ephemeral) this.#home.keepEphemeral(claim.run, result)
    const encoded = encodeResult(definition.ephemeral ? null : result, what)
    const outcome = await session.execute({ kind: "completeRun", session: session.id, token: claim.token, result: encoded })
    if (outcome.kind === "status") definition.metrics.completed += 1
    else if (outcome.kind === "refused" && outcome.code === "STALE_ATTEMPT") definition.metrics.stale += 1
    else throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("completeRun", outcome)
  }

  async #fail(error: unknown): Promise<void> {
    const { definition, claim, session } = this
    this.#home.keepCause(claim.run, error)
    const failure = describeFailure(error)
    const final = isHoldfastError(error, "VALUE_NOT_ENCODABLE")
    try {
      const outcome = await session.execute({ kind: "failRun", session: session.id, token: claim.token, failure, final })
      if (outcome.kind === "refused") definition.metrics.stale += 1
      else definition.metrics.failed += 1
    } catch {
      // The store is gone; the session's end gives the run to somebody else.
      definition.metrics.stale += 1
    }
  }

  #wakePaused(): void {
    const resumed = this.#resumed
    this.#resumed = []
    for (const resume of resumed) resume()
  }
}

/** What a body is given beside its arguments. */
export class RunContext {
  readonly #execution: Execution
  readonly #home: ExecutionHome

  /** @internal Made for each attempt. */
  constructor(execution: Execution, home: ExecutionHome) {
    this.#execution = execution
    this.#home = home
  }

  /** The run, by its id. */
  get run(): RunId {
    return this.#execution.claim.run
  }

  /** 1 for the first attempt. */
  get attempt(): number {
    return this.#execution.claim.attempt
  }

  /** The claim's fencing token. */
  get token(): Token {
    return this.#execution.claim.token
  }

  /**
   * The same for every attempt of this run and different for every other: pass it to the outside as idempotency key, so
   * that an `idempotent` body that is run again does nothing twice (O10).
   */
  get idempotencyKey(): string {
    return this.#execution.claim.run
  }

  /** Aborted when the attempt is over from outside: canceled, timed out, forgotten, closing. */
  get signal(): AbortSignal {
    return this.#execution.signal
  }

  /** Stops here while the run is paused. @throws the signal's reason when the attempt is over */
  async checkpoint(): Promise<void> {
    await this.#execution.whilePaused()
  }

  /** Reports how far the body is; watchers of the run see the newest. @throws HoldfastError STALE_ATTEMPT, VALUE_NOT_ENCODABLE */
  async progress(value: unknown): Promise<void> {
    const { session, claim } = this.#execution
    const progress = encodeValue(value, "the progress of a run")
    const outcome = await session.execute({ kind: "reportProgress", session: session.id, token: claim.token, progress })
    if (outcome.kind === "refused") throw refusalError(outcome)
  }

  /**
   * A transaction that takes effect once however often the body is run: its outcome is recorded in the same commit under
   * `step`, and returned instead of running `fn` when a later attempt comes here again (O10).
   */
  async transact<T>(step: string, fn: (tx: Transaction) => T | Promise<T>, options: TransactOptions = {}): Promise<T> {
    const { claim } = this.#execution
    const known = claim.steps.find((each) => each.name === step)
    // The outcome was encoded from a T by this step of this version of the body.
    if (known !== undefined) return decodeValue(known.outcome) as T
    const what = `the outcome of step "${step}"`
    const extras = {
      step: { token: claim.token, name: step, outcome: 0 },
      outcomeOf: (result: unknown) => encodeResult(result, what),
      complete: () => null,
    }
    const { result, recorded } = await transactWith(this.#home, fn, { ...options, extras })
    return recorded === null ? result : (decodeValue(recorded) as T)
  }

  /**
   * Commits and completes the run in one step with what `fn` returns; the body returns right after. What the body
   * returns then is not looked at.
   */
  async complete<T>(fn: (tx: Transaction) => T | Promise<T>, options: TransactOptions = {}): Promise<T> {
    const execution = this.#execution
    const { claim, definition } = execution
    const what = `the result of operation "${definition.name}"`
    const extras = {
      step: null,
      outcomeOf: () => null,
      complete: (result: unknown) => ({ token: claim.token, result: encodeResult(result, what) }),
    }
    const { result } = await transactWith(this.#home, fn, { ...options, extras })
    execution.finish()
    return result
  }
}

/** What is stored of an error: enough to understand it elsewhere. A body may reject with anything, undefined included. */
function describeFailure(error: unknown): Failure {
  if (error instanceof Error) {
    return { code: "RUN_FAILED", name: error.name, message: error.message, stack: error.stack ?? null }
  }
  return { code: "RUN_FAILED", name: "Error", message: `the body rejected with ${describeThrown(error)}, not with an Error`, stack: null }
}

function describeThrown(thrown: unknown): string {
  if (typeof thrown === "string") return JSON.stringify(thrown)
  if (typeof thrown === "object" && thrown !== null) return "an object"
  return String(thrown)
}

function lostReason(claim: ClaimView, reason: string): HoldfastError {
  const what = `attempt ${String(claim.attempt)} of "${claim.operation}"`
  if (reason === "canceled") return new HoldfastError("RUN_CANCELED", `${what} was canceled`, { details: { run: claim.run } })
  return new HoldfastError("STALE_ATTEMPT", `${what} is over: ${reason}`, { details: { run: claim.run } })
}
