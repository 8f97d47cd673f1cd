/**
 * Calls: identities of an operation. A call can be asked for its result, looked up, and passed as an argument of
 * another: it then enters that one's identity by its own (O7), and is computed only if the other has to run.
 */
import {
  type Identity,
  assertInvariant,
  decodeArguments,
  encodeArguments,
  HoldfastError,
  Reference,
  refuseStored,
  type RunSpec,
  type RunStatus,
} from "../kernel/index.ts"
import { NO_OPTIONS, type WaitOptions } from "./bounds.ts"
import type { Definition } from "./execution.ts"
import { packArguments, Recipe } from "./recipe.ts"
import { refusalError, unexpected } from "./refusal.ts"
import { RunHandle, toRunInfo, type RunInfo } from "./run-handle.ts"
import { ASK_AGAIN, type Asked, type Runs } from "./runs.ts"

/** How one call waits. */
export interface CallOptions extends WaitOptions {
  /** Computes again even where a result is stored; a run under way is joined. */
  readonly force?: boolean
}

/** What may be passed for an argument of type `T`: the value, a call that makes it, or plain data with such calls inside. */
export type Argument<T> = T | Call<T> | ArgumentParts<T>

/** A list of arguments with a call in the place of any of them. */
export type Arguments<Args extends readonly unknown[]> = { [K in keyof Args]: Argument<Args[K]> }

type ArgumentParts<T> = T extends Whole ? T : T extends object ? { [K in keyof T]: Argument<T[K]> } : T

/** What calls cannot be inside of. */
type Whole =
  | ((...args: never[]) => unknown)
  | Date
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBuffer
  | ArrayBufferView
  | Reference

/** A run as asked for, without the arguments, which are packed when something is really asked. */
export interface CallPlan {
  readonly recipe: Recipe
  readonly spec: Omit<RunSpec, "args">
}

/** What {@link Call.peek} finds: the result of a run that is completed, and of any other only where it stands. */
export type Peek<R> =
  { readonly status: "completed"; readonly result: R } | { readonly status: Exclude<RunStatus, "completed"> }

/** One identity of an operation. */
export class Call<R> extends Reference implements Asked {
  readonly #runs: Runs
  readonly #definition: Definition
  readonly #plan: CallPlan
  #spec: RunSpec | null = null

  /** @internal Made by {@link Operation.handle}. */
  constructor(runs: Runs, definition: Definition, plan: CallPlan) {
    super(plan.spec.identity)
    this.#runs = runs
    this.#definition = definition
    this.#plan = plan
  }

  /**
   * The result: stored, joined or computed here.
   *
   * @throws HoldfastError RUN_FAILED, RUN_CANCELED, RUN_CRASHED, RUN_INTERRUPTED, WAIT_TIMEOUT, DEADLOCK, CLOSED
   */
  result(options: CallOptions = NO_OPTIONS): Promise<R> {
    // The store keeps what this operation's body returned, which is an R.
    return this.#runs.call(this, options) as Promise<R>
  }

  /** What is known of the identity's newest run; undefined when there is none. Starts nothing. */
  async status(): Promise<RunInfo | undefined> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "readRun", session: session.id, identity: this.identity })
    if (outcome.kind !== "run")
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("readRun", outcome)
    return outcome.view === null ? undefined : toRunInfo(session, outcome.view)
  }

  /**
   * The result, if it is stored, in the one request that asks whether it is; undefined when nothing is known of the
   * identity. Starts nothing and waits for nothing. Many that are asked together travel together.
   *
   * @throws HoldfastError STORE_DAMAGED, CLOSED
   * @example const found = await call.peek(); if (found?.status === "completed") use(found.result)
   */
  async peek(): Promise<Peek<R> | undefined> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "peekRun", session: session.id, identity: this.identity })
    if (outcome.kind === "status") return { status: notCompleted(outcome.status) }
    if (outcome.kind === "run" && outcome.view === null) return undefined
    if (outcome.kind !== "settled")
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("peekRun", outcome)
    const { settlement } = outcome
    if (settlement.kind === "forgotten") return undefined
    if (settlement.kind !== "completed") return { status: settlement.kind }
    const result = this.#runs.open(this.#definition, outcome)
    // An ephemeral result may have been dropped: what is left of it is no result.
    if (result === ASK_AGAIN) return undefined
    // The store keeps what this operation's body returned, which is an R.
    return { status: "completed", result: result as R }
  }

  /** See {@link Operation.forget}. */
  async forget(): Promise<void> {
    const { session } = this.#runs
    if (this.#definition.ephemeral) this.#runs.forgetEphemeral(this.identity)
    const outcome = await session.execute({ kind: "forgetResult", session: session.id, identity: this.identity })
    if (outcome.kind !== "done")
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("forgetResult", outcome)
  }

  /**
   * Keeps the result, whatever its retention and however much room results take, until it is unpinned.
   *
   * @throws HoldfastError RUN_UNKNOWN where nothing is known of these arguments yet
   */
  async pin(): Promise<void> {
    await (await this.#newest()).pin()
  }

  /** The result may be evicted, and forgotten when its retention is over. @throws HoldfastError RUN_UNKNOWN */
  async unpin(): Promise<void> {
    await (await this.#newest()).unpin()
  }

  async #newest(): Promise<RunHandle<R>> {
    const info = await this.status()
    if (info !== undefined) return new RunHandle<R>(this.#runs, info.run, this.#definition)
    throw new HoldfastError(
      "RUN_UNKNOWN",
      `operation "${this.#definition.name}" has no run of these arguments to pin; ask for the result first`,
    )
  }

  /** See {@link Operation.put}. */
  async put(value: R): Promise<void> {
    const { session } = this.#runs
    const result = this.#runs.encode(this.#definition, value)
    const { spec } = this
    if (this.#definition.ephemeral) this.#runs.putEphemeral(this.identity, value)
    const outcome = await session.execute({ kind: "putResult", session: session.id, spec, result })
    if (outcome.kind !== "settled")
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("putResult", outcome)
  }

  /** @internal See {@link Operation.start}. */
  async start(force: boolean): Promise<RunHandle<R>> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "enqueueRun", session: session.id, spec: this.spec, force })
    if (outcome.kind !== "enqueued")
      throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("enqueueRun", outcome)
    return new RunHandle<R>(this.#runs, outcome.run, this.#definition)
  }

  /** @internal */
  get definition(): Definition {
    return this.#definition
  }

  /** @internal */
  get recipe(): Recipe {
    return this.#plan.recipe
  }

  /** @internal The run to ask the store for. @throws HoldfastError ARGUMENT_INVALID where too many calls are behind it */
  get spec(): RunSpec {
    this.#spec ??= { ...this.#plan.spec, args: packArguments(this.#plan.recipe) }
    return this.#spec
  }

  /** @internal The recipe, for a call of the same open store. */
  recipeFor(runs: Runs): Recipe {
    if (runs === this.#runs) return this.#plan.recipe
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `a call of operation "${this.#definition.name}" was made with another open store; make it with the operation of this one`,
    )
  }
}

function notCompleted(status: RunStatus): Exclude<RunStatus, "completed"> {
  assertInvariant(status !== "completed", "O2", "a completed run was told without its result")
  return status
}

/** Trailing arguments that are undefined are as good as left out: `f(x)` and `f(x, undefined)` are one identity. */
export function withoutTrailing(args: readonly unknown[]): readonly unknown[] {
  let count = args.length
  while (count > 0 && args[count - 1] === undefined) count -= 1
  return count === args.length ? args : args.slice(0, count)
}

/**
 * Encodes arguments with calls among them.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE, ARGUMENT_INVALID for a call of another open store, STORE_DAMAGED for a Binary
 * of one
 */
export function encodeCallArguments(
  runs: Runs,
  operation: string,
  args: readonly unknown[],
): { readonly args: Uint8Array; readonly inner: readonly Recipe[] } {
  const inner = new Map<Identity, Recipe>()
  const what = `the arguments of operation "${operation}"`
  const bytes = encodeArguments(args, what, (instance) => {
    if (runs.session.blobs === null) refuseStored(instance, what)
    if (!(instance instanceof Call)) return undefined
    inner.set(instance.identity, instance.recipeFor(runs))
    return instance.identity
  })
  // In one order however the arguments were built: a Map's are visited in the order they were put in.
  return { args: bytes, inner: [...inner.values()].toSorted((a, b) => (a.identity < b.identity ? -1 : 1)) }
}

/** Arguments for a function that must do without those that are not computed yet: touching one is refused. */
export function decodeKnownArguments(args: Uint8Array): readonly unknown[] {
  return decodeArguments(args, () => UNKNOWN, { blobs: { read: refuseUnknown } })
}

function refuseUnknown(): never {
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    "keyed.key reads an argument that is a call, not computed yet; pass its result, or make the key of other arguments",
  )
}

/** Stands for a value that is not known: nothing can be learned of it. */
const UNKNOWN: object = new Proxy(
  {},
  {
    get: refuseUnknown,
    has: refuseUnknown,
    ownKeys: refuseUnknown,
    getOwnPropertyDescriptor: refuseUnknown,
    getPrototypeOf: refuseUnknown,
  },
)
