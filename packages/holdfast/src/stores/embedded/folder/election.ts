/**
 * Who keeps the store: the one open file that holds the lock on keeper.lock. And who is about to: a keeper takes a while
 * to start, and of many programs that find the lock free at once, one shall start it.
 *
 *     tryTake() ──free──▶ held ──release(), end of the thread, any death──▶ free, and whoever waits is told
 *         └────busy────▶ null
 *
 * 1. At most one lock is held a folder, over all processes and threads.
 * 2. A lock is on the file that keeper.lock names: one taken on a file that was moved away meanwhile is given up again.
 * 3. Nobody inherits it: a child process outlives its parent without the lock.
 * 4. Who keeps the store holds a byte of clients.lock as well, from before it reads anything to its end: where keeper.lock
 *    was removed or replaced meanwhile, somebody else gets its lock, and not that byte (see predecessor.ts).
 * 5. A candidacy only spares others the work: whoever has waited long enough for a candidate goes on without. It is no
 *    open end of keeper.lock, so that a candidate which is frozen hides no keeper's death (see lifeline.ts).
 */
import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs"
import type { HoldfastError } from "../../../kernel/index.ts"
import { type LockRange, tryLockRange, WHOLE_FILE } from "./file-lock.ts"
import type { Folder } from "./folder.ts"
import { unavailable } from "./unavailable.ts"

/** A byte of clients.lock that is no client's, and that no probe of the locks takes (see folder.ts). */
const CANDIDATE_BYTE: LockRange = { offset: 2 ** 53 - 2, length: 1 }

/** Another such byte: whoever keeps the store holds it, whatever becomes of keeper.lock's name. */
export const KEEPER_BYTE: LockRange = { offset: 2 ** 53 - 4, length: 1 }

/** Nobody replaces the file; a few more tries only outlast somebody who is restoring the folder at this moment. */
const ATTEMPT_LIMIT = 3

/** The right to keep a store, until it is released or the thread that took it ends. */
export class KeeperLock {
  readonly folder: Folder
  #fd: number | null
  /** Holds the byte of clients.lock. */
  #byteFd: number | null = null

  private constructor(folder: Folder, fd: number) {
    this.folder = folder
    this.#fd = fd
  }

  /**
   * Takes the lock, or answers null when somebody holds it. Never waits.
   *
   * @throws HoldfastError STORE_UNAVAILABLE when keeper.lock is gone
   */
  static tryTake(folder: Folder): KeeperLock | null {
    try {
      for (let attempt = 0; attempt < ATTEMPT_LIMIT; attempt += 1) {
        const taken = tryLockFile(folder.keeperLock)
        if (taken.kind === "locked") return new KeeperLock(folder, taken.fd)
        if (taken.kind === "busy") return null
      }
    } catch (error) {
      throw lockFileUnusable(folder, error)
    }
    throw lockFileUnusable(folder, "it is replaced again and again")
  }

  get isHeld(): boolean {
    return this.#fd !== null
  }

  /**
   * Whether keeper.lock still names the file that is locked. If not, somebody removed or replaced it, and whoever opens
   * the store next takes another file's lock.
   */
  isNamed(): boolean {
    return this.#fd !== null && isNamed(this.#fd, this.folder.keeperLock)
  }

  /**
   * Takes the byte of clients.lock too, with which the store is this one's to keep; false where a keeper of before, whose
   * lock file has lost its name, still has it. Never waits. Where only whole files can be locked, there is no such byte.
   *
   * @throws HoldfastError STORE_UNAVAILABLE when clients.lock is gone
   */
  tryKeep(): boolean {
    if (this.#byteFd !== null || !this.folder.hasRangeLocks) return true
    this.#byteFd = tryHoldByte(this.folder, KEEPER_BYTE)
    return this.#byteFd !== null
  }

  /** Idempotent. */
  release(): void {
    // The byte first: who is told that the lock is free finds all of it free.
    if (this.#byteFd !== null) closeSync(this.#byteFd)
    if (this.#fd !== null) closeSync(this.#fd)
    this.#byteFd = null
    this.#fd = null
  }
}

/** The right to start a keeper while others wait for it. */
export class Candidacy {
  #fd: number | null

  private constructor(fd: number | null) {
    this.#fd = fd
  }

  /**
   * Takes it where nobody has it and nobody keeps the store, and answers null otherwise. Never waits. Where only whole
   * files can be locked, everybody may have one.
   *
   * @throws HoldfastError STORE_UNAVAILABLE when keeper.lock is gone
   */
  static tryTake(folder: Folder): Candidacy | null {
    const fd = folder.hasRangeLocks ? tryHoldByte(folder, CANDIDATE_BYTE) : null
    if (folder.hasRangeLocks && fd === null) return null
    let candidacy: Candidacy | null = null
    try {
      const lock = KeeperLock.tryTake(folder)
      // It is the keeper's thread that takes it.
      lock?.release()
      if (lock !== null) candidacy = new Candidacy(fd)
      return candidacy
    } finally {
      if (candidacy === null && fd !== null) closeSync(fd)
    }
  }

  /** Once there is a keeper, or none will come of it. Idempotent. */
  release(): void {
    if (this.#fd === null) return
    const fd = this.#fd
    this.#fd = null
    closeSync(fd)
  }
}

type Taken =
  | { readonly kind: "locked"; readonly fd: number }
  | { readonly kind: "busy" }
  /** The lock is ours, but on a file that has lost its name. */
  | { readonly kind: "replaced" }

function tryLockFile(path: string): Taken {
  // Opened for writing before the lock is tried: lifeline.ts rests on it. Writing alone would fail on a pipe that nobody
  // reads.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  let taken: Taken = { kind: "busy" }
  try {
    if (tryLockRange(fd, WHOLE_FILE, "exclusive"))
      taken = isNamed(fd, path) ? { kind: "locked", fd } : { kind: "replaced" }
    return taken
  } finally {
    if (taken.kind !== "locked") closeSync(fd)
  }
}

/** An open file of clients.lock that holds the byte, or null where another does. */
function tryHoldByte({ clientsLock }: Folder, byte: LockRange): number | null {
  let fd: number
  try {
    fd = openSync(clientsLock, constants.O_RDWR | constants.O_NOFOLLOW)
  } catch (error) {
    throw unavailable(
      `"${clientsLock}" should be there for as long as the store is open, but could not be opened (${String(error)}); ` +
        `close every program that uses the store, then open it again`,
      error,
    )
  }
  let isHeld = false
  try {
    isHeld = tryLockRange(fd, byte, "exclusive")
    return isHeld ? fd : null
  } finally {
    if (!isHeld) closeSync(fd)
  }
}

function lockFileUnusable(folder: Folder, cause: unknown): HoldfastError {
  return unavailable(
    `"${folder.keeperLock}" should be there for as long as the store is open, but could not be opened and locked ` +
      `(${String(cause)}); close every program that uses the store, then open it again`,
    cause,
  )
}

function isNamed(fd: number, path: string): boolean {
  const opened = fstatSync(fd, { bigint: true })
  const named = statSync(path, { bigint: true, throwIfNoEntry: false })
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
}
