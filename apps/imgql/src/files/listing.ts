/** What is in a folder, by a pattern: sorted, so that it is the same wherever the folder is the same. */
import type { Dirent } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { explainOpening, quote } from "./content.ts"
import { FileError } from "./file-error.ts"
import { matches, parseGlob, type Segment } from "./glob.ts"
import { reachFor, type Reach } from "./reach.ts"

export interface ListOptions {
  readonly pattern: string
  /** Whether the pattern is looked for in all folders below, too. */
  readonly isRecursive: boolean
  /** Whether names begin with that of the folder, from the root of the file system; else they are relative to the folder. */
  readonly isFull: boolean
  readonly reach: Reach
  readonly signal: AbortSignal
}

const MAX_FOUND = 100_000
/** Of files and folders that are looked at. */
const MAX_SEEN = 1_000_000

interface Visit {
  /** Relative to the folder that is listed; empty for itself. */
  readonly name: string
  /** Which segments of the pattern a name in it may be the next of. */
  readonly states: readonly number[]
}

/**
 * The names of files and folders below a folder that fit a pattern, in order. Links are named and not followed.
 * @throws FileError FILE_MISSING, FILE_UNREADABLE, FILE_OUTSIDE, FILE_TOO_LARGE, PATTERN_INVALID
 */
export async function listFolder(root: string, options: ListOptions): Promise<readonly string[]> {
  const { pattern, isRecursive, isFull, reach, signal } = options
  const segments: readonly Segment[] = [...(isRecursive ? ["folders" as const] : []), ...parseGlob(pattern)]
  const place = await reachFor(root, reach)
  if (!(await stat(place)).isDirectory()) {
    throw new FileError(
      "FILE_UNREADABLE",
      `${quote(root)}: expected a folder, found a file; name the folder it is in`,
      {
        path: root,
      },
    )
  }
  const found: string[] = []
  let seen = 0
  const open: Visit[] = [{ name: "", states: reachable([0], segments) }]
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    signal.throwIfAborted()
    for (const entry of await entriesOf(join(place, visit.name), root)) {
      seen += 1
      const states = advance(visit.states, segments, entry.name)
      const name = visit.name === "" ? entry.name : `${visit.name}/${entry.name}`
      if (states.includes(segments.length)) found.push(name)
      if (seen > MAX_SEEN || found.length > MAX_FOUND) throw tooMany(root)
      const isOpen = states.some((state) => state < segments.length)
      if (isOpen && entry.isDirectory()) open.push({ name, states })
    }
  }
  const names = found.toSorted()
  return isFull ? names.map((name) => join(place, name)) : names
}

async function entriesOf(folder: string, root: string): Promise<readonly Dirent[]> {
  return await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw explainOpening(root, error)
  })
}

/** Those states, and those behind a `**` that stands for nothing; at the end it stands for something. */
function reachable(states: readonly number[], segments: readonly Segment[]): number[] {
  const all = new Set(states)
  for (const state of all) if (segments[state] === "folders" && state + 1 < segments.length) all.add(state + 1)
  return [...all]
}

function advance(states: readonly number[], segments: readonly Segment[], name: string): number[] {
  const next = states.flatMap((state) => {
    const segment = segments[state]
    if (segment === undefined) return []
    if (segment !== "folders") return matches(segment, name) ? [state + 1] : []
    if (name.startsWith(".")) return []
    return state + 1 === segments.length ? [state, state + 1] : [state]
  })
  return reachable(next, segments)
}

function tooMany(root: string): FileError {
  const message =
    `${quote(root)}: expected at most ${String(MAX_FOUND)} names among ${String(MAX_SEEN)}, found more; ` +
    `list a folder below it, or fewer by a pattern`
  return new FileError("FILE_TOO_LARGE", message, { path: root })
}
