/**
 * The connection that reads, in the keeper's thread: rows by key, and listings that load no more than was asked for.
 *
 * 1. It sees whole transactions, and only flushed ones: SQLite shows a commit to other connections after its flush (C5).
 * 2. A row whose checksum is wrong is named and never served, nor is the absence of one that it may be (S2).
 */
import type Database from "better-sqlite3"
import type { Identity, RunStatus, StoreView } from "../../../kernel/index.ts"
import { type CellView, HoldfastError, type RowKey, type RunFilter, type StoredRow } from "../../../kernel/index.ts"
import type { CellRow, RunRow } from "../../../kernel/state.ts"
import type { StoredReply } from "./batch.ts"
import { BlobIndexReader } from "./blob-index.ts"
import { checksumOf, type Column } from "./checksum.ts"
import { errorOf, faultOf } from "./fault.ts"
import { RUN_COLUMNS, runOfColumns } from "./run-columns.ts"
import type { TableName } from "./schema.ts"
import { ABOVE_NAMES, columnOfName, nameOfColumn, valueOfColumn } from "./value-column.ts"

/** Rows of a scan that are in memory at once. */
const PAGE_ROWS = 1000

export class JournalReader {
  readonly #database: Database.Database
  readonly #path: string
  readonly #statements: Statements
  /** Which files of large values rows name. */
  readonly blobs: BlobIndexReader

  constructor(database: Database.Database, path: string) {
    this.#database = database
    this.#path = path
    this.#statements = this.#read(() => prepare(database))
    this.blobs = this.#read(() => new BlobIndexReader(database))
  }

  load(keys: readonly RowKey[]): StoredRow[] {
    // In one transaction, so that rows which change together are seen together (C3); a row alone needs none.
    if (keys.length === 1) return this.#read(() => keys.map((key) => this.#loadOne(key)))
    return this.#read(() => this.#database.transaction(() => keys.map((key) => this.#loadOne(key)))())
  }

  /** Pending and running runs in order of arrival, a page at a time. */
  *openRuns(): Generator<RunRow, void, undefined> {
    let page: Column[][] = []
    let last: readonly [Column, Column] = [-1, -1]
    do {
      page = this.#read(() => this.#statements.openRuns.all(last[0], last[1], PAGE_ROWS))
      for (const row of page) {
        const columns = row.slice(1)
        last = [columns[ARRIVAL] ?? null, row[0] ?? null]
        yield this.#runOf(columns)
      }
    } while (page.length === PAGE_ROWS)
  }

  listRuns(filter: RunFilter): RunRow[] {
    const limit = limitOf(filter.limit)
    // In one transaction: places are row ids, and between two statements a row may get another one.
    return this.#read(() => this.#database.transaction(() => this.#listRuns(filter, limit))())
  }

  #listRuns(filter: RunFilter, limit: number): RunRow[] {
    if (filter.operation === null && filter.statuses === null) {
      return this.#statements.allRuns.all(limit).map((columns) => this.#runOf(columns))
    }
    // Of each operation and status the first few by index alone; then the rows of the first few of all.
    const places: Column[][] = []
    for (const [operation, status] of this.#statements.groups.all()) {
      if (filter.operation !== null && filter.operation !== operation) continue
      // Statuses are only ever written from rows of that type.
      if (filter.statuses !== null && !filter.statuses.includes(status as RunStatus)) continue
      places.push(...this.#statements.listedRuns.all(operation ?? null, status ?? null, limit))
    }
    places.sort((a, b) => Number(a[0]) - Number(b[0]))
    return places.slice(0, limit).map((place) => {
      const columns = this.#statements.runAt.get(place[1] ?? null)
      if (columns === undefined) throw this.#damaged("runs", String(place[1]), "is in an index and not in its table")
      return this.#runOf(columns)
    })
  }

  listCells(prefix: string, limit: number): CellView[] {
    const from = columnOfName(prefix)
    const to = Uint8Array.from([...from, ABOVE_NAMES])
    return this.#read(() =>
      this.#statements.listedCells.all(from, to, limitOf(limit)).map((columns) => {
        const name = nameOfColumn(columns[0] as Uint8Array) // STRICT keeps columns to their types.
        return { name, ...this.#cellOf(name, columns) }
      }),
    )
  }

  countRuns(): Record<RunStatus, number> {
    const counts = { pending: 0, running: 0, completed: 0, failed: 0, canceled: 0, interrupted: 0 }
    for (const [status, count] of this.#read(() => this.#statements.countByStatus.all())) {
      counts[status as RunStatus] += Number(count) // Statuses are only ever written from rows of that type.
    }
    return counts
  }

  countCells(limit: number): number {
    return Number(this.#read(() => this.#statements.countCells.get(limitOf(limit)))?.[0] ?? 0)
  }

  queues(): StoreView["queues"] {
    const queues = this.#read(() => this.#statements.queues.all()).map(([operation, version, pending, running]) => ({
      operation: String(operation),
      version: Number(version),
      pending: Number(pending),
      running: Number(running),
    }))
    return queues.toSorted((a, b) =>
      a.operation === b.operation ? a.version - b.version : a.operation < b.operation ? -1 : 1,
    )
  }

  expired(now: number, limit: number): Identity[] {
    const rows = this.#read(() => this.#statements.expired.all(now, limitOf(limit)))
    return rows.map(([identity]) => identity as Identity) // Brand constructor.
  }

  lastArrival(): number {
    return Number(this.#read(() => this.#statements.lastArrival.get())?.[0] ?? 0)
  }

  reply(client: string, sequence: number): Uint8Array | undefined {
    const columns = this.#read(() => this.#statements.reply.get(client, sequence))
    return columns === undefined ? undefined : this.#replyOf(columns).outcome
  }

  /** Every reply that was not acknowledged, by client and sequence, a page at a time. */
  *replies(): Generator<StoredReply, void, undefined> {
    let page: Column[][] = []
    let last: readonly [string, number] = ["", -1]
    do {
      page = this.#read(() => this.#statements.replies.all(last[0], last[1], PAGE_ROWS))
      for (const columns of page) {
        const reply = this.#replyOf(columns)
        last = [reply.client, reply.sequence]
        yield reply
      }
    } while (page.length === PAGE_ROWS)
  }

  close(): void {
    this.#database.close()
  }

  #loadOne(key: RowKey): StoredRow {
    // In each return the prefix says which member of the union the pair is; slicing hides it from the types.
    if (key.startsWith("cell:")) {
      const name = key.slice(5)
      const column = columnOfName(name)
      const columns = this.#statements.cell.get(column)
      if (columns === undefined) this.#checkAbsence("cells", name, this.#statements.cellsAround.all(column, column))
      return { key, row: columns === undefined ? null : this.#cellOf(name, columns) } as StoredRow
    }
    if (key.startsWith("run:")) {
      const identity = key.slice(4)
      const columns = this.#statements.run.get(identity)
      if (columns === undefined)
        this.#checkAbsence("runs", identity, this.#statements.runsAround.all(identity, identity))
      return { key, row: columns === undefined ? null : this.#runOf(columns) } as StoredRow
    }
    const name = key.slice(6)
    const column = columnOfName(name)
    const columns = this.#statements.limit.get(column)
    if (columns === undefined) {
      this.#checkAbsence("limits", name, this.#statements.limitsAround.all(column, column))
      return { key, row: null }
    }
    this.#check("limits", name, columns)
    return { key, row: columns[1] } as StoredRow
  }

  #cellOf(name: string, columns: readonly Column[]): CellRow {
    this.#check("cells", name, columns)
    const value = columns[2] as Uint8Array | null // STRICT keeps columns to their types.
    return { version: Number(columns[1]), value: value === null ? null : valueOfColumn(value) }
  }

  #runOf(columns: readonly Column[]): RunRow {
    this.#check("runs", String(columns[0]), columns)
    return runOfColumns(columns)
  }

  #replyOf(columns: readonly Column[]): StoredReply {
    const [client, sequence, outcome] = columns as [string, number, Uint8Array] // STRICT keeps columns to their types.
    this.#check("replies", `${client} ${String(sequence)}`, columns)
    return { client, sequence, outcome: new Uint8Array(outcome.buffer, outcome.byteOffset, outcome.byteLength) }
  }

  /** The checksum is the last column. */
  #check(table: TableName, key: string, columns: readonly Column[]): void {
    if (checksumOf(table, columns.slice(0, -1)) !== columns.at(-1)) throw this.#damaged(table, key, "is altered")
  }

  /**
   * A row whose key is altered is found under no key at all, and nothing would tell it from one that never was. A search
   * that such a row leads astray ends beside it, so whatever is said not to be there has sound neighbors.
   */
  #checkAbsence(table: TableName, key: string, neighbors: readonly (readonly Column[])[]): void {
    for (const columns of neighbors) {
      if (checksumOf(table, columns.slice(0, -1)) === columns.at(-1)) continue
      throw this.#damaged(table, key, "is not to be found, and the row beside its place is altered")
    }
  }

  #damaged(table: TableName, key: string, what: string): HoldfastError {
    return new HoldfastError(
      "STORE_DAMAGED",
      `row "${key}" of table ${table} in the journal "${this.#path}" ${what}; run "holdfast doctor" on its folder, or restore a backup`,
      { details: { table, key } },
    )
  }

  #read<Result>(read: () => Result): Result {
    if (!this.#database.open) {
      throw new HoldfastError("CLOSED", `the journal "${this.#path}" was closed; open the store again to go on`)
    }
    try {
      return read()
    } catch (error) {
      throw error instanceof HoldfastError ? error : errorOf(faultOf(error, this.#path, "read"), error)
    }
  }
}

const ARRIVAL = RUN_COLUMNS.indexOf("arrival")

/** Any number a caller may mean, as SQLite takes it. */
function limitOf(limit: number): number {
  return Math.min(Math.max(0, Math.ceil(limit)), Number.MAX_SAFE_INTEGER)
}

type Read = Database.Statement<Column[], Column[]>

type Statements = Readonly<
  Record<
    | "cell"
    | "cellsAround"
    | "run"
    | "runsAround"
    | "limit"
    | "limitsAround"
    | "runAt"
    | "openRuns"
    | "allRuns"
    | "groups"
    | "listedRuns"
    | "listedCells"
    | "countByStatus"
    | "countCells"
    | "queues"
    | "expired"
    | "lastArrival"
    | "reply"
    | "replies",
    Read
  >
>

function prepare(database: Database.Database): Statements {
  const read = (source: string): Read => database.prepare<Column[], Column[]>(source).raw()
  const run = [...RUN_COLUMNS, "checksum"].join(", ")
  /** The rows before and behind the place where a row of that key would be. */
  const around = (columns: string, table: TableName, key: string): Read =>
    read(
      `SELECT * FROM (SELECT ${columns} FROM ${table} WHERE ${key} < ? ORDER BY ${key} DESC LIMIT 1)
       UNION ALL SELECT * FROM (SELECT ${columns} FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT 1)`,
    )
  return {
    cellsAround: around("name, version, value, checksum", "cells", "name"),
    runsAround: around(run, "runs", "identity"),
    limitsAround: around("name, permits, checksum", "limits", "name"),
    cell: read("SELECT name, version, value, checksum FROM cells WHERE name = ?"),
    run: read(`SELECT ${run} FROM runs WHERE identity = ?`),
    limit: read("SELECT name, permits, checksum FROM limits WHERE name = ?"),
    runAt: read(`SELECT ${run} FROM runs WHERE rowid = ?`),
    openRuns: read(
      `SELECT rowid, ${run} FROM runs WHERE status IN ('pending', 'running') AND (arrival, rowid) > (?, ?)
       ORDER BY arrival, rowid LIMIT ?`,
    ),
    allRuns: read(`SELECT ${run} FROM runs ORDER BY arrival LIMIT ?`),
    groups: read("SELECT operation, status FROM counts GROUP BY operation, status HAVING sum(count) > 0"),
    listedRuns: read("SELECT arrival, rowid FROM runs WHERE operation = ? AND status = ? ORDER BY arrival LIMIT ?"),
    listedCells: read(
      `SELECT name, version, value, checksum FROM cells WHERE name >= ? AND name < ? AND value IS NOT NULL
       ORDER BY name LIMIT ?`,
    ),
    countByStatus: read("SELECT status, sum(count) FROM counts GROUP BY status"),
    countCells: read("SELECT count(*) FROM (SELECT 1 FROM cells WHERE value IS NOT NULL LIMIT ?)"),
    queues: read(
      `SELECT operation, version, sum(iif(status = 'pending', count, 0)), sum(iif(status = 'running', count, 0))
       FROM counts WHERE status IN ('pending', 'running') AND count > 0 GROUP BY operation, version`,
    ),
    expired: read("SELECT identity FROM runs WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"),
    lastArrival: read("SELECT max(arrival) FROM runs"),
    reply: read("SELECT client, sequence, outcome, checksum FROM replies WHERE client = ? AND sequence = ?"),
    replies: read(
      `SELECT client, sequence, outcome, checksum FROM replies WHERE (client, sequence) > (?, ?)
       ORDER BY client, sequence LIMIT ?`,
    ),
  }
}
