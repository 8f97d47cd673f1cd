/** Holdfast as users import it; undefined, with a word on standard error, where it is not built yet. */
import type { Holdfast } from "holdfast"

let hasTold = false

export async function openMemoryStore(): Promise<Holdfast | undefined> {
  try {
    const { open } = await import("holdfast")
    return await open("memory:")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") {
      if (!hasTold) {
        console.error("Holdfast is not built, its columns stay empty: run npx tsc -b packages/holdfast")
      }
      hasTold = true
      return undefined
    }
    throw error
  }
}
