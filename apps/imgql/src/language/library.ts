/**
 * The libraries that come with imgql: what a namespace defines in the language itself, in `library/NAMESPACE.imgql`.
 */
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { SourceFile } from "./check.ts"

/** The library of a namespace, as {@link ImportLoader.library} is to give it; null if there is none. */
export function readLibrary(namespace: string): SourceFile | null {
  // A namespace is a word, so that no path can be made of it.
  if (!/^\w+$/.test(namespace)) return null
  const path = fileURLToPath(new URL(`../../library/${namespace}.imgql`, import.meta.url))
  if (!existsSync(path)) return null
  return { file: `library/${namespace}.imgql`, source: readFileSync(path, "utf8") }
}
