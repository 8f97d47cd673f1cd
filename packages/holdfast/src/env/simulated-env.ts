/**
 * The simulated twin: time stands still until a test drives it, and one seed determines every number and id. Two runs
 * of one program with one seed are therefore the same run.
 *
 * Timers fire in (time, arrival) order, one at a time, and between two of them every promise settles, as on a machine
 * that is infinitely fast. Time has two axes as in any Env: `pendingTimers`, `advanceTo` and durations are on the
 * monotonic one, which starts at 0; the wall clock starts somewhere else, so that mixing them up shows.
 */
import { HoldfastError } from "../kernel/errors.ts"
import { checkDelay, type Env, type Timer, type TimerOptions } from "./env.ts"
import { createPrng, type Prng } from "./prng.ts"
import { systemEnv } from "./system-env.ts"
import { QueuedTimer, TimerQueue } from "./timer-queue.ts"
import { nextTurn } from "./turn.ts"

/** How a simulation starts. */
export interface SimulatedEnvOptions {
  /** A safe integer that determines all randomness and ids. */
  readonly seed: number
  /** What the wall clock shows first, in milliseconds since the epoch. Default 2030-01-01T00:00:00Z. */
  readonly startMs?: number
  /** How many timers one drive may fire before it is taken for a loop that never ends. Default 100,000. */
  readonly maxTimerCount?: number
}

/** A timer somebody still waits for. */
export interface PendingTimer {
  /** When it fires, on the monotonic clock. */
  readonly dueAtMs: number
  readonly keepAlive: boolean
}

/** An {@link Env} whose time a test drives. */
export interface SimulatedEnv extends Env {
  /** The timers not yet fired or canceled, in firing order. Empty means nothing was left behind. */
  readonly pendingTimers: readonly PendingTimer[]
  /** How many there are, without listing them. */
  readonly pendingTimerCount: number
  /** Moves time to the next timer and runs its callback, settling nothing. False when none is pending. */
  fireNextTimer(): boolean
  /** Lets `durationMs` pass, firing what comes due and letting promises settle before, between and after. */
  advanceBy(durationMs: number): Promise<void>
  /** As {@link advanceBy}, to a moment of the monotonic clock that is not in the past. */
  advanceTo(monotonicMs: number): Promise<void>
  /** Fires timers until only those with `keepAlive: false` are left: until a real process would end. */
  runUntilIdle(): Promise<void>
  /** Sets the wall clock forward or back, as an administrator would. Timers and durations must not notice. */
  shiftWallClock(deltaMs: number): void
}

const DEFAULT_START_MS = 1_893_456_000_000
const DEFAULT_MAX_TIMER_COUNT = 100_000

/** Creates a world of its own: its time, randomness and ids depend on nothing but `options`. */
export function createSimulatedEnv(options: SimulatedEnvOptions): SimulatedEnv {
  const root = createPrng(options.seed)
  // Separate sequences, so that drawing one more random number does not rename everything created afterwards.
  const random = createPrng(nextSeed(root))
  const ids = createPrng(nextSeed(root))
  const time = new VirtualTime(options.maxTimerCount ?? DEFAULT_MAX_TIMER_COUNT)
  let wallOffsetMs = options.startMs ?? DEFAULT_START_MS
  return {
    clock: { now: () => Math.floor(wallOffsetMs + time.nowMs), monotonic: () => time.nowMs },
    timers: { after: (delayMs, callback, timerOptions) => time.after(delayMs, callback, timerOptions) },
    random: { next: () => random.nextUnit() },
    ids: { next: () => nextId(ids) },
    sha256: (bytes) => systemEnv.sha256(bytes),
    microtask: (task) => systemEnv.microtask(task),
    get pendingTimers() {
      return time.list()
    },
    get pendingTimerCount() {
      return time.count
    },
    fireNextTimer: () => time.fireNext(),
    advanceBy: (durationMs) => time.advanceTo(time.nowMs + durationMs),
    advanceTo: (monotonicMs) => time.advanceTo(monotonicMs),
    runUntilIdle: () => time.runUntilIdle(),
    shiftWallClock: (deltaMs) => {
      wallOffsetMs += deltaMs
    },
  }
}

class VirtualTime {
  nowMs = 0
  readonly #queue = new TimerQueue()
  readonly #maxTimerCount: number
  #arrivals = 0
  #keepAliveCount = 0
  #isDriven = false

  constructor(maxTimerCount: number) {
    this.#maxTimerCount = maxTimerCount
  }

  get count(): number {
    return this.#queue.size
  }

  list(): PendingTimer[] {
    return this.#queue.list().map(({ dueAtMs, keepAlive }) => ({ dueAtMs, keepAlive }))
  }

  after(delayMs: number, callback: () => void, options: TimerOptions = {}): Timer {
    checkDelay(delayMs)
    const timer = new QueuedTimer(this.nowMs + delayMs, this.#arrivals++, options.keepAlive ?? true, callback)
    this.#queue.add(timer)
    if (timer.keepAlive) this.#keepAliveCount += 1
    return { cancel: () => this.#remove(timer) }
  }

  fireNext(): boolean {
    const timer = this.#queue.first
    if (timer === undefined) return false
    this.#remove(timer)
    this.nowMs = timer.dueAtMs
    timer.callback()
    return true
  }

  async advanceTo(targetMs: number): Promise<void> {
    if (!Number.isFinite(targetMs) || targetMs < this.nowMs) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        `time advances to a finite moment not before ${this.nowMs} ms, but was asked to go to "${String(targetMs)}"`,
      )
    }
    await this.#drive(() => (this.#queue.first?.dueAtMs ?? Infinity) <= targetMs)
    this.nowMs = targetMs
  }

  async runUntilIdle(): Promise<void> {
    await this.#drive(() => this.#keepAliveCount > 0)
  }

  async #drive(hasMore: () => boolean): Promise<void> {
    if (this.#isDriven) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        "simulated time has one driver at a time, but is being driven already; await the earlier advance first",
      )
    }
    this.#isDriven = true
    try {
      await nextTurn()
      for (let firedCount = 0; hasMore(); firedCount++) {
        if (firedCount === this.#maxTimerCount) {
          throw new Error(
            `expected to be done within ${this.#maxTimerCount} timers, but ${this.#queue.size} are pending at ${this.nowMs} ms; something arms a timer from every timer, or maxTimerCount is too low`,
          )
        }
        this.fireNext()
        await nextTurn()
      }
    } finally {
      this.#isDriven = false
    }
  }

  #remove(timer: QueuedTimer): void {
    if (this.#queue.remove(timer) && timer.keepAlive) this.#keepAliveCount -= 1
  }
}

function nextSeed(prng: Prng): number {
  return prng.nextBelow(Number.MAX_SAFE_INTEGER)
}

function nextId(prng: Prng): string {
  const bytes = new DataView(new ArrayBuffer(16))
  for (let offset = 0; offset < 16; offset += 4) bytes.setUint32(offset, prng.nextUint32())
  return Buffer.from(bytes.buffer).toString("base64url")
}
