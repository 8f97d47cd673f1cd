/**
 * Where a keeper's thread begins: it starts the writer's thread, and loads the keeper while that loads, too. Loading takes
 * each of them longer than all else that a new keeper does.
 */
import { workerData } from "node:worker_threads"
import type { Folder } from "../folder/folder.ts"
import { startWriter } from "../journal/start-writer.ts"

/** What the thread is started with. */
export interface KeeperThreadData {
  readonly folder: Folder
  readonly check: boolean
  /** What tells the store's time instead of the machine, for tests. */
  readonly clockFile: string | null
  /** A keeper that was found dead, or that is to be followed when it ends: its announcement is passed over. */
  readonly ignoredIncarnation: string | null
  /** The name it announces itself by. */
  readonly incarnation: string
}

const { folder } = workerData as KeeperThreadData // Given by hosted-keeper.ts.
const writer = startWriter(folder.journal)
const { keep } = await import("./keeper-thread.ts")
await keep(writer)
