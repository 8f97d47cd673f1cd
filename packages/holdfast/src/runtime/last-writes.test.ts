/** What a session wrote last: told only where nobody else seems to write, in the same term, and of a bounded number. */
import { describe, expect, it } from "vitest"
import { LastWrites } from "./last-writes.ts"

function view(version: number, value: number | Uint8Array = version, name = "x") {
  return { name, version, value }
}

describe("what a session wrote last", () => {
  it("is told once two of its writes followed each other", () => {
    const writes = new LastWrites()
    expect(writes.read("x", 0)).toBeUndefined()
    writes.wrote(0, view(1), 0)
    expect(writes.read("x", 0)).toBeUndefined()
    writes.wrote(1, view(2), 0)
    expect(writes.read("x", 0)).toEqual(view(2))
    expect(writes.read("y", 0)).toBeUndefined()
  })

  it("is not told where somebody else wrote between", () => {
    const writes = new LastWrites()
    for (let version = 1; version < 20; version += 2) {
      writes.wrote(version - 1, view(version), 0)
      expect(writes.read("x", 0)).toBeUndefined()
    }
  })

  it("is told again only after two more writes once it was wrong", () => {
    const writes = new LastWrites()
    writes.wrote(0, view(1), 0)
    writes.wrote(1, view(2), 0)
    writes.drop("x")
    expect(writes.read("x", 0)).toBeUndefined()
    writes.wrote(7, view(8), 0)
    expect(writes.read("x", 0)).toBeUndefined()
    writes.wrote(8, view(9), 0)
    expect(writes.read("x", 0)).toEqual(view(9))
  })

  it("is not told, nor counted, in another term: its version may be another's by then (C3)", () => {
    const writes = new LastWrites()
    writes.wrote(0, view(1), 0)
    writes.wrote(1, view(2), 0)
    expect(writes.read("x", 1)).toBeUndefined()
    writes.wrote(2, view(3), 1)
    expect(writes.read("x", 1)).toBeUndefined()
    writes.wrote(3, view(4), 1)
    expect(writes.read("x", 1)).toEqual(view(4))
  })

  it("is kept of small values only, and of the cells written last", () => {
    const writes = new LastWrites()
    for (const version of [1, 2]) writes.wrote(version - 1, view(version, new Uint8Array(1_025)), 0)
    expect(writes.read("x", 0)).toBeUndefined()
    for (const version of [1, 2]) writes.wrote(version - 1, view(version, new Uint8Array(1_024), "first"), 0)
    expect(writes.read("first", 0)).toBeDefined()
    for (let cell = 0; cell < 4_095; cell++) writes.wrote(0, view(1, 1, `c${String(cell)}`), 0)
    expect(writes.read("first", 0)).toBeDefined()
    writes.wrote(0, view(1, 1, "one too many"), 0)
    expect(writes.read("first", 0)).toBeUndefined()
  })
})
