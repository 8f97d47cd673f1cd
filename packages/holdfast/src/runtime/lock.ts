/**
 * Locks as users ask for them.
 *
 * A request, seen from here:
 *
 *     asked ──granted──▶ a grant (grant.ts)
 *       │
 *       └──busy──▶ refused, or parked ──granted──▶ a grant
 *                             └──timeout, abort, refusal, close──▶ thrown where the caller waits, and withdrawn (L4)
 *
 * A store that answers at once is asked first and waited for after; any other is waited for before it can answer.
 */
import { checkName, HoldfastError, type LockMode, type LockView, type RequestId, type Token } from "../kernel/index.ts"
import type { LockMetrics } from "../observe/index.ts"
import type { StoreOutcome } from "../store/index.ts"
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
import { Grant, keepRenewing, type LockHome } from "./grant.ts"
import { closedError, lostError, refusalError, timeoutError, unexpected } from "./refusal.ts"
import { currentScope, holdingOf, type Scope } from "./scope.ts"
import type { Answer } from "./session.ts"

/** How a lock is asked for. */
export interface LockOptions extends WaitOptions {
  /**
   * The grant ends by itself after this many milliseconds unless renewed, so that a frozen process cannot keep it; `run`
   * renews while its callback runs. Default: it lasts until released or until its session ends.
   */
  readonly leaseMs?: number
}

/** How permits are asked for. */
export interface PermitOptions extends LockOptions {
  /** How many permits to take. Default 1. */
  readonly permits?: number
}

/** What is asked for: the same for every request of one lock object. */
interface Claimed {
  readonly names: readonly string[]
  readonly mode: LockMode
  readonly limit: number | null
}

/** One request as it was made. */
interface Asked {
  readonly request: RequestId
  readonly outer: Scope | undefined
  readonly wait: boolean
}

/** Something that can be held for a while: a lock, its shared side, or a semaphore. */
export class Holdable {
  readonly #home: LockHome
  readonly #claimed: Claimed
  readonly #metrics: LockMetrics

  /** @internal Made by `hf.lock` and `hf.semaphore`. */
  constructor(home: LockHome, claimed: Claimed) {
    this.#home = home
    this.#claimed = claimed
    // A request of several names is counted under the first.
    this.#metrics = home.session.metrics.lock(claimed.names[0] ?? "")
  }

  /** The names asked for together. */
  get names(): readonly string[] {
    return this.#claimed.names
  }

  /**
   * Runs `fn` while holding the lock and gives it back however `fn` ends.
   *
   * Commits made inside carry the grant: if it is lost, they are refused (L8). Locks are not re-entrant.
   *
   * @throws HoldfastError LOCK_TIMEOUT, DEADLOCK, LIMIT_MISMATCH, GRANT_LOST (the lease ended while `fn` ran), CLOSED
   * @throws what `fn` throws, and the reason of an aborted signal
   * @example await hf.lock("user:42").run(async ({ token, signal }) => save(token, signal))
   */
  run<T>(fn: (grant: Grant) => T | Promise<T>, options: PermitOptions = NO_OPTIONS): Promise<T> {
    try {
      checkFunction(fn, "the callback of run")
      const granted = this.#acquire(options)
      if (options.leaseMs === undefined && !(granted instanceof Promise)) return granted.runAndRelease(fn)
      return this.#runLater(granted, fn, options.leaseMs)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Takes the lock and leaves giving it back to the caller: `await using grant = await lock.acquire()`.
   *
   * Code that follows is not inside the grant's scope; `grant.scope.run` puts it there.
   *
   * @throws HoldfastError LOCK_TIMEOUT, DEADLOCK, LIMIT_MISMATCH, CLOSED
   */
  async acquire(options: PermitOptions = NO_OPTIONS): Promise<Grant> {
    return await this.#acquire(options)
  }

  /**
   * Takes the lock if it is free this moment; undefined when it is not. Never waits.
   *
   * @throws HoldfastError DEADLOCK for a lock this scope or one around it holds, LIMIT_MISMATCH, CLOSED
   */
  async try(options: Pick<PermitOptions, "leaseMs" | "permits"> = {}): Promise<Grant | undefined> {
    checkPermitOptions(options)
    const asked = this.#ask(false)
    const outcome = await this.#request(options, asked)
    if (outcome.kind === "busy") {
      this.#metrics.busy += 1
      return undefined
    }
    return this.#open(outcome, asked, options)
  }

  /** The part of `run` that waits: an async function, so that errors show the caller's stack. */
  async #runLater<T>(
    granted: Grant | Promise<Grant>,
    fn: (grant: Grant) => T | Promise<T>,
    leaseMs: number | undefined,
  ): Promise<T> {
    const grant = await granted
    if (leaseMs === undefined) return await grant.runAndRelease(fn)
    const renewal = keepRenewing(this.#home.session, grant, leaseMs)
    try {
      return await grant.runAndRelease(fn)
    } finally {
      renewal.stop()
    }
  }

  #acquire(options: PermitOptions): Grant | Promise<Grant> {
    if (options !== NO_OPTIONS) checkPermitOptions(options)
    const asked = this.#ask(options.waitMs !== 0)
    const outcome = this.#request(options, asked)
    if (outcome instanceof Promise) return this.#acquireLater(outcome, asked, options)
    return outcome.kind === "granted" ? this.#open(outcome, asked, options) : this.#park(outcome, asked, options)
  }

  #ask(wait: boolean): Asked {
    const { session } = this.#home
    // What runs while the store closes may still write, and takes no further locks.
    if (session.isClosed) throw closedError()
    return { request: session.nextRequest(), outer: currentScope(), wait }
  }

  #request(options: PermitOptions, asked: Asked): StoreOutcome | Promise<StoreOutcome> {
    const { session } = this.#home
    return session.execute({
      kind: "acquireLock",
      session: session.id,
      request: asked.request,
      names: this.#claimed.names,
      mode: this.#claimed.mode,
      permits: options.permits ?? 1,
      limit: this.#claimed.limit,
      leaseMs: options.leaseMs ?? null,
      holding: holdingOf(asked.outer, session),
      wait: asked.wait,
    })
  }

  /** A store that takes time to answer: the wait stands before the answer can come. */
  async #acquireLater(outcome: Promise<StoreOutcome>, asked: Asked, options: PermitOptions): Promise<Grant> {
    const { session } = this.#home
    const since = session.env.clock.monotonic()
    // Asking without waiting takes as long as the store's answer does.
    const answer = session.wait(asked.request, asked.wait ? options : signalOf(options))
    let first: StoreOutcome | Answer
    try {
      first = await Promise.race([outcome, answer])
    } catch (error) {
      session.unpark(asked.request)
      throw error
    }
    if (isAnswer(first)) {
      // A caller that left before the store had answered at all: a grant that still comes as the outcome is given back.
      if (first.kind !== "lockGranted") session.background(this.#giveBack(outcome, asked))
      return this.#finish(first, { since, asked, options })
    }
    if (first.kind === "parked") return this.#finish(await this.#waiting(answer), { since, asked, options })
    session.unpark(asked.request)
    return first.kind === "busy" ? this.#refuseBusy(first.lock, options) : this.#open(first, asked, options)
  }

  async #park(outcome: StoreOutcome, asked: Asked, options: PermitOptions): Promise<Grant> {
    if (outcome.kind === "busy") return this.#refuseBusy(outcome.lock, options)
    if (outcome.kind !== "parked") return this.#open(outcome, asked, options)
    const { session } = this.#home
    const since = session.env.clock.monotonic()
    const answer = await this.#waiting(session.wait(asked.request, options))
    return this.#finish(answer, { since, asked, options })
  }

  async #waiting(answer: Promise<Answer>): Promise<Answer> {
    this.#metrics.waiting += 1
    try {
      return await answer
    } finally {
      this.#metrics.waiting -= 1
    }
  }

  /** Ends a wait: with the grant, or with the reason there is none, thrown where the caller stands. */
  #finish(answer: Answer, wait: { since: number; asked: Asked; options: PermitOptions }): Grant {
    const { asked, options } = wait
    switch (answer.kind) {
      case "lockGranted": {
        const grant = this.#hold(answer.token, asked, options)
        this.#metrics.contended += 1
        this.#metrics.waitMs.observe(this.#home.session.env.clock.monotonic() - wait.since)
        return grant
      }
      case "timeout":
        this.#metrics.timeouts += 1
        throw timeoutError(options.waitMs ?? 0, this.names, { locks: answer.locks, isQueued: true })
      case "aborted":
        this.#metrics.aborted += 1
        throw answer.reason
      case "requestRefused":
        throw this.#refusal(answer)
      case "closed":
        throw closedError()
      case "runSettled":
        throw unexpected("acquireLock", answer)
    }
  }

  async #giveBack(asked: Promise<StoreOutcome>, { request }: Asked): Promise<void> {
    const { session } = this.#home
    try {
      const outcome = await asked
      // A request that was parked is withdrawn by whoever left it; of any other nothing more will be heard.
      if (outcome.kind !== "parked") session.unpark(request)
      if (outcome.kind === "granted") session.giveBack(outcome.token)
    } catch {
      session.unpark(request)
    }
  }

  #open(outcome: StoreOutcome, asked: Asked, options: PermitOptions): Grant {
    if (outcome.kind === "granted") return this.#hold(outcome.token, asked, options)
    throw outcome.kind === "refused" ? this.#refusal(outcome) : unexpected("acquireLock", outcome)
  }

  #hold(token: Token, asked: Asked, options: PermitOptions): Grant {
    const { session, grants } = this.#home
    // Granted in the very moment the store began to close.
    if (session.isClosed) {
      session.giveBack(token)
      throw closedError()
    }
    const grant = new Grant(this.#home, this.#metrics, token, asked.outer)
    if (options.leaseMs !== undefined && grants.takeEarlyLoss(token)) {
      grant.lose()
      throw lostError(token)
    }
    return grant
  }

  #refuseBusy(lock: LockView, options: PermitOptions): never {
    this.#metrics.timeouts += 1
    throw timeoutError(options.waitMs ?? 0, this.names, { locks: [lock], isQueued: false })
  }

  #refusal(refusal: Parameters<typeof refusalError>[0]): HoldfastError {
    if (refusal.code === "DEADLOCK") this.#metrics.deadlocks += 1
    return refusalError(refusal)
  }
}

/** A lock: one holder at a time, or, on its {@link Lock.shared} side, many readers. */
export class Lock extends Holdable {
  readonly #home: LockHome

  /** @internal Made by `hf.lock`. */
  constructor(home: LockHome, names: readonly string[]) {
    super(home, { names, mode: "exclusive", limit: null })
    this.#home = home
  }

  /**
   * The shared side: readers hold it together, never beside a writer; at most `limit` of them where one is given.
   *
   * @throws HoldfastError ARGUMENT_INVALID for a limit that is no whole number from 1
   */
  shared(options: { readonly limit?: number } = {}): Holdable {
    checkOptions(options)
    const { limit } = options
    if (limit !== undefined) checkCount(limit, "limit")
    return new Holdable(this.#home, { names: this.names, mode: "shared", limit: limit ?? null })
  }
}

/** A lock with a number of permits. The number is stored: all who use the name must agree on it. */
export class Semaphore extends Holdable {
  readonly #home: LockHome
  readonly #name: string

  /** @internal Made by `hf.semaphore`. */
  constructor(home: LockHome, name: string, limit: number) {
    super(home, { names: [name], mode: "shared", limit })
    this.#home = home
    this.#name = name
  }

  /**
   * Changes the stored number of permits. Grants above a lowered number stay until released.
   *
   * @throws HoldfastError DEADLOCK when waiters would be left without hope, LIMIT_MISMATCH when one asks for more
   */
  async resize(limit: number): Promise<void> {
    checkCount(limit, "limit")
    const { session } = this.#home
    const outcome = await session.execute({ kind: "resizeLock", session: session.id, name: this.#name, limit })
    if (outcome.kind === "done") return
    throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("resizeLock", outcome)
  }
}

/** Names of one request: checked, distinct, and the caller's array no longer. */
export function checkNames(names: string | readonly string[]): readonly string[] {
  const all = typeof names === "string" ? [names] : Array.isArray(names) ? [...(names as readonly string[])] : []
  if (all.length === 0) {
    const found = Array.isArray(names) ? "an empty array" : describeType(names)
    throw new HoldfastError("ARGUMENT_INVALID", `lock takes a name or an array of names, found ${found}`)
  }
  for (const name of all) checkName(name, "the name of a lock")
  if (new Set(all).size !== all.length) {
    throw new HoldfastError("ARGUMENT_INVALID", `the names of one lock must be distinct, found ${JSON.stringify(all)}`)
  }
  return all
}

function checkPermitOptions(options: PermitOptions): void {
  checkWait(options)
  if (options.permits !== undefined) checkCount(options.permits, "permits")
  if (options.leaseMs !== undefined) checkDuration(options.leaseMs, "leaseMs", { zero: false })
}

/** The signal alone: what still ends a wait that has no bound of its own. */
function signalOf({ signal }: WaitOptions): WaitOptions {
  return signal === undefined ? NO_OPTIONS : { signal }
}

function isAnswer(value: StoreOutcome | Answer): value is Answer {
  return (
    value.kind === "timeout" ||
    value.kind === "aborted" ||
    value.kind === "closed" ||
    value.kind === "lockGranted" ||
    value.kind === "requestRefused" ||
    value.kind === "runSettled"
  )
}
