/**
 * Files that were set aside as they are not what their names say (`blobs/bad`). They are kept for as long as they may be
 * put back, which is while a row names them and no whole file has taken their place.
 */
import { existsSync } from "node:fs"
import Database from "better-sqlite3"
import type { Env } from "../../../env/index.ts"
import type { Digest } from "../../../kernel/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import type { Folder } from "../folder/folder.ts"
import { readVersion } from "../journal/schema.ts"

/** Removes what nothing needs, on a store that is open as well as on one that is closed; answers with how many. */
export function clearSetAside({ journal, blobs }: Folder, env: Env): number {
  if (!existsSync(journal)) return 0
  const files = new BlobFolder(blobs, env.ids.next())
  const database = new Database(journal, { readonly: true, fileMustExist: true })
  try {
    const unneeded = unneededSetAside(database, files)
    for (const digest of unneeded) files.removeSetAside(digest)
    return unneeded.length
  } finally {
    database.close()
  }
}

/** What was set aside and will never be put back. */
export function unneededSetAside(
  database: Database.Database,
  files: Pick<BlobFolder, "listSetAside" | "has">,
): readonly Digest[] {
  // Stores of before have no large values.
  if (readVersion(database) < 2) return []
  const lengthOf = database.prepare<[string], number>("SELECT bytes FROM blobs WHERE digest = ? AND refs > 0").pluck()
  return files.listSetAside().filter((digest) => {
    const byteLength = lengthOf.get(digest)
    return byteLength === undefined || files.has({ digest, byteLength })
  })
}
