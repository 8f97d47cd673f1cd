/** What begins like gzip, and what the first bytes of it hold. */
import { constants, gunzipSync } from "node:zlib"

export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b
}

/** The first bytes of what a gzip file holds, as many as its own first bytes tell; none where they are broken. */
export function unpackHead(head: Uint8Array): Uint8Array {
  try {
    // Told to flush and not to finish, gunzip gives what the piece holds.
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch {
    // Broken gzip is for whoever reads the whole file to say.
    return new Uint8Array(0)
  }
}
