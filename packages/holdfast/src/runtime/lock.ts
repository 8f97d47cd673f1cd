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
  /** How many permits of a semaphore or a shared side with a limit to take. Default 1. */
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
  readonly options: PermitOptions
  /** When its wait began, by the monotonic clock. */
  since: number
}

const NOT_WAITING = 0

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
      const asked = this.#ask(options)
      const outcome = this.#request(asked)
      if (options.leaseMs === undefined && !(outcome instanceof Promise) && outcome.kind === "granted") {
        return this.#open(outcome, asked).runAndRelease(fn)
      }
      return this.#runLater(outcome, asked, fn)
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
    const asked = this.#ask(options)
    return await this.#settle(this.#request(asked), asked)
  }

  /**
   * Takes the lock if it is free this moment; undefined when it is not. Never waits.
   *
   * @throws HoldfastError DEADLOCK for a lock this scope or one around it holds, LIMIT_MISMATCH, CLOSED
   */
  async try(options: Pick<PermitOptions, "leaseMs" | "permits"> = {}): Promise<Grant | undefined> {
    checkOptions(options)
    const asked = this.#ask({ ...options, waitMs: 0 })
    const outcome = await this.#request(asked)
    if (outcome.kind === "busy") {
      this.#metrics.busy += 1
      return undefined
    }
    return this.#open(outcome, asked)
  }

  /**
   * The part of `run` that waits: an async function, so that errors show the caller's stack, and the only one between
   * the caller and the store, so that a queue of a million costs as little as it can.
   */
  async #runLater<T>(
    outcome: StoreOutcome | Promise<StoreOutcome>,
    asked: Asked,
    fn: (grant: Grant) => T | Promise<T>,
  ): Promise<T> {
    const isParked = !(outcome instanceof Promise) && outcome.kind === "parked"
    const grant = isParked ? this.#finish(await this.#park(asked), asked) : await this.#settle(outcome, asked)
    const { leaseMs } = asked.options
    if (leaseMs === undefined) return await grant.runAndRelease(fn)
    const renewal = keepRenewing(this.#home.session, grant, leaseMs)
    try {
      return await grant.runAndRelease(fn)
    } finally {
      renewal.stop()
    }
  }

  #ask(options: PermitOptions): Asked {
    if (options !== NO_OPTIONS) checkPermitOptions(options, this.#claimed)
    const { session } = this.#home
    // What runs while the store closes may still write, and takes no further locks.
    if (session.isClosed) throw closedError()
    return { request: session.nextRequest(), outer: currentScope(), options, since: NOT_WAITING }
  }

  #request(asked: Asked): StoreOutcome | Promise<StoreOutcome> {
    const { session } = this.#home
    const { options } = asked
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
      wait: options.waitMs !== 0,
    })
  }

  /** The grant an outcome leads to, at once or after a wait. */
  async #settle(outcome: StoreOutcome | Promise<StoreOutcome>, asked: Asked): Promise<Grant> {
    if (outcome instanceof Promise) return await this.#settleLater(outcome, asked)
    if (outcome.kind === "parked") return this.#finish(await this.#park(asked), asked)
    return outcome.kind === "busy" ? this.#refuseBusy(outcome.lock, asked) : this.#open(outcome, asked)
  }

  /** A store that takes time to answer: the wait stands before the answer can come. */
  async #settleLater(outcome: Promise<StoreOutcome>, asked: Asked): Promise<Grant> {
    const { session } = this.#home
    const { options, request } = asked
    asked.since = session.env.clock.monotonic()
    // Asking without waiting takes as long as the store's answer does.
    const answer = session.wait(request, options.waitMs === 0 ? signalOf(options) : options)
    let first: StoreOutcome | Answer
    try {
      first = await Promise.race([outcome, answer])
    } catch (error) {
      session.unpark(request)
      throw error
    }
    if (isAnswer(first)) {
      if (first.kind !== "lockGranted") session.background(this.#giveBack(outcome))
      this.#metrics.waiting += 1
      return this.#finish(first, asked)
    }
    if (first.kind === "parked") {
      this.#metrics.waiting += 1
      return this.#finish(await answer, asked)
    }
    session.unpark(request)
    return first.kind === "busy" ? this.#refuseBusy(first.lock, asked) : this.#open(first, asked)
  }

  #park(asked: Asked): Promise<Answer> {
    const { session } = this.#home
    asked.since = session.env.clock.monotonic()
    this.#metrics.waiting += 1
    return session.wait(asked.request, asked.options)
  }

  /** Ends a wait: with the grant, or with the reason there is none, thrown where the caller stands. */
  #finish(answer: Answer, asked: Asked): Grant {
    const { options } = asked
    this.#metrics.waiting -= 1
    switch (answer.kind) {
      case "lockGranted": {
        const grant = this.#hold(answer.token, asked)
        this.#metrics.contended += 1
        this.#metrics.waitMs.observe(this.#home.session.env.clock.monotonic() - asked.since)
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
        // Now, and not with the session: until that ends, nobody shall queue behind who has left.
        this.#home.session.withdraw(asked.request)
        throw closedError()
      case "runSettled":
        throw unexpected("acquireLock", answer)
    }
  }

  /** The caller has left; a grant that still comes as the outcome, and not as an event, is given back here. */
  async #giveBack(asked: Promise<StoreOutcome>): Promise<void> {
    try {
      const outcome = await asked
      if (outcome.kind === "granted") this.#home.session.giveBack(outcome.token)
    } catch {
      // The store is gone, and nothing was granted.
    }
  }

  #open(outcome: StoreOutcome, asked: Asked): Grant {
    if (outcome.kind === "granted") return this.#hold(outcome.token, asked)
    throw outcome.kind === "refused" ? this.#refusal(outcome) : unexpected("acquireLock", outcome)
  }

  #hold(token: Token, asked: Asked): Grant {
    const { session, grants } = this.#home
    // Granted in the very moment the store began to close.
    if (session.isClosed) {
      session.giveBack(token)
      throw closedError()
    }
    const grant = new Grant(this.#home, this.#metrics, token, asked.outer)
    if (asked.options.leaseMs !== undefined && grants.takeEarlyLoss(token)) {
      grant.lose()
      throw lostError(token)
    }
    return grant
  }

  #refuseBusy(lock: LockView, asked: Asked): never {
    this.#metrics.timeouts += 1
    throw timeoutError(asked.options.waitMs ?? 0, this.names, { locks: [lock], isQueued: false })
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

function checkPermitOptions(options: PermitOptions, { mode }: Claimed): void {
  checkWait(options)
  if (options.permits !== undefined) {
    checkCount(options.permits, "permits")
    if (mode === "exclusive") {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        "an exclusive grant takes the lock whole, found permits; ask a semaphore or the lock's shared side for permits",
      )
    }
  }
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
