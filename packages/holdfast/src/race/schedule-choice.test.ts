import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createPrng } from "../env/prng.ts"
import { createBranches, createRandomChooser, createReplay } from "./schedule-choice.ts"

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `alternative ${index}`)

describe("the branches of an exhaustive exploration", () => {
  it("visit every leaf of any tree once", () => {
    // A tree is how many alternatives there are after a path; a hash of the path makes it irregular.
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const widthAfter = (path: readonly number[]): number =>
          path.length === 4 ? 0 : createPrng(path.reduce((sum, taken) => sum * 7 + taken + 1, seed)).nextBelow(4)
        const countLeaves = (path: readonly number[]): number => {
          const width = widthAfter(path)
          if (width < 2) return 1
          return Array.from({ length: width }, (_, taken) => countLeaves([...path, taken])).reduce((a, b) => a + b, 0)
        }
        const branches = createBranches()
        const leaves: string[] = []
        do {
          const path: number[] = []
          for (let width = widthAfter(path); width >= 2; width = widthAfter(path))
            path.push(branches.choose(names(width)))
          branches.checkEnded()
          leaves.push(path.join())
        } while (branches.startNext())
        expect(leaves).toHaveLength(countLeaves([]))
        expect(new Set(leaves).size).toBe(leaves.length)
      }),
    )
  })

  it("refuse a past that does not repeat", () => {
    const branches = createBranches()
    branches.choose(["a", "b"])
    branches.choose(["a", "b"])
    branches.startNext()
    expect(() => branches.choose(["a", "c"])).toThrow("not deterministic")
    expect(() => branches.choose(["a"])).toThrow("not deterministic")
    expect(() => branches.checkEnded()).toThrow("the end of the scenario")
  })
})

describe("a replay", () => {
  it("repeats its choices, and takes the first alternative after them", () => {
    const replay = createReplay([2, 1])
    expect([replay.choose(names(3)), replay.choose(names(2)), replay.choose(names(3))]).toEqual([2, 1, 0])
    replay.checkEnded()
    expect(replay.startNext()).toBe(false)
  })

  it("refuses a scenario it does not fit", () => {
    expect(() => createReplay([2]).choose(names(2))).toThrow("does not fit")
    expect(() => createReplay([-1]).choose(names(2))).toThrow("does not fit")
    expect(() => createReplay([0.5]).choose(names(2))).toThrow("does not fit")
    expect(() => createReplay([0]).checkEnded()).toThrow("ended after 0")
  })
})

describe("a random chooser", () => {
  it("takes every alternative, the same ones for the same seed", () => {
    const draw = (seed: number): number[] => {
      const chooser = createRandomChooser(createPrng(seed))
      return Array.from({ length: 50 }, () => chooser.choose(names(3)))
    }
    expect(new Set(draw(1))).toEqual(new Set([0, 1, 2]))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
  })
})
