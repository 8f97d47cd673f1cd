/**
 * A store as portable lines of JSON, one row each, as of one moment. Read beside the keeper, in one transaction, so that
 * it works on a store that is open and holds nobody up; a row at a time, so that memory does not grow with the store.
 * Large values have other names meanwhile (`export-…`), so that none goes before it is exported.
 */
import { createHash } from "node:crypto"
import Database from "better-sqlite3"
import type { Env } from "../../../env/index.ts"
import { type CellRow, HoldfastError, type RunRow, type StoredRow } from "../../../kernel/index.ts"
import type { Folder } from "../folder/folder.ts"
import { BUILD } from "../host/build.ts"
import { checksumOf, type Column } from "../journal/checksum.ts"
import { lookAt, readMeta } from "../journal/opening.ts"
import { RUN_COLUMNS, runOfColumns } from "../journal/run-columns.ts"
import type { TableName } from "../journal/schema.ts"
import { nameOfColumn, valueOfColumn } from "../journal/value-column.ts"
import { diskFault } from "./disk-fault.ts"
import { KeeperLine } from "./keeper-line.ts"
import { type LinkedBlobs, linkBlobs } from "./linked-blobs.ts"
import { blobParts } from "./portable-blobs.ts"
import { type ExportRecord, FORMAT, packCell, packNumbers, packRun } from "./portable-record.ts"
import { Unfinished } from "./unfinished.ts"

/**
 * @throws HoldfastError STORE_DAMAGED at the first row or file that is altered, and before anything is given where a large
 * value is lost
 * @throws HoldfastError STORE_NEWER, STORE_UNAVAILABLE, STORE_FULL
 */
export async function* exportStore(folder: Folder, env: Env): AsyncGenerator<string, void, undefined> {
  const path = folder.journal
  lookAt(path)
  // Large values as of the moment of the rows: others may go on, and change them, while somebody reads the export.
  const work = Unfinished.inStore(folder, env, "export")
  const copies = work.path
  const database = new Database(path, { readonly: true, fileMustExist: true })
  const hash = createHash("sha256")
  const counts = { cells: 0, limits: 0, runs: 0 }
  function line(record: ExportRecord): string {
    const text = `${JSON.stringify(record)}\n`
    hash.update(text)
    return text
  }
  try {
    const linked = await takeMoment(database, { folder, env, copies })
    const { instance, tokenCeiling } = readMeta(database, path)
    yield line({ holdfast: { format: FORMAT, build: BUILD, instance, exportedAt: env.clock.now(), tokenCeiling } })
    let givenBytes = 0
    for (const blob of blobParts(copies)) {
      givenBytes += Buffer.byteLength(blob.base64, "base64")
      yield line({ blob })
    }
    // Whoever read this far has no rows yet, and takes what it has for no export.
    if (givenBytes !== linked.bytes) throw removed(copies)
    for (const { key, row } of storedRows(database, path)) {
      const name = key.slice(key.indexOf(":") + 1)
      // The prefix of a key says of which kind its row is, and what is stored is no absence.
      if (key.startsWith("limit:")) {
        counts.limits += 1
        yield line({ limit: { name, permits: packNumbers(row) } })
      } else if (key.startsWith("cell:")) {
        counts.cells += 1
        yield line(packCell(name, row as CellRow))
      } else {
        counts.runs += 1
        yield line(packRun(row as RunRow))
      }
    }
    yield `${JSON.stringify({ end: { ...counts, sha256: hash.digest("hex") } } satisfies ExportRecord)}\n`
  } finally {
    database.close()
    work.end()
  }
}

interface Moment {
  readonly folder: Folder
  readonly env: Env
  readonly copies: string
}

/** Leaves the database reading as of one moment, and the files that are named then linked. */
async function takeMoment(database: Database.Database, { folder, env, copies }: Moment): Promise<LinkedBlobs> {
  const opened: { keeper?: KeeperLine } = {}
  try {
    return await linkBlobs({
      folder,
      copies,
      // Without its keeper, which may be stopped, as long as that will do.
      line: async (attempt) => (attempt === 1 ? null : (opened.keeper ??= await KeeperLine.open(folder.path, env))),
      snapshot: async (link) => {
        beginAnew(database)
        return link(database)
      },
    })
  } catch (error) {
    const expected = `there should be room for other names of large values in "${copies}" while they are exported`
    throw diskFault(error, expected) ?? error
  } finally {
    await opened.keeper?.close()
  }
}

/** As by a repair, which takes it for what a process left that is gone. */
function removed(copies: string): HoldfastError {
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `"${copies}" should hold the large values until they are exported, but was removed meanwhile; export again`,
  )
}

/** Begins to read as of a new moment. */
function beginAnew(database: Database.Database): void {
  if (database.inTransaction) database.exec("ROLLBACK")
  database.exec("BEGIN")
}

/** Every row of a journal, as it would be loaded by its key. @throws HoldfastError STORE_DAMAGED */
export function* storedRows(database: Database.Database, path: string): Generator<StoredRow, void, undefined> {
  for (const [name, permits] of rowsOf(database, path, "limits", ["name", "permits"])) {
    yield { key: `limit:${nameOfColumn(name as Uint8Array)}`, row: Number(permits) }
  }
  for (const [name, version, value] of rowsOf(database, path, "cells", ["name", "version", "value"])) {
    const row = { version: Number(version), value: value === null ? null : valueOfColumn(value as Uint8Array) }
    yield { key: `cell:${nameOfColumn(name as Uint8Array)}`, row }
  }
  for (const columns of rowsOf(database, path, "runs", RUN_COLUMNS)) {
    const row = runOfColumns(columns)
    yield { key: `run:${row.identity}`, row }
  }
}

/** STRICT keeps columns to their types, and the checksum says that they are what was written. */
function* rowsOf(
  database: Database.Database,
  path: string,
  table: TableName,
  columns: readonly string[],
): Generator<Column[], void, undefined> {
  const source = `SELECT ${[...columns, "checksum"].join(", ")} FROM ${table} NOT INDEXED`
  for (const row of database.prepare<[], Column[]>(source).raw().iterate()) {
    const found = row.slice(0, columns.length)
    if (checksumOf(table, found) !== row[columns.length]) {
      const key = found[0] instanceof Uint8Array ? nameOfColumn(found[0]) : String(found[0])
      throw new HoldfastError(
        "STORE_DAMAGED",
        `row "${key}" of table ${table} in the journal "${path}" is altered; run "holdfast doctor" on its folder, or restore a backup`,
        { details: { table, key } },
      )
    }
    yield found
  }
}
