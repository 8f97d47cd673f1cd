/**
 * The keeper's announcement, keeper.json: where its socket is and who it is. Only the holder of the keeper's lock writes
 * it. It is a hint and no state: whether a keeper lives is said by its lock, whether it serves by its socket. So damage in
 * it is reported and nothing is lost by it: who reads it waits on, and the next keeper writes it anew.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { basename, isAbsolute, join } from "node:path"
import type { Env } from "../../../env/index.ts"
import type { KeeperLock } from "./election.ts"
import type { Folder } from "./folder.ts"
import { systemCode } from "./unavailable.ts"

export interface KeeperFile {
  /** The newest protocol the keeper speaks. */
  readonly protocol: number
  readonly socket: string
  /** The store's own random name. */
  readonly instance: string
  /** The keeper's random name: no two keepers, and no two terms of one process, share it. */
  readonly incarnation: string
  readonly pid: number
  readonly startTime: number | null
  readonly build: string
  readonly bootId: string | null
}

/** What keeper.json says. */
export type KeeperNotice =
  | { readonly kind: "absent" }
  | { readonly kind: "announced"; readonly keeper: KeeperFile }
  | { readonly kind: "damaged"; readonly reason: string }

const SIZE_LIMIT_BYTES = 4_096
const TEXT_LIMIT = 256

/** Announces the keeper to everyone who watches the folder, in one step. */
export function writeKeeperFile(lock: KeeperLock, keeper: KeeperFile, env: Env): void {
  const { folder } = lock
  removeUnfinished(folder)
  const unfinished = `${folder.keeperFile}.${env.ids.next()}`
  writeFileSync(unfinished, `${JSON.stringify(keeper, null, 2)}\n`, { mode: 0o600, flag: "wx" })
  renameSync(unfinished, folder.keeperFile)
}

/** Takes the announcement back, while the lock is still held: a successor's is never touched. */
export function removeKeeperFile(lock: KeeperLock): void {
  if (!lock.isHeld) return
  rmSync(lock.folder.keeperFile, { force: true })
  removeUnfinished(lock.folder)
}

/** Reads the announcement, whoever may have written it. */
export function readKeeperFile(folder: Folder): KeeperNotice {
  const bytes = readBounded(folder.keeperFile)
  if (bytes === null) return { kind: "absent" }
  return typeof bytes === "string" ? { kind: "damaged", reason: bytes } : parseKeeperFile(bytes)
}

/** Checks every field; unknown ones, a newer build's, are passed over. */
export function parseKeeperFile(bytes: Uint8Array): KeeperNotice {
  let fields: unknown
  try {
    fields = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch (error) {
    return damaged(`it is no JSON: ${String(error)}`)
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return damaged("it is no object")
  // Every property of an object that came out of JSON is unknown data.
  const { protocol, socket, instance, incarnation, pid, startTime, build, bootId } = fields as Record<string, unknown>
  if (!isCount(protocol)) return damaged(`"protocol" is no version number`)
  if (!isText(socket) || !isAbsolute(socket)) return damaged(`"socket" is no absolute path`)
  if (!isText(instance)) return damaged(`"instance" is no name`)
  if (!isText(incarnation)) return damaged(`"incarnation" is no name`)
  if (!isCount(pid)) return damaged(`"pid" is no process number`)
  if (startTime !== null && !isCount(startTime)) return damaged(`"startTime" is neither a time nor null`)
  if (!isText(build)) return damaged(`"build" is no name`)
  if (bootId !== null && !isText(bootId)) return damaged(`"bootId" is neither a name nor null`)
  return {
    kind: "announced",
    keeper: { protocol, socket, instance, incarnation, pid, startTime, build, bootId },
  }
}

function damaged(reason: string): KeeperNotice {
  return { kind: "damaged", reason }
}

/** A pid, a protocol and a start time are all at least 1; 0 and -1 would name whole groups of processes to a signal. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= TEXT_LIMIT && !value.includes("\0")
}

/** The file's bytes, null where there is none, or what is wrong with it. */
function readBounded(path: string): Uint8Array | string | null {
  let fd: number
  try {
    // Never blocked by a pipe, never led elsewhere by a link.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  } catch (error) {
    return systemCode(error) === "ENOENT" ? null : `it cannot be opened: ${String(error)}`
  }
  try {
    if (!fstatSync(fd).isFile()) return "it is no file"
    const bytes = new Uint8Array(SIZE_LIMIT_BYTES + 1)
    const sizeBytes = readSync(fd, bytes, 0, bytes.length, 0)
    return sizeBytes > SIZE_LIMIT_BYTES ? `it is larger than ${SIZE_LIMIT_BYTES} bytes` : bytes.slice(0, sizeBytes)
  } finally {
    closeSync(fd)
  }
}

/** What a keeper left that died between writing and renaming. */
function removeUnfinished(folder: Folder): void {
  const prefix = `${basename(folder.keeperFile)}.`
  for (const name of readdirSync(folder.path)) {
    if (name.startsWith(prefix)) rmSync(join(folder.path, name), { force: true })
  }
}
