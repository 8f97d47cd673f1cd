/**
 * The only door to time, timers, randomness, ids and hashing. Everything else in the package takes an {@link Env}, so
 * that the same code runs on the real machine (`system-env.ts`) and inside a simulation that replays exactly
 * (`simulated-env.ts`).
 */
import { HoldfastError } from "../kernel/errors.ts"

/** Two readings of time: one for people, one for durations. They are never mixed. */
export interface Clock {
  /** Milliseconds since the epoch, for facts people read. May jump either way when the machine's clock is set. */
  now(): number
  /** Milliseconds since an arbitrary start, fractional, never going back: the one to measure and bound durations with. */
  monotonic(): number
}

/** A one-shot timer that has not fired or been canceled yet. */
export interface Timer {
  /** Keeps the callback from running. Does nothing when it already ran or was canceled. */
  cancel(): void
}

/** How a timer behaves beside its delay. */
export interface TimerOptions {
  /** False lets the process end while the timer is pending; for background work nobody waits for. Default true. */
  readonly keepAlive?: boolean
}

/** One-shot timers. Repetition is the caller arming the next one, so that nothing piles up behind a slow callback. */
export interface Timers {
  /**
   * Runs `callback` once, at least `delayMs` later by the monotonic clock: never early, so that a lease or a bound
   * checked in the callback has really passed. Any finite delay works, also above 2^31 - 1 ms. What the callback throws
   * is uncaught: in the process on a real machine, in whoever drives the clock in a simulation.
   *
   * @throws HoldfastError ARGUMENT_INVALID when the delay is negative or not finite
   */
  after(delayMs: number, callback: () => void, options?: TimerOptions): Timer
}

/** Randomness for spreading load, never for secrets. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
}

/** Names nobody else has or can guess. */
export interface Ids {
  /** 128 bits as 22 characters of base64url. Unguessable on a real machine, reproducible in a simulation. */
  next(): string
}

/** Everything a program may take from outside itself that is not a message. */
export interface Env {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly ids: Ids
  /** The SHA-256 digest in lowercase hex. Equal in every twin, since digests are identities that outlive the process. */
  sha256(this: void, bytes: Uint8Array): string
  /** Runs `task` after the current synchronous work and before any timer. What it throws is uncaught. */
  microtask(task: () => void): void
}

/** Refuses the delays no timer can keep. Every twin calls it, so that a simulation refuses what the machine would. */
export function checkDelay(delayMs: number): void {
  if (Number.isFinite(delayMs) && delayMs >= 0) return
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `a timer's delay must be a finite number of milliseconds, 0 or more, but is "${String(delayMs)}"; to wait without a bound, set no timer`,
  )
}
