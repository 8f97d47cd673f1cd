/**
 * The one connection that writes: batches in, one transaction for as many as wait together (group commit).
 *
 *     idle ──BEGIN IMMEDIATE──▶ writing ──COMMIT: durable──▶ idle
 *                                  └──full: rolled back────▶ idle
 *
 * 1. A transaction holds whole batches, in their order; it is durable when `write` returns (S3).
 * 2. A write that throws has changed nothing (S5).
 * 3. Only the newest term writes: once a journal was opened again, every write for an earlier opening throws (S3).
 * 4. Neither a cell's version nor a run's generation nor the token ceiling ever falls (C1, O3, L2).
 */
import { existsSync, fsyncSync, closeSync, linkSync, openSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import type Database from "better-sqlite3"
import { assertInvariant, type Digest, HoldfastError } from "../../../kernel/index.ts"
import type { CellRow, RunRow } from "../../../kernel/state.ts"
import type { JournalBatch, StoredReply } from "./batch.ts"
import { BlobIndexWriter } from "./blob-index.ts"
import { checksumOf, type Column } from "./checksum.ts"
import { connect, flushFolder } from "./opening.ts"
import { columnsOfRun, RUN_COLUMNS } from "./run-columns.ts"
import { columnOfName, columnOfValue } from "./value-column.ts"

export class JournalWriter {
  readonly #database: Database.Database
  readonly #statements: Statements
  readonly #blobs: BlobIndexWriter
  readonly #path: string
  readonly #term: string

  /**
   * Opens the second connection to a journal that was opened, and so checked, before.
   *
   * @param term of the opening it writes for; without it, of the newest
   */
  constructor(path: string, term?: number) {
    this.#database = connect(path)
    this.#statements = prepare(this.#database)
    this.#path = path
    this.#term = term === undefined ? this.#newestTerm() : String(term)
    this.#blobs = new BlobIndexWriter(this.#database)
  }

  /**
   * Makes the batches durable, all or none of them, and tells which files of large values no row names any more. Throws
   * what SQLite throws.
   */
  write(batches: readonly JournalBatch[]): readonly Digest[] {
    this.#statements.begin.run()
    try {
      this.#checkTerm()
      for (const batch of batches) this.#apply(batch)
      this.#noteLast(batches.at(-1)?.number ?? 0)
      const released = this.#blobs.takeReleased()
      this.#statements.commit.run()
      return released
    } catch (error) {
      // SQLite has taken some failures back by itself.
      if (this.#database.inTransaction) this.#statements.rollback.run()
      throw error
    }
  }

  /** Copies the log into the database, and flushes both. */
  checkpoint(): void {
    this.#database.pragma("wal_checkpoint(TRUNCATE)")
  }

  /** Writes the database anew, without what is gone. */
  vacuum(): void {
    this.#database.exec("VACUUM")
    this.checkpoint()
  }

  /**
   * Copies the database as it is when the copy is complete: on this connection, writes made meanwhile are carried over,
   * where those of another one would start the copy again.
   */
  async backup(file: string): Promise<void> {
    const unfinished = `${file}.new`
    if (existsSync(file)) throw existing(file)
    rmSync(unfinished, { force: true })
    try {
      await this.#database.backup(unfinished)
      const descriptor = openSync(unfinished, "r")
      fsyncSync(descriptor)
      closeSync(descriptor)
      // A link, unlike a rename, never replaces what somebody put there meanwhile.
      try {
        linkSync(unfinished, file)
      } catch (error) {
        throw existsSync(file) ? existing(file) : error
      }
    } finally {
      rmSync(unfinished, { force: true })
    }
    flushFolder(dirname(file))
  }

  close(): void {
    this.#database.close()
  }

  /** @throws HoldfastError STORE_UNAVAILABLE where the journal was opened again */
  #checkTerm(): void {
    const newest = this.#newestTerm()
    if (newest === this.#term) return
    throw new HoldfastError(
      "STORE_UNAVAILABLE",
      `the journal "${this.#path}" should be written by one keeper, but another took it up (term ${newest}, ours is ${this.#term}), so this one writes nothing more; open the store again`,
    )
  }

  #newestTerm(): string {
    return this.#statements.readTerm.pluck().get() as string // A column that is text in every row.
  }

  #apply(batch: JournalBatch): void {
    for (const { key, row } of batch.rows) {
      // The prefix of a key says which kind of row it is; the pair's type does not.
      if (key.startsWith("cell:")) this.#putCell(key.slice(5), row as CellRow | null)
      else if (key.startsWith("run:")) this.#putRun(key.slice(4), row as RunRow | null)
      else this.#putLimit(key.slice(6), row as number | null)
    }
    for (const reply of batch.replies.put) this.#putReply(reply)
    for (const { client, through } of batch.replies.drop) this.#statements.dropReplies.run(client, through)
    for (const client of batch.replies.dropClients) this.#statements.dropClient.run(client)
    if (batch.blobs !== undefined) this.#blobs.note(batch.blobs)
    if (batch.tokenCeiling !== null) this.#raiseCeiling(batch.tokenCeiling)
  }

  #putCell(name: string, row: CellRow | null): void {
    const key = columnOfName(name)
    this.#blobs.putCell(name, row)
    if (row === null) {
      this.#statements.deleteCell.run(key)
      return
    }
    const columns = [key, row.version, row.value === null ? null : columnOfValue(row.value)]
    const { changes } = this.#statements.putCell.run(...columns, checksumOf("cells", columns))
    assertInvariant(changes === 1, "C1", `cell "${name}" would go back to version ${String(row.version)}`)
  }

  #putRun(identity: string, row: RunRow | null): void {
    this.#blobs.putRun(identity, row)
    if (row === null) {
      this.#statements.deleteRun.run(identity)
      return
    }
    const columns = columnsOfRun(row)
    const { changes } = this.#statements.putRun.run(...columns, checksumOf("runs", columns))
    assertInvariant(changes === 1, "O3", `run ${identity} would go back to generation ${String(row.generation)}`)
  }

  #putLimit(name: string, permits: number | null): void {
    const key = columnOfName(name)
    if (permits === null) this.#statements.deleteLimit.run(key)
    else this.#statements.putLimit.run(key, permits, checksumOf("limits", [key, permits]))
  }

  #putReply({ client, sequence, outcome }: StoredReply): void {
    this.#statements.putReply.run(client, sequence, outcome, checksumOf("replies", [client, sequence, outcome]))
  }

  #noteLast(batch: number): void {
    const value = String(batch)
    this.#statements.noteLast.run(value, checksumOf("meta", ["last_batch", value]))
  }

  #raiseCeiling(ceiling: number): void {
    const value = String(ceiling)
    const { changes } = this.#statements.raiseCeiling.run(value, checksumOf("meta", ["token_ceiling", value]), ceiling)
    assertInvariant(changes === 1, "L2", `the token ceiling would fall to ${value}`)
  }
}

function existing(file: string): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `a backup must go to a new file, but "${file}" exists; choose another name, or move that file away`,
  )
}

type Write = Database.Statement<Column[]>

type Statements = Readonly<
  Record<
    | "begin"
    | "commit"
    | "rollback"
    | "putCell"
    | "deleteCell"
    | "putRun"
    | "deleteRun"
    | "putLimit"
    | "deleteLimit"
    | "putReply"
    | "dropReplies"
    | "dropClient"
    | "raiseCeiling"
    | "noteLast"
    | "readTerm",
    Write
  >
>

function prepare(database: Database.Database): Statements {
  const write = (source: string): Write => database.prepare<Column[]>(source)
  const runColumns = [...RUN_COLUMNS, "checksum"]
  const runUpdates = runColumns.slice(1).map((name) => `${name} = excluded.${name}`)
  return {
    begin: write("BEGIN IMMEDIATE"),
    commit: write("COMMIT"),
    rollback: write("ROLLBACK"),
    putCell: write(
      `INSERT INTO cells (name, version, value, checksum) VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE
       SET version = excluded.version, value = excluded.value, checksum = excluded.checksum
       WHERE excluded.version >= version`,
    ),
    deleteCell: write("DELETE FROM cells WHERE name = ?"),
    putRun: write(
      `INSERT INTO runs (${runColumns.join(", ")}) VALUES (${runColumns.map(() => "?").join(", ")})
       ON CONFLICT (identity) DO UPDATE SET ${runUpdates.join(", ")}
       WHERE excluded.generation >= generation`,
    ),
    deleteRun: write("DELETE FROM runs WHERE identity = ?"),
    putLimit: write(
      `INSERT INTO limits (name, permits, checksum) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET permits = excluded.permits, checksum = excluded.checksum`,
    ),
    deleteLimit: write("DELETE FROM limits WHERE name = ?"),
    putReply: write(
      `INSERT INTO replies (client, sequence, outcome, checksum) VALUES (?, ?, ?, ?)
       ON CONFLICT (client, sequence) DO UPDATE SET outcome = excluded.outcome, checksum = excluded.checksum`,
    ),
    dropReplies: write("DELETE FROM replies WHERE client = ? AND sequence <= ?"),
    dropClient: write("DELETE FROM replies WHERE client = ?"),
    raiseCeiling: write(
      "UPDATE meta SET value = ?, checksum = ? WHERE key = 'token_ceiling' AND CAST(value AS INTEGER) <= ?",
    ),
    readTerm: write("SELECT value FROM meta WHERE key = 'term'"),
    noteLast: write("UPDATE meta SET value = ?, checksum = ? WHERE key = 'last_batch'"),
  }
}
