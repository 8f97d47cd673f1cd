/**
 * Images that lie in two files: a header that names the file of its voxels, as `.mhd` and detached NRRD do.
 *
 * The other file must be named plainly and lie in the same folder: a header from elsewhere must not read this machine's files.
 */
import { quote } from "./content.ts"
import { FileError } from "./file-error.ts"

/** Headers are short; a name further on is none. */
const HEADER_LIMIT = 1 << 16

/**
 * The name of the file with the voxels, or null where they follow the header.
 *
 * @throws FileError FILE_FORMAT_UNSUPPORTED where they are in several files, or not beside the header
 */
export function partOf(path: string, bytes: Uint8Array): string | null {
  const header = Buffer.from(bytes.subarray(0, HEADER_LIMIT)).toString("latin1")
  const named = header.startsWith("NRRD")
    ? /^(?:[^\n]*\n)*?(?:\r?\n|data ?file:[ \t]*([^\r\n]*))/i.exec(header)?.[1]
    : /^[ \t]*ElementDataFile[ \t]*=[ \t]*([^\r\n]*)/m.exec(header)?.[1]
  const name = named?.trim() ?? ""
  if (name === "" || name.toUpperCase() === "LOCAL") return null
  const isPlain =
    /^[^/\\%\0]+$/.test(name) && !/^LIST\b/i.test(name) && !/\s\d+/.test(name) && name !== "." && name !== ".."
  if (isPlain) return name
  const message =
    `${quote(path)}: expected its voxels in the same file or in one file beside it, found ${JSON.stringify(name.slice(0, 200))}; ` +
    `convert it to .nrrd, .mha or .nii.gz`
  throw new FileError("FILE_FORMAT_UNSUPPORTED", message, { path })
}
