/**
 * One text for all states that behave alike from here on: tokens and arrivals by rank, times relative to now, and what
 * only views show left out. Two worlds with the same text need to be explored once.
 */
import type { KernelSnapshot } from "../../src/kernel/index.ts"

type Plain = { readonly [key: string]: unknown }

/** Fields that hold tokens, all of one sequence. */
const TOKENS: ReadonlySet<string> = new Set(["token", "generation", "holding"])

/** When something began, and the count of attempts: shown to people, never read by a transition. */
const SHOWN_ONLY: ReadonlySet<string> = new Set(["since", "createdAt", "startedAt", "settledAt", "attempt", "label"])

/** The canonical text of a kernel's state and of what its explorer knows beside it. */
export function canonicalize(snapshot: KernelSnapshot, beside: unknown): string {
  const { now } = snapshot
  const tokens = new Set<number>()
  const arrivals = new Set<number>()
  collect(snapshot, "", tokens, arrivals)
  collect(beside, "", tokens, arrivals)
  const ranks = { tokens: rank(tokens), arrivals: rank(arrivals), now }
  const tables = [snapshot.sessions, snapshot.locks, snapshot.runs, snapshot.queues, snapshot.cells, snapshot.limits]
  const texts = tables.map((table) => table.map((entry) => write(entry, "", ranks)).toSorted())
  const deadlines = (snapshot.deadlines as readonly Plain[]).map((deadline) =>
    write({ ...deadline, at: null, dueIn: Number(deadline["at"]) - now }, "", ranks),
  )
  return [...texts.map((table) => table.join(",")), deadlines.join(","), write(beside, "", ranks)].join("\n")
}

interface Ranks {
  readonly tokens: ReadonlyMap<number, number>
  readonly arrivals: ReadonlyMap<number, number>
  readonly now: number
}

function rank(numbers: ReadonlySet<number>): Map<number, number> {
  return new Map([...numbers].toSorted((a, b) => a - b).map((number, index) => [number, index]))
}

function collect(value: unknown, key: string, tokens: Set<number>, arrivals: Set<number>): void {
  if (typeof value === "number") {
    if (TOKENS.has(key)) tokens.add(value)
    else if (key === "arrival") arrivals.add(value)
  } else if (Array.isArray(value)) {
    for (const item of value) collect(item, key, tokens, arrivals)
  } else if (typeof value === "object" && value !== null) {
    // Entries of a plain object.
    for (const name in value) collect((value as Plain)[name], name, tokens, arrivals)
  }
}

function write(value: unknown, key: string, ranks: Ranks): string {
  if (typeof value === "number") return writeNumber(value, key, ranks)
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, key, ranks))
    // Parked requests and actors are tables too.
    if (key === "requests" || key === "players") items.sort()
    return `[${items.join(",")}]`
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  let text = "{"
  // Entries of a plain object.
  for (const name in value) if (!SHOWN_ONLY.has(name)) text += `${name}:${write((value as Plain)[name], name, ranks)},`
  return `${text}}`
}

function writeNumber(value: number, key: string, ranks: Ranks): string {
  if (TOKENS.has(key)) return `t${String(ranks.tokens.get(value))}`
  if (key === "arrival") return `a${String(ranks.arrivals.get(value))}`
  // When a grant or claim began is only shown; a time that has come is as good as any other.
  if (key === "at") return ""
  if (key === "notBefore") return String(Math.max(0, value - ranks.now))
  return String(value)
}
