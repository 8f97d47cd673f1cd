/**
 * A session: one opener of a store, as this program sees it. Sends commands, parks waits, and hands events to whom they
 * are for.
 *
 * A parked wait:
 *
 *     parked ──answering event──▶ answered
 *       │
 *       └──timeout, abort──▶ left (told to the store); what was under way is given back when it comes
 *
 * 1. A wait is registered before its request can be answered, and answered exactly once (O4).
 * 2. A grant that arrives for a wait that has left is released at once (L4).
 */
import type { Env, Timer } from "../env/index.ts"
import {
  type ClaimView,
  type Command,
  type LockView,
  type RequestId,
  type SessionId,
  type StoreEvent,
  type Token,
  type Value,
  assertInvariant,
  decodeValue,
  encodeResult,
  encodeValue,
  isHoldfastError,
} from "../kernel/index.ts"
import type { Metrics } from "../observe/index.ts"
import type { BlobStore, Store, StoreOutcome } from "../store/index.ts"
import type { WaitOptions } from "./bounds.ts"
import { closedError, refusalError, unexpected } from "./refusal.ts"

/** How a wait ended. */
export type Answer =
  | Extract<StoreEvent, { readonly kind: "lockGranted" | "requestRefused" | "runSettled" }>
  | { readonly kind: "timeout"; readonly locks: readonly LockView[] }
  | { readonly kind: "aborted"; readonly reason: unknown }
  | { readonly kind: "closed" }

interface Parked {
  readonly answer: (answer: Answer) => void
  /** What to do when the store hands this waiter the run it waits for. */
  readonly onAssigned: ((claim: ClaimView) => void) | null
  timer: Timer | null
  signal: AbortSignal | null
  onAbort: (() => void) | null
}

/** What a session tells the parts of the runtime that own claims, grants and watches. */
export interface SessionEvents {
  grantLost(token: Token): void
  claimControl(event: Extract<StoreEvent, { readonly kind: "claimControl" }>): void
  /** A claim for a taker, or for a waiter that has left meanwhile. */
  runAssigned(request: RequestId, claim: ClaimView): void
}

/** News for a watcher; null when the store closes. */
export type WatchEvent = Extract<StoreEvent, { readonly kind: "cellChanged" | "runChanged" | "requestRefused" }> | null

/** What begins something that closing would have to wait for; what runs already may still read and write. */
const BEGINNINGS: ReadonlySet<Command["kind"]> = new Set(["claimRun", "awaitRun", "openWorker", "takeRun"])

export class Session {
  readonly id: SessionId
  readonly label: string
  /** The truth this is a session of; sessions of the same share their scopes' locks. */
  readonly storeId: string
  readonly env: Env
  readonly metrics: Metrics
  readonly #store: Store
  readonly #parked = new Map<RequestId, Parked>()
  readonly #watches = new Map<RequestId, (event: WatchEvent) => void>()
  readonly #background = new Set<Promise<unknown>>()
  #events: SessionEvents | null = null
  #lastRequest = 0
  #isClosed = false
  #isEnded = false

  constructor(options: { store: Store; env: Env; metrics: Metrics; label: string }) {
    this.#store = options.store
    this.storeId = options.store.id
    this.env = options.env
    this.metrics = options.metrics
    this.label = options.label
    this.id = options.env.ids.next() as SessionId // Brand constructor.
    this.#store.onEvent((event) => {
      this.#handle(event)
    })
  }

  /** Where large values lie beside the others; null where the store has no such place. */
  get blobs(): BlobStore | null {
    return this.#store.blobs ?? null
  }

  /** Decodes a value of the store. @throws HoldfastError VALUE_INVALID */
  decode(value: Value): unknown {
    return decodeValue(value, this.env.sha256, this.blobs)
  }

  /** Encodes a value for the store. @throws HoldfastError VALUE_NOT_ENCODABLE, STORE_DAMAGED for another store's Binary */
  encode(value: unknown, what: string): Value {
    return encodeValue(value, what, this.blobs !== null)
  }

  /** As {@link Session.encode}, of what a body returned. */
  encodeResult(value: unknown, what: string): Value {
    return encodeResult(value, what, this.blobs !== null)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  listen(events: SessionEvents): void {
    this.#events = events
  }

  nextRequest(): RequestId {
    this.#lastRequest += 1
    return this.#lastRequest as RequestId // Brand constructor.
  }

  /** See {@link Store.term}. */
  get term(): number {
    return this.#store.term ?? 0
  }

  /** @throws HoldfastError CLOSED for what begins anew while the store closes, and for everything afterwards. */
  execute(command: Command): StoreOutcome | Promise<StoreOutcome> {
    // After its end a session asks for nothing: the store would call it unknown, which is not what happened.
    if (this.#isEnded || (this.#isClosed && BEGINNINGS.has(command.kind))) throw closedError()
    return this.#store.execute(command)
  }

  /** Parks a wait under a request; call it before the request can be answered. */
  wait(
    request: RequestId,
    options: WaitOptions,
    onAssigned: ((claim: ClaimView) => void) | null = null,
  ): Promise<Answer> {
    // What is asked while closing is withdrawn with the session.
    if (this.#isClosed) return Promise.resolve({ kind: "closed" })
    return new Promise((answer) => {
      const parked: Parked = { answer, onAssigned, timer: null, signal: null, onAbort: null }
      this.#parked.set(request, parked)
      const { waitMs, signal } = options
      if (waitMs !== undefined && Number.isFinite(waitMs)) {
        parked.timer = this.env.timers.after(waitMs, () => {
          this.#leave(request, parked, "timeout")
        })
      }
      if (signal !== undefined) {
        parked.signal = signal
        parked.onAbort = () => {
          this.#leave(request, parked, "abort")
        }
        signal.addEventListener("abort", parked.onAbort, { once: true })
        // The signal may have been aborted between the caller's check and here only by synchronous code in between.
        if (signal.aborted) parked.onAbort()
      }
    })
  }

  /** Forgets a wait whose request was answered by its outcome. */
  unpark(request: RequestId): void {
    const parked = this.#parked.get(request)
    if (parked === undefined) return
    this.#parked.delete(request)
    disarm(parked)
  }

  /** Tells the store that nobody waits under a request any more. */
  withdraw(request: RequestId): void {
    this.#withdraw(request, "abort", ignore)
  }

  watch(request: RequestId, handler: (event: WatchEvent) => void): void {
    if (this.#isClosed) handler(null)
    else this.#watches.set(request, handler)
  }

  unwatch(request: RequestId): void {
    if (!this.#watches.delete(request) || this.#isClosed) return
    this.#withdraw(request, "done", ignore)
  }

  release(token: Token): StoreOutcome | Promise<StoreOutcome> {
    return this.execute({ kind: "releaseLock", session: this.id, token })
  }

  /** Releases what came to nobody. Where the store is gone, so is the session, and the grant with it. */
  giveBack(token: Token): void {
    try {
      const released = this.release(token)
      if (released instanceof Promise) this.background(released.catch(ignore))
    } catch {
      // See above.
    }
  }

  /**
   * Owns work nobody awaits: closing does. What it rejects with is a bug and surfaces as an unhandled rejection, save
   * that a store that was closed refuses.
   */
  background(work: Promise<unknown>): void {
    this.#background.add(work)
    void this.#own(work)
  }

  /** Answers every wait, from now on at once, with `closed`. */
  stopWaiting(): void {
    this.#isClosed = true
    for (const [request, parked] of this.#parked) {
      this.#parked.delete(request)
      this.#answer(parked, { kind: "closed" })
    }
    for (const handler of this.#watches.values()) handler(null)
    this.#watches.clear()
  }

  /** Ends the session in the store, with everything it holds. */
  async end(unstarted: readonly Token[]): Promise<void> {
    const ending = this.execute({ kind: "endSession", session: this.id, reason: "closed", unstarted })
    this.#isEnded = true
    await ending
  }

  /** Waits for work in the background. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#background)
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  onTransition(handler: Parameters<Store["onTransition"]>[0]): void {
    this.#store.onTransition(handler)
  }

  #handle(event: StoreEvent): void {
    switch (event.kind) {
      case "lockGranted":
        this.#handleGrant(event)
        break
      case "requestRefused":
      case "runSettled": {
        const parked = this.#parked.get(event.request)
        if (parked === undefined) {
          if (event.kind === "requestRefused") this.#watches.get(event.request)?.(event)
          return
        }
        this.#parked.delete(event.request)
        this.#answer(parked, event)
        break
      }
      case "runAssigned": {
        const parked = this.#parked.get(event.request)
        if (parked !== undefined && parked.onAssigned !== null) parked.onAssigned(event.claim)
        else this.#owner().runAssigned(event.request, event.claim)
        break
      }
      case "grantLost":
        this.#owner().grantLost(event.token)
        break
      case "claimControl":
        this.#owner().claimControl(event)
        break
      case "cellChanged":
      case "runChanged":
        this.#watches.get(event.request)?.(event)
        break
    }
  }

  #handleGrant(event: Extract<StoreEvent, { readonly kind: "lockGranted" }>): void {
    const parked = this.#parked.get(event.request)
    this.#parked.delete(event.request)
    if (parked === undefined) this.giveBack(event.token)
    else this.#answer(parked, event)
  }

  async #own(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!this.#isClosed || !isHoldfastError(error, "CLOSED")) throw error
    } finally {
      this.#background.delete(work)
    }
  }

  /** The caller's own bound ends its wait. */
  #leave(request: RequestId, parked: Parked, reason: "timeout" | "abort"): void {
    // Identity-checked: the wait may have been answered between the timer and here.
    if (this.#parked.get(request) !== parked) return
    this.#parked.delete(request)
    disarm(parked)
    // A caller that aborts is answered at once; one that timed out is told who was in its way.
    if (reason === "abort") this.#answer(parked, { kind: "aborted", reason: parked.signal?.reason })
    this.#withdraw(request, reason, (locks) => {
      if (reason === "timeout") this.#answer(parked, { kind: "timeout", locks })
    })
  }

  /** No promise where the store answers at once: half of a million may leave in one moment. */
  #withdraw(
    request: RequestId,
    reason: "timeout" | "abort" | "done",
    then: (locks: readonly LockView[]) => void,
  ): void {
    let outcome: StoreOutcome | Promise<StoreOutcome> | null = null
    try {
      outcome = this.execute({ kind: "withdrawRequest", session: this.id, request, reason })
    } catch {
      // The store is gone, and the wait with it.
    }
    if (outcome instanceof Promise) this.background(this.#withdrawLater(outcome, then))
    else then(locksOf(outcome))
  }

  async #withdrawLater(outcome: Promise<StoreOutcome>, then: (locks: readonly LockView[]) => void): Promise<void> {
    let withdrawn: StoreOutcome | null = null
    try {
      withdrawn = await outcome
    } catch {
      // As above.
    }
    then(locksOf(withdrawn))
  }

  #answer(parked: Parked, answer: Answer): void {
    disarm(parked)
    parked.answer(answer)
  }

  #owner(): SessionEvents {
    assertInvariant(this.#events !== null, "internal", "an event arrived before anybody listened")
    return this.#events
  }
}

/** @throws HoldfastError STORE_FULL, STORE_UNAVAILABLE */
export async function setBlobBudget(session: Session, bytes: number | null): Promise<void> {
  const outcome = await session.execute({ kind: "setBlobBudget", session: session.id, bytes })
  if (outcome.kind !== "done")
    throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("setBlobBudget", outcome)
}

function disarm(parked: Parked): void {
  parked.timer?.cancel()
  parked.timer = null
  if (parked.onAbort !== null) parked.signal?.removeEventListener("abort", parked.onAbort)
  parked.onAbort = null
}

function locksOf(outcome: StoreOutcome | null): readonly LockView[] {
  return outcome?.kind === "withdrawn" ? outcome.locks : []
}

function ignore(): void {
  // Said elsewhere; see the call.
}
