/**
 * Everything a session has to do with runs: definitions, calls that wait, bodies that execute, values that were decoded.
 *
 * 1. A body is started exactly for each claim this session receives, and the claim is reported ended when it ends.
 * 2. What a store says of a claim may come before the claim itself, as outcomes and events travel apart: it is kept, and
 *    the body of a claim that was lost on its way is never started.
 * 3. A decoded result is shared by callers only when it is frozen; what cannot be frozen is decoded anew for each.
 */
import {
  type AwaitRun,
  type ClaimRun,
  type ClaimView,
  ERROR_TABLE,
  type ErrorCode,
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
import { checkWait, NO_OPTIONS, type WaitOptions } from "./bounds.ts"
import type { Call, CallOptions } from "./call.ts"
import type { Committer } from "./committer.ts"
import { type Definition, Execution, type ExecutionHome, type ExecutionObserver } from "./execution.ts"
import type { Recipe } from "./recipe.ts"
import { closedError, refusalError, unexpected } from "./refusal.ts"
import { currentExecution, currentHolding } from "./scope.ts"
import type { Answer, Session } from "./session.ts"

/** Decoded results kept for hot calls. Dropped oldest first; the store still has them. */
const DECODED_RESULTS = 1_024

/** Errors kept so that callers in this process get them as `cause`. */
const KEPT_CAUSES = 256

/** Results of ephemeral operations kept; one that was dropped is computed again. */
const EPHEMERAL_RESULTS = 10_000

/** News of claims that have not come yet; what nobody ever asks for is of claims that had ended before. */
const EARLY_CONTROLS = 1_024

type Control = Extract<StoreEvent, { readonly kind: "claimControl" }>

/** What is asked for by a call: which run, and how it is executed here. */
export interface Asked {
  readonly definition: Definition
  readonly spec: RunSpec
  readonly recipe: Recipe | null
}

/** One request that waits for a run to settle. */
interface RunRequest {
  readonly command: ClaimRun | AwaitRun
  /** Null where this session does not know the operation, and cannot execute it. */
  readonly definition: Definition | null
  readonly recipe: Recipe | null
  readonly options: WaitOptions
}

/** How a run ended, from the command that asked or from the event that answered. */
interface Settled {
  readonly run: RunId
  readonly settlement: Settlement
}

/** How a claim is executed, beside its definition. */
interface ExecuteOptions {
  readonly observer?: ExecutionObserver
  readonly recipe?: Recipe | null
}

export class Runs implements ExecutionHome {
  readonly session: Session
  readonly committer: Committer
  readonly #definitions = new Map<string, Definition>()
  readonly #executions = new Map<Token, Execution>()
  readonly #takers = new Map<RequestId, (claim: ClaimView) => void>()
  readonly #early = new Map<Token, Control[]>()
  readonly #decoded = new Map<Identity, { readonly run: RunId; readonly value: unknown }>()
  readonly #causes = new Map<RunId, { readonly failure: Failure; readonly error: unknown }>()
  /** `run` is null for a value that was stored, whose run only the store knows. */
  readonly #ephemeral = new Map<Identity, { readonly run: RunId | null; readonly value: unknown }>()
  readonly #unstarted: Token[] = []
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

  definitionOf(of: { readonly operation: string; readonly version: number }): Definition | undefined {
    return this.#definitions.get(definitionKey(of.operation, of.version))
  }

  /** What names the definition's runs: an ephemeral operation's results are this session's own. */
  nameOf(definition: Definition): { name: string; version: number } {
    const { name, version, ephemeral } = definition
    return { name: ephemeral ? `${name}\0${this.session.id}` : name, version }
  }

  /** Claims that came while the session closed, and were not started. */
  get unstarted(): readonly Token[] {
    return this.#unstarted
  }

  get executing(): number {
    return this.#executions.size
  }

  /** Encodes a result that comes from outside. */
  encode(definition: Definition, value: unknown): Value {
    return this.session.encodeResult(
      definition.ephemeral ? null : value,
      `the result of operation "${definition.name}"`,
    )
  }

  // Waiting

  /** A call: the result of the identity, from the store, a run under way, or a body executed here. */
  async call(asked: Asked, options: CallOptions): Promise<unknown> {
    if (options !== NO_OPTIONS) checkWait(options)
    const { session } = this
    const { definition, spec, recipe } = asked
    const holding = currentHolding(session)
    let force = options.force === true
    for (;;) {
      const request = session.nextRequest()
      const command = { kind: "claimRun", session: session.id, request, spec, holding, force } as const
      const answer = this.#ask({ command, definition, recipe, options })
      const settled = answer instanceof Promise ? await answer : answer
      const value = this.open(definition, settled)
      if (value !== ASK_AGAIN) return value
      // Forgotten meanwhile, or completed without this session having the ephemeral result: that is computed anew.
      force = settled.settlement.kind === "completed"
    }
  }

  /** Waits for one generation. */
  async result(run: RunId, definition: Definition | null, options: WaitOptions): Promise<unknown> {
    const { session } = this
    const holding = currentHolding(session)
    const request = session.nextRequest()
    // A body that waits for a run nobody executes does so itself instead of keeping a slot (L7).
    const execute = definition !== null && currentExecution(session) !== null
    const command = { kind: "awaitRun", session: session.id, request, run, holding, execute } as const
    const answer = this.#ask({ command, definition, recipe: null, options })
    const settled = answer instanceof Promise ? await answer : answer
    const value = this.open(definition, settled)
    if (value !== ASK_AGAIN) return value
    throw new HoldfastError("RUN_SUPERSEDED", `${describe(definition)} was forgotten; ask the operation again`, {
      details: { run },
    })
  }

  /** @throws HoldfastError OPERATION_UNKNOWN, and what the call throws */
  async resultOf(recipe: Recipe, signal: AbortSignal): Promise<unknown> {
    return await this.#recall(recipe).result({ signal })
  }

  // Executing

  /** Starts the body of a claim; it runs in the background until it ends or the store closes. */
  execute(claim: ClaimView, definition: Definition, options: ExecuteOptions = {}): Execution | null {
    const { observer = null, recipe = null } = options
    const early = this.#early.get(claim.token) ?? []
    this.#early.delete(claim.token)
    // A session that closes gives back what it has when it ends; given back now, it would come again to one of its waits.
    if (this.session.isClosed) {
      this.keepUnstarted(claim.token)
      return null
    }
    const execution = new Execution(this, { claim, definition, observer, recipe })
    for (const event of early) execution.control(event)
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

  /** A claim that came by event for no wait of this session: a slot's, or one that nobody expects any more. */
  assigned(request: RequestId, claim: ClaimView): void {
    const taker = this.#takers.get(request)
    this.#takers.delete(request)
    if (taker === undefined) this.session.background(this.giveBack(claim))
    else taker(claim)
  }

  /** Returns a claim whose body was not started. Where the store is gone or closes, the session's end does. */
  async giveBack(claim: ClaimView): Promise<void> {
    if (this.session.isClosed) {
      this.keepUnstarted(claim.token)
      return
    }
    try {
      await this.session.execute({ kind: "returnRun", session: this.session.id, token: claim.token, started: false })
    } catch {
      // See above.
    }
  }

  control(event: Control): void {
    const execution = this.#executions.get(event.token)
    if (execution === undefined) {
      remember(this.#early, event.token, [...(this.#early.get(event.token) ?? []), event], EARLY_CONTROLS)
    } else {
      execution.control(event)
    }
  }

  /** Aborts every body: its run is given back unless it ends well. */
  abortAll(reason: HoldfastError): void {
    for (const execution of this.#executions.values()) execution.abortToReturn(reason)
  }

  /** Calls `handler` whenever a body has ended. */
  onEnded(handler: () => void): void {
    this.#onEnded = handler
  }

  // Keeping

  keepEphemeral(claim: ClaimView, value: unknown): void {
    remember(this.#ephemeral, claim.identity, { run: claim.run, value }, EPHEMERAL_RESULTS)
  }

  /** A value stored from outside. What is computed at the moment must not replace it: the store refuses it too. */
  putEphemeral(identity: Identity, value: unknown): void {
    this.forgetEphemeral(identity)
    remember(this.#ephemeral, identity, { run: null, value }, EPHEMERAL_RESULTS)
  }

  forgetEphemeral(identity: Identity): void {
    this.#ephemeral.delete(identity)
    for (const execution of this.#executions.values()) {
      if (execution.claim.identity === identity) execution.supersede()
    }
  }

  keepUnstarted(token: Token): void {
    this.#unstarted.push(token)
  }

  keepCause(run: RunId, failure: Failure, error: unknown): void {
    remember(this.#causes, run, { failure, error }, KEPT_CAUSES)
  }

  async #run(execution: Execution): Promise<void> {
    try {
      await execution.run()
    } finally {
      this.#executions.delete(execution.claim.token)
      this.#onEnded()
    }
  }

  #recall(recipe: Recipe): Call<unknown> {
    const call = this.definitionOf(recipe)?.recall?.(recipe)
    if (call !== undefined) return call
    throw new HoldfastError(
      "OPERATION_UNKNOWN",
      `operation "${recipe.operation}" version ${String(recipe.version)}, which makes an argument, is not defined in this session; define it where runs that need it are executed`,
    )
  }

  #ask(request: RunRequest): Settled | Promise<Settled> {
    const metrics = request.definition?.metrics
    if (metrics !== undefined) metrics.calls += 1
    const outcome = this.session.execute(request.command)
    if (outcome instanceof Promise) return this.#askLater(request, outcome)
    if (outcome.kind !== "settled") return this.#follow(request, outcome, null)
    if (metrics !== undefined) metrics.served += 1
    return outcome
  }

  /** A store that takes time to answer: the wait stands before the answer can come, and may end before it does. */
  async #askLater(request: RunRequest, asked: Promise<StoreOutcome>): Promise<Settled> {
    const answer = this.#park(request)
    const first = await Promise.race([this.#outcomeOf(request, asked), answer])
    if (isAnswer(first)) {
      this.session.background(this.#startLate(request, asked))
      return this.#settledOf(request, first)
    }
    if (first.kind !== "settled") return await this.#follow(request, first, answer)
    if (request.definition !== null) request.definition.metrics.served += 1
    return first
  }

  /** The outcome; where it ends the request, the wait that was parked for it is dropped. */
  async #outcomeOf({ command }: RunRequest, asked: Promise<StoreOutcome>): Promise<StoreOutcome> {
    let isParked = false
    try {
      const outcome = await asked
      isParked = outcome.kind === "joined" || outcome.kind === "claimed"
      return outcome
    } finally {
      if (!isParked) this.session.unpark(command.request)
    }
  }

  /** The caller was answered before the store had said what its request came to: a claim is a claim all the same. */
  async #startLate({ definition, recipe }: RunRequest, asked: Promise<StoreOutcome>): Promise<void> {
    try {
      const outcome = await asked
      if (outcome.kind === "claimed" && definition !== null) this.execute(outcome.claim, definition, { recipe })
    } catch {
      // The store is gone, and the claim with it.
    }
  }

  async #follow(request: RunRequest, outcome: StoreOutcome, parked: Promise<Answer> | null): Promise<Settled> {
    const { definition, recipe, command } = request
    if (outcome.kind !== "claimed" && outcome.kind !== "joined") {
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected(command.kind, outcome)
    }
    const answer = parked ?? this.#park(request)
    if (definition !== null) {
      if (outcome.kind === "claimed") this.execute(outcome.claim, definition, { recipe })
      else definition.metrics.joined += 1
    }
    return this.#settledOf(request, await this.#awaited(answer))
  }

  #park({ command, definition, recipe, options }: RunRequest): Promise<Answer> {
    const onAssigned =
      definition === null
        ? null
        : (claim: ClaimView): void => {
            this.execute(claim, definition, { recipe })
          }
    return this.session.wait(command.request, options, onAssigned)
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

  #settledOf({ command, definition, options }: RunRequest, answer: Answer): Settled {
    switch (answer.kind) {
      case "runSettled":
        return answer
      case "timeout":
        throw new HoldfastError(
          "WAIT_TIMEOUT",
          `${describe(definition)} did not settle within ${String(options.waitMs)} ms; it goes on, ask again for its result`,
        )
      case "aborted":
        throw answer.reason
      case "requestRefused":
        throw refusalError(answer)
      case "closed":
        throw closedError()
      case "lockGranted":
        throw unexpected(command.kind, answer)
    }
  }

  /** The value of a settlement, or that the identity is to be asked again. */
  open(definition: Definition | null, { run, settlement }: Settled): unknown {
    switch (settlement.kind) {
      case "completed":
        return definition?.ephemeral === true ? this.#openEphemeral(run) : this.#decode(run, settlement.result)
      case "failed":
        throw this.#failure(run, definition, settlement.failure)
      case "canceled":
        throw new HoldfastError("RUN_CANCELED", `${describe(definition)} was canceled; ask again to start anew`, {
          details: { run },
        })
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

  #decode(run: RunId, result: Value): unknown {
    if (typeof result === "number") return result
    const identity = identityOf(run)
    const known = this.#decoded.get(identity)
    if (known?.run === run) return known.value
    const value = this.session.decode(result)
    if (freezeValue(value)) remember(this.#decoded, identity, { run, value }, DECODED_RESULTS)
    return value
  }

  #openEphemeral(run: RunId): unknown {
    const kept = this.#ephemeral.get(identityOf(run))
    return kept !== undefined && (kept.run === null || kept.run === run) ? kept.value : ASK_AGAIN
  }

  #failure(run: RunId, definition: Definition | null, failure: Failure): HoldfastError {
    const kept = this.#causes.get(run)
    // The error itself, where this failure is the one it was described as.
    const isSame =
      kept !== undefined && kept.failure.message === failure.message && kept.failure.stack === failure.stack
    const cause = isSame ? kept.error : rebuild(failure)
    const message =
      failure.code === "RUN_CRASHED"
        ? failure.message
        : `${describe(definition)} failed: ${failure.name}: ${failure.message}`
    return new HoldfastError(failure.code, message, { cause, details: { run } })
  }
}

/** The answer to a call whose run was forgotten: the caller wants a current value and asks again. */
export const ASK_AGAIN: unique symbol = Symbol("ask again")

function isAnswer(first: StoreOutcome | Answer): first is Answer {
  return ANSWERS.has(first.kind)
}

/** The kinds of answers; no outcome is called the same. */
const ANSWERS: ReadonlySet<string> = new Set<Answer["kind"]>([
  "runSettled",
  "requestRefused",
  "lockGranted",
  "timeout",
  "aborted",
  "closed",
])

function definitionKey(name: string, version: number): string {
  return `${String(version)} ${name}`
}

function describe(definition: Definition | null): string {
  return definition === null ? "the run" : `operation "${definition.name}"`
}

/** A run id starts with its identity. */
export function identityOf(run: RunId): Identity {
  return run.slice(0, run.lastIndexOf("@")) as Identity
}

/** How a fault of ours is named where it was stored. */
const CODED_NAME = /^HoldfastError \[(\w+)\]$/

/** The error a body threw elsewhere, as far as it was stored. A fault of ours has its code again. */
function rebuild({ name, message, stack }: Failure): Error {
  const code = CODED_NAME.exec(name)?.[1]
  const isCode = code !== undefined && Object.hasOwn(ERROR_TABLE, code)
  // Checked against the table right here.
  const error = isCode ? new HoldfastError(code as ErrorCode, message) : new Error(message)
  if (!isCode) error.name = name
  if (stack !== null) error.stack = stack
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
