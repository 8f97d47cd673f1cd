/** Goals of a graph reached on a workbench of their own, which is closed with them, whatever happens. */
import type { RunObserver } from "../engine/observer.ts"
import { runGoals, type RunSummary } from "../engine/run.ts"
import type { Graph } from "../graph/graph.ts"
import type { Goal } from "../graph/load.ts"
import { storedDigests } from "./digests.ts"
import type { StoreAhead } from "./open-store.ts"
import { Workbench } from "./workbench.ts"

/** Larger images than this would not fit the memory of the machines this runs on. */
export const MAX_IMAGE_BYTES: number = 4 * 1024 * 1024 * 1024

export interface ExecuteOptions {
  readonly graph: Graph
  readonly goals: readonly Goal[]
  /** Null for a store that is gone afterwards. */
  readonly store: string | null
  /** Undefined leaves the bound that the store has. */
  readonly maxCacheBytes?: number | null | undefined
  /** The store, where it was opened ahead. */
  readonly ahead?: StoreAhead | null
  readonly isFresh: boolean
  readonly folder: string
  readonly label: string
  readonly threads: number
  readonly maxMemoryBytes: number
  /** Besides the folder, whose files the program may list and load. */
  readonly readFolders: readonly string[]
  readonly signal: AbortSignal
  readonly observer: RunObserver
}

/** @throws the signal's reason when it is aborted: kernels are stopped then, and what is done is kept */
export async function execute(options: ExecuteOptions): Promise<RunSummary> {
  const { graph, goals, store, maxCacheBytes, isFresh, folder, label, threads, maxMemoryBytes } = options
  const { readFolders, signal, observer, ahead = null } = options
  signal.throwIfAborted()
  const bench = await Workbench.open({ store, folder, label, threads, maxCacheBytes, ahead })
  const stop = (): void => void bench.close()
  signal.addEventListener("abort", stop, { once: true })
  try {
    // Aborted while the workbench was opened, nobody was told.
    signal.throwIfAborted()
    const digests = storedDigests(bench.store)
    return await runGoals({
      graph,
      goals,
      store: bench.store,
      threads: bench.threads,
      pool: bench.pool,
      digests: isFresh ? { ...digests, get: () => Promise.resolve(undefined) } : digests,
      folder,
      readFolders,
      maxMemoryBytes,
      maxImageBytes: MAX_IMAGE_BYTES,
      overflow: bench.overflow,
      isFresh,
      signal,
      observer,
    })
  } finally {
    signal.removeEventListener("abort", stop)
    await bench.close()
  }
}
