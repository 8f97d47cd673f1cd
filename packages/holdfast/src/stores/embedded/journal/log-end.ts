/**
 * Whether the log of a journal ends where a crash may have ended it. SQLite takes a log up to the first frame that does
 * not fit, and says nothing of what stands behind: it cannot know whether that was ever flushed. Here it can be known,
 * since every commit is flushed before the next one is written: a crash leaves at most one commit behind the end.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs"

/** Where SQLite's format of the log has them; numbers are big-endian. */
const HEADER_BYTES = 32
const PAGE_SIZE_AT = 8
const SALT_AT = 16
const FRAME_HEADER_BYTES = 24
/** Zero in all frames but the last of a commit. */
const COMMIT_AT = 4
const FRAME_SALT_AT = 8
const SALT_BYTES = 8

/**
 * How many commits stand behind the `frames` that SQLite takes; more than one were durable and are lost. Nothing holds a
 * lock on the log itself, so looking into the file takes nobody's away.
 */
export function countCommitsBehind(log: string, frames: number): number {
  const descriptor = openSync(log, "r")
  try {
    const { size } = fstatSync(descriptor)
    const header = Buffer.alloc(HEADER_BYTES)
    if (readSync(descriptor, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return 0
    const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(PAGE_SIZE_AT)
    const salt = header.subarray(SALT_AT, SALT_AT + SALT_BYTES)
    const frame = Buffer.alloc(FRAME_HEADER_BYTES)
    let commits = 0
    for (let at = HEADER_BYTES + frames * frameBytes; at + frameBytes <= size; at += frameBytes) {
      readSync(descriptor, frame, 0, FRAME_HEADER_BYTES, at)
      // What is left of the log's earlier rounds has another salt.
      if (!frame.subarray(FRAME_SALT_AT, FRAME_SALT_AT + SALT_BYTES).equals(salt)) continue
      if (frame.readUInt32BE(COMMIT_AT) > 0) commits += 1
    }
    return commits
  } finally {
    closeSync(descriptor)
  }
}
