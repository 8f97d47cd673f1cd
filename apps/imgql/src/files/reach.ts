/** Which folders a program may list, and load files from: whoever runs it says which. */
import { realpath } from "node:fs/promises"
import { resolve, sep } from "node:path"
import { explainOpening, quote } from "./content.ts"
import { FileError } from "./file-error.ts"

export interface Reach {
  /** What names are relative to, and the first of the folders within reach. */
  readonly folder: string
  readonly others: readonly string[]
}

/**
 * The place a name stands for, with all links followed: a link that leads out is out.
 * @throws FileError FILE_MISSING, FILE_UNREADABLE, FILE_OUTSIDE
 */
export async function reachFor(name: string, { folder, others }: Reach): Promise<string> {
  if (name.includes("\0"))
    throw new FileError("FILE_MISSING", `expected the name of a file, found one with a NUL in it`)
  const place = await realpath(resolve(folder, name)).catch((error: unknown) => {
    throw explainOpening(name, error)
  })
  for (const root of [folder, ...others]) {
    const real = await realpath(resolve(folder, root)).catch(() => null)
    if (real !== null && (place === real || place.startsWith(real.endsWith(sep) ? real : real + sep))) return place
  }
  const message =
    `${quote(name)} leads to ${quote(place)}: expected a place in ${quote(folder)}; ` +
    `run imgql in a folder that has it, or allow its folder with --read`
  throw new FileError("FILE_OUTSIDE", message, { path: name })
}
