/** What `holdfast inspect` knows: the keeper's report, and what can be seen of the store's files from outside. */
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { HoldfastError } from "../../../kernel/index.ts"
import type { Folder } from "../folder/folder.ts"
import type { StoreReport } from "../keeper/admin.ts"
import type { KeeperLine } from "./keeper-line.ts"

/** Sizes of the store's files. */
export interface StoreSizes {
  readonly journalBytes: number
  /** The write-ahead log, which is copied into the journal from time to time. */
  readonly walBytes: number
  readonly liveLogBytes: number
  readonly blobBytes: number
  readonly blobCount: number
}

/** Everything there is to see of a store at one moment. */
export interface StorePicture extends StoreReport {
  readonly path: string
  readonly sizes: StoreSizes
}

/** With `since`, a revision, it is answered once there is a newer one, or after some seconds with the same. */
export async function reportStore(line: KeeperLine, since: number | null): Promise<StorePicture> {
  const answer = await line.ask({ kind: "report", since })
  if (answer.kind !== "report") throw new HoldfastError("STORE_UNAVAILABLE", "the keeper answered something else")
  return { path: line.folder.path, ...answer.report, sizes: sizesOf(line.folder) }
}

/** Never opens the database's files: closing one would take the locks of this process on it away. */
function sizesOf({ journal, liveLog, blobs }: Folder): StoreSizes {
  return {
    journalBytes: sizeOf(journal),
    walBytes: sizeOf(`${journal}-wal`),
    liveLogBytes: sizeOf(liveLog),
    ...blobsIn(blobs),
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function blobsIn(folder: string): Pick<StoreSizes, "blobBytes" | "blobCount"> {
  let blobBytes = 0
  let blobCount = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    blobBytes += sizeOf(join(entry.parentPath, entry.name))
    blobCount += 1
  }
  return { blobBytes, blobCount }
}
