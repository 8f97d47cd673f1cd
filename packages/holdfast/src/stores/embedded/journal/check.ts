/**
 * A full check of a journal, for `holdfast doctor`: every page, every checksum, and states no run, cell or count can be
 * in. What it finds is data; what can be derived again (indexes, counts) can be repaired, what cannot is only named (S2).
 */
import { statSync } from "node:fs"
import Database from "better-sqlite3"
import { HoldfastError } from "../../../kernel/index.ts"
import type { CellRow, RunRow } from "../../../kernel/state.ts"
import { BlobIndexCheck } from "./check-blob-index.ts"
import { checksumOf, type Column } from "./checksum.ts"
import { errorOf, faultOf } from "./fault.ts"
import { connect, countCommitsLost, describeLost, lookAt, raiseTerm, readMeta } from "./opening.ts"
import { expiryOf, RUN_COLUMNS, runOfColumns } from "./run-columns.ts"
import type { TableName } from "./schema.ts"
import { nameOfColumn, valueOfColumn } from "./value-column.ts"

export interface Finding {
  /** `damage` is lost or altered; `derived` is only what is computed from the rest. */
  readonly severity: "damage" | "derived"
  /** Null where the file as a whole is meant. */
  readonly table: string | null
  readonly key: string | null
  readonly what: string
  readonly repaired: boolean
}

export interface CheckOptions {
  /** Computes again what is derived. Needs the store closed. */
  readonly repair: boolean
}

/**
 * Reads the whole journal. Without `repair` nothing is changed, and the store may be open.
 *
 * @throws HoldfastError STORE_NEWER, STORE_UNAVAILABLE; damage is found, not thrown
 */
export function checkJournal(path: string, { repair }: CheckOptions): Finding[] {
  let database: Database.Database | undefined
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) throw missing(path)
    lookAt(path)
    database = repair ? connect(path) : new Database(path, { readonly: true, fileMustExist: true })
    const lost = countCommitsLost(database, path)
    // Closed after it was written to, the database has no log, and what could not be read of it is gone.
    const findings: Finding[] =
      lost > 0 ? [{ severity: "damage", table: null, key: null, what: describeLost(path, lost), repaired: repair }] : []
    return [...findings, ...checkDatabase(database, path, repair)]
  } catch (error) {
    const fault = error instanceof HoldfastError ? error : errorOf(faultOf(error, path, "check"), error)
    if (fault.code !== "STORE_DAMAGED") throw fault
    return [damage(null, null, fault.message)]
  } finally {
    database?.close()
  }
}

function missing(path: string): HoldfastError {
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `there is no journal at "${path}"; check the path, or open a store there to make one`,
  )
}

function checkDatabase(database: Database.Database, path: string, repair: boolean): Finding[] {
  const findings: Finding[] = []
  if (repair) database.exec("BEGIN IMMEDIATE")
  try {
    attempt(findings, null, () => checkPages(database, findings, repair))
    attempt(findings, "meta", () => checkMeta(database, { path, findings, repair }))
    const blobs = new BlobIndexCheck(database)
    attempt(findings, "cells", () => checkCells(database, findings, blobs))
    attempt(findings, "limits", () => checkLimits(database, findings))
    attempt(findings, "replies", () => checkReplies(database, findings))
    attempt(findings, "runs", () => checkRuns(database, findings, blobs))
    attempt(findings, "counts", () => checkCounts(database, findings, repair))
    attempt(findings, "blobs", () => checkBlobIndex(database, findings, blobs, repair))
    if (repair) database.exec("COMMIT")
  } finally {
    if (database.inTransaction) database.exec("ROLLBACK")
  }
  return findings
}

/** What cannot be read ends the check of its table, not that of the others. */
function attempt(findings: Finding[], table: string | null, check: () => void): void {
  try {
    check()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    findings.push(damage(table, null, `cannot be read on: ${reason}`))
  }
}

/** What SQLite itself can say: pages, order within them, and indexes against their tables. */
function checkPages(database: Database.Database, findings: Finding[], repair: boolean): void {
  const messages = database.prepare<[], string>("PRAGMA integrity_check").pluck().all()
  const found = messages.filter((message) => message !== "ok")
  if (found.length === 0) return
  // Indexes are made of their table, so they can be made again as long as nothing but indexes is wrong.
  const isDerived = found.every((message) => /missing from index|wrong # of entries in index/.test(message))
  if (isDerived && repair) database.exec("REINDEX")
  for (const what of found) {
    findings.push(isDerived ? derived("runs", null, what, repair) : damage(null, null, what))
  }
}

function checkMeta(
  database: Database.Database,
  { path, findings, repair }: { readonly path: string; readonly findings: Finding[]; readonly repair: boolean },
): void {
  const meta = readMeta(database, path)
  // A keeper that has lost its locks and does not know writes nothing over what is repaired.
  if (repair) raiseTerm(database, meta)
  const { tokenCeiling } = meta
  const newest = database.prepare<[], number | null>("SELECT max(generation) FROM runs").pluck().get() ?? 0
  if (newest > tokenCeiling) {
    const what = `the token ceiling is ${String(tokenCeiling)}, below generation ${String(newest)} of a run (L2)`
    findings.push(damage("meta", "token_ceiling", what))
  }
}

function checkCells(database: Database.Database, findings: Finding[], blobs: BlobIndexCheck): void {
  for (const columns of rowsOf(database, "SELECT name, version, value, checksum FROM cells")) {
    const name = nameOfColumn(columns[0] as Uint8Array) // STRICT keeps columns to their types.
    if (!hasChecksum("cells", columns)) findings.push(damage("cells", name, "the checksum does not match the row"))
    else if (!(Number(columns[1]) >= 1)) {
      findings.push(damage("cells", name, `the version is ${String(Number(columns[1]))}; the first one is 1 (C1)`))
    } else blobs.addCell(name, cellOfColumns(columns))
  }
}

function checkLimits(database: Database.Database, findings: Finding[]): void {
  for (const columns of rowsOf(database, "SELECT name, permits, checksum FROM limits")) {
    const name = nameOfColumn(columns[0] as Uint8Array) // STRICT keeps columns to their types.
    if (!hasChecksum("limits", columns)) findings.push(damage("limits", name, "the checksum does not match the row"))
    else if (!(Number(columns[1]) >= 1)) {
      findings.push(damage("limits", name, `the limit is ${String(Number(columns[1]))}; the least is 1 (L1)`))
    }
  }
}

function checkReplies(database: Database.Database, findings: Finding[]): void {
  for (const columns of rowsOf(database, "SELECT client, sequence, outcome, checksum FROM replies")) {
    if (hasChecksum("replies", columns)) continue
    findings.push(damage("replies", columns.slice(0, 2).join(" "), "the checksum does not match the row"))
  }
}

function checkRuns(database: Database.Database, findings: Finding[], blobs: BlobIndexCheck): void {
  for (const columns of rowsOf(database, `SELECT ${[...RUN_COLUMNS, "checksum"].join(", ")} FROM runs NOT INDEXED`)) {
    const identity = columns[0] as string // STRICT keeps columns to their types.
    if (!hasChecksum("runs", columns)) {
      findings.push(damage("runs", identity, "the checksum does not match the row"))
      continue
    }
    const row = runOfColumns(columns)
    for (const what of impossibilities(row, columns)) findings.push(damage("runs", identity, what))
    blobs.addRun(row)
  }
}

/** What no row the kernel makes can be, whatever its checksum says. */
function impossibilities(row: RunRow, columns: readonly Column[]): string[] {
  const found: string[] = []
  const isOpen = row.status === "pending" || row.status === "running"
  function expect(holds: boolean, what: string): void {
    if (!holds) found.push(what)
  }
  expect(
    (row.status === "completed") === (row.result !== null),
    `${row.status} with${row.result === null ? "out a" : " a"} result (O2)`,
  )
  expect(row.status !== "failed" || row.failure !== null, "failed without a failure (O2)")
  expect(
    isOpen === (row.settledAt === null),
    `${row.status} with${row.settledAt === null ? "out a" : " a"} time of settling (O2)`,
  )
  expect(row.status !== "running" || row.attempt >= 1, "running without an attempt (O5)")
  expect(row.generation >= 1, `generation ${String(row.generation)}; the first one is 1 (O3)`)
  expect(columns[EXPIRES_AT] === expiryOf(row), "kept until another time than its retention says")
  return found
}

const EXPIRES_AT = RUN_COLUMNS.indexOf("expires_at")

/** Counts are kept by triggers; here they are compared with the rows, in one statement and so at one moment. */
function checkCounts(database: Database.Database, findings: Finding[], repair: boolean): void {
  const differing = database
    .prepare<[], [string, number, string, number]>(
      `SELECT operation, version, status, sum(count) FROM (
         SELECT operation, version, status, count FROM counts
         UNION ALL SELECT operation, version, status, -count(*) FROM runs GROUP BY operation, version, status
       ) GROUP BY operation, version, status HAVING sum(count) <> 0`,
    )
    .raw()
    .all()
  if (differing.length > 0 && repair) {
    database.exec(
      `DELETE FROM counts;
       INSERT INTO counts SELECT operation, version, status, count(*) FROM runs GROUP BY operation, version, status`,
    )
  }
  for (const [operation, version, status, surplus] of differing) {
    const what = `the count is ${String(Math.abs(surplus))} too ${surplus > 0 ? "high" : "low"}`
    findings.push(derived("counts", `${operation} ${String(version)} ${status}`, what, repair))
  }
}

/** A row that cannot be read may name files, too: then the index stays as it is, and keeps them. */
function checkBlobIndex(
  database: Database.Database,
  findings: Finding[],
  blobs: BlobIndexCheck,
  repair: boolean,
): void {
  const isDamaged = findings.some(({ severity, table }) => severity === "damage" && table !== "replies")
  const differences = isDamaged ? [] : blobs.findDifferences()
  if (differences.length > 0 && repair) blobs.rebuild(storedRows(database))
  for (const what of differences) findings.push(derived("blobs", null, `the index of large values ${what}`, repair))
}

/** A page at a time: nothing can be written while a statement is stepped through. */
function* storedRows(database: Database.Database): Generator<RunRow | readonly [string, CellRow], void, undefined> {
  const cells = "SELECT name, version, value FROM cells WHERE name > ? ORDER BY name LIMIT ?"
  for (const columns of pagesOf(database, cells, Buffer.alloc(0))) {
    yield [nameOfColumn(columns[0] as Uint8Array), cellOfColumns(columns)] // STRICT keeps columns to their types.
  }
  const runs = `SELECT ${RUN_COLUMNS.join(", ")} FROM runs WHERE identity > ? ORDER BY identity LIMIT ?`
  for (const columns of pagesOf(database, runs, "")) yield runOfColumns(columns)
}

function* pagesOf(database: Database.Database, source: string, first: Column): Generator<Column[], void, undefined> {
  const statement = database.prepare<[Column, number], Column[]>(source).raw()
  let last: Column = first
  for (;;) {
    const page = statement.all(last, PAGE_ROWS)
    yield* page
    if (page.length < PAGE_ROWS) return
    last = page.at(-1)?.[0] ?? first
  }
}

/** A row takes a few hundred kilobytes at most. */
const PAGE_ROWS = 100

function cellOfColumns([, version, value]: readonly Column[]): CellRow {
  // STRICT keeps columns to their types.
  return { version: Number(version), value: value === null ? null : valueOfColumn(value as Uint8Array) }
}

function rowsOf(database: Database.Database, source: string): IterableIterator<Column[]> {
  return database.prepare<[], Column[]>(source).raw().iterate()
}

/** The checksum is the last column. */
function hasChecksum(table: TableName, columns: readonly Column[]): boolean {
  return checksumOf(table, columns.slice(0, -1)) === columns.at(-1)
}

function damage(table: string | null, key: string | null, what: string): Finding {
  return { severity: "damage", table, key, what, repaired: false }
}

function derived(table: string, key: string | null, what: string, repaired: boolean): Finding {
  return { severity: "derived", table, key, what, repaired }
}
