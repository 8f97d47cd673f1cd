/**
 * A client's sign of life: a lock that is held by an open file of its own from opening to close, and that no death leaves
 * behind. It is one byte of clients.lock, far past the file's end, at an offset made of the client's id; where single
 * bytes cannot be locked, a file of its own.
 *
 *     take() ──▶ held ──close(), end of the thread, any death──▶ free for ever
 *
 * 1. While a lock is held, isAlive() of its id is true, whoever asks, its own process included.
 * 2. Two clients never share a byte: an id whose byte is taken is dropped for another.
 * 3. Asking changes nothing: several may ask at once, and none of them counts as alive.
 */
import { closeSync, constants, openSync, readdirSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { Env } from "../../../env/index.ts"
import { type LockRange, tryLockRange, WHOLE_FILE } from "./file-lock.ts"
import type { Folder } from "./folder.ts"
import { systemCode, unavailable } from "./unavailable.ts"

/** A client of a store, named by 128 random bits: nobody has been called so before. */
export type ClientId = string & { readonly __clientId: never }

/** Offsets are below 2^52, which leaves half of what a number can count to the probes of folder.ts. */
const OFFSET_HEX_DIGITS = 13
const ALL_CLIENTS: LockRange = { offset: 0, length: 2 ** (4 * OFFSET_HEX_DIGITS) }

/** An id meets a taken byte once in 2^52 / clients; more in a row mean that something else is wrong. */
const ATTEMPT_LIMIT = 16

export class ClientLock {
  readonly id: ClientId
  readonly #place: Place
  #fd: number | null

  private constructor(id: ClientId, place: Place, fd: number) {
    this.id = id
    this.#place = place
    this.#fd = fd
  }

  /** @throws HoldfastError STORE_UNAVAILABLE when the locks cannot be had */
  static take(folder: Folder, env: Env): ClientLock {
    for (let attempt = 0; attempt < ATTEMPT_LIMIT; attempt += 1) {
      const id = env.ids.next() as ClientId // Brand constructor.
      const place = placeOf(folder, env, id)
      const fd = tryHold(place)
      if (fd !== null) return new ClientLock(id, place, fd)
    }
    throw unavailable(
      `"${folder.clientsLock}" should have room for another client, but ${ATTEMPT_LIMIT} random places in a row were ` +
        `taken; another program must be locking the whole file: end it`,
    )
  }

  get isHeld(): boolean {
    return this.#fd !== null
  }

  /** Idempotent. */
  close(): void {
    if (this.#fd === null) return
    const fd = this.#fd
    this.#fd = null
    // Ids are not used twice, so a file of its own can go while it is still locked.
    if (this.#place.isOwnFile) rmSync(this.#place.path, { force: true })
    closeSync(fd)
  }
}

/**
 * Whether the client still holds its sign of life. One that was never there is as dead as one that died.
 *
 * @throws HoldfastError STORE_UNAVAILABLE when there is no telling
 */
export function isAlive(folder: Folder, env: Env, id: ClientId): boolean {
  const place = placeOf(folder, env, id)
  const fd = tryOpen(place, constants.O_RDONLY)
  if (fd === null) return false
  try {
    // Shared, so that two that ask at once do not take each other for the client.
    const isFree = tryLockRange(fd, place.range, "shared")
    if (isFree && place.isOwnFile) rmSync(place.path, { force: true })
    return !isFree
  } finally {
    closeSync(fd)
  }
}

/**
 * Whether any client of the store is alive.
 *
 * @throws HoldfastError STORE_UNAVAILABLE when there is no telling
 */
export function isAnyAlive(folder: Folder): boolean {
  const { clientsLock, hasRangeLocks } = folder
  const own = `${basename(clientsLock)}.`
  const paths = hasRangeLocks
    ? [clientsLock]
    : readdirSync(dirname(clientsLock))
        .filter((name) => name.startsWith(own))
        .map((name) => join(dirname(clientsLock), name))
  // Not what the keeper holds there, nor a candidate (see election.ts).
  const range = hasRangeLocks ? ALL_CLIENTS : WHOLE_FILE
  return paths.some((path) => {
    const fd = tryOpen({ path, range, isOwnFile: !hasRangeLocks }, constants.O_RDONLY)
    if (fd === null) return false
    try {
      return !tryLockRange(fd, range, "shared")
    } finally {
      closeSync(fd)
    }
  })
}

interface Place {
  readonly path: string
  readonly range: LockRange
  readonly isOwnFile: boolean
}

function placeOf(folder: Folder, env: Env, id: ClientId): Place {
  const digest = env.sha256(new TextEncoder().encode(id))
  if (!folder.hasRangeLocks) {
    return { path: `${folder.clientsLock}.${digest.slice(0, 32)}`, range: WHOLE_FILE, isOwnFile: true }
  }
  const offset = Number.parseInt(digest.slice(0, OFFSET_HEX_DIGITS), 16)
  return { path: folder.clientsLock, range: { offset, length: 1 }, isOwnFile: false }
}

/** An open file that holds the place, or null where another does. */
function tryHold(place: Place): number | null {
  const fd = tryOpen(place, constants.O_RDWR | (place.isOwnFile ? constants.O_CREAT | constants.O_EXCL : 0))
  if (fd === null) return null
  let isHeld = false
  try {
    isHeld = tryLockRange(fd, place.range, "exclusive")
    return isHeld ? fd : null
  } finally {
    if (!isHeld) closeSync(fd)
  }
}

/**
 * Null where a client's own file says enough: not there, or, where it is to be made, there already. The file of all
 * clients has to be there: were its loss taken for an answer, everybody would be dead.
 */
function tryOpen(place: Place, flags: number): number | null {
  try {
    return openSync(place.path, flags | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    const code = systemCode(error)
    if (place.isOwnFile && (code === "ENOENT" || code === "EEXIST")) return null
    throw unavailable(
      `"${place.path}" should be there and free to open for as long as the store is open, but is not (${String(error)}); ` +
        `open the store again`,
      error,
    )
  }
}
