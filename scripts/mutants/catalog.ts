/** The planted bugs. Each is one a tired person could write. */
import type { Mutant } from "./mutant.ts"

const KERNEL = ["packages/holdfast/src/kernel", "packages/holdfast/test/exploration"]

export const MUTANTS: readonly Mutant[] = [
  {
    id: "lock-token-not-incremented",
    invariants: ["L2"],
    file: "kernel/context.ts",
    find: "this.lastToken += 1",
    replace: "this.lastToken += 0",
    suites: KERNEL,
  },
]
