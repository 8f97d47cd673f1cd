/** What the journal takes: the changes of a moment, durable together or not at all. */
import type { CellRow, RowChange, RunRow } from "../../../kernel/index.ts"
import type { BlobNews } from "./blob-index.ts"

/** The outcome of a request, encoded by whoever answers it; kept until its client has acknowledged it (S4). */
export interface StoredReply {
  readonly client: string
  readonly sequence: number
  readonly outcome: Uint8Array
}

export interface JournalBatch {
  /** Rises from batch to batch; that of the last is stored, so that what is kept elsewhere can say what it rests on. */
  readonly number: number
  readonly rows: readonly RowChange<CellRow | RunRow | number>[]
  readonly replies: {
    readonly put: readonly StoredReply[]
    /** Acknowledged: every reply of the client up to and with this sequence. Dropped after `put`. */
    readonly drop: readonly { readonly client: string; readonly through: number }[]
    /** Clients that ended: all their replies. */
    readonly dropClients: readonly string[]
  }
  /** Below this every token will lie that is handed out after the batch is durable (L2); null leaves it. */
  readonly tokenCeiling: number | null
  readonly blobs?: BlobNews | undefined
}
