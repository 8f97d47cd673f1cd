import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { orderGraph, type Edge } from "./cycle.ts"

function toGraph(nodeCount: number, edges: readonly (readonly [number, number, (0 | 1)?])[]): Edge<string>[][] {
  const graph: Edge<string>[][] = Array.from({ length: nodeCount }, () => [])
  for (const [from, to, weight = 1] of edges) graph[from]?.push({ to, weight, label: `${from}-${to}` })
  return graph
}

describe("orderGraph", () => {
  it("finds the shortest cycle through the nodes of one", () => {
    const result = orderGraph(
      toGraph(5, [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 0],
        [2, 0],
        [4, 0],
      ]),
    )
    if (result.kind !== "cycle") throw new Error("expected a cycle")
    expect(result.edges.map((edge) => edge.label).toSorted()).toEqual(["0-1", "1-2", "2-0"])
  })

  it("looks for it through every node of the first one", () => {
    const result = orderGraph(
      toGraph(5, [
        [0, 4],
        [4, 3],
        [3, 2],
        [2, 1],
        [1, 0],
        [2, 3],
      ]),
    )
    if (result.kind !== "cycle") throw new Error("expected a cycle")
    expect(result.edges.map((edge) => edge.label).toSorted()).toEqual(["2-3", "3-2"])
  })

  it("counts free edges as nothing, the first one too", () => {
    const result = orderGraph(
      toGraph(3, [
        [0, 1],
        [1, 0, 0],
        [0, 2, 0],
        [2, 0, 0],
      ]),
    )
    if (result.kind !== "cycle") throw new Error("expected a cycle")
    expect(result.edges.map((edge) => edge.label).toSorted()).toEqual(["0-2", "2-0"])
  })

  it("takes many free edges before few paid ones", () => {
    const result = orderGraph(
      toGraph(6, [
        [0, 1],
        [1, 2, 0],
        [2, 3, 0],
        [3, 4, 0],
        [4, 0],
        [1, 5],
        [5, 0],
      ]),
    )
    if (result.kind !== "cycle") throw new Error("expected a cycle")
    expect(result.edges).toHaveLength(5)
    expect(result.edges.map((edge) => edge.label)).not.toContain("1-5")
  })

  it("orders every graph that can be ordered, and finds a real cycle in every other", () => {
    const verdicts = { order: 0, cycle: 0 }
    const edge = fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 7 }), fc.constantFrom<0 | 1>(0, 1))
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 14 }), (edges) => {
        const result = orderGraph(toGraph(8, edges))
        verdicts[result.kind] += 1
        if (result.kind === "order") {
          expect(result.nodes.toSorted((left, right) => left - right)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
          for (const [from, to] of edges) expect(result.nodes.indexOf(from)).toBeLessThan(result.nodes.indexOf(to))
          return
        }
        result.edges.forEach((step, index) => {
          expect(edges.some(([from, to]) => from === step.from && to === step.to)).toBe(true)
          expect(result.edges[(index + 1) % result.edges.length]?.from).toBe(step.to)
        })
        expect(new Set(result.edges.map((step) => step.from)).size).toBe(result.edges.length)
      }),
      { numRuns: 1_000 },
    )
    expect(verdicts.order).toBeGreaterThan(100)
    expect(verdicts.cycle).toBeGreaterThan(100)
  })
})
