/** Folders that are to be there before something is put into them. */
import { existsSync, mkdirSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { systemCode } from "./file-error.ts"
import { explainWriting } from "./write-file.ts"

/**
 * Makes a folder and those it is in, as far as they are not there. Step by step: Node's own recursive way never ends where
 * nothing can be made, as in `/proc`.
 *
 * @throws FileError FILE_NOT_WRITABLE
 */
export function makeFolder(path: string, mode = 0o777): void {
  const missing: string[] = []
  for (let at = resolve(path); !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.push(at)
  for (const folder of missing.toReversed()) {
    try {
      mkdirSync(folder, { mode })
    } catch (error) {
      // Somebody else may have made it meanwhile.
      if (systemCode(error) !== "EEXIST") throw explainWriting(path, error)
    }
  }
}
