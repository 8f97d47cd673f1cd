/**
 * The folder of an embedded store: found or made, checked to be fit, and the names of what lies in it. A folder that
 * passes is ours, closed to others, on a filesystem of this kernel alone, and its locks have been seen to exclude.
 */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
} from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { tryLockRange, WHOLE_FILE } from "./file-lock.ts"
import { findMount, isSharedKind, parseMounts } from "./filesystem-kind.ts"
import { systemCode, unavailable } from "./unavailable.ts"

/** A folder that has been checked. All paths are absolute and real. */
export interface Folder {
  readonly path: string
  /** The same in every process that opens this folder, and no other folder's: made of its real path, device and inode. */
  readonly id: string
  readonly journal: string
  readonly keeperLock: string
  readonly clientsLock: string
  readonly keeperFile: string
  readonly liveLog: string
  readonly blobs: string
  /** Whether single bytes of a file can be locked; where not, each client locks a file of its own. */
  readonly hasRangeLocks: boolean
}

/** What a folder is checked against; tests stand in for it. */
export interface Surroundings {
  readonly platform: NodeJS.Platform
  readonly userId: number
  /** The text of /proc/self/mountinfo; null where the system has none. */
  readonly mountinfo: string | null
}

const JOURNAL = "journal.db"
const KEEPER_LOCK = "keeper.lock"
const CLIENTS_LOCK = "clients.lock"
const KEEPER_FILE = "keeper.json"
const LIVE_LOG = "live.log"
const BLOBS = "blobs"

/**
 * Opens the folder named by `file:DIR` or a plain path, making it where there is none.
 *
 * @throws HoldfastError ARGUMENT_INVALID for an address that names no folder
 * @throws HoldfastError STORE_UNAVAILABLE for a folder that cannot hold a store; the message says why and what to do
 */
export function openFolder(address: string, env: Env, surroundings: Surroundings = readSurroundings()): Folder {
  checkPlatform(surroundings.platform)
  const path = makeFolder(resolvePath(address))
  checkLength(path)
  checkFolder(path, surroundings)
  const folder = nameFiles(path, env, surroundings.platform)
  try {
    makePrivateFolder(folder.blobs)
    makeLockFiles(folder, surroundings.platform)
    probeLocks(folder, env)
  } catch (error) {
    throw filesUnusable(path, error)
  }
  return folder
}

/**
 * The folder named by `file:DIR` or a plain path, where a store is in it; nothing is made, changed or judged.
 *
 * @throws HoldfastError ARGUMENT_INVALID for an address that names no folder
 * @throws HoldfastError STORE_UNAVAILABLE where no store is there
 */
export function findFolder(address: string, env: Env, platform: NodeJS.Platform = process.platform): Folder {
  const path = resolvePath(address)
  if (!existsSync(path)) throw unavailable(`"${path}" should hold a store, but is not there; check the path`)
  const folder = nameFiles(realpathSync(path), env, platform)
  // A journal that was lost leaves its log, and then there is something to examine.
  if (existsSync(folder.journal) || existsSync(`${folder.journal}-wal`)) return folder
  throw unavailable(`"${path}" should hold a store, but no journal is in it; check the path, or open a store there`)
}

/** @throws HoldfastError STORE_UNAVAILABLE for a folder that is not ours alone, or that other machines reach */
export function checkFolder(path: string, surroundings: Surroundings = readSurroundings()): void {
  const { uid, mode } = statSync(path)
  checkOwner(path, uid, surroundings.userId)
  checkMode(path, mode)
  checkFilesystem(path, surroundings.mountinfo)
}

/** What lies where in the folder of that real path. */
function nameFiles(path: string, env: Env, platform: NodeJS.Platform): Folder {
  const { dev, ino } = statSync(path, { bigint: true })
  return {
    path,
    id: env.sha256(new TextEncoder().encode(`${path}\0${dev}\0${ino}`)).slice(0, 16),
    journal: join(path, JOURNAL),
    keeperLock: join(path, KEEPER_LOCK),
    clientsLock: join(path, CLIENTS_LOCK),
    keeperFile: join(path, KEEPER_FILE),
    liveLog: join(path, LIVE_LOG),
    blobs: join(path, BLOBS),
    hasRangeLocks: platform === "linux",
  }
}

/** The folder's path in an address: what follows `file:`, with `file://` read as a URL. */
export function resolvePath(address: string): string {
  const path = address.startsWith("file://") ? pathOfUrl(address) : address.replace(/^file:/, "")
  if (path === "" || path.includes("\0")) {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `a store's address must name a folder, such as "file:./work", but is "${address.replaceAll("\0", "\\0")}"`,
    )
  }
  return resolve(path)
}

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url)
  } catch (error) {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `a "file://" address must be a URL of this machine, such as "file:///var/lib/work", but is "${url}"; write "file:" and the folder's path instead`,
      { cause: error },
    )
  }
}

export function readSurroundings(): Surroundings {
  return { platform: process.platform, userId: process.getuid?.() ?? -1, mountinfo: readMountinfo() }
}

function readMountinfo(): string | null {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8")
  } catch {
    return null
  }
}

/** SQLite takes no name of a file that is longer than this, and does not say so; the system would. */
const FILE_NAME_BYTES = 511

/** The longest there is in the folder, while an export is imported. */
const LONGEST_NAME = "/import-0123456789012345678901/journal.db.new-journal"

function checkLength(path: string): void {
  const [limit, size] = [FILE_NAME_BYTES - LONGEST_NAME.length, Buffer.byteLength(path)]
  if (size <= limit) return
  throw unavailable(
    `the path of a store's folder must have at most ${String(limit)} bytes, as SQLite takes no longer names of its files, ` +
      `but "${path}" has ${String(size)}; name a folder nearer to the root (a link does not help, where it leads counts)`,
  )
}

function checkPlatform(platform: NodeJS.Platform): void {
  if (platform === "linux" || platform === "darwin") return
  throw unavailable(
    `"file:" stores run on Linux and macOS, but this is "${platform}"; use "memory:" within one process, or "postgres:"`,
  )
}

/** Makes the folder where there is none, and answers with its real path. Only the last part is closed to others. */
function makeFolder(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true })
    makePrivateFolder(path)
    return realpathSync(path)
  } catch (error) {
    const code = systemCode(error)
    const found = code === "ENOTDIR" || code === "EEXIST" ? "something on its path is no folder" : String(error)
    throw unavailable(`"${path}" should be a folder, or a place to make one, but ${found}; name another folder`, error)
  }
}

function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error
    // A file in the way says EEXIST as well.
    if (!statSync(path).isDirectory()) throw error
  }
}

/** Root could write to the folder in any case; another user could replace what lies in it. */
function checkOwner(path: string, owner: number, userId: number): void {
  if (owner === userId || owner === 0) return
  throw unavailable(
    `"${path}" should be owned by the user of this process (uid ${userId}) or by root, but is owned by uid ${owner}; ` +
      `run as that user, name another folder, or give it over: chown ${userId} "${path}"`,
  )
}

function checkMode(path: string, mode: number): void {
  if ((mode & 0o022) === 0) return
  throw unavailable(
    `"${path}" should be writable by its owner alone, but its mode is 0${(mode & 0o7777).toString(8)}; ` +
      `close it to others: chmod go-w "${path}"`,
  )
}

function checkFilesystem(path: string, mountinfo: string | null): void {
  const mount = mountinfo === null ? null : findMount(parseMounts(mountinfo), path)
  if (mount === null || !isSharedKind(mount.kind)) return
  throw unavailable(
    `"${path}" should be on a filesystem of this machine alone, but "${mount.point}" is "${mount.kind}", which other ` +
      `machines can reach past its locks; name a folder on a local disk, or use "postgres:" across machines`,
  )
}

function filesUnusable(path: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error
  const code = systemCode(error)
  if (code === "EMFILE" || code === "ENFILE") {
    return unavailable(
      `the files of the store in "${path}" should be open, but no file handle is left (${code}); close some, or raise the limit: ulimit -n`,
      error,
    )
  }
  return unavailable(
    `the files of the store in "${path}" should be ours to write, but are not; check their owner and mode`,
    error,
  )
}

/**
 * Makes the files that are locked again, where somebody removed them.
 *
 * @throws HoldfastError STORE_UNAVAILABLE
 */
export function restoreLockFiles(folder: Folder, platform: NodeJS.Platform = process.platform): void {
  try {
    makeLockFiles(folder, platform)
  } catch (error) {
    throw filesUnusable(folder.path, error)
  }
}

function makeLockFiles({ keeperLock, clientsLock }: Folder, platform: NodeJS.Platform): void {
  makeKeeperLock(keeperLock, platform)
  closeSync(openSync(clientsLock, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
}

/**
 * Makes the file the keeper locks: a named pipe, since only of a pipe does the system say that its last writer is gone
 * (see lifeline.ts). Node has no call for it, so the command does it, once in a folder's life. Without the command, and
 * on macOS, which locks no pipes, it is a plain file. Whoever comes first decides; the file is never replaced, because
 * locks are on the file and not on its name.
 */
function makeKeeperLock(path: string, platform: NodeJS.Platform): void {
  if (platform === "linux" && lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    // Loaded here: whoever opens a store that is there does without. Whether it worked is seen below; that it failed
    // because another process was first is as good.
    const { spawnSync } = createRequire(import.meta.url)("node:child_process") as typeof import("node:child_process")
    spawnSync("mkfifo", ["-m", "600", "--", path], { stdio: "ignore" })
  }
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOFOLLOW
  closeSync(openSync(path, flags, 0o600))
  const stat = lstatSync(path)
  if (stat.isFIFO() || stat.isFile()) return
  throw unavailable(`"${path}" should be the store's lock file, but is of another kind; move it away`)
}

/**
 * Sees whether a lock keeps a second open file out, which is the one thing everything rests on. Where single bytes can be
 * locked it is done on one that no client uses (see client-lock.ts), so that a probe disturbs nobody; where not, on the
 * whole file, which clients then leave alone.
 */
function probeLocks(folder: Folder, env: Env): void {
  const first = openSync(folder.clientsLock, constants.O_RDWR)
  try {
    // Above every client's byte.
    const offset = 2 ** 52 + Math.floor(env.random.next() * 2 ** 51)
    const range = folder.hasRangeLocks ? { offset, length: 1 } : WHOLE_FILE
    // Refused means that another probe is at it, and that locks exclude.
    if (!tryLockRange(first, range, "exclusive")) return
    if (isExcluded(folder.clientsLock, range)) return
  } catch (error) {
    throw unavailable(
      `the filesystem of "${folder.path}" should have file locks, but refused one; name a folder on a local disk`,
      error,
    )
  } finally {
    closeSync(first)
  }
  throw unavailable(
    `the filesystem of "${folder.path}" should keep a lock to one open file, but gave it to two; name a folder on a local disk`,
  )
}

function isExcluded(path: string, range: { readonly offset: number; readonly length: number }): boolean {
  const second = openSync(path, constants.O_RDWR)
  try {
    return !tryLockRange(second, range, "exclusive")
  } finally {
    closeSync(second)
  }
}
