/**
 * Operations as users hold them: functions whose work is done once an identity, however many callers there are.
 *
 * A call asks the store for its identity's result and is served, joins the run, or is handed the claim and executes the
 * body here, as one more waiter of the run: its own abort ends its own wait only (O8).
 */
import {
  type Effects,
  HoldfastError,
  type Identity,
  identify,
  identifyKey,
  primitiveKey,
  type RetryPolicy,
  type RunSpec,
  checkName,
  encodeValue,
} from "../kernel/index.ts"
import type { OperationMetrics } from "../observe/index.ts"
import { checkCount, checkDuration, checkFunction, checkWait, NO_OPTIONS, type WaitOptions } from "./bounds.ts"
import type { Definition, RunContext } from "./execution.ts"
import { refusalError, unexpected } from "./refusal.ts"
import { RunHandle, toRunInfo, type RunInfo } from "./run-handle.ts"
import type { Runs } from "./runs.ts"

/** How failed attempts are tried again. */
export interface RetryOptions {
  /** Attempts in all. Default 1: no retry. */
  readonly maxAttempts?: number
  /** The wait after the first failure, in milliseconds. Default 100. */
  readonly initialMs?: number
  /** What each further wait is multiplied by. Default 2. */
  readonly factor?: number
  /** The longest wait, in milliseconds. Default 60,000. */
  readonly maxMs?: number
}

/** What an operation is. Its name and version name the work; everything the work depends on is an argument or in `version`. */
export interface OperationOptions<Args extends readonly unknown[], R> {
  /** Raised when the body's meaning changes: results of other versions are other results. A whole number from 1. */
  readonly version: number
  /**
   * `pure`: freely run again. `idempotent`: run again after a crash, so what it does outside must bear repeating.
   * `once`: an attempt that was cut off is never repeated without a decision.
   */
  readonly effects: Effects
  readonly run: (context: RunContext, ...args: Args) => R | Promise<R>
  readonly retry?: RetryOptions
  /** At most this many attempts at once, over all sessions. */
  readonly concurrency?: number
  /** At most `concurrency` attempts at once for each key. */
  readonly keyed?: { readonly key: (...args: Args) => string; readonly concurrency: number }
  /** An attempt that takes longer counts as failed. */
  readonly attemptTimeoutMs?: number
  /** How long settled runs are kept, in milliseconds. Default: for as long as the store. */
  readonly retainMs?: number
  /** What happens to a run when its last waiter leaves. Default `keep`: it goes on. */
  readonly abandon?: "keep" | "cancel"
  /** The result stays in this session and is never encoded: for what has no encoding. */
  readonly ephemeral?: boolean
}

/** How one call waits. */
export interface CallOptions extends WaitOptions {
  /** Computes again even where a result is stored; a run under way is joined. */
  readonly force?: boolean
}

/** How a run is started. */
export interface StartOptions {
  /** Names the run instead of its arguments: starting again under the key joins or returns the first. */
  readonly key?: string
  /** Not before this many milliseconds from now. */
  readonly delayMs?: number
  /** Higher first. Default 0. */
  readonly priority?: number
  /** Opens the next generation even where a result is stored. */
  readonly force?: boolean
}

/** An operation: call it like the function it is. */
export interface Operation<Args extends readonly unknown[], R> {
  (...args: Args): Promise<R>
  readonly operationName: string
  readonly version: number
  /** The result of these arguments, with bounds for this caller's wait. @throws HoldfastError RUN_FAILED, WAIT_TIMEOUT, … */
  invoke(args: Args, options?: CallOptions): Promise<R>
  /** These arguments as a handle: named once, asked often. */
  handle(...args: Args): Call<R>
  /** Makes sure a run exists for a worker to take; see `hf.start`. */
  start(args: Args, options?: StartOptions): Promise<RunHandle<R>>
  /** Forgets the result of these arguments. A computation under way cannot bring it back; its callers get a fresh one. */
  forget(...args: Args): Promise<void>
  /** Stores a result for these arguments. A computation under way cannot overwrite it. */
  put(args: Args, value: R): Promise<void>
  /** @internal */
  readonly specOf: (args: Args, options: StartOptions) => RunSpec
  /** @internal */
  readonly definition: Definition
}

/** One identity of an operation. */
export class Call<R> {
  /** Content address of operation, version and arguments, or of the key. */
  readonly identity: Identity
  readonly #runs: Runs
  readonly #definition: Definition
  readonly #spec: RunSpec

  /** @internal Made by {@link Operation.handle}. */
  constructor(runs: Runs, definition: Definition, spec: RunSpec) {
    this.identity = spec.identity
    this.#runs = runs
    this.#definition = definition
    this.#spec = spec
  }

  /** The result: stored, joined or computed here. */
  result(options: CallOptions = NO_OPTIONS): Promise<R> {
    // The store keeps what this operation's body returned, which is an R.
    return this.#runs.call(this.#definition, this.#spec, options) as Promise<R>
  }

  /** What is known of the identity's newest run; undefined when there is none. */
  async status(): Promise<RunInfo | undefined> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "readRun", session: session.id, identity: this.identity })
    if (outcome.kind !== "run") throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("readRun", outcome)
    return outcome.view === null ? undefined : toRunInfo(outcome.view)
  }

  /** See {@link Operation.forget}. */
  async forget(): Promise<void> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "forgetResult", session: session.id, identity: this.identity })
    if (outcome.kind === "refused") throw refusalError(outcome)
  }

  /** See {@link Operation.put}. */
  async put(value: R): Promise<void> {
    const { session } = this.#runs
    const result = this.#runs.encode(this.#definition, value)
    const outcome = await session.execute({ kind: "putResult", session: session.id, spec: this.#spec, result })
    if (outcome.kind === "refused") throw refusalError(outcome)
    if (outcome.kind === "settled" && this.#definition.ephemeral) this.#runs.keepEphemeral(outcome.run, value)
  }

  /** See {@link Operation.start}. */
  async start(force: boolean): Promise<RunHandle<R>> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "enqueueRun", session: session.id, spec: this.#spec, force })
    if (outcome.kind !== "enqueued") throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("enqueueRun", outcome)
    return new RunHandle<R>(this.#runs, outcome.run, this.#definition)
  }
}

/** Handles of recent calls with plain arguments, so that a hot call hashes nothing. Dropped whole at the bound. */
const RECENT_CALLS = 4_096

const NO_START: StartOptions = {}

/** Checks a definition and makes its operation. */
export function createOperation<Args extends readonly unknown[], R>(
  runs: Runs,
  name: string,
  options: OperationOptions<Args, R>,
): Operation<Args, R> {
  const template = checkDefinition(name, options)
  const metrics: OperationMetrics = runs.session.metrics.operation(name)
  const definition: Definition = {
    name,
    version: options.version,
    ephemeral: options.ephemeral === true,
    // A body is only ever called with the arguments its own operation encoded, which are Args.
    body: (context, ...args) => options.run(context, ...(args as readonly unknown[] as Args)),
    metrics,
  }
  runs.define(definition)
  const recent = new Map<string, Call<R>>()
  function specOf(args: Args, start: StartOptions): RunSpec {
    return createSpec(runs, definition, { args, start, template, keyOf: options.keyed?.key })
  }
  function handle(...args: Args): Call<R> {
    const key = primitiveKey(args)
    const known = key === undefined ? undefined : recent.get(key)
    if (known !== undefined) return known
    const call = new Call<R>(runs, definition, specOf(args, NO_START))
    if (key !== undefined) {
      if (recent.size >= RECENT_CALLS) recent.clear()
      recent.set(key, call)
    }
    return call
  }
  function operation(...args: Args): Promise<R> {
    try {
      return handle(...args).result()
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }
  Object.defineProperty(operation, "name", { value: name })
  return Object.assign(operation, {
    operationName: name,
    version: options.version,
    definition,
    specOf,
    handle,
    async invoke(args: Args, call: CallOptions = NO_OPTIONS): Promise<R> {
      checkWait(call)
      return await handle(...args).result(call)
    },
    async start(args: Args, start: StartOptions = NO_START): Promise<RunHandle<R>> {
      return await new Call<R>(runs, definition, specOf(args, start)).start(start.force === true)
    },
    async forget(...args: Args): Promise<void> {
      await handle(...args).forget()
    },
    async put(args: Args, value: R): Promise<void> {
      await handle(...args).put(value)
    },
  })
}

/** What every run of a definition has in common. */
type SpecTemplate = Pick<
  RunSpec,
  "effects" | "retry" | "concurrency" | "attemptTimeoutMs" | "retainMs" | "abandon"
> & { readonly keyedCount: number | null }

function checkDefinition<Args extends readonly unknown[], R>(name: string, options: OperationOptions<Args, R>): SpecTemplate {
  checkName(name, "the name of an operation")
  checkCount(options.version, `the version of operation "${name}"`)
  checkFunction(options.run, `the body of operation "${name}"`)
  if (options.effects !== "pure" && options.effects !== "idempotent" && options.effects !== "once") {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `operation "${name}" must declare its effects as "pure", "idempotent" or "once", found ${JSON.stringify(options.effects)}`,
    )
  }
  if (options.concurrency !== undefined) checkCount(options.concurrency, "concurrency")
  if (options.attemptTimeoutMs !== undefined) checkDuration(options.attemptTimeoutMs, "attemptTimeoutMs", { zero: false })
  if (options.retainMs !== undefined) checkDuration(options.retainMs, "retainMs", { zero: true })
  if (options.keyed !== undefined) {
    checkCount(options.keyed.concurrency, "keyed.concurrency")
    checkFunction(options.keyed.key, "keyed.key")
  }
  return {
    effects: options.effects,
    retry: checkRetry(options.retry ?? {}),
    concurrency: options.concurrency ?? null,
    attemptTimeoutMs: options.attemptTimeoutMs ?? null,
    retainMs: options.retainMs ?? null,
    abandon: options.abandon ?? "keep",
    keyedCount: options.keyed?.concurrency ?? null,
  }
}

function checkRetry(retry: RetryOptions): RetryPolicy {
  const { maxAttempts = 1, initialMs = 100, factor = 2, maxMs = 60_000 } = retry
  checkCount(maxAttempts, "retry.maxAttempts")
  checkDuration(initialMs, "retry.initialMs", { zero: true })
  checkDuration(maxMs, "retry.maxMs", { zero: true })
  if (!(Number.isFinite(factor) && factor >= 1)) {
    throw new HoldfastError("ARGUMENT_INVALID", `retry.factor must be a number from 1, found ${String(factor)}`)
  }
  return { maxAttempts, initialMs, factor, maxMs }
}

function createSpec<Args extends readonly unknown[]>(
  runs: Runs,
  definition: Definition,
  call: {
    readonly args: Args
    readonly start: StartOptions
    readonly template: SpecTemplate
    readonly keyOf: ((...args: Args) => string) | undefined
  },
): RunSpec {
  const { args, start, template, keyOf } = call
  const { key, delayMs = 0, priority = 0 } = start
  if (key !== undefined) checkName(key, "key")
  checkDuration(delayMs, "delayMs", { zero: true })
  if (!Number.isFinite(priority)) {
    throw new HoldfastError("ARGUMENT_INVALID", `priority must be a finite number, found ${String(priority)}`)
  }
  const { keyedCount, ...options } = template
  const slot = keyOf === undefined || keyedCount === null ? null : { key: checkedKey(keyOf(...args)), count: keyedCount }
  const named = runs.nameOf(definition)
  return {
    ...options,
    identity: key === undefined ? identify(named, args, runs.session.env.sha256) : identifyKey(named, key, runs.session.env.sha256),
    operation: definition.name,
    version: definition.version,
    args: encodeValue(args, `the arguments of operation "${definition.name}"`),
    key: key ?? null,
    keyed: slot,
    priority,
    delayMs,
  }
}

function checkedKey(key: unknown): string {
  checkName(key, "what keyed.key returns")
  return key
}

/** The spec of ad-hoc work under a key; see `hf.once`. */
export function createAdHocSpec(runs: Runs, definition: Definition, key: string): RunSpec {
  checkName(key, "the key of once")
  return createSpec(runs, definition, {
    args: [key],
    start: { key },
    template: {
      effects: "idempotent",
      retry: checkRetry({}),
      concurrency: null,
      attemptTimeoutMs: null,
      retainMs: null,
      abandon: "keep",
      keyedCount: null,
    },
    keyOf: undefined,
  })
}
