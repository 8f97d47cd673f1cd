/** What the system answers to a command that works with files, as a fault: no room, or not ours to use. */
import { HoldfastError } from "../../../kernel/index.ts"
import { isFull } from "../journal/fault.ts"

const FULL: readonly string[] = ["ENOSPC", "EDQUOT"]

/**
 * Null for what no system said. A file that is not what it should be is not among it.
 *
 * @param expected what should have been, as in `there should be room for "x"`
 */
export function diskFault(error: unknown, expected: string): HoldfastError | null {
  if (!(error instanceof Error) || error instanceof HoldfastError) return null
  // Whatever else has a code, as those of archives do, names no call of the system.
  const code = "syscall" in error && "code" in error ? error.code : null
  if (isFull(error) || FULL.some((each) => each === code)) {
    return new HoldfastError("STORE_FULL", `${expected}, but ${error.message}; make room and try again`, {
      cause: error,
    })
  }
  if (code === null) return null
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `${expected}, but ${error.message}; check the path, who owns it, and its disk`,
    { cause: error },
  )
}
