/**
 * `--profile`: where the time of a run went. The file is a Chrome trace, which Perfetto, speedscope and chrome://tracing open;
 * beside the events it has sums by primitive, by kernel and by place in the program (`imgql`).
 */
import type { OperationEvent, WorkEvent } from "../engine/observer.ts"
import type { Graph, Handle } from "../graph/graph.ts"
import { formatSite } from "./location.ts"

/** Viewers become slow above this; sums count all the same. */
const MAX_EVENTS = 200_000

interface Span {
  readonly name: string
  readonly category: "operation" | WorkEvent["kind"]
  readonly startMs: number
  readonly endMs: number
  readonly details: Readonly<Record<string, string | number>>
}

interface Sum {
  count: number
  ms: number
}

/** One lane of a viewer a group, and below it as many rows as ran at once. */
const GROUPS: readonly (readonly [string, readonly Span["category"][]])[] = [
  ["operations", ["operation"]],
  ["kernels", ["kernel"]],
  ["files and store", ["read", "fetch", "store"]],
]

export class Profile {
  readonly #graph: Graph
  readonly #sources: ReadonlyMap<string, string>
  readonly #now: () => number
  readonly #originMs: number
  readonly #open = new Map<string, number>()
  readonly #spans: Span[] = []
  #dropped = 0
  readonly #primitives = new Map<string, Sum>()
  readonly #places = new Map<string, Sum>()
  readonly #kernels = new Map<string, Sum>()
  readonly #others = new Map<string, Sum>()

  constructor(graph: Graph, sources: ReadonlyMap<string, string>, now: () => number) {
    this.#graph = graph
    this.#sources = sources
    this.#now = now
    this.#originMs = now()
  }

  operation({ stage, id, node }: OperationEvent): void {
    if (stage === "started") this.#open.set(id, this.#now())
    if (stage !== "ran" && stage !== "stopped") return
    const startMs = this.#open.get(id)
    if (startMs === undefined) return
    this.#open.delete(id)
    const endMs = this.#now()
    const name = nameOfNode(this.#graph, node)
    const location = formatSite(this.#graph.siteOf(node), this.#sources)
    add(this.#primitives, name, endMs - startMs)
    add(this.#places, location, endMs - startMs)
    this.#keep({ name, category: "operation", startMs, endMs, details: { id, location, outcome: stage } })
  }

  worked({ kind, name, ids, startedMs, endedMs }: WorkEvent): void {
    add(kind === "kernel" ? this.#kernels : this.#others, kind === "kernel" ? name : kind, endedMs - startedMs)
    const [id = ""] = ids
    const shown = kind === "kernel" || kind === "read" ? name : kind
    const details = { operations: ids.length, ...(id === "" ? {} : { id }) }
    this.#keep({ name: shown, category: kind, startMs: startedMs, endMs: endedMs, details })
  }

  #keep(span: Span): void {
    if (this.#spans.length < MAX_EVENTS) this.#spans.push(span)
    else this.#dropped += 1
  }

  /** The file's text. */
  toJson(): string {
    const events = GROUPS.flatMap(([group, categories], at) =>
      eventsOf(
        group,
        at + 1,
        this.#spans.filter(({ category }) => categories.includes(category)),
        this.#originMs,
      ),
    )
    const sums = {
      elapsedMs: round(this.#now() - this.#originMs),
      eventsLeftOut: this.#dropped,
      byPrimitive: sorted(this.#primitives),
      byLocation: sorted(this.#places),
      byKernel: sorted(this.#kernels),
      byFilesAndStore: sorted(this.#others),
    }
    return `${JSON.stringify({ displayTimeUnit: "ms", traceEvents: events, imgql: sums })}\n`
  }
}

/** What a node applies, as programs call it. */
export function nameOfNode(graph: Graph, node: Handle): string {
  const operator = graph.operatorOf(node)
  return operator.kind === "apply" ? operator.overloads.name : operator.kind
}

/** Spans of one group, each in the first row that is free by then; viewers take a row for a thread. */
function eventsOf(group: string, pid: number, spans: readonly Span[], originMs: number): object[] {
  const events: object[] = [{ name: "process_name", ph: "M", pid, tid: 0, args: { name: group } }]
  const freeAt: number[] = []
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const found = freeAt.findIndex((ms) => ms <= span.startMs)
    const row = found === -1 ? freeAt.length : found
    freeAt[row] = span.endMs
    events.push({
      name: span.name,
      cat: span.category,
      ph: "X",
      ts: Math.round((span.startMs - originMs) * 1_000),
      dur: Math.max(1, Math.round((span.endMs - span.startMs) * 1_000)),
      pid,
      tid: row + 1,
      args: span.details,
    })
  }
  return events
}

function add(sums: Map<string, Sum>, key: string, ms: number): void {
  const sum = sums.get(key) ?? { count: 0, ms: 0 }
  sum.count += 1
  sum.ms += ms
  sums.set(key, sum)
}

/** The most expensive first. */
function sorted(sums: ReadonlyMap<string, Sum>): object[] {
  return [...sums]
    .toSorted(([, a], [, b]) => b.ms - a.ms)
    .map(([name, { count, ms }]) => ({ name, count, ms: round(ms) }))
}

function round(ms: number): number {
  return Number(ms.toFixed(3))
}
