/** What a caller may say about its own wait. */
import { HoldfastError } from "../kernel/index.ts"

/** Bounds of one wait. Both end the caller's wait alone and leave no trace of it. */
export interface WaitOptions {
  /** The longest to wait, in milliseconds; 0 asks without waiting. Default: as long as it takes. */
  readonly waitMs?: number
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal
}

export const NO_OPTIONS: WaitOptions = {}

/**
 * @throws HoldfastError ARGUMENT_INVALID for a negative or NaN wait, or a signal that is none.
 * @throws the signal's reason when it is aborted already.
 */
export function checkWait(options: WaitOptions): void {
  checkOptions(options)
  const { waitMs, signal } = options
  if (waitMs !== undefined && !(typeof waitMs === "number" && waitMs >= 0)) {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `waitMs must be a number of milliseconds from 0, found ${String(waitMs)}; leave it out to wait as long as it takes`,
    )
  }
  if (signal === undefined) return
  if (!(signal instanceof AbortSignal)) {
    throw new HoldfastError("ARGUMENT_INVALID", `signal must be an AbortSignal, found ${describeType(signal)}`)
  }
  signal.throwIfAborted()
}

/** @throws HoldfastError ARGUMENT_INVALID unless `options` is an object. */
export function checkOptions(options: unknown): void {
  if (typeof options === "object" && options !== null) return
  throw new HoldfastError("ARGUMENT_INVALID", `options must be an object, found ${describeType(options)}`)
}

/** @throws HoldfastError ARGUMENT_INVALID unless `value` is a whole number from `least`. */
export function checkCount(value: unknown, what: string, least = 1): asserts value is number {
  if (Number.isSafeInteger(value) && Number(value) >= least) return
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `${what} must be a whole number from ${String(least)}, found ${String(value)}`,
  )
}

/** @throws HoldfastError ARGUMENT_INVALID unless `value` is a finite number of milliseconds, above 0 or from 0. */
export function checkDuration(value: unknown, what: string, options: { zero: boolean }): asserts value is number {
  if (typeof value === "number" && Number.isFinite(value) && (options.zero ? value >= 0 : value > 0)) return
  const least = options.zero ? "from 0" : "above 0"
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `${what} must be a finite number of milliseconds ${least}, found ${String(value)}`,
  )
}

/** @throws HoldfastError ARGUMENT_INVALID unless `value` is a number of bytes from 0, null for no limit, or left out. */
export function checkBudget(value: unknown, what: string): void {
  if (value === undefined || value === null || (typeof value === "number" && value >= 0 && Number.isFinite(value)))
    return
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `${what} must be a finite number of bytes from 0, or null for no limit, found ${typeof value === "number" ? String(value) : describeType(value)}`,
  )
}

/** @throws HoldfastError ARGUMENT_INVALID unless `value` is a function. */
export function checkFunction(value: unknown, what: string): void {
  if (typeof value === "function") return
  throw new HoldfastError("ARGUMENT_INVALID", `${what} must be a function, found ${describeType(value)}`)
}

/** What was found where something else was expected. */
export function describeType(value: unknown): string {
  return value === null ? "null" : typeof value
}
