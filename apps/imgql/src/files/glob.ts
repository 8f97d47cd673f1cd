/**
 * Patterns for names, as shells have them: `*` and `?` stand for any characters and one, `[a-z]` and `[!a-z]` for one of or
 * other than these, and a `**` alone between slashes for any folders, or none. Names that begin with a dot are meant only by
 * patterns that do.
 *
 * Matching never goes back further than to the last star, so that no pattern takes longer than its length times the name's.
 */
import { quote } from "./content.ts"
import { FileError } from "./file-error.ts"

type Token = "any" | "one" | { readonly is: string } | { readonly set: string; readonly isNegated: boolean }

/** One part between slashes: tokens, or whatever folders there are. */
export type Segment = readonly Token[] | "folders"

const MAX_PATTERN_LENGTH = 1_000

/** @throws FileError PATTERN_INVALID */
export function parseGlob(pattern: string): readonly Segment[] {
  const parts = pattern.split("/")
  const isPath = parts.every((part) => part !== "" && part !== "." && part !== "..")
  if (!isPath || pattern.length > MAX_PATTERN_LENGTH) {
    const message = `expected a pattern for names below the folder, as "*.nii.gz" or "*/t1.nii", found ${quote(pattern)}`
    throw new FileError("PATTERN_INVALID", message)
  }
  return parts.map((part) => (part === "**" ? "folders" : parseSegment(part, pattern)))
}

function parseSegment(part: string, pattern: string): readonly Token[] {
  const tokens: Token[] = []
  const characters = Array.from(part)
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? ""
    if (character === "*") {
      if (tokens.at(-1) !== "any") tokens.push("any")
    } else if (character === "?") tokens.push("one")
    else if (character === "[") {
      const isNegated = characters[at + 1] === "!"
      const start = at + (isNegated ? 2 : 1)
      // A bracket that comes first is one of the set.
      const end = characters.indexOf("]", start + 1)
      if (end === -1) throw new FileError("PATTERN_INVALID", `a [ in ${quote(pattern)} is never closed`)
      tokens.push({ set: characters.slice(start, end).join(""), isNegated })
      at = end
    } else tokens.push({ is: character })
  }
  return tokens
}

export function matches(tokens: readonly Token[], name: string): boolean {
  const first = tokens[0]
  if (name.startsWith(".") && !(typeof first === "object" && "is" in first && first.is === ".")) return false
  const characters = Array.from(name)
  let [token, at, star, mark] = [0, 0, -1, 0]
  while (at < characters.length) {
    const now = tokens[token]
    if (now === "any") {
      star = token
      mark = at
      token += 1
    } else if (now !== undefined && isOne(now, characters[at] ?? "")) {
      token += 1
      at += 1
    } else if (star !== -1) {
      token = star + 1
      mark += 1
      at = mark
    } else return false
  }
  return tokens.slice(token).every((rest) => rest === "any")
}

function isOne(token: Token, character: string): boolean {
  if (token === "one" || token === "any") return true
  if ("is" in token) return token.is === character
  return isInSet(token.set, character) !== token.isNegated
}

function isInSet(set: string, character: string): boolean {
  const members = Array.from(set)
  for (let at = 0; at < members.length; at += 1) {
    const [from = "", dash, to] = members.slice(at, at + 3)
    if (dash === "-" && to !== undefined) {
      if (from <= character && character <= to) return true
      at += 2
    } else if (from === character) return true
  }
  return false
}
