/** Turns a store's refusal into the error a caller sees, with the caller's own stack. */
import { type ErrorCode, type ErrorDetails, HoldfastError, type LockView, type Token } from "../kernel/index.ts"

/** A fresh error for a refusal; throw it where the caller waits, so that its stack shows the caller. */
export function refusalError(refusal: {
  readonly code: ErrorCode
  readonly message: string
  readonly details: ErrorDetails
}): HoldfastError {
  return new HoldfastError(refusal.code, refusal.message, { details: refusal.details })
}

/** A store that answers a command with another command's outcome is broken, and says so. */
export function unexpected(asked: string, outcome: { readonly kind: string }): HoldfastError {
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `the store answered "${asked}" with "${outcome.kind}", which is no answer to it`,
  )
}

/** The store was silent for as long as it may be: what is asked of it next would wait as long, and in vain. */
export function isUnanswered(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.details["unansweredMs"] !== undefined
}

/** What was about to follow a request that was not answered was not sent, and is not any more. */
export function unsentError(cause: HoldfastError): HoldfastError {
  const { message, details } = cause.cause instanceof HoldfastError ? cause.cause : cause
  return new HoldfastError("STORE_UNAVAILABLE", message, { details, cause })
}

export function closedError(): HoldfastError {
  return new HoldfastError("CLOSED", "the store was closed by this program while this waited; open it again to go on")
}

/** The grant is over, and others may hold the lock. */
export function lostError(token: Token): HoldfastError {
  return new HoldfastError(
    "GRANT_LOST",
    `the grant with token ${String(token)} is no longer held: its lease ended or the store closed; others may hold the lock`,
    { details: { token } },
  )
}

/** What stood in the way of a request; `isQueued` where the request itself is among those counted as waiting. */
interface Obstacle {
  readonly locks: readonly LockView[]
  readonly isQueued: boolean
}

/** Says who is in the way, since when, and how many wait. */
export function timeoutError(waitMs: number, names: readonly string[], { locks, isQueued }: Obstacle): HoldfastError {
  const asked = names.map((name) => `"${name}"`).join(" and ")
  const pictures = locks.map((lock) => describeLock(lock, isQueued))
  const message = [`lock ${asked} was not granted within ${String(waitMs)} ms`, ...pictures].join("; ")
  return new HoldfastError("LOCK_TIMEOUT", message, { details: { locks } })
}

/** More holders than these make a message nobody reads; `details.locks` has them all. */
const NAMED_HOLDERS = 3

function describeLock(lock: LockView, isQueued: boolean): string {
  const holders = lock.holders
    .slice(0, NAMED_HOLDERS)
    .map(
      ({ label, token, mode, sinceMs }) =>
        `${label} (token ${String(token)}, ${mode}, for ${String(Math.round(sinceMs))} ms)`,
    )
  const more = lock.holders.length - holders.length
  const held = `is held by ${holders.length === 0 ? "nobody" : holders.join(", ")}${more > 0 ? ` and ${String(more)} more` : ""}`
  const waiting = lock.waiterCount === 1 ? "1 request was waiting" : `${String(lock.waiterCount)} requests were waiting`
  return `"${lock.name}" ${held}, ${waiting}${isQueued ? ", this one included" : ""}`
}
