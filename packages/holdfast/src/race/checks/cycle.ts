/** Orders the nodes of a directed graph or, when none exists, finds a short cycle in it. Without recursion. */

/** An edge to a node. `weight` is what the edge adds to the length of a cycle, so that a chain of helper nodes is free. */
export interface Edge<Label> {
  readonly to: number
  readonly weight: 0 | 1
  readonly label: Label
}

/** One edge of a cycle, with where it starts. */
export interface CycleEdge<Label> extends Edge<Label> {
  readonly from: number
}

/** A graph as the edges out of each node. */
export type Graph<Label> = readonly (readonly Edge<Label>[])[]

/** The nodes in an order that every edge agrees with, or a cycle that forbids it. */
export type Ordering<Label> =
  | { readonly kind: "order"; readonly nodes: readonly number[] }
  | { readonly kind: "cycle"; readonly edges: readonly CycleEdge<Label>[] }

// A shortest cycle is looked for through this many nodes of the first cycle found: each look costs the whole graph.
const MAX_STARTS = 20

/** Sorts topologically (Kahn 1962). The cycle reported otherwise is a shortest one through some node of a cycle. */
export function orderGraph<Label>(graph: Graph<Label>): Ordering<Label> {
  const nodes = peel(graph)
  if (nodes.length === graph.length) return { kind: "order", nodes }
  const knot = findKnot(graph, nodes)
  let shortest: Path<Label> | null = null
  let belowWeight = Infinity
  for (const start of findCycle(knot).slice(0, MAX_STARTS)) {
    const shorter = findShortestCycle(knot, start, belowWeight)
    if (shorter === null) continue
    shortest = shorter
    belowWeight = shorter.weight
  }
  if (shortest === null) throw new Error("expected a graph that has no order to have a cycle, but found none")
  return { kind: "cycle", edges: shortest.edges }
}

/** Takes away nodes that nothing leads to until there are none, and says in which order. */
function peel(graph: Graph<unknown>): number[] {
  const incomingCounts = new Int32Array(graph.length)
  for (const edges of graph) for (const { to } of edges) incomingCounts[to] = (incomingCounts[to] ?? 0) + 1
  const nodes: number[] = []
  for (let node = 0; node < graph.length; node++) if (incomingCounts[node] === 0) nodes.push(node)
  // The list grows while it is read: it is the queue and the result.
  for (const node of nodes) {
    for (const { to } of graph[node] ?? []) {
      const remaining = (incomingCounts[to] ?? 0) - 1
      incomingCounts[to] = remaining
      if (remaining === 0) nodes.push(to)
    }
  }
  return nodes
}

/** What is left of the graph when the nodes before every cycle and those after every cycle are taken away. */
function findKnot<Label>(graph: Graph<Label>, before: readonly number[]): Graph<Label> {
  const isOutside = new Uint8Array(graph.length)
  for (const node of before) isOutside[node] = 1
  const backwards: Edge<null>[][] = Array.from({ length: graph.length }, () => [])
  graph.forEach((edges, from) => {
    for (const { to } of edges) backwards[to]?.push({ to: from, weight: 1, label: null })
  })
  for (const node of peel(backwards)) isOutside[node] = 1
  return graph.map((edges, node) => (isOutside[node] === 1 ? [] : edges.filter(({ to }) => isOutside[to] === 0)))
}

/** Walks backwards in the knot, where each node that leads somewhere has a predecessor too, until the walk meets itself. */
function findCycle(knot: Graph<unknown>): number[] {
  const predecessors = new Map<number, number>()
  knot.forEach((edges, node) => {
    for (const { to } of edges) predecessors.set(to, node)
  })
  const walk: number[] = []
  const positions = new Map<number, number>()
  let node = knot.findIndex((edges) => edges.length > 0)
  while (!positions.has(node)) {
    positions.set(node, walk.length)
    walk.push(node)
    node = predecessors.get(node) ?? node
  }
  return walk.slice(positions.get(node))
}

interface Path<Label> {
  readonly weight: number
  readonly edges: readonly CycleEdge<Label>[]
}

/** Breadth first by weight: a level holds the edges whose ends are equally far, and grows by the free edges met in it. */
function findShortestCycle<Label>(graph: Graph<Label>, start: number, belowWeight: number): Path<Label> | null {
  const cameBy = new Map<number, CycleEdge<Label>>()
  let level: CycleEdge<Label>[] = []
  let nextLevel: CycleEdge<Label>[] = []
  for (const edge of edgesOf(graph, start)) (edge.weight === 0 ? level : nextLevel).push(edge)
  for (let weight = 0; weight < belowWeight && level.length + nextLevel.length > 0; weight++) {
    for (const edge of level) {
      if (cameBy.has(edge.to)) continue
      cameBy.set(edge.to, edge)
      if (edge.to === start) return { weight, edges: tracePath(cameBy, start) }
      for (const next of edgesOf(graph, edge.to)) (next.weight === 0 ? level : nextLevel).push(next)
    }
    level = nextLevel
    nextLevel = []
  }
  return null
}

function edgesOf<Label>(graph: Graph<Label>, from: number): CycleEdge<Label>[] {
  return (graph[from] ?? []).map((edge) => ({ ...edge, from }))
}

function tracePath<Label>(cameBy: ReadonlyMap<number, CycleEdge<Label>>, start: number): CycleEdge<Label>[] {
  const path: CycleEdge<Label>[] = []
  let node = start
  do {
    const edge = cameBy.get(node)
    if (edge === undefined) throw new Error(`expected node ${node} to have been reached`)
    path.push(edge)
    node = edge.from
  } while (node !== start)
  return path.toReversed()
}
