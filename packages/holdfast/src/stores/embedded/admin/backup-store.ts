/**
 * A backup: one tar file with all a store needs to begin again somewhere else.
 *
 *     holdfast-backup.json   what this is, and the digest of the journal
 *     journal.db             the journal, as the keeper copied it
 *     blobs/                 the large values the journal names
 *
 * It is made in a folder beside the journal (`backup-…`), on one filesystem with it, where blobs, which never change, are
 * named again instead of copied; then written to its place under another name, flushed, and renamed. Everything
 * acknowledged before it began is in it.
 */
import { createHash } from "node:crypto"
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import { create } from "tar"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import { systemCode } from "../folder/unavailable.ts"
import { BUILD } from "../host/build.ts"
import { flushFolder } from "../journal/opening.ts"
import type { KeeperLine } from "./keeper-line.ts"
import { findMissingBlobOf } from "./named-blobs.ts"

export const MANIFEST = "holdfast-backup.json"
export const JOURNAL = "journal.db"
export const BLOBS = "blobs"

/** Large values that change all the time may spoil a few attempts; one that is lost spoils all of them. */
const ATTEMPT_LIMIT = 5

/** What the backup says of itself. A format of a higher number is refused. */
export interface BackupManifest {
  readonly format: 1
  readonly build: string
  readonly takenAt: number
  readonly journal: { readonly bytes: number; readonly sha256: string }
  readonly blobs: { readonly count: number; readonly bytes: number }
}

/**
 * Backs a store up through its keeper, while it goes on.
 *
 * @throws HoldfastError ARGUMENT_INVALID where the file exists, STORE_FULL, STORE_UNAVAILABLE
 * @throws HoldfastError STORE_DAMAGED where a large value that the journal names is missing
 */
export async function backUpStore(line: KeeperLine, file: string, env: Env): Promise<BackupManifest> {
  const target = resolve(file)
  if (existsSync(target)) throw existing(target)
  const { folder } = line
  const staging = join(folder.path, `backup-${env.ids.next()}`)
  const unfinished = `${target}.new-${env.ids.next()}`
  try {
    mkdirSync(staging, { mode: 0o700 })
    mkdirSync(join(staging, BLOBS), { mode: 0o700 })
    const blobs = await copyStore(line, staging)
    const journal = { bytes: statSync(join(staging, JOURNAL)).size, sha256: await digestOf(join(staging, JOURNAL)) }
    const manifest: BackupManifest = { format: 1, build: BUILD, takenAt: env.clock.now(), journal, blobs }
    writeFileSync(join(staging, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
    await create({ file: unfinished, mode: 0o600, cwd: staging, portable: true, strict: true }, [
      MANIFEST,
      JOURNAL,
      BLOBS,
    ])
    settle(unfinished, target)
    return manifest
  } catch (error) {
    throw faultOf(error, target)
  } finally {
    rmSync(unfinished, { force: true })
    rmSync(staging, { recursive: true, force: true })
  }
}

/** The journal and every file it names. One that came and went within an attempt is missing: the next one does without. */
async function copyStore(line: KeeperLine, staging: string): Promise<BackupManifest["blobs"]> {
  const { folder } = line
  const [journal, copies] = [join(staging, JOURNAL), join(staging, BLOBS)]
  for (let attempt = 1; ; attempt += 1) {
    // Before, for what is dropped meanwhile; after, for what is new meanwhile.
    nameAgain(folder.blobs, copies)
    await line.ask({ kind: "backup", file: journal })
    const blobs = nameAgain(folder.blobs, copies)
    const missing = findMissingBlobOf(journal, new BlobFolder(copies, "backup"))
    if (missing === null) return blobs
    if (attempt === ATTEMPT_LIMIT) throw incomplete(folder.path, missing)
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${journal}${suffix}`, { force: true })
  }
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest("hex")
}

/** Links every blob into the copy; answers with how many there are by then. */
function nameAgain(from: string, to: string): BackupManifest["blobs"] {
  for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
    // Large values lie in folders of the first digits of their digest; what lies elsewhere is under way, or was set aside.
    if (!entry.isFile() || basename(entry.parentPath) !== entry.name.slice(0, 2)) continue
    const place = join(to, relative(from, entry.parentPath))
    mkdirSync(place, { recursive: true, mode: 0o700 })
    try {
      linkSync(join(entry.parentPath, entry.name), join(place, entry.name))
    } catch (error) {
      // Linked before, or removed meanwhile, when the journal named it no more.
      if (systemCode(error) !== "EEXIST" && systemCode(error) !== "ENOENT") throw error
    }
  }
  const files = readdirSync(to, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile())
  return {
    count: files.length,
    bytes: files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0),
  }
}

/** A link, unlike a rename, never replaces what somebody put there meanwhile. */
function settle(unfinished: string, target: string): void {
  const descriptor = openSync(unfinished, "r")
  fsyncSync(descriptor)
  closeSync(descriptor)
  try {
    linkSync(unfinished, target)
  } catch (error) {
    throw existsSync(target) ? existing(target) : error
  }
  flushFolder(dirname(target))
}

function incomplete(path: string, { digest, byteLength }: Blob): HoldfastError {
  return new HoldfastError(
    "STORE_DAMAGED",
    `the large value ${digest} of ${String(byteLength)} bytes should be in "${path}", but is missing or of another length, so that no backup was made; run "holdfast doctor" on it, or back it up again while fewer large values change`,
  )
}

function existing(file: string): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `a backup must go to a new file, but "${file}" exists; choose another name, or move that file away`,
  )
}

function faultOf(error: unknown, file: string): unknown {
  const code = systemCode(error)
  if (error instanceof HoldfastError || code === null) return error
  const found = error instanceof Error ? error.message : String(error)
  return code === "ENOSPC" || code === "EDQUOT"
    ? new HoldfastError("STORE_FULL", `there should be room for the backup "${file}", but ${found}; make room`, {
        cause: error,
      })
    : new HoldfastError("STORE_UNAVAILABLE", `the backup "${file}" should be ours to write, but ${found}`, {
        cause: error,
      })
}
