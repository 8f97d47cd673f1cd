/**
 * A store made of a backup, where none is: unpacked beside its place, checked whole, and renamed. It is another store than
 * the one that was backed up: it has a name of its own, so that nobody goes on with it unawares, and its tokens begin far
 * above, so that none that was handed out after the backup is handed out again (L2).
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import type Database from "better-sqlite3"
import { extract } from "tar"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import { resolvePath } from "../folder/folder.ts"
import { checkJournal } from "../journal/check.ts"
import { checksumOf } from "../journal/checksum.ts"
import { connect, flushFolder, readMeta } from "../journal/opening.ts"
import { type BackupManifest, BLOBS, digestOf, JOURNAL, MANIFEST } from "./backup-store.ts"
import { diskFault } from "./disk-fault.ts"
import { findMissingBlobOf } from "./named-blobs.ts"
import { Unfinished } from "./unfinished.ts"

/** More tokens than a store hands out in a month, few enough for thousands of restores. */
const SKIPPED_TOKENS = 2 ** 40

/**
 * @throws HoldfastError ARGUMENT_INVALID where the place is not empty, or the file is no backup
 * @throws HoldfastError STORE_DAMAGED where the backup is incomplete or altered, STORE_NEWER
 * @throws HoldfastError STORE_FULL, STORE_UNAVAILABLE where the file cannot be read or the place not be written to
 */
export async function restoreStore(file: string, address: string, env: Env): Promise<BackupManifest> {
  const place = resolvePath(address)
  if (!existsSync(file)) throw new HoldfastError("ARGUMENT_INVALID", `there is no backup "${file}"; check the path`)
  if (existsSync(place) && (!statSync(place).isDirectory() || readdirSync(place).length > 0)) {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `a backup must be restored into an empty place, but "${place}" is not empty; name another, or move it away`,
    )
  }
  const unfinished = Unfinished.at(`${place}.restore-${env.ids.next()}`)
  const staging = unfinished.path
  try {
    mkdirSync(dirname(place), { recursive: true })
    mkdirSync(staging, { mode: 0o700 })
    await unpack(file, staging)
    const manifest = readManifest(file, staging)
    await checkContents(file, staging, manifest)
    renew(join(staging, JOURNAL), env)
    rmSync(join(staging, MANIFEST))
    chmodSync(join(staging, JOURNAL), 0o600)
    flushFolder(staging)
    renameSync(staging, place)
    flushFolder(dirname(place))
    return manifest
  } catch (error) {
    throw diskFault(error, `"${file}" should be ours to read, and "${place}" to make a store in`) ?? error
  } finally {
    unfinished.end()
  }
}

/** Nothing but what a backup has is taken out of the file, wherever its names may point. */
async function unpack(file: string, staging: string): Promise<void> {
  try {
    await extract({
      file,
      cwd: staging,
      strict: true,
      preserveOwner: false,
      // Nobody else's, whatever the file says.
      umask: 0o077,
      filter: (path, entry) => {
        if (!("type" in entry)) return false
        const name = path.replace(/\/$/, "")
        if (name === MANIFEST || name === JOURNAL) return entry.type === "File" || entry.type === "OldFile"
        const isBlob =
          name === BLOBS || new RegExp(`^${BLOBS}/(?:[0-9a-f]{2}|[0-9a-f]{2}/[0-9a-f]{64}|[0-9a-f]{64})$`).test(name)
        return isBlob && (entry.type === "File" || entry.type === "Directory")
      },
    })
  } catch (error) {
    // Whoever has no room for a backup would take it for damaged.
    if (error instanceof Error && "syscall" in error) throw error
    throw new HoldfastError(
      "STORE_DAMAGED",
      `the backup "${file}" cannot be read on: ${String(error)}; use another one`,
      { cause: error },
    )
  }
}

function readManifest(file: string, staging: string): BackupManifest {
  let manifest: Partial<BackupManifest> | null = null
  try {
    // Every field that is used is checked below, or compared with what is there.
    manifest = JSON.parse(readFileSync(join(staging, MANIFEST), "utf8")) as Partial<BackupManifest> | null
  } catch {
    // Said below.
  }
  if (
    typeof manifest?.format !== "number" ||
    typeof manifest.journal !== "object" ||
    typeof manifest.blobs !== "object"
  ) {
    throw new HoldfastError("ARGUMENT_INVALID", `"${file}" should be a backup of a store, but is none; check the path`)
  }
  const format: number = manifest.format
  if (format > 1) {
    throw new HoldfastError(
      "STORE_NEWER",
      `the backup "${file}" has format ${String(format)}, and this build knows format 1; use the newer build`,
    )
  }
  return manifest as BackupManifest
}

async function checkContents(file: string, staging: string, { journal, blobs }: BackupManifest): Promise<void> {
  const path = join(staging, JOURNAL)
  const sha256 = existsSync(path) ? await digestOf(path) : "no journal"
  if (sha256 !== journal.sha256) throw altered(file, `its journal is ${sha256}, not ${journal.sha256}`)
  const files = readdirSync(join(staging, BLOBS), { withFileTypes: true, recursive: true }).filter((each) =>
    each.isFile(),
  )
  if (files.length !== blobs.count)
    throw altered(file, `it has ${String(files.length)} blobs, not ${String(blobs.count)}`)
  for (const { parentPath, name } of files) {
    if ((await digestOf(join(parentPath, name))) !== name) throw altered(file, `blob ${name} has other contents`)
  }
  const [first, ...others] = checkJournal(path, { repair: false })
  if (first === undefined) {
    const missing = findMissingBlobOf(path, new BlobFolder(join(staging, BLOBS), "restore"))
    if (missing !== null) throw altered(file, `blob ${missing.digest}, which its journal names, is not in it`)
    return
  }
  const more = others.length === 0 ? "" : ` and ${String(others.length)} more`
  throw altered(file, `${[first.table, first.key, first.what].filter((part) => part !== null).join(" ")}${more}`)
}

function altered(file: string, what: string): HoldfastError {
  return new HoldfastError("STORE_DAMAGED", `the backup "${file}" is incomplete or altered: ${what}; use another one`)
}

/** Another store's facts, and no outcomes kept for clients that know the one it was. */
function renew(path: string, env: Env): void {
  const database: Database.Database = connect(path)
  try {
    const { tokenCeiling } = readMeta(database, path)
    const put = database.prepare("UPDATE meta SET value = ?, checksum = ? WHERE key = ?")
    const facts = { instance: env.ids.next(), token_ceiling: String(tokenCeiling + SKIPPED_TOKENS) }
    database.exec("BEGIN IMMEDIATE")
    for (const [key, value] of Object.entries(facts)) put.run(value, checksumOf("meta", [key, value]), key)
    database.exec("DELETE FROM replies")
    database.exec("COMMIT")
  } finally {
    database.close()
  }
}
