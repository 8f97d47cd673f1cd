/** The planted bugs. Each is one a tired person could write. */
import { BLOB_MUTANTS } from "./catalog/blobs.ts"
import { CELL_MUTANTS } from "./catalog/cells.ts"
import { EMBEDDED_MUTANTS } from "./catalog/embedded.ts"
import { GRAPH_MUTANTS } from "./catalog/graph.ts"
import { LOCK_MUTANTS } from "./catalog/locks.ts"
import { RACE_MUTANTS } from "./catalog/race.ts"
import { RESTORE_MUTANTS } from "./catalog/restore.ts"
import { RUN_MUTANTS } from "./catalog/runs.ts"
import { RUNTIME_MUTANTS } from "./catalog/runtime.ts"
import { STORE_MUTANTS } from "./catalog/store.ts"
import { VALUE_MUTANTS } from "./catalog/values.ts"
import type { Mutant } from "./mutant.ts"

export const MUTANTS: readonly Mutant[] = [
  ...LOCK_MUTANTS,
  ...GRAPH_MUTANTS,
  ...RUN_MUTANTS,
  ...RESTORE_MUTANTS,
  ...CELL_MUTANTS,
  ...STORE_MUTANTS,
  ...EMBEDDED_MUTANTS,
  ...BLOB_MUTANTS,
  ...RUNTIME_MUTANTS,
  ...VALUE_MUTANTS,
  ...RACE_MUTANTS,
]
