/**
 * Operations as users hold them: functions whose work is done once an identity, however many callers there are.
 *
 * A call asks the store for its identity's result and is served, joins the run, or is handed the claim and executes the
 * body here, as one more waiter of the run: its own abort ends its own wait only (O8).
 */
import {
  checkName,
  type Effects,
  HoldfastError,
  identify,
  identifyKey,
  primitiveKey,
  type RetryPolicy,
  type RunSpec,
} from "../kernel/index.ts"
import { checkCount, checkDuration, checkFunction, checkOptions, checkWait, NO_OPTIONS } from "./bounds.ts"
import {
  type Arguments,
  Call,
  type CallOptions,
  type CallPlan,
  decodeKnownArguments,
  encodeCallArguments,
  withoutTrailing,
} from "./call.ts"
import type { Definition, RunContext } from "./execution.ts"
import { Recipe } from "./recipe.ts"
import type { RunHandle } from "./run-handle.ts"
import type { Asked, Runs } from "./runs.ts"

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

/** A limit for each key; the key is made of the arguments. */
export interface KeyedLimit<Args extends readonly unknown[]> {
  /** May take fewer parameters than the body: the arguments' types come from `run` alone, which `Extract` sees to. */
  readonly key: (...args: Extract<Args, readonly unknown[]>) => string
  readonly concurrency: number
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
  /** At most `concurrency` attempts at once for each key. Arguments that are calls cannot be read by `key`. */
  readonly keyed?: KeyedLimit<Args>
  /** An attempt that takes longer counts as failed. */
  readonly attemptTimeoutMs?: number
  /** How long settled runs are kept, in milliseconds. Default: for as long as the store. */
  readonly retainMs?: number
  /** What happens to a run when its last waiter leaves. Default `keep`: it goes on. */
  readonly abandon?: "keep" | "cancel"
  /**
   * The result stays in this session and is never encoded: for what has no encoding. Such an operation is called, not
   * started, as a queued run may be computed in any session.
   */
  readonly ephemeral?: boolean
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

/** An operation: call it like the function it is. In the place of an argument, the call that makes it may be passed. */
export interface Operation<Args extends readonly unknown[], R> {
  (...args: Arguments<Args>): Promise<R>
  readonly operationName: string
  readonly version: number
  /** The result of these arguments, with bounds for this caller's wait. @throws HoldfastError RUN_FAILED, WAIT_TIMEOUT, … */
  invoke(args: Arguments<Args>, options?: CallOptions): Promise<R>
  /** These arguments as a handle: named once, asked often, or passed as an argument of another operation. */
  handle(...args: Arguments<Args>): Call<R>
  /** Makes sure a run exists for a worker to take; see `hf.start`. */
  start(args: Arguments<Args>, options?: StartOptions): Promise<RunHandle<R>>
  /** Forgets the result of these arguments. A computation under way cannot bring it back; its callers get a fresh one. */
  forget(...args: Arguments<Args>): Promise<void>
  /** Stores a result for these arguments. A computation under way cannot overwrite it. */
  put(args: Arguments<Args>, value: R): Promise<void>
  /** @internal */
  readonly specOf: (args: Arguments<Args>, options: StartOptions) => RunSpec
  /** @internal */
  readonly definition: Definition
}

/** Handles of recent calls with plain arguments, so that a hot call hashes nothing. Dropped whole at the bound. */
const RECENT_CALLS = 4_096

const NO_START: StartOptions = {}

/** The operation under which ad-hoc work is known. */
export const AD_HOC = "once"

/** Checks a definition and makes its operation. */
export function createOperation<Args extends readonly unknown[], R>(
  runs: Runs,
  name: string,
  options: OperationOptions<Args, R>,
): Operation<Args, R> {
  const template = checkDefinition(name, options)
  const definition: Definition = {
    name,
    version: options.version,
    ephemeral: options.ephemeral === true,
    // A body is only ever called with the arguments its own operation encoded, which are Args.
    body: (context, ...args) => options.run(context, ...(args as readonly unknown[] as Args)),
    metrics: runs.session.metrics.operation(name),
    recall: (recipe) => new Call(runs, definition, recallPlan(recipe, template)),
  }
  runs.define(definition)
  const recent = new Map<string, Call<R>>()
  function start(args: readonly unknown[], how: StartOptions): Call<R> {
    checkOptions(how)
    if (definition.ephemeral) throw refuseQueue(name)
    return new Call<R>(runs, definition, createPlan(runs, definition, { args: checkArgs(args), how, template }))
  }
  function handle(...given: readonly unknown[]): Call<R> {
    const args = withoutTrailing(given)
    const key = primitiveKey(args)
    const known = key === undefined ? undefined : recent.get(key)
    if (known !== undefined) return known
    const call = new Call<R>(runs, definition, createPlan(runs, definition, { args, how: NO_START, template }))
    if (key !== undefined) {
      if (recent.size >= RECENT_CALLS) recent.clear()
      recent.set(key, call)
    }
    return call
  }
  function operation(...args: readonly unknown[]): Promise<R> {
    try {
      return handle(...args).result()
    } catch (error) {
      return Promise.reject(error)
    }
  }
  Object.defineProperty(operation, "name", { value: name })
  return Object.assign(operation, {
    operationName: name,
    version: options.version,
    definition,
    handle,
    specOf: (args: readonly unknown[], how: StartOptions): RunSpec => start(args, how).spec,
    async invoke(args: readonly unknown[], call: CallOptions = NO_OPTIONS): Promise<R> {
      checkWait(call)
      return await handle(...checkArgs(args)).result(call)
    },
    async start(args: readonly unknown[], how: StartOptions = NO_START): Promise<RunHandle<R>> {
      return await start(args, how).start(how.force === true)
    },
    async forget(...args: readonly unknown[]): Promise<void> {
      await handle(...args).forget()
    },
    async put(args: readonly unknown[], value: R): Promise<void> {
      await handle(...checkArgs(args)).put(value)
    },
  })
}

/** What every run of a definition has in common. */
interface Template {
  readonly spec: Pick<RunSpec, "effects" | "retry" | "concurrency" | "attemptTimeoutMs" | "retainMs" | "abandon">
  readonly keyed: { readonly key: (...args: never[]) => unknown; readonly concurrency: number } | null
}

function checkDefinition<Args extends readonly unknown[], R>(
  name: string,
  options: OperationOptions<Args, R>,
): Template {
  checkName(name, "the name of an operation")
  checkOptions(options)
  if (name === AD_HOC) throw invalid(`"${AD_HOC}" is the name of ad-hoc work, hf.once; choose another for an operation`)
  checkCount(options.version, `the version of operation "${name}"`)
  checkFunction(options.run, `the body of operation "${name}"`)
  checkChoice(options.effects, `the effects of operation "${name}"`, ["pure", "idempotent", "once"])
  checkChoice(options.abandon ?? "keep", "abandon", ["keep", "cancel"])
  if (options.concurrency !== undefined) checkCount(options.concurrency, "concurrency")
  if (options.attemptTimeoutMs !== undefined)
    checkDuration(options.attemptTimeoutMs, "attemptTimeoutMs", { zero: false })
  if (options.retainMs !== undefined) checkDuration(options.retainMs, "retainMs", { zero: true })
  if (options.keyed !== undefined) {
    checkOptions(options.keyed)
    checkCount(options.keyed.concurrency, "keyed.concurrency")
    checkFunction(options.keyed.key, "keyed.key")
  }
  return {
    spec: {
      effects: options.effects,
      retry: checkRetry(options.retry ?? {}),
      concurrency: options.concurrency ?? null,
      attemptTimeoutMs: options.attemptTimeoutMs ?? null,
      retainMs: options.retainMs ?? null,
      abandon: options.abandon ?? "keep",
    },
    keyed: options.keyed ?? null,
  }
}

function checkRetry(retry: RetryOptions): RetryPolicy {
  checkOptions(retry)
  const { maxAttempts = 1, initialMs = 100, factor = 2, maxMs = 60_000 } = retry
  checkCount(maxAttempts, "retry.maxAttempts")
  checkDuration(initialMs, "retry.initialMs", { zero: true })
  checkDuration(maxMs, "retry.maxMs", { zero: true })
  if (!(Number.isFinite(factor) && factor >= 1)) {
    throw invalid(`retry.factor must be a number from 1, found ${String(factor)}`)
  }
  return { maxAttempts, initialMs, factor, maxMs }
}

function createPlan(
  runs: Runs,
  definition: Definition,
  call: { readonly args: readonly unknown[]; readonly how: StartOptions; readonly template: Template },
): CallPlan {
  const { how, template } = call
  const { name, version } = definition
  const { key, delayMs = 0, priority = 0 } = how
  if (key !== undefined) checkName(key, "key")
  checkDuration(delayMs, "delayMs", { zero: true })
  if (!Number.isFinite(priority)) throw invalid(`priority must be a finite number, found ${String(priority)}`)
  const given = withoutTrailing(call.args)
  const { args, inner } = encodeCallArguments(runs, name, given)
  const { sha256 } = runs.session.env
  const named = runs.nameOf(definition)
  const identity = key === undefined ? identify(named, given, sha256) : identifyKey(named, key, sha256)
  const recipe = new Recipe({ identity, operation: name, version, args, inner })
  return { recipe, spec: specOf(recipe, template, { key: key ?? null, delayMs, priority, given }) }
}

/** The plan of a call that came as data. */
function recallPlan(recipe: Recipe, template: Template): CallPlan {
  return { recipe, spec: specOf(recipe, template, { key: null, delayMs: 0, priority: 0, given: null }) }
}

function specOf(
  recipe: Recipe,
  template: Template,
  how: Pick<RunSpec, "key" | "delayMs" | "priority"> & { readonly given: readonly unknown[] | null },
): CallPlan["spec"] {
  const { identity, operation, version } = recipe
  const { effects, retry, concurrency, attemptTimeoutMs, retainMs, abandon } = template.spec
  const { key, priority, delayMs } = how
  const keyed = keyedOf(recipe, template, how.given)
  // Field by field: every new call comes through here, and spreading costs several times as much.
  return {
    identity,
    operation,
    version,
    key,
    keyed,
    effects,
    retry,
    concurrency,
    attemptTimeoutMs,
    retainMs,
    abandon,
    priority,
    delayMs,
  }
}

function keyedOf(recipe: Recipe, { keyed }: Template, given: readonly unknown[] | null): RunSpec["keyed"] {
  if (keyed === null) return null
  const args = given === null || recipe.inner.length > 0 ? decodeKnownArguments(recipe.args) : given
  // The operation's own arguments, which its key function takes.
  const key = keyed.key(...(args as never[]))
  checkName(key, "what keyed.key returns")
  return { key, count: keyed.concurrency }
}

function checkArgs(args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args
  throw invalid(`the arguments of an operation must be an array, found ${args === null ? "null" : typeof args}`)
}

function checkChoice(value: unknown, what: string, choices: readonly string[]): void {
  if (typeof value === "string" && choices.includes(value)) return
  const expected = choices.map((choice) => `"${choice}"`).join(" or ")
  throw invalid(
    `${what} must be ${expected}, found ${typeof value === "string" ? JSON.stringify(value) : typeof value}`,
  )
}

function refuseQueue(name: string): HoldfastError {
  return invalid(
    `operation "${name}" is ephemeral: its result stays in the session that computes it, which for a queued run may be another; call it instead`,
  )
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("ARGUMENT_INVALID", message)
}

const AD_HOC_TEMPLATE: Template = {
  spec: {
    effects: "idempotent",
    retry: { maxAttempts: 1, initialMs: 0, factor: 1, maxMs: 0 },
    concurrency: null,
    attemptTimeoutMs: null,
    retainMs: null,
    abandon: "keep",
  },
  keyed: null,
}

/** Ad-hoc work under a key; see `hf.once`. */
export function createAdHoc(runs: Runs, key: string, fn: () => unknown): Asked {
  checkName(key, "the key of once")
  const definition: Definition = {
    name: AD_HOC,
    version: 1,
    ephemeral: false,
    body: () => fn(),
    metrics: runs.session.metrics.operation(AD_HOC),
    recall: null,
  }
  return new Call(
    runs,
    definition,
    createPlan(runs, definition, { args: [key], how: { key }, template: AD_HOC_TEMPLATE }),
  )
}
