/**
 * Grants: held locks.
 *
 *     held ──release()──▶ released
 *       └──its lease ends, the store closes──▶ lost      (signal aborted; commits that rest on it are FENCED)
 *
 * 1. Only the grant itself releases; again is a no-op (L5).
 * 2. `run` reports success only if the grant was held to the end of its callback, by the store's word: a release that
 *    finds nothing to give back says that the lease was over before.
 */
import type { HoldfastError, Token } from "../kernel/index.ts"
import type { LockMetrics } from "../observe/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import { checkDuration, checkFunction } from "./bounds.ts"
import { isUnanswered, lostError, refusalError, unexpected } from "./refusal.ts"
import { detached, Scope } from "./scope.ts"
import type { Session } from "./session.ts"

/** What all locks of a session share. */
export interface LockHome {
  readonly session: Session
  readonly grants: GrantList
}

/** Losses kept for grants that are still on their way here; many more than leases end during one round trip. */
const EARLY_LOSSES = 1_000

/** The grants of one session, so that a lost lease and a closing store find them. */
export class GrantList {
  #first: Grant | null = null
  /** Tokens whose loss was told before their grant was. */
  readonly #lostEarly = new Set<Token>()
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

  /** The store took a grant away: its lease ended. */
  lose(token: Token): void {
    for (const grant of this) {
      if (grant.token !== token) continue
      grant.lose()
      return
    }
    // Given back meanwhile, or not known here yet: an outcome and an event may overtake each other.
    this.#lostEarly.add(token)
    if (this.#lostEarly.size <= EARLY_LOSSES) return
    for (const oldest of this.#lostEarly) {
      this.#lostEarly.delete(oldest)
      return
    }
  }

  /** Whether the store took the grant away before it was known here; asked once. */
  takeEarlyLoss(token: Token): boolean {
    return this.#lostEarly.delete(token)
  }

  /** Safe against the removal of the grant just given. */
  *[Symbol.iterator](): Generator<Grant, void, undefined> {
    for (let grant = this.#first; grant !== null;) {
      const { next } = grant
      yield grant
      grant = next
    }
  }
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

  /** @internal Made by `Lock`; `outer` is the scope it was asked for in. */
  constructor(home: LockHome, metrics: LockMetrics, token: Token, outer: Scope | undefined) {
    this.token = token
    this.#home = home
    this.#metrics = metrics
    this.#scope = Scope.inside(outer, home.session, token)
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
    return {
      run: (fn) => {
        checkFunction(fn, "the callback of scope.run")
        return this.#scope.run(fn)
      },
    }
  }

  /** False once released or lost. */
  get isHeld(): boolean {
    return this.#state === "held"
  }

  /** Gives the lock back. Again, or after it was lost, does nothing. */
  async release(): Promise<void> {
    const ended = this.#end()
    if (ended instanceof Promise) await ended
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
      return this.#endThrowing(error)
    }
    if (!(result instanceof Promise)) result = Promise.resolve(result)
    return result.then(
      (value) => this.#endWith(value),
      (error: unknown) => this.#endThrowing(error),
    )
  }

  /** @internal True while a callback of `run` is inside. */
  get isRunning(): boolean {
    return this.#isRunning && this.#state === "held"
  }

  /** @internal The store closes: the callback is told, and still holds the lock until it ends. */
  abort(reason: HoldfastError): void {
    this.#controller ??= new AbortController()
    this.#tell(reason)
  }

  /** @internal The store took the grant away. */
  lose(): void {
    if (this.#state !== "held") return
    this.#metrics.lost += 1
    this.drop()
  }

  /** @internal The session has ended, and the grant with it. */
  drop(): void {
    if (this.#state !== "held") return
    this.#leave("lost")
    this.#tell(lostError(this.token))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  /** Success counts only if the grant was held to the end. */
  #endWith<T>(value: T): T | Promise<T> {
    const ended = this.#end()
    if (ended instanceof Promise) return ended.then((wasHeld) => this.#answer(wasHeld, value))
    return this.#answer(ended, value)
  }

  #answer<T>(wasHeld: boolean, value: T): T {
    if (wasHeld) return value
    throw lostError(this.token)
  }

  /** What the callback threw is what the caller is told, whatever giving back comes to. */
  async #endThrowing(error: unknown): Promise<never> {
    const ending = this.#tryEnd()
    // A store that is silent is not waited for twice; the grant is given back when it goes on.
    if (isUnanswered(error)) this.#home.session.background(ending)
    else await ending
    throw error
  }

  async #tryEnd(): Promise<void> {
    try {
      await this.#end()
    } catch {
      // The store is gone, and the grant with it.
    }
  }

  /** Gives the lock back unless that has happened; false when the grant was lost before. */
  #end(): boolean | Promise<boolean> {
    // The scope ends even when the grant was lost before: nothing may go on inside it.
    this.#scope.isEnded = true
    if (this.#state !== "held") return this.#state === "released"
    this.#leave("released")
    const outcome = this.#home.session.release(this.token)
    return outcome instanceof Promise ? outcome.then((late) => this.#record(late)) : this.#record(outcome)
  }

  #record(outcome: StoreOutcome): boolean {
    if (outcome.kind === "released") {
      this.#metrics.holdMs.observe(outcome.heldMs)
      return true
    }
    // The lease was over, and word of it still on its way.
    this.#state = "lost"
    this.#metrics.lost += 1
    this.#tell(lostError(this.token))
    return false
  }

  /** Listeners run in no scope: who happens to bring the news must not lend them its locks. */
  #tell(reason: HoldfastError): void {
    const controller = this.#controller
    if (controller !== null) {
      detached(() => {
        controller.abort(reason)
      })
    }
  }

  #leave(state: "released" | "lost"): void {
    this.#state = state
    this.#metrics.held -= 1
    this.#home.grants.remove(this)
  }
}

/** How many times a lease is renewed within its length: one renewal may come late without losing the grant. */
const RENEWALS_PER_LEASE = 3

/** Renews while a callback runs. The timer is the point of a lease: a process that is stopped does not renew. */
export function keepRenewing(session: Session, grant: Grant, leaseMs: number): { stop: () => void } {
  let timer = arm()
  function arm() {
    return session.env.timers.after(leaseMs / RENEWALS_PER_LEASE, renew, { keepAlive: false })
  }
  function renew(): void {
    if (!grant.isHeld) return
    timer = arm()
    // A renewal that finds the lease over loses nothing more: the store tells the grant so.
    session.background(grant.renew(leaseMs).catch(ignore))
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
