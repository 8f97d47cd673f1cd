/** Builds refusals: a code, a sentence, and facts for programs. */
import type { ErrorCode, ErrorDetails } from "./errors.ts"
import type { Refused } from "./outcome.ts"

export function refuse(code: ErrorCode, message: string, details: ErrorDetails = {}): Refused {
  return { kind: "refused", code, message, details }
}
