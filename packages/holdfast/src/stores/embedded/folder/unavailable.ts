/** Builds the refusal of a folder that cannot hold a store here. */
import { HoldfastError } from "../../../kernel/index.ts"

/** An error whose message says what was expected, what was found and what to do. */
export function unavailable(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("STORE_UNAVAILABLE", message, cause === undefined ? {} : { cause })
}

/** The code of a failed system call, such as ENOENT; null for anything else that is thrown. */
export function systemCode(thrown: unknown): string | null {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return null
  return typeof thrown.code === "string" ? thrown.code : null
}
