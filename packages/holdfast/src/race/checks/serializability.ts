/**
 * Decides whether committed transactions are strictly serializable: whether one order of all of them explains every
 * version each one read and wrote, and agrees with real time (C1, C3). Versions make this cheap: they say who must come
 * before whom, and an order exists exactly when these demands form no cycle (Adya, "Weak Consistency", 1999; with
 * real-time edges as in Elle, Kingsbury and Alvaro 2020).
 *
 * - `ww`: who wrote a version comes before who wrote the next one of that cell.
 * - `wr`: who wrote a version comes before who read it.
 * - `rw`: who read a version comes before who wrote the next one.
 * - `realtime`: who returned comes before who was invoked afterwards.
 */
import { HoldfastError } from "../../kernel/errors.ts"
import { orderGraph, type Edge } from "./cycle.ts"

/** A version of a cell. Version 0 is its absence before the first commit, and every commit adds one. */
export interface CellVersion {
  readonly cell: string
  readonly version: number
}

/** A transaction that took effect. `returnedAt` is Infinity when that is known from elsewhere than its answer. */
export interface CommittedTransaction {
  readonly kind: "committed"
  readonly id: string
  /** From the same logical counter as `returnedAt`, see history.ts. */
  readonly invokedAt: number
  readonly returnedAt: number
  readonly reads: readonly CellVersion[]
  /** The versions it produced. */
  readonly writes: readonly CellVersion[]
}

/** A transaction that may have taken effect: what it may have written excuses that many versions without a writer. */
export interface PendingTransaction {
  readonly kind: "pending"
  readonly id: string
  readonly cells: readonly string[]
}

/** A transaction of a history. One that certainly had no effect is left out. */
export type Transaction = CommittedTransaction | PendingTransaction

/** Why one transaction must come before another. */
export type Dependency =
  | {
      readonly kind: "ww" | "wr" | "rw"
      readonly from: string
      readonly to: string
      readonly cell: string
      readonly version: number
    }
  | { readonly kind: "realtime"; readonly from: string; readonly to: string }

/** What no serial order explains. */
export type SerializabilityAnomaly =
  /** Each transaction of the cycle must come before the next. */
  | { readonly kind: "cycle"; readonly cycle: readonly Dependency[] }
  /** Several transactions produced the same version: all but one of these writes are lost. */
  | { readonly kind: "duplicate"; readonly cell: string; readonly version: number; readonly writers: readonly string[] }
  /** The cell went past a version, or somebody read it, that no transaction can have written. */
  | { readonly kind: "unwritten"; readonly cell: string; readonly version: number }

/** The answer of {@link checkSerializable}: a serial order of the committed ones as witness, or what forbids one. */
export type SerializabilityResult =
  | { readonly ok: true; readonly order: readonly string[] }
  | { readonly ok: false; readonly anomaly: SerializabilityAnomaly }

/** What is known about the cells before the history starts. */
export interface SerializabilityOptions {
  /** The version a cell had then. Default 0 for every cell. */
  readonly initialVersion?: (cell: string) => number
}

/**
 * Checks a history for strict serializability, in O(n log n).
 *
 * @throws HoldfastError ARGUMENT_INVALID when a transaction lists a cell it wrote twice, or an id occurs twice
 */
export function checkSerializable(
  transactions: readonly Transaction[],
  options: SerializabilityOptions = {},
): SerializabilityResult {
  const committed = transactions.filter((transaction) => transaction.kind === "committed")
  checkRecording(transactions)
  const cells = collectCells(committed)
  for (const transaction of transactions) {
    if (transaction.kind === "pending") for (const cell of transaction.cells) countExcuse(cells, cell)
  }
  const graph: Edge<Dependency | null>[][] = Array.from({ length: 2 * committed.length }, () => [])
  for (const [cell, uses] of cells) {
    const anomaly = findVersionAnomaly(cell, uses, options.initialVersion?.(cell) ?? 0, committed)
    if (anomaly !== null) return { ok: false, anomaly }
    addVersionEdges(graph, cell, uses, committed)
  }
  addRealTimeEdges(graph, committed)
  const ordering = orderGraph(graph)
  if (ordering.kind === "cycle") {
    return { ok: false, anomaly: { kind: "cycle", cycle: nameCycle(ordering.edges, committed) } }
  }
  const order = ordering.nodes.flatMap((node) => committed[node]?.id ?? [])
  return { ok: true, order }
}

/** Renders an anomaly for a test's failure message. */
export function describeAnomaly(anomaly: SerializabilityAnomaly): string {
  if (anomaly.kind === "duplicate") {
    return `version ${anomaly.version} of "${anomaly.cell}" was written by each of ${anomaly.writers.join(", ")}`
  }
  if (anomaly.kind === "unwritten") return `version ${anomaly.version} of "${anomaly.cell}" was written by nobody`
  const lines = anomaly.cycle.map((edge) => `  ${edge.from} before ${edge.to}: ${describeDependency(edge)}`)
  return ["no serial order: each of these must come before the next", ...lines].join("\n")
}

function describeDependency(edge: Dependency): string {
  if (edge.kind === "realtime") return "it had returned when the other was invoked"
  const verbs = { ww: "wrote a version before", wr: "wrote, for the other to read,", rw: "read a version before" }
  return `it ${verbs[edge.kind]} version ${edge.version} of "${edge.cell}"`
}

/** Who wrote and read the versions of one cell. Transactions are named by their index among the committed ones. */
interface CellUses {
  readonly writes: { readonly version: number; readonly transaction: number }[]
  readonly reads: { readonly version: number; readonly transaction: number }[]
  /** How many versions without a writer pending transactions account for. */
  excuseCount: number
}

function checkRecording(transactions: readonly Transaction[]): void {
  const ids = new Set<string>()
  for (const transaction of transactions) {
    const { id } = transaction
    if (ids.has(id)) {
      throw new HoldfastError("ARGUMENT_INVALID", `every transaction needs an id of its own, but "${id}" occurs twice`)
    }
    ids.add(id)
    if (transaction.kind === "pending") continue
    const written = new Set(transaction.writes.map((write) => write.cell))
    if (written.size === transaction.writes.length) continue
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `a transaction writes one version of a cell, but "${id}" lists ${JSON.stringify(transaction.writes)}`,
    )
  }
}

function collectCells(committed: readonly CommittedTransaction[]): Map<string, CellUses> {
  const cells = new Map<string, CellUses>()
  committed.forEach(({ reads, writes }, transaction) => {
    for (const { cell, version } of writes) usesOf(cells, cell).writes.push({ version, transaction })
    for (const { cell, version } of reads) usesOf(cells, cell).reads.push({ version, transaction })
  })
  for (const { writes } of cells.values()) writes.sort((left, right) => left.version - right.version)
  return cells
}

function usesOf(cells: Map<string, CellUses>, cell: string): CellUses {
  let uses = cells.get(cell)
  if (uses === undefined) {
    uses = { writes: [], reads: [], excuseCount: 0 }
    cells.set(cell, uses)
  }
  return uses
}

function countExcuse(cells: Map<string, CellUses>, cell: string): void {
  usesOf(cells, cell).excuseCount += 1
}

function findVersionAnomaly(
  cell: string,
  { writes, reads, excuseCount }: CellUses,
  initialVersion: number,
  committed: readonly CommittedTransaction[],
): SerializabilityAnomaly | null {
  let missingCount = 0
  let firstMissing: number | null = null
  let previous = initialVersion
  const newestRead = reads.reduce((newest, read) => Math.max(newest, read.version), initialVersion)
  // One past the newest version anybody read closes the last gap, as if it had been written.
  for (const version of [
    ...writes.map((write) => write.version),
    Math.max(newestRead, writes.at(-1)?.version ?? 0) + 1,
  ]) {
    if (version === previous && version !== initialVersion) {
      const writers = writes.filter((write) => write.version === version)
      const names = writers.map(({ transaction }) => committed[transaction]?.id ?? "")
      return { kind: "duplicate", cell, version, writers: names }
    }
    if (version <= initialVersion) return { kind: "unwritten", cell, version }
    if (version > previous + 1) firstMissing ??= previous + 1
    missingCount += version - previous - 1
    previous = version
  }
  if (firstMissing === null || missingCount <= excuseCount) return null
  return { kind: "unwritten", cell, version: firstMissing }
}

type DependencyGraph = Edge<Dependency | null>[][]

/**
 * Where the neighboring version's writer is pending and so unknown, the nearest known one takes its place: the order of
 * the two follows through the unknown one in between.
 */
function addVersionEdges(
  graph: DependencyGraph,
  cell: string,
  { writes, reads }: CellUses,
  committed: readonly CommittedTransaction[],
): void {
  function add(kind: "ww" | "wr" | "rw", from: number | undefined, to: number | undefined, version: number): void {
    if (from === undefined || to === undefined || from === to) return
    const label = { kind, from: committed[from]?.id ?? "", to: committed[to]?.id ?? "", cell, version }
    graph[from]?.push({ to, weight: 1, label })
  }
  writes.forEach(({ version, transaction }, index) => add("ww", writes[index - 1]?.transaction, transaction, version))
  for (const { version, transaction } of reads) {
    const nextIndex = firstIndexAbove(writes, version)
    const next = writes[nextIndex]
    add("wr", writes[nextIndex - 1]?.transaction, transaction, version)
    add("rw", transaction, next?.transaction, next?.version ?? version)
  }
}

function firstIndexAbove(writes: CellUses["writes"], version: number): number {
  let low = 0
  let high = writes.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((writes[middle]?.version ?? Infinity) > version) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * Real time orders n transactions with up to n * n edges. A chain of helper nodes, one for each return in the order of
 * returning, says the same with 3 * n: a transaction leads to its helper, a helper to the next, and the last helper
 * before an invocation to the transaction invoked.
 */
function addRealTimeEdges(graph: DependencyGraph, committed: readonly CommittedTransaction[]): void {
  const byReturn = committed
    .map(({ returnedAt }, transaction) => ({ returnedAt, transaction }))
    .toSorted((left, right) => left.returnedAt - right.returnedAt)
  const byInvocation = committed
    .map(({ invokedAt }, transaction) => ({ invokedAt, transaction }))
    .toSorted((left, right) => left.invokedAt - right.invokedAt)
  const helper = (position: number): number => committed.length + position
  byReturn.forEach(({ transaction }, position) => {
    graph[transaction]?.push({ to: helper(position), weight: 1, label: null })
    if (position > 0) graph[helper(position - 1)]?.push({ to: helper(position), weight: 0, label: null })
  })
  let returnedCount = 0
  for (const { invokedAt, transaction } of byInvocation) {
    while ((byReturn[returnedCount]?.returnedAt ?? Infinity) < invokedAt) returnedCount += 1
    if (returnedCount > 0) graph[helper(returnedCount - 1)]?.push({ to: transaction, weight: 0, label: null })
  }
}

/** Turns each run of helper edges back into the one real-time edge it stands for. */
function nameCycle(
  edges: readonly { readonly from: number; readonly to: number; readonly label: Dependency | null }[],
  committed: readonly CommittedTransaction[],
): Dependency[] {
  // The cycle may be cut inside such a run; starting at a transaction makes every run whole.
  const firstIndex = edges.findIndex((edge) => edge.from < committed.length)
  const cycle: Dependency[] = []
  let from = ""
  for (const edge of [...edges.slice(firstIndex), ...edges.slice(0, firstIndex)]) {
    from = committed[edge.from]?.id ?? from
    const to = committed[edge.to]?.id
    if (edge.label !== null) cycle.push(edge.label)
    else if (to !== undefined) cycle.push({ kind: "realtime", from, to })
  }
  return cycle
}
