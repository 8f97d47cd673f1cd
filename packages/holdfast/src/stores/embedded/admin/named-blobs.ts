/** Which files of large values a journal names, in a copy of it that nobody writes to. */
import Database from "better-sqlite3"
import type { BlobFolder } from "../blobs/blob-folder.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import { readVersion } from "../journal/schema.ts"

/** The first named file that is not there in its length; null where all are. */
export function findMissingBlob(database: Database.Database, files: Pick<BlobFolder, "has">): Blob | null {
  // Stores of before have no large values.
  if (readVersion(database) < 2) return null
  const named = database.prepare<[], Blob>("SELECT digest, bytes AS byteLength FROM blobs WHERE refs > 0")
  for (const blob of named.iterate()) if (!files.has(blob)) return blob
  return null
}

/** As {@link findMissingBlob}, of the journal in a file. */
export function findMissingBlobOf(journal: string, files: Pick<BlobFolder, "has">): Blob | null {
  const database = new Database(journal, { readonly: true, fileMustExist: true })
  try {
    return findMissingBlob(database, files)
  } finally {
    database.close()
  }
}
