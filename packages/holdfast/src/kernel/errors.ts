/**
 * The one error class and the one table of codes. A code is API: it is what crosses processes, what HTTP and the CLI
 * map to a status, and what programs branch on. Nothing is ever recognized by `instanceof` across a boundary.
 */

export interface ErrorKind {
  /** What the code means, one sentence. */
  readonly summary: string
  /** True when the same call may succeed later without any change to it. */
  readonly retryable: boolean
  /** The status an HTTP API answers with. */
  readonly httpStatus: number
  /** The exit code a command-line program ends with. */
  readonly exitCode: number
}

/** A code of {@link ERROR_TABLE}. */
export type ErrorCode =
  | "ARGUMENT_INVALID"
  | "LOCK_TIMEOUT"
  | "DEADLOCK"
  | "GRANT_LOST"
  | "FENCED"
  | "LIMIT_MISMATCH"
  | "CONFLICT"
  | "WAIT_TIMEOUT"
  | "RUN_FAILED"
  | "RUN_CANCELED"
  | "RUN_CRASHED"
  | "RUN_INTERRUPTED"
  | "RUN_SUPERSEDED"
  | "RUN_UNKNOWN"
  | "STALE_ATTEMPT"
  | "KEY_MISMATCH"
  | "OPERATION_UNKNOWN"
  | "VALUE_NOT_ENCODABLE"
  | "VALUE_INVALID"
  | "VALUE_GONE"
  | "SESSION_LOST"
  | "STORE_UNAVAILABLE"
  | "STORE_DAMAGED"
  | "STORE_FULL"
  | "STORE_NEWER"
  | "OUTCOME_UNKNOWN"
  | "OVERLOADED"
  | "CLOSED"

/** Every code Holdfast raises, with what it means to a caller, to HTTP and to a shell. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorKind>> = {
  ARGUMENT_INVALID: {
    summary: "A call was made with an argument outside its documented range.",
    retryable: false,
    httpStatus: 400,
    exitCode: 2,
  },
  LOCK_TIMEOUT: {
    summary: "The lock did not become free within the wait the caller allowed.",
    retryable: true,
    httpStatus: 503,
    exitCode: 75,
  },
  DEADLOCK: {
    summary: "Waiting would have completed a cycle in which nobody can go on.",
    retryable: true,
    httpStatus: 409,
    exitCode: 75,
  },
  GRANT_LOST: {
    summary: "The grant or scope used here is no longer held.",
    retryable: false,
    httpStatus: 409,
    exitCode: 1,
  },
  FENCED: {
    summary: "A commit was refused because a grant or claim it rests on is no longer live.",
    retryable: false,
    httpStatus: 409,
    exitCode: 1,
  },
  LIMIT_MISMATCH: {
    summary: "The name is already in use with another limit.",
    retryable: false,
    httpStatus: 409,
    exitCode: 2,
  },
  CONFLICT: {
    summary: "A transaction lost the race for its cells more often than it was allowed to.",
    retryable: true,
    httpStatus: 409,
    exitCode: 75,
  },
  WAIT_TIMEOUT: {
    summary: "The run did not settle within the wait the caller allowed; the run itself goes on.",
    retryable: true,
    httpStatus: 504,
    exitCode: 75,
  },
  RUN_FAILED: {
    summary: "The operation's body failed and its retries are used up.",
    retryable: true,
    httpStatus: 500,
    exitCode: 1,
  },
  RUN_CANCELED: {
    summary: "The run was canceled and will never complete.",
    retryable: false,
    httpStatus: 409,
    exitCode: 1,
  },
  RUN_CRASHED: {
    summary: "The run's executing session died three times in a row.",
    retryable: false,
    httpStatus: 500,
    exitCode: 1,
  },
  RUN_INTERRUPTED: {
    summary: "An attempt of a `once` operation was cut off and a decision is needed.",
    retryable: false,
    httpStatus: 409,
    exitCode: 1,
  },
  RUN_SUPERSEDED: {
    summary: "The run was replaced by a newer generation of the same identity.",
    retryable: true,
    httpStatus: 410,
    exitCode: 1,
  },
  RUN_UNKNOWN: {
    summary: "The store holds no such run.",
    retryable: false,
    httpStatus: 404,
    exitCode: 1,
  },
  STALE_ATTEMPT: {
    summary: "The attempt is over: another attempt has the run, or it has settled.",
    retryable: false,
    httpStatus: 409,
    exitCode: 1,
  },
  KEY_MISMATCH: {
    summary: "The key was used before with other arguments.",
    retryable: false,
    httpStatus: 409,
    exitCode: 2,
  },
  OPERATION_UNKNOWN: {
    summary: "No operation of that name is defined in this session, or it is defined twice with different options.",
    retryable: false,
    httpStatus: 500,
    exitCode: 2,
  },
  VALUE_NOT_ENCODABLE: {
    summary: "A value holds something that has no encoding.",
    retryable: false,
    httpStatus: 422,
    exitCode: 2,
  },
  VALUE_INVALID: {
    summary: "A value was rejected by its schema, or by the rules of the function that made it.",
    retryable: false,
    httpStatus: 422,
    exitCode: 2,
  },
  VALUE_GONE: {
    summary: "The bytes of a Binary are gone: what it was read from was replaced, deleted or evicted since.",
    retryable: false,
    httpStatus: 410,
    exitCode: 1,
  },
  SESSION_LOST: {
    summary: "The session has ended in the store; everything it held was given back.",
    retryable: false,
    httpStatus: 503,
    exitCode: 1,
  },
  STORE_UNAVAILABLE: {
    summary: "The store cannot be reached or is not supported here.",
    retryable: true,
    httpStatus: 503,
    exitCode: 69,
  },
  STORE_DAMAGED: {
    summary: "Something stored is torn, missing or altered; it is named and never served.",
    retryable: false,
    httpStatus: 500,
    exitCode: 74,
  },
  STORE_FULL: {
    summary: "The store's disk is full: what was to be written was not, and reading goes on.",
    retryable: true,
    httpStatus: 507,
    exitCode: 73,
  },
  STORE_NEWER: {
    summary: "The store was written by a newer version of Holdfast and was left untouched.",
    retryable: false,
    httpStatus: 500,
    exitCode: 78,
  },
  OUTCOME_UNKNOWN: {
    summary: "The connection broke before the outcome came; the request may or may not have taken effect.",
    retryable: false,
    httpStatus: 504,
    exitCode: 75,
  },
  OVERLOADED: {
    summary: "More is under way than the store's bound allows.",
    retryable: true,
    httpStatus: 503,
    exitCode: 75,
  },
  CLOSED: {
    summary: "The store was closed by this program.",
    retryable: false,
    httpStatus: 503,
    exitCode: 1,
  },
}

/** What else an error knows, for programs: holders, cycles, versions. Its shape depends on the code; see docs/errors.md. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** A fault with a code. Read `code`, not the message: messages may change between versions, codes do not. */
export class HoldfastError extends Error {
  /** Which fault this is; the table in docs/errors.md lists every one. */
  readonly code: ErrorCode
  /** Facts a program can use, such as the holders of a lock that timed out. */
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined)
    this.name = "HoldfastError"
    this.code = code
    this.details = options.details ?? {}
  }

  /** True when the same call may succeed later without any change to it. */
  get retryable(): boolean {
    return ERROR_TABLE[this.code].retryable
  }
}

/** Whether a thrown thing is a Holdfast fault (of `code`, when given). Looks at the code alone, so it holds across realms and processes. */
export function isHoldfastError(thrown: unknown, code?: ErrorCode): thrown is HoldfastError {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown) || !("name" in thrown)) return false
  if (thrown.name !== "HoldfastError" || typeof thrown.code !== "string") return false
  return code === undefined ? Object.hasOwn(ERROR_TABLE, thrown.code) : thrown.code === code
}
