/**
 * The checksum of a row: CRC-32 over its table and columns, written so that different rows are different bytes (S2).
 *
 * SQLite checks the structure of its pages, not what lies in them: a bit that flips inside a value goes unnoticed there.
 */
import { crc32 } from "node:zlib"
import type { TableName } from "./schema.ts"

/** What a column holds, as better-sqlite3 takes and gives it. */
export type Column = null | number | string | Uint8Array

const KIND = { null: 0, number: 1, text: 2, bytes: 3 } as const

/** Most rows fit whole; what does not goes to the checksum piece by piece. */
const scratch: Buffer = Buffer.alloc(16_384)

/** One byte for the kind, and a number or a length. */
const MAX_HEAD_BYTES = 9

/** The columns in their order, without the checksum itself. */
export function checksumOf(table: TableName, columns: readonly Column[]): number {
  let sum = crc32(table)
  let used = 0
  for (const column of columns) {
    const bodyBound = typeof column === "string" ? 3 * column.length : column instanceof Uint8Array ? column.length : 0
    if (used + MAX_HEAD_BYTES + bodyBound > scratch.length) {
      sum = crc32(scratch.subarray(0, used), sum)
      used = 0
    }
    const fits = MAX_HEAD_BYTES + bodyBound <= scratch.length
    if (column === null) {
      scratch[used] = KIND.null
      used += 1
    } else if (typeof column === "number") {
      scratch[used] = KIND.number
      // SQLite keeps -0 as 0, so they count as one here; values keep them apart in their own encoding.
      scratch.writeDoubleLE(column + 0, used + 1)
      used += 9
    } else if (typeof column === "string") {
      const bytes = fits ? scratch.write(column, used + 5) : Buffer.byteLength(column)
      scratch[used] = KIND.text
      scratch.writeUInt32LE(bytes, used + 1)
      used += 5
      if (fits) used += bytes
      else {
        sum = crc32(column, crc32(scratch.subarray(0, used), sum))
        used = 0
      }
    } else {
      scratch[used] = KIND.bytes
      scratch.writeUInt32LE(column.length, used + 1)
      used += 5
      if (fits) {
        scratch.set(column, used)
        used += column.length
      } else {
        sum = crc32(column, crc32(scratch.subarray(0, used), sum))
        used = 0
      }
    }
  }
  return crc32(scratch.subarray(0, used), sum)
}
