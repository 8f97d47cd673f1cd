/** The vite plugin that plants a bug into the sources a test run loads. It does nothing unless a mutant is named. */
import type { Plugin } from "vite"
import { MUTANTS } from "./catalog.ts"
import { MUTANT_VARIABLE, plant } from "./mutant.ts"

export function plantMutant(): Plugin {
  return {
    name: "plant-mutant",
    enforce: "pre",
    transform(code, path) {
      // Read each time: one process runs the suites for one mutant after the other.
      const id = process.env[MUTANT_VARIABLE]
      if (id === undefined) return null
      const mutant = MUTANTS.find((each) => each.id === id)
      if (mutant === undefined) throw new Error(`there is no mutant "${id}"`)
      if (!path.endsWith(`/packages/holdfast/src/${mutant.file}`)) return null
      return { code: plant(mutant, code), map: null }
    },
  }
}
