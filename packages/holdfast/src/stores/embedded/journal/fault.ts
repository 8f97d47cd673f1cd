/** What SQLite's errors mean to a store, and faults as data, since they cross a thread. */
import { type ErrorCode, HoldfastError } from "../../../kernel/index.ts"

/** A fault as it travels: an error's class and code do not survive a message between threads. */
export interface Fault {
  readonly code: ErrorCode
  readonly message: string
}

/** The journal's fault for whatever a call on its database threw; `doing` says what was tried, as in `write to`. */
export function faultOf(thrown: unknown, path: string, doing: string): Fault {
  if (thrown instanceof HoldfastError) return { code: thrown.code, message: thrown.message }
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  const sqlite = sqliteCode(thrown)
  const what = `cannot ${doing} the journal "${path}": ${reason}${sqlite === "" ? "" : ` (${sqlite})`}`
  if (isFull(thrown)) {
    return { code: "STORE_FULL", message: `${what}; nothing of it was written: free space on that disk and try again` }
  }
  // The statements are right, so one that cannot be prepared (SQLITE_ERROR) found another schema than it should.
  if (sqlite.startsWith("SQLITE_CORRUPT") || sqlite === "SQLITE_NOTADB" || sqlite === "SQLITE_ERROR") {
    return {
      code: "STORE_DAMAGED",
      message: `${what}; run "holdfast doctor" on its folder, or restore a backup; the file was left as it is`,
    }
  }
  return { code: "STORE_UNAVAILABLE", message: `${what}; ${adviceFor(sqlite)}` }
}

/** True for a write that ran out of space, which SQLite notices before it flushes and then takes back (S5). */
export function isFull(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  // The second is the shared index of the log, a file too: it grows before a transaction is written.
  return code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE"
}

export function errorOf(fault: Fault, cause?: unknown): HoldfastError {
  return new HoldfastError(fault.code, fault.message, cause === undefined ? {} : { cause })
}

function sqliteCode(thrown: unknown): string {
  // better-sqlite3 puts SQLite's extended code there; other errors of Node have codes too, which are no less telling.
  if (!(thrown instanceof Error) || !("code" in thrown) || typeof thrown.code !== "string") return ""
  return thrown.code
}

function adviceFor(code: string): string {
  if (code.startsWith("SQLITE_BUSY")) return "another program holds the database: close it and open the store again"
  if (/READONLY|PERM|CANTOPEN|EACCES|EROFS/.test(code)) {
    return "the folder and its files must be writable by this user: check their owner and permissions"
  }
  return "check the disk, then open the store again"
}
