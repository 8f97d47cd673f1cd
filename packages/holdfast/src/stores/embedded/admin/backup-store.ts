/**
 * A backup: one tar file with all a store needs to begin again somewhere else.
 *
 *     holdfast-backup.json   what this is, and the digest of the journal
 *     journal.db             the journal, as the keeper copied it
 *     blobs/                 the large values the journal names
 *
 * It is made in a folder beside the journal (`backup-…`), on one filesystem with it, where blobs, which never change, are
 * named again instead of copied, and which none of them leaves until then; then written to its place under another name, flushed, and renamed. Everything
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
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { dirname, join, resolve } from "node:path"
import Database from "better-sqlite3"
import { create } from "tar"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { BUILD } from "../host/build.ts"
import { flushFolder } from "../journal/opening.ts"
import { diskFault } from "./disk-fault.ts"
import type { KeeperLine } from "./keeper-line.ts"
import { linkBlobs } from "./linked-blobs.ts"
import { Unfinished } from "./unfinished.ts"

export const MANIFEST = "holdfast-backup.json"
export const JOURNAL = "journal.db"
export const BLOBS = "blobs"

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
  const work = Unfinished.inStore(line.folder, env, "backup")
  const unfinished = Unfinished.at(`${target}.new-${env.ids.next()}`)
  const staging = work.path
  try {
    mkdirSync(staging, { mode: 0o700 })
    const blobs = await copyStore(line, staging)
    const journal = { bytes: statSync(join(staging, JOURNAL)).size, sha256: await digestOf(join(staging, JOURNAL)) }
    const manifest: BackupManifest = { format: 1, build: BUILD, takenAt: env.clock.now(), journal, blobs }
    writeFileSync(join(staging, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
    await create({ file: unfinished.path, mode: 0o600, cwd: staging, portable: true, strict: true }, [
      MANIFEST,
      JOURNAL,
      BLOBS,
    ])
    settle(unfinished.path, target)
    return manifest
  } catch (error) {
    throw diskFault(error, `there should be room for the backup "${target}", which should be ours to write`) ?? error
  } finally {
    unfinished.end()
    work.end()
  }
}

/** The journal and every file it names. */
async function copyStore(line: KeeperLine, staging: string): Promise<BackupManifest["blobs"]> {
  const { folder } = line
  const [journal, copies] = [join(staging, JOURNAL), join(staging, BLOBS)]
  const blobs = await linkBlobs({
    folder,
    copies,
    line: () => Promise.resolve(line),
    snapshot: async (link) => {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(`${journal}${suffix}`, { force: true })
      await line.ask({ kind: "backup", file: journal })
      const database = new Database(journal, { readonly: true, fileMustExist: true })
      try {
        return link(database)
      } finally {
        database.close()
      }
    },
  })
  mkdirSync(copies, { recursive: true, mode: 0o700 })
  return blobs
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest("hex")
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

function existing(file: string): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `a backup must go to a new file, but "${file}" exists; choose another name, or move that file away`,
  )
}
