/**
 * Where a keeper's socket is: in a folder of this user's in the runtime or temporary folder, since the store's own path
 * may be longer than a socket's may be. The name says which store (so that its next keeper can clear up) and which keeper
 * (so that no two ever share a socket).
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { isAbsolute, join } from "node:path"
import type { Env } from "../../../env/index.ts"
import type { KeeperLock } from "./election.ts"
import type { Folder } from "./folder.ts"
import { systemCode, unavailable } from "./unavailable.ts"

/** Where sockets may be; tests stand in for it. */
export interface SocketPlaces {
  readonly platform: NodeJS.Platform
  readonly userId: number
  /** XDG_RUNTIME_DIR; null where it is not set. */
  readonly runtimeFolder: string | null
  readonly temporaryFolder: string
}

export function readSocketPlaces(): SocketPlaces {
  return {
    platform: process.platform,
    userId: process.getuid?.() ?? -1,
    runtimeFolder: process.env["XDG_RUNTIME_DIR"] ?? null,
    temporaryFolder: tmpdir(),
  }
}

/**
 * The path of the socket of one keeper of this folder, in a folder that is there and nobody else's.
 *
 * @throws HoldfastError STORE_UNAVAILABLE when the path is too long or its folder is not to be trusted
 */
export function socketAddress(
  folder: Folder,
  incarnation: string,
  env: Env,
  places: SocketPlaces = readSocketPlaces(),
): string {
  const keeper = env.sha256(new TextEncoder().encode(incarnation)).slice(0, 16)
  const path = join(socketFolder(places), `${folder.id}-${keeper}.sock`)
  checkLength(path, places.platform)
  makeSocketFolder(places)
  return path
}

/**
 * Removes the sockets that dead keepers of this folder left. Only the holder of its keeper's lock may: then all others are
 * dead.
 */
export function removeStaleSockets(
  lock: KeeperLock,
  current: string | null,
  places: SocketPlaces = readSocketPlaces(),
): void {
  if (!lock.isHeld) return
  const sockets = makeSocketFolder(places)
  for (const name of readdirSync(sockets)) {
    const path = join(sockets, name)
    if (name.startsWith(`${lock.folder.id}-`) && name.endsWith(".sock") && path !== current)
      rmSync(path, { force: true })
  }
}

/** The sockets of this folder's keepers: while nobody keeps it, all of them are dead. Nothing is made or changed. */
export function staleSockets({ id }: Folder, places: SocketPlaces = readSocketPlaces()): string[] {
  const sockets = socketFolder(places)
  if (!isFolder(sockets)) return []
  const names = readdirSync(sockets).filter((name) => name.startsWith(`${id}-`) && name.endsWith(".sock"))
  return names.map((name) => join(sockets, name))
}

function socketFolder(places: SocketPlaces): string {
  const { runtimeFolder, temporaryFolder } = places
  // The rules of XDG: a relative path is to be ignored. A folder that is gone, as after a logout, is none either.
  const isUsable = runtimeFolder !== null && isAbsolute(runtimeFolder) && isFolder(runtimeFolder)
  return join(isUsable ? runtimeFolder : temporaryFolder, `holdfast-${places.userId}`)
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** The system cuts a path that is too long without a word, and two stores would share what is left of it. */
function checkLength(path: string, platform: NodeJS.Platform): void {
  // What the address structure holds, less the zero byte at its end.
  const limitBytes = platform === "linux" ? 107 : 103
  const sizeBytes = Buffer.byteLength(path)
  if (sizeBytes <= limitBytes) return
  throw unavailable(
    `a socket's path must have at most ${limitBytes} bytes here, but "${path}" has ${sizeBytes}; ` +
      `set XDG_RUNTIME_DIR or TMPDIR to a shorter folder`,
  )
}

/** In a folder anyone may write to, a name may have been taken by anyone before: then it is refused, not used. */
function makeSocketFolder(places: SocketPlaces): string {
  const path = socketFolder(places)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (systemCode(error) !== "EEXIST") {
      throw unavailable(
        `"${path}" should be made for the store's socket, but could not be; set XDG_RUNTIME_DIR or TMPDIR to a folder that is there and ours to write`,
        error,
      )
    }
  }
  const stat = lstatSync(path)
  const found = findFault(stat.isDirectory(), stat.uid, stat.mode, places.userId)
  if (found === null) return path
  throw unavailable(
    `"${path}" should be a folder of this user alone (uid ${places.userId}, mode 0700), but ${found}; remove it, or set ` +
      `XDG_RUNTIME_DIR to another folder`,
  )
}

function findFault(isDirectory: boolean, owner: number, mode: number, userId: number): string | null {
  if (!isDirectory) return "is a link or no folder at all"
  if (owner !== userId) return `is owned by uid ${owner}`
  if ((mode & 0o077) !== 0) return `has mode 0${(mode & 0o7777).toString(8)}`
  return null
}
