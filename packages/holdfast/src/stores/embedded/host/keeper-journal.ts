/** The journal as the keeper uses it: outcomes encoded, listings taken whole, and the next retention kept in mind. */
import type { RowKey } from "../../../kernel/index.ts"
import type { Journal } from "../journal/journal.ts"
import { expiryOf } from "../journal/run-columns.ts"
import type { JournalBatch, KeeperJournal } from "../keeper/journal-port.ts"
import { decodeOutcome, encodeOutcome } from "../wire/index.ts"

export function asKeeperJournal(journal: Journal): KeeperJournal {
  // The keeper asks at the end of every tick; only a batch with runs can change the answer.
  let nextExpiry: { readonly at: number | undefined } | null = null
  return {
    tokenCeiling: journal.tokenCeiling(),
    blobs: journal.blobs,
    lastArrival: journal.lastArrival(),
    lastBatch: journal.lastBatch,
    load: (keys) => journal.load(keys),
    openRuns: () => journal.openRuns(),
    listRuns: (filter) => journal.listRuns(filter),
    listCells: (prefix, limit) => journal.listCells(prefix, limit),
    countRuns: () => journal.countRuns(),
    countCells: (limit) => journal.countCells(limit),
    expired: (now, limit) => journal.expired(now, limit),
    nextExpiry: () => {
      nextExpiry ??= { at: readNextExpiry(journal) }
      return nextExpiry.at
    },
    replies: () =>
      [...journal.replies()].map(({ client, sequence, outcome }) => ({
        client,
        sequence,
        outcome: decodeOutcome(outcome),
      })),
    append: async (batch) => {
      await journal.append(encodeBatch(batch))
      if (batch.rows.some(({ key }) => isRun(key))) nextExpiry = null
    },
  }
}

function readNextExpiry(journal: Journal): number | undefined {
  const [first] = journal.expired(Infinity, 1)
  if (first === undefined) return undefined
  const [stored] = journal.load([`run:${first}`])
  // What is stored under the key of a run is a run.
  const row = stored?.row as Parameters<typeof expiryOf>[0] | null | undefined
  return row === null || row === undefined ? undefined : (expiryOf(row) ?? undefined)
}

function encodeBatch({ number, rows, replies, tokenCeiling, blobs }: JournalBatch): Parameters<Journal["append"]>[0] {
  return {
    number,
    rows,
    replies: {
      put: replies.put.map(({ client, sequence, outcome }) => ({
        client,
        sequence,
        // A command that still needs rows was not answered, so no such outcome is ever kept.
        outcome: encodeOutcome(outcome as Parameters<typeof encodeOutcome>[0]),
      })),
      drop: replies.drop,
      dropClients: replies.dropClients,
    },
    tokenCeiling,
    blobs,
  }
}

function isRun(key: RowKey): boolean {
  return key.startsWith("run:")
}
