/**
 * The files of large values, for `holdfast doctor`: those that rows name are there and hold what their names say, and
 * there are no others. One file is read at a time, in pieces, so that memory grows neither with files nor with rows.
 *
 *     named, and not what its name says ──only results that can be computed again name it──▶ they are forgotten, and
 *         │                                                                                  the file goes with them
 *         └──▶ damage, and named
 */
import { existsSync } from "node:fs"
import Database from "better-sqlite3"
import type { Env } from "../../../env/index.ts"
import type { Digest, Identity } from "../../../kernel/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import { type ClientId, isAlive, isAnyAlive } from "../folder/client-lock.ts"
import type { Folder } from "../folder/folder.ts"
import { describeOwner, identityOfOwner } from "../journal/blob-index.ts"
import { readMeta } from "../journal/opening.ts"
import { systemCode } from "../folder/unavailable.ts"
import { readVersion } from "../journal/schema.ts"
import { JournalWriter } from "../journal/writer.ts"
import { unneededSetAside } from "./set-aside.ts"
import type { StoreFinding } from "./store-finding.ts"

export interface ExamineBlobsOptions {
  readonly folder: Folder
  readonly env: Env
  readonly repair: boolean
  /** Nobody has the store open, and all of its rows are known: then a file that none of them names is nobody's. */
  readonly isWhole: boolean
}

/** Names read at once, so that no statement keeps an old view of a store that is at work. */
const PAGE_NAMES = 1_000

/** Rows that are named for one file. */
const LISTED_OWNERS = 3

/** One folder for each first byte of a digest. */
const SHARD_COUNT = 256

/** @throws HoldfastError STORE_UNAVAILABLE where a file cannot be read or moved */
export async function examineBlobs(options: ExamineBlobsOptions): Promise<StoreFinding[]> {
  const { folder, isWhole } = options
  if (!existsSync(folder.journal)) return []
  const database = new Database(folder.journal, { readonly: true, fileMustExist: true })
  try {
    if (readVersion(database) < 2) return []
    const files = new BlobFolder(folder.blobs, options.env.ids.next())
    const named = await examineNamed(database, files, options)
    // Without the file of all clients there is no telling whether one is alive.
    return isWhole && existsSync(folder.clientsLock) ? [...named, ...examineLeft(database, files, options)] : named
  } catch (error) {
    // What is wrong with the journal itself is named already, and nothing can be said of files without it.
    if (systemCode(error)?.startsWith("SQLITE_") === true) return []
    throw error
  } finally {
    database.close()
  }
}

async function examineNamed(
  database: Database.Database,
  files: BlobFolder,
  { folder, repair }: ExamineBlobsOptions,
): Promise<StoreFinding[]> {
  const findings: StoreFinding[] = []
  for (const blob of namedBlobs(database)) {
    // A store at work may have dropped it meanwhile, and written it again.
    if ((await files.findFault(blob)) === null || !isNamed(database, blob.digest)) continue
    const fault = await files.findFault(blob)
    if (fault === null) continue
    const forgettable = forgettableOwners(database, blob.digest)
    const others = otherOwners(database, blob.digest)
    if (repair) forget(folder, readMeta(database, folder.journal).lastBatch, forgettable)
    const isRepaired = repair && others.count === 0
    if (isRepaired) files.remove(blob.digest)
    const rows =
      others.count === 0
        ? `${repair ? "forgot" : "a repair forgets"} ${String(forgettable.length)} results, which can be computed again`
        : `${others.names.join(", ")}${others.count > others.names.length ? ` and ${String(others.count - others.names.length)} more` : ""} needed it`
    findings.push({
      severity: others.count === 0 ? "derived" : "damage",
      table: "blobs",
      key: blob.digest,
      what: `the file of ${String(blob.byteLength)} bytes ${fault}; ${rows}`,
      repaired: isRepaired,
    })
  }
  return findings
}

function* namedBlobs(database: Database.Database): Generator<Blob, void, undefined> {
  const page = database.prepare<[string, number], Blob>(
    "SELECT digest, bytes AS byteLength FROM blobs WHERE digest > ? AND refs > 0 ORDER BY digest LIMIT ?",
  )
  let last = ""
  for (;;) {
    const blobs = page.all(last, PAGE_NAMES)
    yield* blobs
    if (blobs.length < PAGE_NAMES) return
    last = blobs.at(-1)?.digest ?? ""
  }
}

function isNamed(database: Database.Database, digest: Digest): boolean {
  const source = "SELECT EXISTS (SELECT 1 FROM blobs WHERE digest = ? AND refs > 0)"
  return database.prepare<[string], number>(source).pluck().get(digest) === 1
}

/** A result that can be computed again may go even where somebody has pinned it: its bytes are lost (O9). */
const FORGETTABLE = `EXISTS (
  SELECT 1 FROM runs WHERE 'run:' || identity = CAST(owner AS TEXT) AND status = 'completed' AND effects = 'pure'
)`

function forgettableOwners(database: Database.Database, digest: Digest): readonly Identity[] {
  const source = `SELECT owner FROM blob_refs WHERE digest = ? AND ${FORGETTABLE}`
  const owners = database.prepare<[string], Uint8Array>(source).pluck().all(digest)
  return owners.map(identityOfOwner).filter((identity) => identity !== null)
}

function otherOwners(
  database: Database.Database,
  digest: Digest,
): { readonly count: number; readonly names: readonly string[] } {
  const where = `FROM blob_refs WHERE digest = ? AND NOT ${FORGETTABLE}`
  const count = database.prepare<[string], number>(`SELECT count(*) ${where}`).pluck().get(digest) ?? 0
  const owners = database
    .prepare<[string, number], Uint8Array>(`SELECT owner ${where} ORDER BY owner LIMIT ?`)
    .pluck()
    .all(digest, LISTED_OWNERS)
  return { count, names: owners.map(describeOwner) }
}

/** As a keeper would: row, counts and index at once, durable before the file moves. */
function forget({ journal }: Folder, lastBatch: number, identities: readonly Identity[]): void {
  if (identities.length === 0) return
  const writer = new JournalWriter(journal)
  try {
    const rows = identities.map((identity) => ({ key: `run:${identity}` as const, row: null }))
    const replies = { put: [], drop: [], dropClients: [] }
    writer.write([{ number: lastBatch, rows, replies, tokenCeiling: null }])
  } finally {
    writer.close()
  }
}

/** Files that no row names, those set aside, and those that were being written by somebody who is gone. */
function examineLeft(
  database: Database.Database,
  files: BlobFolder,
  { folder, env, repair }: ExamineBlobsOptions,
): StoreFinding[] {
  const findings: StoreFinding[] = []
  for (const { name, client } of files.temporaries()) {
    if (isAlive(folder, env, client as ClientId)) continue // Its file carries the id it has.
    if (repair) files.removeTemporary(name)
    findings.push(stale(name, "was being written by a process that is gone", repair))
  }
  for (const digest of unneededSetAside(database, files)) {
    if (repair) files.removeSetAside(digest)
    findings.push(stale(digest, "was set aside as damaged, and nothing needs it", repair))
  }
  // Somebody without a keeper may be about to name what he has written.
  if (isAnyAlive(folder)) return findings
  for (let shard = 0; shard < SHARD_COUNT; shard += 1) {
    for (const digest of files.list(shard)) {
      if (isNamed(database, digest)) continue
      if (repair) files.remove(digest)
      findings.push(stale(digest, "no row names this file", repair))
    }
  }
  return findings
}

function stale(key: string, what: string, repaired: boolean): StoreFinding {
  return { severity: "stale", table: "blobs", key, what, repaired }
}
