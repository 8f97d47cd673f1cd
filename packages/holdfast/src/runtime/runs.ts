/**
 * Everything a session has to do with runs: definitions, calls that wait, bodies that execute, values that were decoded.
 *
 * 1. A body is started exactly for each claim this session receives, and the claim is reported ended when it ends.
 * 2. A decoded result is shared by callers only when it is frozen; what cannot be frozen is decoded anew for each.
 */
import {
  type ClaimView,
  decodeValue,
  encodeResult,
  type Failure,
  freezeValue,
  HoldfastError,
  type Identity,
  type RequestId,
  type RunId,
  type RunSpec,
  type Settlement,
  type StoreEvent,
  type Token,
  type Value,
} from "../kernel/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import type { CallOptions } from "./operation.ts"
import type { WaitOptions } from "./bounds.ts"
import type { Committer } from "./committer.ts"
import { type Definition, Execution, type ExecutionHome, type ExecutionObserver } from "./execution.ts"
import { closedError, refusalError, unexpected } from "./refusal.ts"
import { currentExecution, currentHolding } from "./scope.ts"
import type { Answer, Session } from "./session.ts"

/** Decoded results kept for hot calls. Dropped oldest first; the store still has them. */
const DECODED_RESULTS = 1_024

/** Errors kept so that callers in this process get them as `cause`. */
const KEPT_CAUSES = 256

/** Results of ephemeral operations kept; one that was dropped is computed again. */
const EPHEMERAL_RESULTS = 10_000

export class Runs implements ExecutionHome {
  readonly session: Session
  readonly committer: Committer
  readonly #definitions = new Map<string, Definition>()
  readonly #executions = new Map<Token, Execution>()
  readonly #takers = new Map<RequestId, (claim: ClaimView) => void>()
  readonly #decoded = new Map<Identity, { readonly run: RunId; readonly value: unknown }>()
  readonly #causes = new Map<RunId, unknown>()
  readonly #ephemeral = new Map<RunId, unknown>()
  #onEnded: () => void = nothing

  constructor(session: Session, committer: Committer) {
    this.session = session
    this.committer = committer
  }

  /** Makes a definition known, so that claims of it can be executed here. */
  define(definition: Definition): void {
    const key = definitionKey(definition.name, definition.version)
    if (this.#definitions.has(key)) {
      throw new HoldfastError(
        "OPERATION_UNKNOWN",
        `operation "${definition.name}" version ${String(definition.version)} is already defined here; define it once and share it, or raise the version`,
      )
    }
    this.#definitions.set(key, definition)
  }

  /** What names the definition's runs: an ephemeral operation's results are this session's own. */
  nameOf(definition: Definition): { name: string; version: number } {
    const { name, version, ephemeral } = definition
    return { name: ephemeral ? `${name}\0${this.session.id}` : name, version }
  }

  get executing(): number {
    return this.#executions.size
  }

  encode(definition: Definition, value: unknown): Value {
    return encodeResult(definition.ephemeral ? null : value, `the result of operation "${definition.name}"`)
  }

  /** A call: the result of the identity, from the store, a run under way, or a body executed here. */
  async call(definition: Definition, spec: RunSpec, options: CallOptions): Promise<unknown> {
    const { metrics } = definition
    const { session } = this
    const holding = currentHolding(session)
    metrics.calls += 1
    let force = options.force === true
    for (;;) {
      const request = session.nextRequest()
      const asked = session.execute({ kind: "claimRun", session: session.id, request, spec, holding, force })
      // A store that answers at once has its waits registered after the answer; any other before it.
      const early = asked instanceof Promise ? this.#wait(request, definition, options) : null
      const outcome = asked instanceof Promise ? await this.#first(asked, request) : asked
      if (outcome.kind === "settled") {
        metrics.served += 1
        const served = this.#open(definition, outcome.run, outcome.settlement)
        if (served !== ASK_AGAIN) return served
        // An ephemeral result that was dropped here: the identity is computed anew.
        force = true
        continue
      }
      force = false
      if (outcome.kind !== "claimed" && outcome.kind !== "joined") throw this.#refusal(outcome)
      const answer = early ?? this.#wait(request, definition, options)
      if (outcome.kind === "claimed") this.execute(outcome.claim, definition)
      else metrics.joined += 1
      const settled = await this.#awaited(answer)
      const value = this.#close(definition, settled, options)
      if (value !== ASK_AGAIN) return value
    }
  }

  /** Waits for one generation. */
  async result(run: RunId, definition: Definition | undefined, options: WaitOptions): Promise<unknown> {
    const { session } = this
    const holding = currentHolding(session)
    const request = session.nextRequest()
    // A body that waits for a run nobody executes does so itself instead of keeping a slot (L7).
    const execute = definition !== undefined && currentExecution(session) !== null
    const asked = session.execute({ kind: "awaitRun", session: session.id, request, run, holding, execute })
    const early = asked instanceof Promise ? this.#wait(request, definition, options) : null
    const outcome = asked instanceof Promise ? await this.#first(asked, request) : asked
    if (outcome.kind === "settled") return this.#openBound(definition, run, outcome.settlement)
    if (outcome.kind !== "claimed" && outcome.kind !== "joined") throw this.#refusal(outcome)
    const answer = early ?? this.#wait(request, definition, options)
    if (outcome.kind === "claimed" && definition !== undefined) this.execute(outcome.claim, definition)
    const settled = await this.#awaited(answer)
    if (settled.kind === "runSettled") return this.#openBound(definition, run, settled.settlement)
    return this.#close(definition, settled, options)
  }

  /** Starts the body of a claim; it runs in the background until it ends or the store closes. */
  execute(claim: ClaimView, definition: Definition, observer: ExecutionObserver | null = null): Execution {
    const execution = new Execution(this, { claim, definition, observer })
    this.#executions.set(claim.token, execution)
    this.session.background(this.#run(execution))
    return execution
  }

  /** Registers what receives the claim for a parked `takeRun`. */
  expectTaken(request: RequestId, handler: (claim: ClaimView) => void): void {
    this.#takers.set(request, handler)
  }

  forgetTaken(request: RequestId): void {
    this.#takers.delete(request)
  }

  /** Ends a parked `takeRun`; a claim already under way is given back when it comes. */
  withdrawTaker(request: RequestId): void {
    this.#takers.set(request, (claim) => {
      this.session.background(this.giveBack(claim))
    })
    this.session.background(this.#withdrawTaker(request))
  }

  /** A claim that came by event: for a taker, or for a waiter that has left meanwhile. */
  assigned(request: RequestId, claim: ClaimView): void {
    const taker = this.#takers.get(request)
    this.#takers.delete(request)
    const definition = this.definitionOf(claim)
    if (taker !== undefined) taker(claim)
    else if (definition !== undefined) this.execute(claim, definition)
    else this.session.background(this.giveBack(claim))
  }

  definitionOf(claim: { readonly operation: string; readonly version: number }): Definition | undefined {
    return this.#definitions.get(definitionKey(claim.operation, claim.version))
  }

  /** Returns a claim nobody here can execute. */
  async giveBack(claim: ClaimView): Promise<void> {
    await this.session.execute({ kind: "returnRun", session: this.session.id, token: claim.token })
  }

  control(event: Extract<StoreEvent, { readonly kind: "claimControl" }>): void {
    this.#executions.get(event.token)?.control(event)
  }

  /** Aborts every body. */
  abortAll(reason: HoldfastError): void {
    for (const execution of this.#executions.values()) execution.abort(reason)
  }

  /** Calls `handler` whenever a body has ended. */
  onEnded(handler: () => void): void {
    this.#onEnded = handler
  }

  keepEphemeral(run: RunId, value: unknown): void {
    remember(this.#ephemeral, run, value, EPHEMERAL_RESULTS)
  }

  keepCause(run: RunId, error: unknown): void {
    remember(this.#causes, run, error, KEPT_CAUSES)
  }

  async #withdrawTaker(request: RequestId): Promise<void> {
    const { id } = this.session
    const outcome = await this.session.execute({ kind: "withdrawRequest", session: id, request, reason: "done" })
    if (outcome.kind === "withdrawn" && outcome.found) this.#takers.delete(request)
  }

  async #run(execution: Execution): Promise<void> {
    try {
      await execution.run()
    } finally {
      this.#executions.delete(execution.claim.token)
      this.#onEnded()
    }
  }

  #wait(request: RequestId, definition: Definition | undefined, options: WaitOptions): Promise<Answer> {
    const onAssigned =
      definition === undefined
        ? null
        : (claim: ClaimView): void => {
            this.execute(claim, definition)
          }
    return this.session.wait(request, options, onAssigned)
  }

  /** The outcome of a command whose wait was registered before it; the wait is dropped where the outcome ends it. */
  async #first(asked: Promise<StoreOutcome>, request: RequestId): Promise<StoreOutcome> {
    try {
      const outcome = await asked
      if (outcome.kind !== "joined" && outcome.kind !== "claimed") this.session.unpark(request)
      return outcome
    } catch (error) {
      this.session.unpark(request)
      throw error
    }
  }

  /** Waits for an answer; inside a body, the body gives up its worker's slot meanwhile. */
  async #awaited(answer: Promise<Answer>): Promise<Answer> {
    const execution = currentExecution(this.session)
    if (execution === null) return await answer
    execution.beginAwait()
    try {
      return await answer
    } finally {
      execution.endAwait()
    }
  }

  #close(definition: Definition | undefined, answer: Answer, options: WaitOptions): unknown {
    switch (answer.kind) {
      case "runSettled":
        return this.#open(definition, answer.run, answer.settlement)
      case "timeout":
        throw new HoldfastError(
          "WAIT_TIMEOUT",
          `${definition === undefined ? "the run" : `operation "${definition.name}"`} did not settle within ${String(options.waitMs)} ms; it goes on, ask again for its result`,
        )
      case "aborted":
        throw answer.reason
      case "requestRefused":
        throw refusalError(answer)
      case "closed":
        throw closedError()
      case "lockGranted":
        throw unexpected("claimRun", answer)
    }
  }

  /** The value of a settlement for a caller that may ask again. */
  #open(definition: Definition | undefined, run: RunId, settlement: Settlement): unknown {
    switch (settlement.kind) {
      case "completed":
        return definition?.ephemeral === true ? this.#openEphemeral(run) : this.#decode(run, settlement.result)
      case "failed":
        throw this.#failure(run, definition, settlement.failure)
      case "canceled":
        throw new HoldfastError("RUN_CANCELED", `${describe(definition)} was canceled; ask again to start anew`, { details: { run } })
      case "interrupted":
        throw new HoldfastError(
          "RUN_INTERRUPTED",
          `attempt ${String(settlement.attempt)} of ${describe(definition)} was cut off and its effects may have happened; decide with retry() or cancel()`,
          { details: { run, attempt: settlement.attempt } },
        )
      case "forgotten":
        return ASK_AGAIN
    }
  }

  /** The value of a settlement for a handle, which is bound to its generation. */
  #openBound(definition: Definition | undefined, run: RunId, settlement: Settlement): unknown {
    const value = this.#open(definition, run, settlement)
    if (value !== ASK_AGAIN) return value
    throw new HoldfastError("RUN_SUPERSEDED", `${describe(definition)} was forgotten; ask the operation again`, { details: { run } })
  }

  #decode(run: RunId, result: Value): unknown {
    if (typeof result === "number") return result
    const identity = run.slice(0, run.lastIndexOf("@")) as Identity // A run id starts with its identity.
    const known = this.#decoded.get(identity)
    if (known?.run === run) return known.value
    const value = decodeValue(result)
    if (freezeValue(value)) remember(this.#decoded, identity, { run, value }, DECODED_RESULTS)
    return value
  }

  #openEphemeral(run: RunId): unknown {
    return this.#ephemeral.has(run) ? this.#ephemeral.get(run) : ASK_AGAIN
  }

  #failure(run: RunId, definition: Definition | undefined, failure: Failure): HoldfastError {
    const cause = this.#causes.has(run) ? this.#causes.get(run) : rebuild(failure)
    const message = failure.code === "RUN_CRASHED" ? failure.message : `${describe(definition)} failed: ${failure.name}: ${failure.message}`
    return new HoldfastError(failure.code, message, { cause, details: { run } })
  }

  #refusal(outcome: StoreOutcome): HoldfastError {
    return outcome.kind === "refused" ? refusalError(outcome) : unexpected("claimRun", outcome)
  }
}

/** The answer to a call whose run was forgotten: the caller wants a current value and asks again. */
const ASK_AGAIN = Symbol("ask again")

function definitionKey(name: string, version: number): string {
  return `${String(version)} ${name}`
}

function describe(definition: Definition | undefined): string {
  return definition === undefined ? "the run" : `operation "${definition.name}"`
}

/** The error a body threw elsewhere, as far as it was stored. */
function rebuild(failure: Failure): Error {
  const error = new Error(failure.message)
  error.name = failure.name
  if (failure.stack !== null) error.stack = failure.stack
  return error
}

function remember<K, V>(map: Map<K, V>, key: K, value: V, bound: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= bound) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

function nothing(): void {
  // Nobody has asked yet.
}
