/** Which files of large values a journal names, in a copy of it that nobody writes to or as of one moment. */
import Database from "better-sqlite3"
import type { BlobFolder } from "../blobs/blob-folder.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import { readVersion } from "../journal/schema.ts"

/** Every file that rows name. */
export function* namedBlobs(database: Database.Database): Generator<Blob, void, undefined> {
  // Stores of before have no large values.
  if (readVersion(database) < 2) return
  yield* database.prepare<[], Blob>("SELECT digest, bytes AS byteLength FROM blobs WHERE refs > 0").iterate()
}

/** The first file that the journal in a file names and that is not there in its length; null where all are. */
export function findMissingBlobOf(journal: string, files: Pick<BlobFolder, "has">): Blob | null {
  const database = new Database(journal, { readonly: true, fileMustExist: true })
  try {
    for (const blob of namedBlobs(database)) if (!files.has(blob)) return blob
    return null
  } finally {
    database.close()
  }
}
