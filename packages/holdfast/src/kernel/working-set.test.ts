import { describe, expect, it } from "vitest"
import { WorkingSet } from "./working-set.ts"

describe("WorkingSet", () => {
  it("knows every row where nothing is behind it, and keeps no list of changes", () => {
    const rows = new WorkingSet<number>({ backed: false })
    expect(rows.isKnown("a")).toBe(true)
    rows.set("a", 1)
    rows.touch("a")
    rows.delete("a")
    expect(rows.takeChanges("limit", (row) => row)).toEqual([])
    expect(rows.knownKeys()).toEqual([])
  })

  it("knows what was loaded, absence included, and never lets an older row replace a newer one", () => {
    const rows = new WorkingSet<number>({ backed: true })
    expect(rows.isKnown("a")).toBe(false)
    rows.load("a", null)
    expect([rows.isKnown("a"), rows.get("a")]).toEqual([true, undefined])
    rows.set("a", 2)
    rows.load("a", 1)
    rows.load("b", 3)
    expect([...rows.entries()]).toEqual([
      ["a", 2],
      ["b", 3],
    ])
    expect([...rows.values()]).toEqual([2, 3])
  })

  it("hands over each change once, deletions as null", () => {
    const rows = new WorkingSet<{ n: number }>({ backed: true })
    rows.set("a", { n: 1 })
    rows.set("b", { n: 1 })
    rows.delete("b")
    const first = rows.takeChanges("cell", (row) => ({ ...row }))
    expect(first).toEqual([
      { key: "cell:a", row: { n: 1 } },
      { key: "cell:b", row: null },
    ])
    expect(rows.takeChanges("cell", (row) => row)).toEqual([])
    rows.touch("a")
    expect(rows.takeChanges("cell", (row) => row)).toHaveLength(1)
  })

  it("keeps a row whose changes were not taken, and forgets an idle one whole", () => {
    const rows = new WorkingSet<number>({ backed: true })
    rows.set("a", 1)
    expect(rows.isDirty("a")).toBe(true)
    rows.evict("a")
    expect(rows.get("a")).toBe(1)
    rows.takeChanges("limit", (row) => row)
    rows.evict("a")
    expect([rows.isKnown("a"), rows.size]).toEqual([false, 0])
    rows.load("b", null)
    expect(rows.knownKeys()).toEqual(["b"])
    rows.evict("b")
    expect(rows.isKnown("b")).toBe(false)
  })
})
