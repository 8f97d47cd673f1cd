/**
 * One thread's part in a shared lock: its slot, the grant it holds, and its own asynchronous waiters.
 *
 *     idle ──enter──▶ waiting ──turn──▶ holding ──release──▶ waiting, or idle
 *                        └──last waiter left──▶ idle
 *
 * 1. A thread has one ticket at a time, for its oldest waiter: waiters of a thread come in their order, threads come in
 *    the order of their tickets, so that a thread with ten thousand waiters holds up another's one by one turn only.
 * 2. The thread is enrolled only while it has a waiter and holds nothing; the last waiter to leave withdraws it (L4).
 * 3. A synchronous request passes the thread's own asynchronous waiters, which could not run while it blocks, and nobody
 *    else: it uses the thread's ticket.
 * 4. While the thread waits for another's release, and only then, something keeps its event loop alive.
 */
import type { Token } from "../kernel/ids.ts"
import type { Env, Timer } from "../env/index.ts"
import { type SharedWords, wakeAt } from "./lock-words.ts"
import { enroll, nextToken, release, type Taken, takeTurn, tryTake, withdraw } from "./protocol.ts"
import { SharedGrant } from "./shared-grant.ts"

/** `Atomics.waitAsync` is in Node 20 and in ECMAScript 2024, one year after the library the compiler is given. */
interface WaitAsync {
  waitAsync(
    view: Int32Array<SharedArrayBuffer>,
    at: number,
    value: number,
  ): { readonly async: false } | { readonly async: true; readonly value: Promise<unknown> }
}

// The one place that knows the method exists; see WaitAsync.
const asyncAtomics = Atomics as unknown as WaitAsync

/** The longest delay one Node timer keeps. It is armed again when it fires, which changes nothing. */
const KEEP_ALIVE_MS = 2 ** 31 - 1

/** A request that waits without blocking. `grant` is called at most once, and not after it has left. */
export interface Waiter {
  grant(grant: SharedGrant): void
}

export class ThreadSeat {
  readonly #words: SharedWords
  readonly #slot: number
  readonly #env: Env
  readonly #waiters = new Set<Waiter>()
  #held: SharedGrant | undefined
  #isEnrolled = false
  /** A `waitAsync` of this seat is pending. At most one is: it may outlive the wait it was made for. */
  #isListening = false
  #keepAlive: Timer | undefined

  constructor(words: SharedWords, slot: number, env: Env) {
    this.#words = words
    this.#slot = slot
    this.#env = env
  }

  get isHolding(): boolean {
    return this.#held !== undefined
  }

  get waiterCount(): number {
    return this.#waiters.size
  }

  /** Takes the lock if it is free and nobody of this thread waits for it. */
  tryTake(): SharedGrant | undefined {
    if (this.isHolding || this.#waiters.size > 0) return undefined
    return this.#open(tryTake(this.#words, this.#slot))
  }

  /** Adds a waiter behind the thread's others. It may be granted before this returns. */
  enter(waiter: Waiter): void {
    this.#waiters.add(waiter)
    if (!this.#isEnrolled) this.#pump()
  }

  /** Takes a waiter out again; nothing happens when it is not in, because it was granted. */
  leave(waiter: Waiter): void {
    if (this.#waiters.delete(waiter) && this.#waiters.size === 0) this.#pump()
  }

  /** Blocks the thread until its turn or for `waitMs`. Only where nothing is held: the holder could never release. */
  takeSync(waitMs: number): SharedGrant | undefined {
    const free = this.#isEnrolled ? undefined : this.#open(tryTake(this.#words, this.#slot))
    if (free !== undefined) return free
    const deadlineMs = this.#env.clock.monotonic() + waitMs
    this.#enroll()
    for (;;) {
      const seen = this.#words.load(wakeAt(this.#slot))
      const grant = this.#open(takeTurn(this.#words, this.#slot))
      if (grant !== undefined) return grant
      const remainingMs = deadlineMs - this.#env.clock.monotonic()
      if (remainingMs <= 0) break
      Atomics.wait(this.#words.view, wakeAt(this.#slot), seen, remainingMs)
    }
    // The ticket stays for asynchronous waiters of this thread.
    if (this.#waiters.size === 0) this.#withdraw()
    return undefined
  }

  /** Moves the thread's asynchronous waiters on as far as they can go this moment. */
  #pump(): void {
    while (!this.isHolding) {
      const [oldest] = this.#waiters
      if (oldest === undefined) {
        if (this.#isEnrolled) this.#withdraw()
        break
      }
      this.#enroll()
      const seen = this.#words.load(wakeAt(this.#slot))
      const grant = this.#open(takeTurn(this.#words, this.#slot))
      if (grant !== undefined) {
        this.#waiters.delete(oldest)
        oldest.grant(grant)
      } else if (this.#listen(seen)) {
        this.#stayAlive()
        return
      }
    }
    this.#keepAlive?.cancel()
    this.#keepAlive = undefined
  }

  /** False when the lock was given in between, so that there is nothing to wait for. */
  #listen(seen: number): boolean {
    // One made earlier is told of every change since, so it serves.
    if (this.#isListening) return true
    const waiting = asyncAtomics.waitAsync(this.#words.view, wakeAt(this.#slot), seen)
    if (!waiting.async) return false
    this.#isListening = true
    // It settles once and never rejects; it is no work to wait for, since every waiter has a promise of its own.
    void waiting.value.then(() => {
      this.#isListening = false
      this.#pump()
    })
    return true
  }

  /**
   * A pending `waitAsync` does not keep Node alive, in any version, so a thread whose only business is to wait would end
   * in the middle of it. A timer does. It is there to be pending: nothing is looked at when it fires.
   */
  #stayAlive(): void {
    this.#keepAlive ??= this.#env.timers.after(KEEP_ALIVE_MS, () => {
      this.#keepAlive = undefined
      this.#stayAlive()
    })
  }

  #enroll(): void {
    if (this.#isEnrolled) return
    this.#isEnrolled = true
    enroll(this.#words, this.#slot)
  }

  #withdraw(): void {
    this.#isEnrolled = false
    withdraw(this.#words, this.#slot)
    // Ends the pending `waitAsync`, which would stay with the engine until the next time this thread is given the lock.
    if (this.#isListening) this.#words.notify(wakeAt(this.#slot))
  }

  #open(taken: Taken): SharedGrant | undefined {
    if (taken === "busy") return undefined
    this.#isEnrolled = false
    // The brand's constructor: the counter in the buffer is where this lock's tokens come from.
    const token = nextToken(this.#words) as Token
    this.#held = new SharedGrant(token, taken === "abandoned", this.#release)
    return this.#held
  }

  /** Given to every grant, which calls it once. */
  readonly #release = (grant: SharedGrant): void => {
    if (this.#held !== grant) return
    this.#held = undefined
    release(this.#words, this.#slot)
    if (this.#waiters.size > 0) this.#pump()
  }
}
