/**
 * Locks as users hold them.
 *
 * A grant:
 *
 *     held ──release()──▶ released
 *       └──its lease ends, the store closes──▶ lost      (signal aborted; commits that rest on it are FENCED)
 *
 * 1. Only the grant itself releases; again is a no-op (L5).
 * 2. `run` reports success only if the grant was held to the end of its callback.
 */
import { checkName, HoldfastError, type LockMode, type RequestId, type Token } from "../kernel/index.ts"
import type { LockMetrics } from "../observe/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import { checkCount, checkDuration, checkFunction, checkWait, NO_OPTIONS, type WaitOptions } from "./bounds.ts"
import { closedError, refusalError, timeoutError, unexpected } from "./refusal.ts"
import { currentScope, holdingOf, Scope } from "./scope.ts"
import type { Answer, Session } from "./session.ts"

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

/** What all locks of a session share. */
export interface LockHome {
  readonly session: Session
  readonly grants: GrantList
}

/** The grants of one session, so that a lost lease and a closing store find them. */
export class GrantList {
  #first: Grant | null = null
  readonly #onLeave: () => void

  /** `onLeave` is called whenever a grant is no longer held. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave
  }

  add(grant: Grant): void {
    grant.next = this.#first
    if (this.#first !== null) this.#first.previous = grant
    this.#first = grant
  }

  remove(grant: Grant): void {
    const { previous, next } = grant
    if (previous === null) this.#first = next
    else previous.next = next
    if (next !== null) next.previous = previous
    grant.previous = null
    grant.next = null
    this.#onLeave()
  }

  /** The grant of a token; a walk, for the rare lease that is lost. */
  find(token: Token): Grant | undefined {
    for (const grant of this) if (grant.token === token) return grant
    return undefined
  }

  /** Safe against the removal of the grant just given. */
  *[Symbol.iterator](): Generator<Grant, void, undefined> {
    for (let grant = this.#first; grant !== null; ) {
      const { next } = grant
      yield grant
      grant = next
    }
  }
}

/** Where a grant was asked for and what the store said of it. */
interface GrantOrigin {
  readonly token: Token
  /** When it was granted, by the store's clock. */
  readonly at: number
  readonly outer: Scope | undefined
}

/** A held lock. Dispose it, or call {@link Grant.release}, to give it back. */
export class Grant implements AsyncDisposable {
  /** The fencing token: larger than every token granted before. Hand it to what must refuse a stale holder. */
  readonly token: Token
  /** @internal Neighbors in the session's list. */
  previous: Grant | null = null
  /** @internal */
  next: Grant | null = null
  readonly #home: LockHome
  readonly #metrics: LockMetrics
  readonly #scope: Scope
  #state: "held" | "released" | "lost" = "held"
  #isRunning = false
  #controller: AbortController | null = null

  /** @internal Made by {@link Lock}. */
  constructor(home: LockHome, metrics: LockMetrics, origin: GrantOrigin) {
    this.token = origin.token
    this.#home = home
    this.#metrics = metrics
    this.#scope = Scope.inside(origin.outer, home.session, origin.token)
    metrics.granted += 1
    metrics.held += 1
    home.grants.add(this)
  }

  /** Aborted when the grant is lost: its lease ended, or the store closed. */
  get signal(): AbortSignal {
    // Made on first use: an AbortController costs more than the lock.
    this.#controller ??= new AbortController()
    if (this.#state === "lost") this.#controller.abort(lostError(this.token))
    return this.#controller.signal
  }

  /** The scope of the grant, for work whose context was lost: `grant.scope.run(() => …)` carries the grant (L8). */
  get scope(): { run<T>(fn: () => T): T } {
    return this.#scope
  }

  /** False once released or lost. */
  get isHeld(): boolean {
    return this.#state === "held"
  }

  /** Gives the lock back. Again, or after it was lost, does nothing. */
  async release(): Promise<void> {
    const outcome = this.#end()
    if (outcome instanceof Promise) await outcome
  }

  /**
   * Lets the lease last for `leaseMs` from now.
   *
   * @throws HoldfastError GRANT_LOST when it has ended already, ARGUMENT_INVALID for a duration that is none.
   */
  async renew(leaseMs: number): Promise<void> {
    checkDuration(leaseMs, "leaseMs", { zero: false })
    const { session } = this.#home
    const outcome = await session.execute({ kind: "renewLock", session: session.id, token: this.token, leaseMs })
    if (outcome.kind === "done") return
    if (outcome.kind === "unheld") throw lostError(this.token)
    throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("renewLock", outcome)
  }

  /**
   * @internal Runs the callback of `lock.run` and gives the lock back. Chained by hand: it is the hot path, and an async
   * function would cost two promises more.
   */
  runAndRelease<T>(fn: (grant: Grant) => T | Promise<T>): Promise<T> {
    this.#isRunning = true
    let result: T | Promise<T>
    try {
      result = this.#scope.run(fn, this)
    } catch (error) {
      return this.#endThen(() => Promise.reject(error as Error))
    }
    if (!(result instanceof Promise)) result = Promise.resolve(result)
    return result.then(
      (value) => this.#endWith(value),
      (error: unknown) => this.#endThen(() => Promise.reject(error as Error)),
    )
  }

  /** @internal True while a callback of `run` is inside. */
  get isRunning(): boolean {
    return this.#isRunning && this.#state === "held"
  }

  /** @internal The store closes: the callback is told, and still holds the lock until it ends. */
  abort(reason: HoldfastError): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }

  /** @internal The store took the grant away. */
  lose(): void {
    if (this.#state !== "held") return
    this.#metrics.lost += 1
    this.#leave("lost")
    this.#controller?.abort(lostError(this.token))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  /** Success counts only if the grant was held to the end. */
  #endWith<T>(value: T): T | Promise<T> {
    if (this.#state === "lost") return this.#endThen(() => Promise.reject(lostError(this.token)))
    const outcome = this.#end()
    return outcome instanceof Promise ? outcome.then(() => value) : value
  }

  #endThen<T>(then: () => Promise<T>): Promise<T> {
    const outcome = this.#end()
    return outcome instanceof Promise ? outcome.then(then) : then()
  }

  #end(): Promise<StoreOutcome> | undefined {
    // The scope ends even when the grant was lost before: nothing may go on inside it.
    this.#scope.isEnded = true
    if (this.#state !== "held") return undefined
    this.#leave("released")
    const outcome = this.#home.session.release(this.token)
    if (outcome instanceof Promise) return outcome.then((late) => this.#record(late))
    this.#record(outcome)
    return undefined
  }

  #record(outcome: StoreOutcome): StoreOutcome {
    if (outcome.kind === "released") this.#metrics.holdMs.observe(outcome.heldMs)
    return outcome
  }

  #leave(state: "released" | "lost"): void {
    this.#state = state
    this.#metrics.held -= 1
    this.#home.grants.remove(this)
  }
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
      return Promise.reject(error as Error)
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

  /** Takes the lock if it is free this moment; undefined when it is not. Never waits. */
  async try(options: { readonly leaseMs?: number; readonly permits?: number } = {}): Promise<Grant | undefined> {
    checkOptions(options)
    const outer = currentScope()
    const outcome = await this.#request(options, { request: this.#home.session.nextRequest(), outer, wait: false })
    if (outcome.kind === "busy") {
      this.#metrics.busy += 1
      return undefined
    }
    return this.#open(outcome, outer)
  }

  /** The part of `run` that waits: an async function, so that errors show the caller's stack. */
  async #runLater<T>(granted: Grant | Promise<Grant>, fn: (grant: Grant) => T | Promise<T>, leaseMs: number | undefined): Promise<T> {
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
    if (options !== NO_OPTIONS) checkOptions(options)
    const asked: Asked = { request: this.#home.session.nextRequest(), outer: currentScope(), wait: options.waitMs !== 0 }
    const outcome = this.#request(options, asked)
    if (outcome instanceof Promise) return this.#acquireLater(outcome, asked, options)
    return outcome.kind === "granted" ? this.#open(outcome, asked.outer) : this.#park(outcome, asked, options)
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
    const answer = session.wait(asked.request, options)
    let first: StoreOutcome | Answer
    try {
      first = await Promise.race([outcome, answer])
    } catch (error) {
      session.unpark(asked.request)
      throw error
    }
    if (isAnswer(first)) return this.#finish(first, { since, options, outer: asked.outer, early: outcome })
    if (first.kind === "parked") {
      return this.#finish(await this.#waiting(answer), { since, options, outer: asked.outer, early: null })
    }
    session.unpark(asked.request)
    return first.kind === "busy" ? this.#refuseBusy(first.lock, options) : this.#open(first, asked.outer)
  }

  async #park(outcome: StoreOutcome, asked: Asked, options: PermitOptions): Promise<Grant> {
    if (outcome.kind === "busy") return this.#refuseBusy(outcome.lock, options)
    if (outcome.kind !== "parked") return this.#open(outcome, asked.outer)
    const { session } = this.#home
    const since = session.env.clock.monotonic()
    const answer = await this.#waiting(session.wait(asked.request, options))
    return this.#finish(answer, { since, options, outer: asked.outer, early: null })
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
  #finish(
    answer: Answer,
    wait: { since: number; options: PermitOptions; outer: Scope | undefined; early: Promise<StoreOutcome> | null },
  ): Grant {
    const { session } = this.#home
    // A caller that left before the store had answered at all: a grant that still comes as the outcome is given back.
    if (wait.early !== null && answer.kind !== "lockGranted") this.#giveBack(wait.early)
    switch (answer.kind) {
      case "lockGranted":
        this.#metrics.contended += 1
        this.#metrics.waitMs.observe(session.env.clock.monotonic() - wait.since)
        return new Grant(this.#home, this.#metrics, { token: answer.token, at: answer.at, outer: wait.outer })
      case "timeout":
        this.#metrics.timeouts += 1
        throw timeoutError(wait.options.waitMs ?? 0, this.names, answer.locks)
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

  #giveBack(asked: Promise<StoreOutcome>): void {
    const { session } = this.#home
    const back = async (): Promise<void> => {
      const outcome = await asked
      if (outcome.kind === "granted") await session.release(outcome.token)
    }
    session.background(back().catch(ignore))
  }

  #open(outcome: StoreOutcome, outer: Scope | undefined): Grant {
    if (outcome.kind === "granted") {
      return new Grant(this.#home, this.#metrics, { token: outcome.token, at: outcome.at, outer })
    }
    throw outcome.kind === "refused" ? this.#refusal(outcome) : unexpected("acquireLock", outcome)
  }

  #refuseBusy(lock: Extract<StoreOutcome, { readonly kind: "busy" }>["lock"], options: PermitOptions): never {
    this.#metrics.timeouts += 1
    throw timeoutError(options.waitMs ?? 0, this.names, [lock])
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
    if (outcome.kind === "refused") throw refusalError(outcome)
  }
}

/** Names of one request: checked, distinct. */
export function checkNames(names: string | readonly string[]): readonly string[] {
  const all = typeof names === "string" ? [names] : names
  if (!Array.isArray(all) || all.length === 0) {
    throw new HoldfastError("ARGUMENT_INVALID", `lock takes a name or an array of names, found ${names === null ? "null" : typeof names}`)
  }
  for (const name of all) checkName(name, "the name of a lock")
  if (new Set(all).size !== all.length) {
    throw new HoldfastError("ARGUMENT_INVALID", `the names of one lock must be distinct, found ${JSON.stringify(all)}`)
  }
  return all
}

function checkOptions(options: PermitOptions): void {
  checkWait(options)
  if (options.permits !== undefined) checkCount(options.permits, "permits")
  if (options.leaseMs !== undefined) checkDuration(options.leaseMs, "leaseMs", { zero: false })
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

function lostError(token: Token): HoldfastError {
  return new HoldfastError(
    "GRANT_LOST",
    `the grant with token ${String(token)} is no longer held: its lease ended or the store closed; others may hold the lock`,
    { details: { token } },
  )
}

/** How many times a lease is renewed within its length: one renewal may come late without losing the grant. */
const RENEWALS_PER_LEASE = 3

/** Renews while a callback runs. The timer is the point of a lease: a process that is stopped does not renew. */
function keepRenewing(session: Session, grant: Grant, leaseMs: number): { stop: () => void } {
  let timer = arm()
  function arm() {
    return session.env.timers.after(leaseMs / RENEWALS_PER_LEASE, () => {
      if (!grant.isHeld) return
      timer = arm()
      // A renewal that finds the lease over loses nothing more: the store has told the grant so.
      session.background(grant.renew(leaseMs).catch(ignore))
    }, { keepAlive: false })
  }
  return {
    stop: () => {
      timer.cancel()
    },
  }
}

function ignore(): void {
  // Said elsewhere; see the call.
}
