/** Which rows name which files of large values: noted by the writer in the rows' own transaction, asked by the keeper. */
import type Database from "better-sqlite3"
import type { CellRow, Digest, Identity, RunRow } from "../../../kernel/index.ts"
import { isEvictable } from "../../../kernel/run-view.ts"
import { type Blob, blobsIn } from "../blobs/blob-reference.ts"
import { checksumOf } from "./checksum.ts"
import { columnOfName, nameOfColumn } from "./value-column.ts"

/** A result that may be forgotten, and the file that goes with it. */
export interface EvictableResult {
  readonly identity: Identity
  readonly digest: Digest
  readonly bytes: number
}

/** What a batch brings beside its rows. */
export interface BlobNews {
  /** Results that were asked for, and when last. */
  readonly used: readonly { readonly digest: Digest; readonly at: number }[]
  /** Undefined leaves the budget as it is. */
  readonly budgetBytes: number | null | undefined
}

/** That a row names a file. */
export interface BlobRef {
  readonly digest: Digest
  readonly bytes: number
  /** It is a result that can be computed again. */
  readonly isEvictable: boolean
}

const RUN = "run:"
const CELL = "cell:"

export function ownerOfRun(identity: string): Uint8Array {
  return Buffer.from(`${RUN}${identity}`)
}

export function ownerOfCell(name: string): Uint8Array {
  return Buffer.concat([Buffer.from(CELL), columnOfName(name)])
}

/** What an owner is called by people. */
export function describeOwner(owner: Uint8Array): string {
  const text = Buffer.from(owner)
  const isRun = text.subarray(0, RUN.length).toString() === RUN
  return isRun ? `run ${text.toString().slice(RUN.length)}` : `cell ${nameOfColumn(text.subarray(CELL.length))}`
}

/** The run whose row it is, or null for a cell's. */
export function identityOfOwner(owner: Uint8Array): Identity | null {
  const text = Buffer.from(owner).toString()
  return text.startsWith(RUN) ? (text.slice(RUN.length) as Identity) : null // Its owner was made of one.
}

export function refsOfRun(row: RunRow): readonly BlobRef[] {
  const { args, result, progress, steps } = row
  const evictable = isEvictable(row) ? new Set(blobsIn(result).map(({ digest }) => digest)) : null
  const blobs = new Map<Digest, Blob>()
  for (const value of [args, result, progress, ...steps.map(({ outcome }) => outcome)]) {
    for (const blob of blobsIn(value)) if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob)
  }
  return [...blobs.values()].map(({ digest, byteLength }) => {
    return { digest, bytes: byteLength, isEvictable: evictable?.has(digest) === true }
  })
}

export function refsOfCell(row: CellRow | null): readonly BlobRef[] {
  return blobsIn(row?.value ?? null).map(({ digest, byteLength }) => {
    return { digest, bytes: byteLength, isEvictable: false }
  })
}

/** Keeps the index, on the writer's connection and within its transactions. */
export class BlobIndexWriter {
  readonly #statements: Statements
  /** False while no row names any file: then rows without files cost nothing. */
  #hasAny: boolean

  constructor(database: Database.Database) {
    this.#statements = prepare(database)
    this.#hasAny = this.#statements.any.get() === 1
  }

  putRun(identity: string, row: RunRow | null): void {
    this.#put(ownerOfRun(identity), row === null ? NONE : refsOfRun(row), row?.settledAt ?? 0)
  }

  putCell(name: string, row: CellRow | null): void {
    const refs = refsOfCell(row)
    if (refs.length > 0 || this.#hasAny) this.#put(ownerOfCell(name), refs, 0)
  }

  note({ used, budgetBytes }: BlobNews): void {
    for (const { digest, at } of used) this.#statements.use.run(at, digest)
    if (budgetBytes === undefined) return
    const value = budgetBytes === null ? "none" : String(budgetBytes)
    this.#statements.setBudget.run(value, checksumOf("meta", [BUDGET, value]))
  }

  /** Files that no row names any more, each told once. */
  takeReleased(): readonly Digest[] {
    return this.#hasAny ? (this.#statements.release.all() as Digest[]) : [] // A column of digests.
  }

  #put(owner: Uint8Array, refs: readonly BlobRef[], usedAt: number): void {
    if (this.#hasAny) this.#statements.drop.run(owner)
    for (const { digest, bytes, isEvictable: canGo } of refs) {
      this.#hasAny = true
      this.#statements.name.run(owner, digest, bytes, canGo ? 1 : 0, usedAt)
    }
  }
}

const NONE: readonly BlobRef[] = []
const BUDGET = "blob_budget"

/** Asks the index, on the reader's connection. */
export class BlobIndexReader {
  readonly #statements: Statements

  constructor(database: Database.Database) {
    this.#statements = prepare(database)
  }

  isNamed(digest: Digest): boolean {
    return this.#statements.isNamed.get(digest) === 1
  }

  totals(): { readonly count: number; readonly bytes: number } {
    return this.#statements.totals.get() as { count: number; bytes: number } // The one row of the table.
  }

  budgetBytes(): number | null {
    const value = this.#statements.budget.get() as string | undefined // A text column.
    return value === undefined || value === "none" ? null : Number(value)
  }

  /** The least recently used first. */
  evictable(limit: number): readonly EvictableResult[] {
    const rows = this.#statements.evictable.all(limit) as { owner: Buffer; digest: Digest; bytes: number }[] // Its columns.
    return rows.map(({ owner, digest, bytes }) => {
      return { identity: owner.toString().slice(RUN.length) as Identity, digest, bytes } // Only runs can be evicted.
    })
  }
}

type Statements = ReturnType<typeof prepare>

function prepare(database: Database.Database) {
  return {
    any: database.prepare("SELECT EXISTS (SELECT 1 FROM blob_refs)").pluck(),
    drop: database.prepare("DELETE FROM blob_refs WHERE owner = ?"),
    name: database.prepare("INSERT OR IGNORE INTO blob_refs VALUES (?, ?, ?, ?, ?)"),
    use: database.prepare("UPDATE blob_refs SET used_at = ? WHERE digest = ? AND is_evictable = 1"),
    release: database.prepare("DELETE FROM blobs WHERE refs = 0 RETURNING digest").pluck(),
    setBudget: database.prepare(
      `INSERT INTO meta VALUES ('${BUDGET}', ?, ?)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value, checksum = excluded.checksum`,
    ),
    isNamed: database.prepare("SELECT EXISTS (SELECT 1 FROM blobs WHERE digest = ?)").pluck(),
    totals: database.prepare("SELECT count, bytes FROM blob_totals"),
    budget: database.prepare(`SELECT value FROM meta WHERE key = '${BUDGET}'`).pluck(),
    evictable: database.prepare(
      "SELECT owner, digest, bytes FROM blob_refs WHERE is_evictable = 1 ORDER BY used_at LIMIT ?",
    ),
  }
}
