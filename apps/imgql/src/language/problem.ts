/**
 * Problems: what is wrong with a program, where, and what may have been meant. Everything that reads programs reports these
 * and throws nothing; the one way to show them is {@link formatProblem}.
 */
import type { Span } from "./syntax.ts"

/** What kind of problem it is. A code is API: tools branch on it. */
export type ProblemCode =
  /** The text is no program. */
  | "E_SYNTAX"
  /** A name stands for nothing. */
  | "E_UNBOUND_IDENTIFIER"
  /** Something is called that is neither a function nor a primitive. */
  | "E_UNKNOWN_CALLABLE"
  /** A call has too few or too many arguments. */
  | "E_ARITY"
  /** A value cannot be what is needed in its place. */
  | "E_TYPE"
  /** What is imported cannot be found or read, or imports itself. */
  | "E_IMPORT"
  /** A function calls itself. */
  | "E_RECURSION"
  /** A name that the system defines is defined again. */
  | "E_RESERVED_PROGRAM_VARIABLE"
  /** A fold combines with what is no operator of folds. */
  | "E_UNSUPPORTED_FOLD"
  /** What the program asks for could not be computed. */
  | "E_FAILED"

export interface Problem {
  readonly code: ProblemCode
  /** One sentence without a full stop: what was expected, what was found, what to do. */
  readonly message: string
  readonly file: string
  readonly span: Span
  /** What to write instead, where there is a good guess. */
  readonly suggestion: string | null
}

/** Of the text, at most this many columns before and after a problem are shown. */
const SHOWN_COLUMNS = 100

/**
 * A problem as people read it and editors follow it: `file:line:column: error: …`, the line, and a mark under the place.
 * Lines and columns count from 1, columns in characters.
 */
export function formatProblem(problem: Problem, source: string): string {
  const { start, end } = problem.span
  const at = Math.min(Math.max(0, start), source.length)
  const lineStart = source.lastIndexOf("\n", at - 1) + 1
  const lineBreak = source.indexOf("\n", at)
  const line = source.slice(lineStart, lineBreak === -1 ? source.length : lineBreak).replace(/\r$/, "")
  const before = line.slice(0, at - lineStart)
  const marked = line.slice(at - lineStart, Math.max(at, end) - lineStart)
  const after = line.slice(before.length + marked.length)

  const head = Array.from(before)
  const shownBefore = head.length > SHOWN_COLUMNS ? ["…", ...head.slice(-SHOWN_COLUMNS)].join("") : before
  const shownMarked = cut(Array.from(marked))
  const where = `${problem.file}:${countLines(source, lineStart)}:${head.length + 1}`
  const hint = problem.suggestion === null ? "" : `; did you mean ${quote(problem.suggestion)}?`
  const indent = Array.from(shownBefore)
    .map((char) => (char === "\t" ? "\t" : " ".repeat(columnsOf(char))))
    .join("")
  const width = Array.from(shownMarked).reduce((sum, char) => sum + columnsOf(char), 0)
  return [
    `${where}: error: ${problem.message}${hint} [${problem.code}]`,
    readable(shownBefore + shownMarked + cut(Array.from(after))),
    `${indent}^${"~".repeat(Math.max(0, width - 1))}`,
  ].join("\n")
}

/** The line and column of an offset, both from 1. */
export function placeOf(source: string, offset: number): { readonly line: number; readonly column: number } {
  const at = Math.min(Math.max(0, offset), source.length)
  const lineStart = source.lastIndexOf("\n", at - 1) + 1
  return { line: countLines(source, lineStart), column: Array.from(source.slice(lineStart, at)).length + 1 }
}

/** A piece of program text in a sentence, shortened if it is long. */
export function quote(text: string): string {
  const chars = Array.from(readable(text))
  return chars.length > 60 ? `\`${chars.slice(0, 57).join("")}…\`` : `\`${chars.join("")}\``
}

/** The candidate that differs least from a name, if any is so close that it may have been meant. */
export function closest(name: string, candidates: Iterable<string>): string | null {
  const limit = Math.floor(name.length / 3)
  let best: string | null = null
  let bestDistance = limit + 1
  for (const candidate of candidates) {
    if (candidate === name) continue
    const isSameButCase = candidate.toLowerCase() === name.toLowerCase()
    const distance = isSameButCase ? 0 : editDistance(name, candidate, bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbors between two words; `limit` if there are as many or more. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit
  let beforeLast: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, at) => at)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1]
      const replaced = (last[column - 1] ?? 0) + (isSame ? 0 : 1)
      let cost = Math.min(replaced, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1)
      const isSwap = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (isSwap) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return Math.min(limit, last[right.length] ?? limit)
}

function countLines(source: string, end: number): number {
  let lines = 1
  for (let at = source.indexOf("\n"); at !== -1 && at < end; at = source.indexOf("\n", at + 1)) lines += 1
  return lines
}

function cut(chars: readonly string[]): string {
  return chars.length > SHOWN_COLUMNS ? `${chars.slice(0, SHOWN_COLUMNS).join("")}…` : chars.join("")
}

/** Text that does nothing to a terminal but show itself. */
function readable(text: string): string {
  // Controls but tabs, halves of surrogate pairs, and what turns the direction of writing around.
  return text.replaceAll(/[\p{Cs}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]|(?!\t)\p{Cc}/gu, "\uFFFD")
}

/** How many columns of a terminal a character takes. */
function columnsOf(char: string): number {
  if (/^[\u0020-\u007E]$/.test(char)) return 1
  if (/^(?:[\p{Mn}\p{Me}\u200B\u200C]|\u200D|\p{Variation_Selector})$/u.test(char)) return 0
  return WIDE.test(char) ? 2 : 1
}

/** East Asian wide and full-width characters and pictures (Unicode's East_Asian_Width W and F). */
const WIDE: RegExp =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}\p{Emoji_Presentation}]$/u
