/**
 * Files that are no images, as values of programs.
 *
 * | suffix    | value                                                                             |
 * | --------- | --------------------------------------------------------------------------------- |
 * | .json     | what it says; an object as a list of its entries, each a list of name and value    |
 * | .txt .csv | a list of its lines                                                               |
 * | .pkl …    | refused: such files are programs                                                  |
 * | any other | a list of its bytes                                                               |
 *
 * Nothing in a file is ever run, and no more is read than values may be large.
 */
import { Content, quote } from "./content.ts"
import { FileError, reasonOf } from "./file-error.ts"
import { formOf } from "./formats.ts"
import { reachFor, type Reach } from "./reach.ts"
import { DEPTH_LIMIT, type Value } from "./value.ts"

export interface LoadOptions {
  readonly reach: Reach
  readonly signal: AbortSignal
}

/** Values are for programs to go through one by one; images are read by `ReadImage`. */
const MAX_BYTES = 16 * 1024 * 1024
const MAX_VALUES = 1_000_000

/**
 * @throws FileError FILE_MISSING, FILE_UNREADABLE, FILE_OUTSIDE, FILE_TOO_LARGE, FILE_CHANGED, FILE_DAMAGED,
 * FILE_FORMAT_UNSUPPORTED
 */
export async function loadValue(name: string, { reach, signal }: LoadOptions): Promise<Value> {
  const form = formOf(name)
  if (form === "code") {
    const message = `${quote(name)}: a pickle is a program that whoever opens it runs; save its content as .json`
    throw new FileError("FILE_FORMAT_UNSUPPORTED", message, { path: name })
  }
  if (form === "image" || form === "picture") {
    const message = `${quote(name)}: expected a file of numbers or text, found an image; use ReadImage`
    throw new FileError("FILE_FORMAT_UNSUPPORTED", message, { path: name })
  }
  const bytes = await readAll(await reachFor(name, reach), signal)
  if (form === "json") return valueOfJson(name, textOf(name, bytes))
  if (/\.(?:txt|csv)$/i.test(name)) return linesOf(name, textOf(name, bytes))
  if (bytes.length > MAX_VALUES) throw tooManyValues(name)
  return [...bytes]
}

async function readAll(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const content = await Content.open(path, { maxBytes: MAX_BYTES, signal })
  try {
    return await content.all(signal)
  } finally {
    await content.close()
  }
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    // The decoder takes no shared memory.
    return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes))
  } catch (error) {
    const message = `${quote(name)}: expected text in UTF-8, found other bytes; convert it`
    throw new FileError("FILE_DAMAGED", message, { path: name, cause: error })
  }
}

/** A line break at the end ends the last line, and begins no other. */
function linesOf(name: string, text: string): readonly string[] {
  const lines = text.split(/\r\n|\n|\r/)
  if (lines.at(-1) === "") lines.pop()
  if (lines.length > MAX_VALUES) throw tooManyValues(name)
  return lines
}

function valueOfJson(name: string, text: string): Value {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    const message = `${quote(name)}: expected JSON, and it is none: ${reasonOf(error)}`
    throw new FileError("FILE_DAMAGED", message, { path: name, cause: error })
  }
  let left = MAX_VALUES
  const convert = (part: unknown, depth: number): Value => {
    left -= 1
    if (left < 0) throw tooManyValues(name)
    if (depth > DEPTH_LIMIT) {
      const message = `${quote(name)}: expected lists in lists ${String(DEPTH_LIMIT)} deep at most, found more`
      throw new FileError("FILE_TOO_LARGE", message, { path: name })
    }
    if (Array.isArray(part)) return part.map((each) => convert(each, depth + 1))
    if (typeof part === "object" && part !== null) {
      return Object.entries(part).map(([key, each]) => [key, convert(each, depth + 2)])
    }
    return typeof part === "number" || typeof part === "string" || typeof part === "boolean" ? part : null
  }
  return convert(parsed, 0)
}

function tooManyValues(name: string): FileError {
  const message = `${quote(name)}: expected at most ${String(MAX_VALUES)} values, found more; split the file`
  return new FileError("FILE_TOO_LARGE", message, { path: name })
}
