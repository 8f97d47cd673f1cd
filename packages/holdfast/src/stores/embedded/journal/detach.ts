/**
 * A batch as it is sent to another thread. A message copies the whole buffer behind a view, so a short value cut from a
 * long frame would carry the frame along; such values are copied out first.
 */
import type { CellRow, RowChange, RunRow, Value } from "../../../kernel/index.ts"
import type { JournalBatch } from "./batch.ts"

type Change = RowChange<CellRow | RunRow | number>

export function detach(batch: JournalBatch): JournalBatch {
  const { put } = batch.replies
  return {
    ...batch,
    rows: batch.rows.map(detachRow),
    replies: { ...batch.replies, put: put.map((reply) => ({ ...reply, outcome: detachBytes(reply.outcome) })) },
  }
}

function detachRow(change: Change): Change {
  const { key, row } = change
  if (row === null || typeof row === "number") return change
  if (!("identity" in row)) return { key, row: { version: row.version, value: detachValue(row.value) } }
  return {
    key,
    row: {
      ...row,
      args: detachValue(row.args),
      steps: row.steps.map(({ name, outcome }) => ({ name, outcome: detachValue(outcome) })),
      progress: detachValue(row.progress),
      result: detachValue(row.result),
    },
  }
}

function detachValue<Some extends Value | null>(value: Some): Some {
  // What a view of bytes becomes is a view of the same bytes, and everything else stays.
  return value instanceof Uint8Array ? (detachBytes(value) as Some) : value
}

function detachBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.prototype.slice.call(bytes)
}
