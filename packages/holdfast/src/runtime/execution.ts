/**
 * One attempt of a run, executed here.
 *
 *     started ──body returns──▶ completed
 *        ├──body throws──▶ failed (the store decides about another attempt)
 *        ├──closing, draining──▶ given back, uncounted, unless the body ends well before
 *        └──canceled, timed out, forgotten──▶ lost: the signal is aborted, whatever the body still does counts for nothing (O5)
 *
 * A body runs in a root scope of its own, holding only its claim (O8). Arguments that are calls are made first, inside
 * that scope, so that deadlock detection and the worker's slots see the wait (L7).
 */
import {
  checkName,
  type ClaimView,
  decodeArguments,
  type ErrorCode,
  type Failure,
  HoldfastError,
  type Identity,
  isHoldfastError,
  type RunId,
  type StoreEvent,
  type Token,
  type Value,
} from "../kernel/index.ts"
import type { OperationMetrics } from "../observe/index.ts"
import type { Call } from "./call.ts"
import type { Committer } from "./committer.ts"
import { type Recipe, unpackArguments } from "./recipe.ts"
import { refusalError } from "./refusal.ts"
import { Scope } from "./scope.ts"
import type { Session } from "./session.ts"
import { type CommitExtras, type Transaction, type TransactOptions, transactWith } from "./transaction.ts"

/** What executes a claim: a body and how its result is kept. */
export interface Definition {
  readonly name: string
  readonly version: number
  readonly ephemeral: boolean
  readonly body: (context: RunContext, ...args: never[]) => unknown
  readonly metrics: OperationMetrics
  /** A call of the operation from its recipe; null for ad-hoc work, which has none. */
  readonly recall: ((recipe: Recipe) => Call<unknown>) | null
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
  /** The result of a call that came as data. */
  resultOf(recipe: Recipe, signal: AbortSignal): Promise<unknown>
  /** Results of `ephemeral` operations, kept in this process alone. */
  keepEphemeral(claim: ClaimView, value: unknown): void
  /** Notes a claim that was not started before the session began to close; its end gives it back as such. */
  keepUnstarted(token: Token): void
  /** The error a body threw here, so that callers in this process get it as the cause. */
  keepCause(run: RunId, failure: Failure, error: unknown): void
}

/** How long to wait before a report that the store did not take is made again, at first and at most. */
const FIRST_REPORT_WAIT_MS = 50
const LONGEST_REPORT_WAIT_MS = 5_000

type ClaimControl = Extract<StoreEvent, { readonly kind: "claimControl" }>

export interface ExecutionOptions {
  readonly claim: ClaimView
  readonly definition: Definition
  readonly observer: ExecutionObserver | null
  /** The recipe, where the caller has it; otherwise it is read from the claim. */
  readonly recipe: Recipe | null
}

export class Execution {
  readonly session: Session
  readonly claim: ClaimView
  readonly definition: Definition
  readonly #home: ExecutionHome
  readonly #recipe: Recipe | null
  readonly #scope: Scope
  readonly #observer: ExecutionObserver | null
  /** Made when somebody asks for the signal. */
  #controller: AbortController | null = null
  #abortReason: HoldfastError | null = null
  #isPaused: boolean
  /** The claim is over: completed by a commit, or given back. */
  #isOver = false
  /** The attempt is to be given back where its body does not end well. */
  #isReturning = false
  #isSuperseded = false
  /** The body was entered: what it does outside may have happened. */
  #isStarted = false
  #resumed: (() => void)[] = []
  /** Runs this body awaits at the moment; while there are any it gives up its worker's slot (L7). */
  #awaiting = 0

  constructor(home: ExecutionHome, options: ExecutionOptions) {
    const { claim, definition, observer, recipe } = options
    this.session = home.session
    this.claim = claim
    this.definition = definition
    this.#home = home
    this.#recipe = recipe
    this.#observer = observer
    this.#isPaused = claim.paused
    this.#scope = Scope.ofBody(home.session, claim.token, this)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#abortReason !== null) this.#controller.abort(this.#abortReason)
    return this.#controller.signal
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
    try {
      await this.#attempt()
    } finally {
      metrics.executing -= 1
      metrics.bodyMs.observe(this.session.env.clock.monotonic() - since)
      this.#observer?.ended()
    }
  }

  control(event: ClaimControl): void {
    if (event.action === "lost") {
      this.abort(lostReason(this.claim, event.reason))
    } else {
      this.#isPaused = event.action === "pause"
      if (!this.#isPaused) this.#wakePaused()
    }
  }

  abort(reason: HoldfastError): void {
    this.#abortReason ??= reason
    this.#controller?.abort(this.#abortReason)
    this.#wakePaused()
  }

  /** The session or worker is closing: the body may still end well; otherwise its run is somebody else's. */
  abortToReturn(reason: HoldfastError): void {
    this.#isReturning = true
    this.abort(reason)
  }

  /** Gives the claim back now, whatever the body still does. */
  async surrender(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    await this.#report(() => this.#giveBack())
  }

  /** A value was stored or forgotten meanwhile; this attempt's must not be kept (O5). */
  supersede(): void {
    this.#isSuperseded = true
  }

  /** Waits while the run is paused. */
  async whilePaused(): Promise<void> {
    while (this.#isPaused && this.#abortReason === null) {
      await new Promise<void>((resolve) => {
        this.#resumed.push(resolve)
      })
    }
    if (this.#abortReason !== null) throw this.#abortReason
  }

  /** The run was completed by a commit of the body itself. */
  finish(): void {
    this.#isOver = true
    this.definition.metrics.completed += 1
  }

  /** Encodes a result, and keeps it here where it never leaves. */
  encode(result: unknown): Value {
    const { definition, claim } = this
    if (!definition.ephemeral) return this.session.encodeResult(result, `the result of operation "${definition.name}"`)
    // Before the store knows: those who wait may be answered within the command.
    if (!this.#isSuperseded) this.#home.keepEphemeral(claim, result)
    return this.session.encodeResult(null, "nothing")
  }

  async #attempt(): Promise<void> {
    let result: unknown
    try {
      // Nothing of the body runs within the call that asked: all who ask in the same moment join, also where it throws
      // at once, and a call in a call in a call unwinds the stack.
      await Promise.resolve()
      if (this.#abortReason !== null) throw this.#abortReason
      result = await this.#scope.run(() => this.#callBody())
    } catch (error) {
      this.#scope.isEnded = true
      await this.#fail(error, false)
      return
    }
    this.#scope.isEnded = true
    if (this.#isOver) return
    let encoded: Value
    try {
      encoded = this.encode(result)
    } catch (error) {
      // The next attempt's would not be encodable either.
      await this.#fail(error, true)
      return
    }
    await this.#complete(encoded)
  }

  #callBody(): unknown {
    const { args, inner } = this.#recipe ?? unpackArguments(this.claim.args)
    return inner.length === 0 ? this.#callWith(args, noReference) : this.#callAfter(args, inner)
  }

  /** Makes the arguments that are calls, all at once, and then calls the body. */
  async #callAfter(args: Uint8Array, inner: readonly Recipe[]): Promise<unknown> {
    const { signal } = this
    const results = new Map<Identity, unknown>()
    const make = async (recipe: Recipe): Promise<void> => {
      results.set(recipe.identity, await this.#home.resultOf(recipe, signal))
    }
    await Promise.all(inner.map(make))
    return await this.#callWith(args, (identity) => results.get(identity as Identity))
  }

  #callWith(args: Uint8Array, resolve: (identity: string) => unknown): unknown {
    const values = decodeArguments(args, resolve, { sha256: this.session.env.sha256, blobs: this.session.blobs })
    const context = new RunContext(this, this.#home)
    this.#isStarted = true
    // The arguments were encoded by the operation of this name and version; their types are its own.
    return this.definition.body(context, ...(values as never[]))
  }

  async #complete(result: Value): Promise<void> {
    const { definition, claim, session } = this
    let tooLarge: unknown = null
    await this.#report(async () => {
      try {
        const outcome = await session.execute({ kind: "completeRun", session: session.id, token: claim.token, result })
        if (outcome.kind === "status") definition.metrics.completed += 1
        else definition.metrics.stale += 1
      } catch (error) {
        // A result the store does not take: the next attempt's would be no smaller, and no more of this store.
        if (!isHoldfastError(error) || !UNSTORABLE.has(error.code)) throw error
        tooLarge = error
      }
    })
    if (tooLarge !== null) await this.#fail(tooLarge, true)
  }

  async #fail(error: unknown, isFinal: boolean): Promise<void> {
    // What a body does after its run was completed or given back counts for nothing.
    if (this.#isOver) return
    if (this.#isReturning) {
      await this.#report(() => this.#giveBack())
      return
    }
    const { definition, claim, session } = this
    const failure = describeFailure(error)
    this.#home.keepCause(claim.run, failure, error)
    await this.#report(async () => {
      const outcome = await session.execute({
        kind: "failRun",
        session: session.id,
        token: claim.token,
        failure,
        final: isFinal,
      })
      if (outcome.kind === "refused") definition.metrics.stale += 1
      else definition.metrics.failed += 1
    })
  }

  async #giveBack(): Promise<void> {
    const { definition, claim, session } = this
    definition.metrics.stale += 1
    const { token } = claim
    const started = this.#isStarted
    // The end of a session that closes gives back all it has; now it would come again to one of the session's own waits.
    if (!session.isClosed) await session.execute({ kind: "returnRun", session: session.id, token, started })
    else if (!started) this.#home.keepUnstarted(token)
  }

  /** Reports until the store has taken it: a disk that is full for a while must not leave the run to nobody. */
  async #report(send: () => Promise<void>): Promise<void> {
    for (let waitMs = FIRST_REPORT_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_REPORT_WAIT_MS)) {
      try {
        await send()
        return
      } catch (error) {
        if (isPassing(error) && !this.session.isClosed && (this.#abortReason === null || this.#isReturning)) {
          await this.#pause(waitMs)
          continue
        }
        // The store is gone, or the attempt is over: the session's end gives the run to somebody else.
        this.definition.metrics.stale += 1
        return
      }
    }
  }

  /** Nobody tells when a store works again; until then, it is asked now and then. */
  async #pause(waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.session.env.timers.after(waitMs, resolve)
    })
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
    const progress = session.encode(value, "the progress of a run")
    const outcome = await session.execute({
      kind: "reportProgress",
      session: session.id,
      token: claim.token,
      progress,
    })
    if (outcome.kind === "refused") throw refusalError(outcome)
  }

  /**
   * A transaction that takes effect once however often the body is run: its outcome is recorded in the same commit under
   * `step`, and returned instead of running `fn` when a later attempt comes here again (O10).
   *
   * @throws HoldfastError CONFLICT, FENCED, VALUE_INVALID, VALUE_NOT_ENCODABLE
   */
  async transact<T>(step: string, fn: (tx: Transaction) => T | Promise<T>, options: TransactOptions = {}): Promise<T> {
    const { claim, session } = this.#execution
    checkName(step, "the name of a step")
    const known = claim.steps.find((each) => each.name === step)
    // The outcome was encoded from a T by this step of this version of the body.
    if (known !== undefined) return session.decode(known.outcome) as T
    const what = `the outcome of step "${step}"`
    const extras: CommitExtras = {
      step: (result) => ({ token: claim.token, name: step, outcome: session.encodeResult(result, what) }),
      complete: () => null,
    }
    const { result, recorded } = await transactWith(this.#home, fn, { options, extras })
    return recorded === null ? result : (this.#execution.session.decode(recorded) as T)
  }

  /**
   * Commits and completes the run in one step with what `fn` returns; the body returns right after. What the body
   * returns then is not looked at.
   *
   * @throws HoldfastError CONFLICT, FENCED, VALUE_INVALID, VALUE_NOT_ENCODABLE
   */
  async complete<T>(fn: (tx: Transaction) => T | Promise<T>, options: TransactOptions = {}): Promise<T> {
    const execution = this.#execution
    const { token } = execution.claim
    const extras: CommitExtras = {
      step: () => null,
      complete: (result) => ({ token, result: execution.encode(result) }),
    }
    const { result } = await transactWith(this.#home, fn, { options, extras })
    execution.finish()
    return result
  }
}

/** What is stored of an error: enough to understand it elsewhere. A body may reject with anything, undefined included. */
/** Why a store does not take a result that was encoded: too large, or of another store. */
const UNSTORABLE: ReadonlySet<ErrorCode> = new Set(["ARGUMENT_INVALID", "VALUE_NOT_ENCODABLE", "STORE_DAMAGED"])

function describeFailure(error: unknown): Failure {
  if (error instanceof Error) {
    // A code is what errors are recognized by elsewhere, so it travels with the name.
    const name = isHoldfastError(error) ? `HoldfastError [${error.code}]` : error.name
    return { code: "RUN_FAILED", name, message: error.message, stack: error.stack ?? null }
  }
  return {
    code: "RUN_FAILED",
    name: "Error",
    message: `the body rejected with ${describeThrown(error)}, not with an Error`,
    stack: null,
  }
}

/** The store may take it another time; what became of this time does not matter, as a report counts once (O5). */
export function isPassing(error: unknown): boolean {
  if (!isHoldfastError(error)) return false
  return error.code === "STORE_FULL" || error.code === "STORE_UNAVAILABLE" || error.code === "OUTCOME_UNKNOWN"
}

function describeThrown(thrown: unknown): string {
  if (typeof thrown === "string") return JSON.stringify(thrown)
  if (typeof thrown === "object" && thrown !== null) return "an object"
  return String(thrown)
}

function lostReason(claim: ClaimView, reason: ClaimControl["reason"]): HoldfastError {
  const what = `attempt ${String(claim.attempt)} of "${claim.operation}"`
  if (reason === "canceled")
    return new HoldfastError("RUN_CANCELED", `${what} was canceled`, { details: { run: claim.run } })
  if (reason === "sessionLost") {
    const message = `${what} is over: its session ended when the store's keeper did; open the store again`
    return new HoldfastError("SESSION_LOST", message, { details: { run: claim.run } })
  }
  return new HoldfastError("STALE_ATTEMPT", `${what} is over: ${reason}`, { details: { run: claim.run } })
}

function noReference(identity: string): never {
  throw new HoldfastError("VALUE_INVALID", `the arguments of a run refer to ${identity}, whose recipe they lack`)
}
