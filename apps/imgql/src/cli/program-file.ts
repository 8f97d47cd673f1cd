/** A program in a file: read under a bound, checked, its imports found beside it. */
import { readFileSync, statSync } from "node:fs"
import { basename, dirname, extname, relative, resolve, sep } from "node:path"
import {
  checkSource,
  type CheckedProgram,
  type ImportLoader,
  type Refusal,
  type SourceFile,
} from "../language/check.ts"
import { readLibrary } from "../language/library.ts"
import { SignatureTable } from "../language/signature.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"
import { CommandError } from "./command-error.ts"

/** Programs are written by people, or made by programs that people wait for. */
const MAX_PROGRAM_BYTES = 64 * 1024 * 1024

export interface ProgramFile {
  /** As it is named in problems: relative to the folder where imgql runs. */
  readonly file: string
  readonly checked: CheckedProgram
  /** The values of `$stem` and the like. */
  readonly variables: ReadonlyMap<string, string>
}

/** @throws CommandError E_FILE where the file cannot be read */
export function readProgram(path: string, folder: string): ProgramFile {
  const absolute = resolve(folder, path)
  const file = relative(folder, absolute) || absolute
  const source = readNamed(path, absolute)
  const signatures = new SignatureTable(PRIMITIVES.map(({ signature }) => signature))
  const checked = checkSource(source, file, { signatures, loader: loaderIn(folder) })
  return { file, checked, variables: variablesOf(absolute, folder) }
}

/** The values of `$stem` and the like. */
export function variablesOf(path: string, folder: string): ReadonlyMap<string, string> {
  const absolute = resolve(folder, path)
  const name = basename(absolute)
  return new Map([
    ["$stem", name.slice(0, name.length - extname(name).length)],
    ["$file", absolute],
    ["$filename", name],
    ["$dir", dirname(absolute)],
    ["$cwd", folder],
  ])
}

/** Imports are relative to who imports, and stay inside of the folder where imgql runs. */
export function loaderIn(folder: string): ImportLoader {
  return {
    library: readLibrary,
    file: (path, importer): SourceFile | Refusal => {
      const absolute = resolve(folder, dirname(importer), path)
      const file = relative(folder, absolute)
      if (file === ".." || file.startsWith(`..${sep}`)) {
        return { refused: `it lies outside of ${folder}; run imgql in a folder that has both` }
      }
      try {
        return { file, source: readSource(absolute) }
      } catch (error) {
        return { refused: error instanceof Error ? error.message : String(error) }
      }
    },
  }
}

function readNamed(path: string, absolute: string): string {
  try {
    return readSource(absolute)
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    throw new CommandError(
      "E_FILE",
      `expected a program in ${JSON.stringify(path)}, but ${found}; name an .imgql file`,
      { cause: error },
    )
  }
}

function readSource(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new Error("there is no such file")
  if (!stats.isFile()) throw new Error("it is no file")
  if (stats.size > MAX_PROGRAM_BYTES) {
    throw new Error(`a program may have ${String(MAX_PROGRAM_BYTES)} bytes, found ${String(stats.size)}`)
  }
  return readFileSync(path, "utf8")
}
