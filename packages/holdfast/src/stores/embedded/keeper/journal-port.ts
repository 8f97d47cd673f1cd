/** The journal as the keeper uses it: what it reads there, and what it has become durable in one step. */
import type { CellView, Outcome, RowKey, RunFilter, RunRow, StoredRow, StoreView } from "../../../kernel/index.ts"
import type { BlobNews } from "../journal/blob-index.ts"
import type { BlobIndex } from "./blob-care.ts"

/** What goes into the journal in one step. */
export interface JournalBatch {
  readonly number: number
  readonly rows: readonly { readonly key: RowKey; readonly row: StoredRow["row"] }[]
  readonly replies: {
    readonly put: readonly { readonly client: string; readonly sequence: number; readonly outcome: Outcome }[]
    /** Acknowledged: no longer needed. */
    readonly drop: readonly { readonly client: string; readonly through: number }[]
    readonly dropClients: readonly string[]
  }
  readonly tokenCeiling: number | null
  readonly blobs?: BlobNews | undefined
}

/** What the keeper needs of the journal. */
export interface KeeperJournal {
  /** Which files of large values durable rows name; absent where values all lie in rows. */
  readonly blobs?: BlobIndex
  readonly tokenCeiling: number
  readonly lastArrival: number
  /** The number of the last durable batch; the next is larger. */
  readonly lastBatch: number
  load(keys: readonly RowKey[]): readonly StoredRow[]
  openRuns(): Iterable<RunRow>
  listRuns(filter: RunFilter): readonly RunRow[]
  listCells(prefix: string, limit: number): readonly CellView[]
  countRuns(): StoreView["runs"]["byStatus"]
  /** How many cells have a value; the limit where there are more. */
  countCells(limit: number): number
  /** Identities of runs whose retention was over by then, at most so many. */
  expired(now: number, limit: number): readonly string[]
  /** When retention is over next. */
  nextExpiry(): number | undefined
  replies(): readonly { readonly client: string; readonly sequence: number; readonly outcome: Outcome }[]
  /** Resolves when durable. @throws HoldfastError STORE_FULL where nothing of it was written, anything else is the end */
  append(batch: JournalBatch): Promise<void>
}
