/** Whether the index of large values says what the rows say: part of a full check. It is derived, so it can be made anew. */
import type Database from "better-sqlite3"
import type { CellRow, RunRow } from "../../../kernel/index.ts"
import { type BlobRef, BlobIndexWriter, ownerOfCell, ownerOfRun, refsOfCell, refsOfRun } from "./blob-index.ts"
import { readVersion } from "./schema.ts"

/** Stores of before have no large values, and no index of them. */
const FIRST_VERSION = 2

/** Told every row that is sound; then {@link BlobIndexCheck.findDifferences} says what the index has otherwise. */
export class BlobIndexCheck {
  readonly #database: Database.Database
  readonly #refs: Database.Statement<[Uint8Array], [string, number, number]> | null
  #expected = 0
  readonly #differing: string[] = []

  constructor(database: Database.Database) {
    this.#database = database
    this.#refs =
      readVersion(database) < FIRST_VERSION
        ? null
        : database
            .prepare<[Uint8Array], [string, number, number]>(
              "SELECT digest, bytes, is_evictable FROM blob_refs WHERE owner = ? ORDER BY digest",
            )
            .raw()
  }

  addRun(row: RunRow): void {
    this.#add(`run ${row.identity}`, ownerOfRun(row.identity), refsOfRun(row))
  }

  addCell(name: string, row: CellRow): void {
    this.#add(`cell ${name}`, ownerOfCell(name), refsOfCell(row))
  }

  /** What is wrong with it; none where it says what the rows say. */
  findDifferences(): readonly string[] {
    if (this.#refs === null) return []
    const found = this.#differing.length === 0 ? [] : [this.#describeRows()]
    const named = this.#count("SELECT count(*) FROM blob_refs")
    if (named !== this.#expected && found.length === 0) {
      found.push(`has ${String(named)} names of files, where the rows have ${String(this.#expected)}`)
    }
    const miscounted = this.#count(
      `SELECT count(*) FROM (
         SELECT digest, sum(refs) AS surplus FROM (
           SELECT digest, refs FROM blobs UNION ALL SELECT digest, -count(*) FROM blob_refs GROUP BY digest
         ) GROUP BY digest HAVING surplus <> 0
       )`,
    )
    if (miscounted > 0) found.push(`counts the names of ${String(miscounted)} files wrongly`)
    const totals = "SELECT count(*), coalesce(sum(bytes), 0) FROM blobs"
    if (this.#count(`SELECT count(*) FROM (${totals} EXCEPT SELECT count, bytes FROM blob_totals)`) > 0) {
      found.push("has totals that are not those of its files")
    }
    return found
  }

  /** Makes the index anew, from pairs of a key and its row. When a result was last asked for is not known any more. */
  rebuild(rows: Iterable<RunRow | readonly [name: string, row: CellRow]>): void {
    this.#database.exec(
      `DELETE FROM blob_refs;
       DELETE FROM blobs;
       DELETE FROM blob_totals;
       INSERT INTO blob_totals VALUES (0, 0)`,
    )
    const writer = new BlobIndexWriter(this.#database)
    for (const each of rows) {
      if ("identity" in each) writer.putRun(each.identity, each)
      else writer.putCell(...each)
    }
  }

  #add(what: string, owner: Uint8Array, refs: readonly BlobRef[]): void {
    if (refs.length === 0 || this.#refs === null) return
    this.#expected += refs.length
    const expected = refs
      .toSorted((one, other) => (one.digest < other.digest ? -1 : 1))
      .map(({ digest, bytes, isEvictable }) => [digest, bytes, isEvictable ? 1 : 0])
    if (JSON.stringify(expected) !== JSON.stringify(this.#refs.all(owner))) this.#differing.push(what)
  }

  #describeRows(): string {
    const [first] = this.#differing
    const more = this.#differing.length === 1 ? "" : ` and ${String(this.#differing.length - 1)} more`
    return `has other files for ${String(first)}${more} than the row`
  }

  #count(source: string): number {
    return this.#database.prepare<[], number>(source).pluck().get() ?? 0
  }
}
