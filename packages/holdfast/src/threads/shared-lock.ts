/**
 * A lock on shared memory, between the event loop and the worker threads of one process.
 *
 * Nothing but its buffer is shared, so it works where no message arrives, such as in a thread that computes. How it is
 * passed on, and what is promised about order, withdrawal and death: protocol.ts. How one thread's requests share its
 * place: thread-seat.ts. Who notices that a thread has ended: its guardian, by the worker's exit event (`guard`).
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { isMainThread, threadId, type Worker } from "node:worker_threads"
import { HoldfastError } from "../kernel/errors.ts"
import { type Env, systemEnv } from "../env/index.ts"
import { LAYOUT, LAYOUT_AT, lockBytes, SharedWords } from "./lock-words.ts"
import { viewOwner, viewWaiting } from "./protocol.ts"
import { isGuarded, join, repairThread, reserve, threadOf } from "./roster.ts"
import type { SharedGrant } from "./shared-grant.ts"
import { ThreadSeat, type Waiter } from "./thread-seat.ts"

/** How a shared lock is made. */
export interface SharedLockOptions {
  /** How many threads may use the lock at the same time, the main one included. Default 64; at most 65,536. */
  readonly maxThreads?: number
}

/** What another thread makes its {@link SharedLock} from. Pass it in `workerData` or by `postMessage`. */
export interface SharedLockHandle {
  readonly kind: "holdfast-shared-lock"
  readonly id: string
  readonly buffer: SharedArrayBuffer
}

/** Bounds of a wait that does not block. Both end the caller's wait alone and leave no trace of it. */
export interface SharedWaitOptions {
  /** The longest to wait, in milliseconds; 0 asks without waiting. Default: as long as it takes. */
  readonly waitMs?: number
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The bound of a wait that blocks. No signal: it could not be aborted while the thread is blocked. */
export type SharedSyncOptions = Pick<SharedWaitOptions, "waitMs">

/** A picture of a shared lock for people and tests; while threads are at work it may be over when it is read. */
export interface SharedLockView {
  /** The thread that holds the lock or has it coming; null when it is free. The main thread is 0. */
  readonly holderThread: number | null
  /** Whether that thread's end would be noticed. */
  readonly isHolderGuarded: boolean
  /** Whether the last holder died, and nobody has taken the lock since. */
  readonly isAbandoned: boolean
  /** The threads that wait, next one first. */
  readonly waitingThreads: readonly number[]
  /** Asynchronous requests of this thread that wait. */
  readonly waiterCount: number
}

/** One lock held by the code that runs, and those around it. */
interface Held {
  readonly seat: ThreadSeat
  readonly grant: SharedGrant
  readonly outer: Held | undefined
}

const DEFAULT_THREADS = 64
/** A slot and its marks fit the owner word many times over; this bounds what a typing error allocates, at 1 MiB. */
const MOST_THREADS = 65_536

/**
 * The seats of this thread by lock id. One thread must not sit twice at a lock, not even through two copies of this
 * package, so they are found through the global object. A seat nobody can reach any more holds nothing and waits for
 * nothing, and may be forgotten: its slot still carries this thread's id, and the next seat takes it over.
 */
const seats = globalSeats()
const forgotten = new FinalizationRegistry<string>((id) => {
  // Another may sit there by now.
  if (seats.get(id)?.deref() === undefined) seats.delete(id)
})

/** Which shared locks the running code is inside of, so that asking for one of them again is an error and no hang. */
const insideOf = new AsyncLocalStorage<Held>()

/**
 * A mutual exclusion lock for threads of one process; much faster than a store's lock, and with no name, lease or
 * session. It is not re-entrant.
 *
 * Order: each thread has one place in the line, threads come in the order they entered it, and a thread's own waiters
 * in the order they asked. A request that finds the lock free takes it.
 *
 * @example const lock = SharedLock.create()
 */
export class SharedLock {
  /** Structured-cloneable: `SharedLock.from(handle)` in another thread is the same lock. */
  readonly handle: SharedLockHandle
  readonly #words: SharedWords
  readonly #seat: ThreadSeat
  readonly #env: Env

  private constructor(handle: SharedLockHandle, env: Env) {
    this.handle = handle
    this.#env = env
    this.#words = new SharedWords(handle.buffer)
    this.#seat = seatAt(handle, this.#words, env)
  }

  /**
   * Makes a new lock, free.
   *
   * @throws HoldfastError ARGUMENT_INVALID
   */
  static create(options: SharedLockOptions = {}): SharedLock {
    const maxThreads = checkThreads(options)
    const buffer = new SharedArrayBuffer(lockBytes(maxThreads))
    new SharedWords(buffer).store(LAYOUT_AT, LAYOUT)
    return new SharedLock({ kind: "holdfast-shared-lock", id: systemEnv.ids.next(), buffer }, systemEnv)
  }

  /**
   * The lock behind a handle, in any thread; twice in one thread is the same lock twice.
   *
   * @throws HoldfastError ARGUMENT_INVALID for anything but a handle, OVERLOADED when `maxThreads` threads have it
   */
  static from(handle: SharedLockHandle): SharedLock {
    return new SharedLock(checkHandle(handle), systemEnv)
  }

  /**
   * Runs `fn` while holding the lock and gives it back however `fn` ends. Never blocks the thread.
   *
   * @throws HoldfastError LOCK_TIMEOUT, DEADLOCK (inside of a `run` or `runSync` of the same lock), ARGUMENT_INVALID
   * @throws what `fn` throws, and the reason of an aborted signal
   * @example await lock.run(() => { counter[0] += 1 })
   */
  async run<T>(fn: (grant: SharedGrant) => T | Promise<T>, options: SharedWaitOptions = {}): Promise<T> {
    checkFunction(fn, "the callback of run")
    const grant = await this.acquire(options)
    try {
      return await insideOf.run(this.#inside(grant), fn, grant)
    } finally {
      grant.release()
    }
  }

  /**
   * Blocks the thread for the lock, runs `fn` to its end and gives the lock back. In worker threads only.
   *
   * @throws HoldfastError LOCK_TIMEOUT, DEADLOCK, ARGUMENT_INVALID (on the main thread, or when `fn` returns a promise)
   * @throws what `fn` throws
   * @example lock.runSync(() => { counter[0] += 1 })
   */
  runSync<T>(fn: (grant: SharedGrant) => T, options: SharedSyncOptions = {}): T {
    checkFunction(fn, "the callback of runSync")
    const grant = this.acquireSync(options)
    try {
      const result = insideOf.run(this.#inside(grant), fn, grant)
      if (result instanceof Promise) throw asyncCallbackError(result)
      return result
    } finally {
      grant.release()
    }
  }

  /**
   * Takes the lock without blocking the thread and leaves giving it back to the caller:
   * `using grant = await lock.acquire()`.
   *
   * @throws HoldfastError LOCK_TIMEOUT, DEADLOCK (inside of a `run` or `runSync` of the same lock), ARGUMENT_INVALID
   * @throws the reason of an aborted signal
   */
  async acquire(options: SharedWaitOptions = {}): Promise<SharedGrant> {
    const waitMs = checkWaitMs(options)
    const signal = checkSignal(options)
    this.#refuseReentry()
    const grant = this.#seat.tryTake()
    if (grant !== undefined) return grant
    if (waitMs === 0) throw this.#timeoutError(waitMs)
    // Made anew here, so that its stack shows the caller.
    const waited = await this.#wait(waitMs, signal)
    if (waited === undefined) throw this.#timeoutError(waitMs)
    return waited
  }

  /**
   * Takes the lock, blocking the thread until it is free. In worker threads only: the main thread must not block, and
   * while it did, no exit of a worker could be noticed.
   *
   * @throws HoldfastError LOCK_TIMEOUT, DEADLOCK when this thread holds the lock already, ARGUMENT_INVALID on the main
   *   thread
   */
  acquireSync(options: SharedSyncOptions = {}): SharedGrant {
    const waitMs = checkWaitMs(options)
    if (isMainThread) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        "acquireSync and runSync block, so they are for worker threads, and this is the main thread; use acquire or run",
      )
    }
    if (this.#seat.isHolding) {
      throw new HoldfastError(
        "DEADLOCK",
        "this thread holds the shared lock already, and blocking it for the same lock would keep it from ever releasing; release first, or pass the grant along",
      )
    }
    const grant = this.#seat.takeSync(waitMs)
    if (grant === undefined) throw this.#timeoutError(waitMs)
    return grant
  }

  /** Takes the lock if it is free this moment; undefined when it is not. Never waits, on any thread. */
  tryAcquire(): SharedGrant | undefined {
    return this.#seat.tryTake()
  }

  /**
   * Has this thread notice when `worker` ends, however it does: what it held goes to the next thread, marked
   * `wasAbandoned`, and its place in the line is closed. Call it with every worker that gets the handle, in the thread
   * that made it and right after: `const worker = lock.guard(new Worker(…))`.
   *
   * Unguarded, a worker that ends by itself while it neither holds nor waits does no harm but for its room among
   * `maxThreads`; one that ends while it holds keeps the lock for ever.
   *
   * @throws HoldfastError ARGUMENT_INVALID when the worker has ended already, OVERLOADED when `maxThreads` are reached
   */
  guard<W extends Worker>(worker: W): W {
    // Read here because an ended worker has no id any more.
    const guarded = worker.threadId
    if (guarded <= 0) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        "expected a running worker to guard, found one that has ended; call guard right after new Worker(…)",
      )
    }
    reserve(this.#words, guarded, threadId, this.#words.slotCount)
    // Node tells of the exit only once the thread has run its last step, and so have all threads it had started.
    worker.once("exit", () => repairThread(this.#words, guarded))
    return worker
  }

  /** How the lock stands this moment. */
  view(): SharedLockView {
    const { slot, isAbandoned } = viewOwner(this.#words)
    const holder = slot === null ? undefined : threadOf(this.#words, slot)
    const waiting = viewWaiting(this.#words).filter((waitingSlot) => waitingSlot !== slot)
    return {
      holderThread: holder ?? null,
      isHolderGuarded: holder !== undefined && isGuarded(this.#words, holder),
      isAbandoned,
      waitingThreads: waiting.map((waitingSlot) => threadOf(this.#words, waitingSlot)).filter((id) => id !== undefined),
      waiterCount: this.#seat.waiterCount,
    }
  }

  /** Undefined when `waitMs` passed. A grant that comes first wins over an abort or a timeout that comes later. */
  #wait(waitMs: number, signal: AbortSignal | undefined): Promise<SharedGrant | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        timer?.cancel()
        signal?.removeEventListener("abort", abort)
      }
      const waiter: Waiter = {
        grant: (grant) => {
          settle()
          resolve(grant)
        },
      }
      const abort = (): void => {
        settle()
        this.#seat.leave(waiter)
        // The reason is the caller's own, whatever it is.
        reject(signal?.reason as Error)
      }
      const expire = (): void => {
        settle()
        this.#seat.leave(waiter)
        resolve(undefined)
      }
      const timer = Number.isFinite(waitMs) ? this.#env.timers.after(waitMs, expire) : undefined
      signal?.addEventListener("abort", abort)
      this.#seat.enter(waiter)
    })
  }

  #inside(grant: SharedGrant): Held {
    return { seat: this.#seat, grant, outer: insideOf.getStore() }
  }

  /** A grant released early no longer stands in the way. */
  #refuseReentry(): void {
    for (let held = insideOf.getStore(); held !== undefined; held = held.outer) {
      if (held.seat !== this.#seat || !held.grant.isHeld) continue
      throw new HoldfastError(
        "DEADLOCK",
        "this code runs inside of a run of the same shared lock, and waiting for it here would never end; pass the grant along, or ask after the run",
        { details: { token: held.grant.token } },
      )
    }
  }

  #timeoutError(waitMs: number): HoldfastError {
    const view = this.view()
    const { holderThread, isHolderGuarded, waitingThreads } = view
    const holder = holderThread === null ? "nobody" : `thread ${String(holderThread)}`
    const unguarded = holderThread === null || isHolderGuarded ? "" : ", whose end nobody would notice (see guard)"
    return new HoldfastError(
      "LOCK_TIMEOUT",
      `the shared lock was not granted within ${String(waitMs)} ms; it is held by ${holder}${unguarded}, threads waiting: ${String(waitingThreads.length)}`,
      { details: { ...view } },
    )
  }
}

type Seats = Map<string, WeakRef<ThreadSeat>>

function globalSeats(): Seats {
  const key = Symbol.for("holdfast.shared-lock-seats.1")
  // The symbol is ours alone, and its number changes with what is kept under it.
  const home = globalThis as unknown as Record<symbol, Seats | undefined>
  const found = home[key]
  if (found !== undefined) return found
  const made: Seats = new Map()
  home[key] = made
  return made
}

function seatAt(handle: SharedLockHandle, words: SharedWords, env: Env): ThreadSeat {
  const known = seats.get(handle.id)?.deref()
  if (known !== undefined) return known
  const seat = new ThreadSeat(words, join(words, threadId, words.slotCount), env)
  seats.set(handle.id, new WeakRef(seat))
  forgotten.register(seat, handle.id)
  return seat
}

function checkThreads({ maxThreads = DEFAULT_THREADS }: SharedLockOptions): number {
  if (Number.isSafeInteger(maxThreads) && maxThreads >= 1 && maxThreads <= MOST_THREADS) return maxThreads
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `maxThreads must be a whole number from 1 to ${String(MOST_THREADS)}, found ${String(maxThreads)}`,
  )
}

/** What comes out of `workerData` has no type, so everything about it is looked at. */
function checkHandle(handle: unknown): SharedLockHandle {
  if (typeof handle === "object" && handle !== null && "kind" in handle && "id" in handle && "buffer" in handle) {
    const { kind, id, buffer } = handle
    const isHandle = kind === "holdfast-shared-lock" && typeof id === "string" && buffer instanceof SharedArrayBuffer
    if (isHandle && buffer.byteLength >= lockBytes(1)) {
      const layout = new SharedWords(buffer).load(LAYOUT_AT)
      if (layout === LAYOUT) return { kind, id, buffer }
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        `expected a shared lock of layout ${String(LAYOUT)}, found ${String(layout)}: it was made by another version of holdfast; load one version in all threads`,
      )
    }
  }
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `expected the handle of a shared lock, found ${handle === null ? "null" : typeof handle} without its fields; pass lock.handle as it is, in workerData or by postMessage`,
  )
}

function checkWaitMs({ waitMs = Number.POSITIVE_INFINITY }: SharedSyncOptions): number {
  if (typeof waitMs === "number" && waitMs >= 0) return waitMs
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `waitMs must be a number of milliseconds from 0, found ${String(waitMs)}; leave it out to wait as long as it takes`,
  )
}

function checkSignal({ signal }: SharedWaitOptions): AbortSignal | undefined {
  if (signal === undefined) return undefined
  if (!(signal instanceof AbortSignal)) {
    throw new HoldfastError("ARGUMENT_INVALID", `signal must be an AbortSignal, found ${typeof signal}`)
  }
  signal.throwIfAborted()
  return signal
}

function checkFunction(value: unknown, what: string): void {
  if (typeof value === "function") return
  throw new HoldfastError("ARGUMENT_INVALID", `${what} must be a function, found ${typeof value}`)
}

/** Its lock is given back before it is done, which is the mistake; what it ends with is told nobody else. */
function asyncCallbackError(result: Promise<unknown>): HoldfastError {
  result.catch(() => {})
  return new HoldfastError(
    "ARGUMENT_INVALID",
    "the callback of runSync must do its work before it returns, found one that returns a promise; use run",
  )
}
