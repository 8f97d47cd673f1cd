/** The one rule for names of locks, cells, operations and keys. */
import { HoldfastError } from "./errors.ts"

/** Long enough for a path or an URL, short enough to index and to print. */
const MAX_NAME_BYTES = 512

/**
 * Names that have been checked before: a program uses the same few again and again, and checking costs more than a
 * lock. Dropped whole at the bound, which is cheaper than keeping an order of use.
 */
const checked = new Set<string>()
const CHECKED_BOUND = 4096

/** Throws ARGUMENT_INVALID unless `name` is a string of 1 to 512 UTF-8 bytes without NUL or lone surrogates. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name === "string" && checked.has(name)) return
  if (typeof name !== "string") {
    throw invalid(what, "a string", name === null ? "null" : typeof name, "pass the name as text")
  }
  if (name === "") throw invalid(what, "a name of 1 to 512 bytes", "an empty string", "give it a name")
  const bytes = utf8Length(name)
  if (bytes === undefined) {
    throw invalid(what, "well-formed text", "a lone surrogate", "clean the text before it becomes a name")
  }
  if (bytes > MAX_NAME_BYTES) {
    throw invalid(what, "a name of at most 512 bytes", `${String(bytes)} bytes`, "shorten it, or use a digest of it")
  }
  if (name.includes("\0")) throw invalid(what, "a name without NUL", JSON.stringify(name), "remove the NUL")
  if (checked.size >= CHECKED_BOUND) checked.clear()
  checked.add(name)
}

function invalid(what: string, expected: string, found: string, hint: string): HoldfastError {
  return new HoldfastError("ARGUMENT_INVALID", `${what} must be ${expected}, found ${found}; ${hint}`)
}

/** UTF-8 bytes of a string without encoding it; undefined where a lone surrogate has no UTF-8 form. */
function utf8Length(text: string): number | undefined {
  let bytes = 0
  for (const character of text) {
    const point = character.codePointAt(0) as number // A character of a string has at least one unit.
    if (point >= 0xd800 && point <= 0xdfff) return undefined
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
  }
  return bytes
}

/** Part of a name before the first `:` or `/`: the declared class that metrics are labeled with. */
export function nameClass(name: string): string {
  const end = name.search(/[:/]/)
  return end <= 0 ? name : name.slice(0, end)
}

/** NUL is refused in names, so no lock of a user's can be this one. */
const CELL_QUEUE = "\0cell:"

/** The internal lock in which updates of a contended cell queue (C2). */
export function cellQueueName(cell: string): string {
  return `${CELL_QUEUE}${cell}`
}

/** A lock's name as people know it: the queue of a cell is an internal lock, and says so. */
export function describeName(name: string): string {
  return name.startsWith(CELL_QUEUE) ? `the queue of cell "${name.slice(CELL_QUEUE.length)}"` : `lock "${name}"`
}
