/**
 * Locks of the operating system on a file, or on one byte of it. They belong to an open file: two opens are strangers to
 * each other even within one process, and a lock ends with the last close of its open file, which every kind of death
 * brings about. A child process gets none of it: Node opens files to be closed in whatever program a child becomes.
 */
import { createRequire } from "node:module"

/** What of a file is locked. The length 0 reaches to the end of any file, which is the only range macOS knows. */
export interface LockRange {
  readonly offset: number
  readonly length: number
}

export const WHOLE_FILE: LockRange = { offset: 0, length: 0 }

interface NativeLocks {
  tryLock(fd: number, offset: number, length: number, options: { readonly shared: boolean }): boolean
}

// The package is CommonJS without types of its own; this is the one of its functions that is used here. Its waiting ones
// are not: each occupies one of the few threads Node has for files, cannot be canceled, and keeps a terminated worker
// from ending.
const native: NativeLocks = createRequire(import.meta.url)("fs-native-extensions") as NativeLocks

/** Takes the lock, or says false when another open file holds it. An exclusive one needs a file opened for writing. */
export function tryLockRange(fd: number, range: LockRange, mode: "exclusive" | "shared"): boolean {
  return native.tryLock(fd, range.offset, range.length, { shared: mode === "shared" })
}
