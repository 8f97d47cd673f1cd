/**
 * A snapshot of the rows together with the files of large values that it names, while the store is at work: the files,
 * which never change, are named again in a folder of the snapshot's own, and may then go where they were.
 *
 *     take a snapshot ─▶ link what it names ──all are there──▶ done
 *            ▲                   └──one is missing──▶ ask the keeper to let none go, and take another
 *            └───────────────────────────────────────────┘
 *
 * 1. What a snapshot names was there when it was taken: held since before then, all of it is there to be linked.
 * 2. Held or not, a result found damaged is forgotten by whoever asks for it, and its file set aside: another snapshot does
 *    without. What is missing twice is lost.
 */
import { linkSync, mkdirSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import type Database from "better-sqlite3"
import { type Digest, HoldfastError, isHoldfastError } from "../../../kernel/index.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import type { Folder } from "../folder/folder.ts"
import { systemCode } from "../folder/unavailable.ts"
import type { KeeperLine } from "./keeper-line.ts"
import { namedBlobs } from "./named-blobs.ts"

/** More than a few results found damaged, or keepers that end, while one snapshot is taken are no coincidence. */
const ATTEMPT_LIMIT = 5

/** What was linked. */
export interface LinkedBlobs {
  readonly count: number
  readonly bytes: number
}

export interface LinkBlobsOptions {
  readonly folder: Folder
  /** The new names. Made where any are needed, and made anew by each attempt. */
  readonly copies: string
  /** Takes a snapshot, in the place of the one before, and calls `link` with it. */
  readonly snapshot: (link: (database: Database.Database) => Linked) => Promise<Linked>
  /** The line to the keeper on which files are held, for the attempts after the first or for all. */
  readonly line: (attempt: number) => Promise<Pick<KeeperLine, "ask"> | null>
}

/** What became of linking what one snapshot names. */
export type Linked =
  { readonly kind: "whole"; readonly blobs: LinkedBlobs } | { readonly kind: "missing"; readonly blob: Blob }

/**
 * @throws HoldfastError STORE_DAMAGED where a large value that rows name is lost
 * @throws HoldfastError STORE_UNAVAILABLE where none of the attempts was left in peace
 */
export async function linkBlobs({ folder, copies, snapshot, line }: LinkBlobsOptions): Promise<LinkedBlobs> {
  let missed: Digest | null = null
  for (let attempt = 1; ; attempt += 1) {
    rmSync(copies, { recursive: true, force: true })
    const keeper = await line(attempt)
    await keeper?.ask({ kind: "holdFiles" })
    const linked = await snapshot((database) => linkNamed(database, folder.blobs, copies))
    const wasHeld = keeper !== null && (await release(keeper))
    if (linked.kind === "whole") return linked.blobs
    const { blob } = linked
    if (wasHeld && missed === blob.digest) throw lost(folder, blob)
    if (attempt === ATTEMPT_LIMIT) throw unsteady(folder, blob)
    missed = blob.digest
  }
}

/** Whether the files were held from when that was asked until now. */
async function release(line: Pick<KeeperLine, "ask">): Promise<boolean> {
  try {
    await line.ask({ kind: "releaseFiles" })
    return true
  } catch (error) {
    if (isHoldfastError(error, "STORE_UNAVAILABLE")) return false
    throw error
  }
}

function linkNamed(database: Database.Database, from: string, to: string): Linked {
  let [count, bytes] = [0, 0]
  for (const blob of namedBlobs(database)) {
    const shard = blob.digest.slice(0, 2)
    mkdirSync(join(to, shard), { recursive: true, mode: 0o700 })
    const copy = join(to, shard, blob.digest)
    try {
      linkSync(join(from, shard, blob.digest), copy)
    } catch (error) {
      if (systemCode(error) === "ENOENT") return { kind: "missing", blob }
      throw error
    }
    if (statSync(copy).size !== blob.byteLength) return { kind: "missing", blob }
    count += 1
    bytes += blob.byteLength
  }
  return { kind: "whole", blobs: { count, bytes } }
}

function lost({ path }: Folder, { digest, byteLength }: Blob): HoldfastError {
  return new HoldfastError(
    "STORE_DAMAGED",
    `the large value ${digest} of ${String(byteLength)} bytes should be in "${path}", but is missing or of another length, so that nothing was copied; run "holdfast doctor" on it, or restore a backup`,
  )
}

function unsteady({ path }: Folder, { digest, byteLength }: Blob): HoldfastError {
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `the large value ${digest} of ${String(byteLength)} bytes should have stayed in "${path}" until it was copied, but its keeper ended, large values were found damaged, or this process stood still for minutes, ${String(ATTEMPT_LIMIT)} times meanwhile; try again`,
  )
}
