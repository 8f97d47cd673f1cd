/** The vite plugin that plants a bug into the sources a test run loads. It does nothing unless a mutant is named. */
import type { Plugin } from "vite"
import { MUTANTS } from "./catalog.ts"
import { MUTANT_VARIABLE, plant } from "./mutant.ts"

export function plantMutant(): Plugin {
  const id = process.env[MUTANT_VARIABLE]
  const mutant = MUTANTS.find((each) => each.id === id)
  if (id !== undefined && mutant === undefined) throw new Error(`there is no mutant "${id}"`)
  return {
    name: "plant-mutant",
    enforce: "pre",
    transform(code, path) {
      if (mutant === undefined || !path.endsWith(`/packages/holdfast/src/${mutant.file}`)) return null
      return { code: plant(mutant, code), map: null }
    },
  }
}
