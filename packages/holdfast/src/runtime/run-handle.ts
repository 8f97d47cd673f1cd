/** A run as users hold it: one generation of an identity. */
import {
  assertInvariant,
  type ControlRun,
  type Effects,
  type Failure,
  type Identity,
  type RunId,
  type RunStatus,
  type RunView,
} from "../kernel/index.ts"
import { checkWait, NO_OPTIONS, type WaitOptions } from "./bounds.ts"
import type { Definition } from "./execution.ts"
import { refusalError, unexpected } from "./refusal.ts"
import { identityOf, type Runs } from "./runs.ts"
import type { Session } from "./session.ts"
import { type Changes, watchRun } from "./watch.ts"

/** What is known of a run. Times are whole milliseconds since the epoch. */
export interface RunInfo {
  readonly run: RunId
  readonly identity: Identity
  readonly operation: string
  readonly version: number
  readonly key: string | null
  readonly effects: Effects
  readonly status: RunStatus
  readonly isPaused: boolean
  /** Kept from eviction and retention. */
  readonly isPinned: boolean
  /** Attempts so far. */
  readonly attempt: number
  readonly priority: number
  /** What the body reported last; undefined before it did. */
  readonly progress: unknown
  /** Why the last attempt failed; null when it did not. */
  readonly failure: Failure | null
  readonly createdAt: number
  /** Not taken before this time: a delay or a backoff. */
  readonly notBefore: number
  readonly startedAt: number | null
  readonly settledAt: number | null
  readonly waiters: number
}

/** A run, and what can be asked of it. */
export class RunHandle<R> {
  readonly id: RunId
  readonly #runs: Runs
  readonly #definition: Definition | null

  /** @internal Made by `start`. */
  constructor(runs: Runs, id: RunId, definition: Definition | null) {
    this.id = id
    this.#runs = runs
    this.#definition = definition
  }

  /**
   * Waits for the run's result; this caller's bounds end this wait only (O8).
   *
   * @throws HoldfastError RUN_FAILED, RUN_CANCELED, RUN_CRASHED, RUN_INTERRUPTED, RUN_SUPERSEDED, WAIT_TIMEOUT, DEADLOCK
   */
  async result(options: WaitOptions = NO_OPTIONS): Promise<R> {
    checkWait(options)
    // The store keeps what this operation's body returned, which is an R.
    return (await this.#runs.result(this.id, this.#definition, options)) as R
  }

  /** What is known of the run now. @throws HoldfastError RUN_UNKNOWN, RUN_SUPERSEDED */
  async status(): Promise<RunInfo> {
    const changes = this.watch()
    const { value } = await changes.next()
    await changes.return()
    assertInvariant(value !== undefined, "O4", "a watch of a run gave nothing, not even its first state")
    return value
  }

  /** Every change of the run, newest first to catch up, until it settles; the settled state comes last. */
  async *watch(options: { readonly signal?: AbortSignal } = {}): Changes<RunInfo> {
    const { session } = this.#runs
    for await (const view of watchRun(session, this.id, options)) yield toRunInfo(session, view)
  }

  /**
   * Resolves when everything that was told of the run so far has been flushed, where the store has a disk: results of
   * `pure` operations are told as soon as no process's death can take them, and power loss still may (O3).
   */
  async durable(): Promise<void> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "flushRun", session: session.id, run: this.id })
    if (outcome.kind === "refused") throw refusalError(outcome)
    if (outcome.kind !== "done") throw unexpected("flushRun", outcome)
  }

  /** Ends the run for good: waiters get RUN_CANCELED, the body's signal is aborted. Returns the status it has then. */
  cancel(): Promise<RunStatus> {
    return this.#control("cancel")
  }

  /** Keeps a pending run from being taken; a running body stops at its next checkpoint. */
  pause(): Promise<RunStatus> {
    return this.#control("pause")
  }

  /** Lets a paused run go on. */
  resume(): Promise<RunStatus> {
    return this.#control("resume")
  }

  /** Gives a failed or interrupted run a fresh budget of attempts. */
  retry(): Promise<RunStatus> {
    return this.#control("retry")
  }

  /** Keeps the run, whatever its retention and however much room results take, until it is unpinned. */
  pin(): Promise<RunStatus> {
    return this.#control("pin")
  }

  /** The run may be evicted, and forgotten when its retention is over. */
  unpin(): Promise<RunStatus> {
    return this.#control("unpin")
  }

  /**
   * Forgets what is known of the run's identity, this generation or a newer one: for who found a run by listing and has no
   * arguments to name it with. A computation under way cannot bring its result back; its callers get a fresh one (O5).
   */
  async forget(): Promise<void> {
    const { session } = this.#runs
    const identity = identityOf(this.id)
    if (this.#definition?.ephemeral === true) this.#runs.forgetEphemeral(identity)
    const outcome = await session.execute({ kind: "forgetResult", session: session.id, identity })
    if (outcome.kind === "done") return
    throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("forgetResult", outcome)
  }

  async #control(action: ControlRun["action"]): Promise<RunStatus> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "controlRun", session: session.id, run: this.id, action })
    if (outcome.kind === "status") return outcome.status
    throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("controlRun", outcome)
  }
}

/** A stored run as users see it. */
export function toRunInfo(session: Session, view: RunView): RunInfo {
  const {
    paused,
    pinned,
    progress,
    args: _args,
    result: _result,
    createdAt,
    notBefore,
    startedAt,
    settledAt,
    ...rest
  } = view
  return {
    ...rest,
    isPaused: paused,
    isPinned: pinned,
    progress: progress === null ? undefined : session.decode(progress),
    createdAt: Math.floor(createdAt),
    notBefore: Math.floor(notBefore),
    startedAt: startedAt === null ? null : Math.floor(startedAt),
    settledAt: settledAt === null ? null : Math.floor(settledAt),
  }
}
