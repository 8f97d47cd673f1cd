/**
 * A store as portable lines of JSON, one row each, as of one moment. Read beside the keeper, in one transaction, so that
 * it works on a store that is open and holds nobody up; a row at a time, so that memory does not grow with the store.
 */
import { createHash } from "node:crypto"
import Database from "better-sqlite3"
import type { Env } from "../../../env/index.ts"
import { type CellRow, HoldfastError, type RunRow, type StoredRow } from "../../../kernel/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import type { Folder } from "../folder/folder.ts"
import { BUILD } from "../host/build.ts"
import { checksumOf, type Column } from "../journal/checksum.ts"
import { lookAt, readMeta } from "../journal/opening.ts"
import { RUN_COLUMNS, runOfColumns } from "../journal/run-columns.ts"
import type { TableName } from "../journal/schema.ts"
import { nameOfColumn, valueOfColumn } from "../journal/value-column.ts"
import { blobParts } from "./portable-blobs.ts"
import { findMissingBlob } from "./named-blobs.ts"
import { type ExportRecord, FORMAT, packCell, packNumbers, packRun } from "./portable-record.ts"

/** @throws HoldfastError STORE_DAMAGED at the first row that is altered, STORE_NEWER, STORE_UNAVAILABLE */
export function* exportStore({ journal: path, blobs }: Folder, env: Env): Generator<string, void, undefined> {
  lookAt(path)
  const database = new Database(path, { readonly: true, fileMustExist: true })
  const hash = createHash("sha256")
  const counts = { cells: 0, limits: 0, runs: 0 }
  function line(record: ExportRecord): string {
    const text = `${JSON.stringify(record)}\n`
    hash.update(text)
    return text
  }
  try {
    // Reads only: of one moment from its first read to its end.
    database.exec("BEGIN")
    const { instance, tokenCeiling } = readMeta(database, path)
    yield line({ holdfast: { format: FORMAT, build: BUILD, instance, exportedAt: env.clock.now(), tokenCeiling } })
    for (const blob of blobParts(blobs)) yield line({ blob })
    const missing = findMissingBlob(database, new BlobFolder(blobs, "export"))
    if (missing !== null) throw lost(blobs, missing)
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
  }
}

function lost(folder: string, { digest, byteLength }: Blob): HoldfastError {
  return new HoldfastError(
    "STORE_DAMAGED",
    `the large value ${digest} of ${String(byteLength)} bytes should be in "${folder}" until the export ends, but is missing or of another length; run "holdfast doctor" on the store, or export it again where results were dropped meanwhile`,
  )
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
