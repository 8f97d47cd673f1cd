import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Heap, type HeapPlace } from "./heap.ts"

interface Entry {
  readonly place: HeapPlace
  rank: number
}

function create(): Heap<Entry> {
  return new Heap({ before: (a, b) => a.rank < b.rank, placeOf: (each) => each.place })
}

function entry(rank: number): Entry {
  return { place: { index: -1 }, rank }
}

describe("Heap", () => {
  it("has the smallest at the top, whatever was added, changed and removed", () => {
    const step = fc.record({ kind: fc.constantFrom("add", "remove", "move"), at: fc.nat(50), rank: fc.nat(100) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = create()
        const inside: Entry[] = []
        for (const { kind, at, rank } of steps) {
          const chosen = inside[at % Math.max(1, inside.length)]
          if (kind === "add" || chosen === undefined) {
            const added = entry(rank)
            inside.push(added)
            heap.add(added)
          } else if (kind === "move") {
            chosen.rank = rank
            heap.add(chosen)
          } else {
            inside.splice(inside.indexOf(chosen), 1)
            heap.remove(chosen)
          }
          expect(heap.size).toBe(inside.length)
          expect(heap.top?.rank).toBe(inside.length === 0 ? undefined : Math.min(...inside.map((each) => each.rank)))
          expect(inside.every((each) => heap.has(each))).toBe(true)
          expect([...heap.values()].toSorted(byRank)).toEqual(inside.toSorted(byRank))
        }
      }),
    )
  })

  it("does nothing when what is removed is not in", () => {
    const heap = create()
    heap.add(entry(1))
    heap.remove(entry(2))
    expect(heap.size).toBe(1)
    expect(heap.has(entry(1))).toBe(false)
  })

  it("compares O(log n) entries to let one leave from anywhere", () => {
    let comparisons = 0
    const before = (a: Entry, b: Entry): boolean => {
      comparisons += 1
      return a.rank < b.rank
    }
    const heap = new Heap<Entry>({ before, placeOf: (each) => each.place })
    const entries = Array.from({ length: 1 << 14 }, (_, index) => entry((index * 7_919) % (1 << 14)))
    for (const each of entries) heap.add(each)
    comparisons = 0
    for (const each of entries.slice(0, 1_000)) heap.remove(each)
    expect(comparisons).toBeLessThan(1_000 * 3 * 14)
  })
})

function byRank(a: Entry, b: Entry): number {
  return a.rank - b.rank || a.place.index - b.place.index
}
