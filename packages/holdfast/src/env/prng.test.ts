import { describe, expect, it } from "vitest"
import { createPrng, createPrngFromState } from "./prng.ts"

describe("the generator", () => {
  it("is xoshiro128**, by its published test vector", () => {
    const prng = createPrngFromState([1, 2, 3, 4])
    const words = Array.from({ length: 10 }, () => prng.nextUint32())
    expect(words).toEqual([
      11_520, 0, 5_927_040, 70_819_200, 2_031_721_883, 1_637_235_492, 1_287_239_034, 3_734_860_849, 3_729_100_597,
      4_258_142_804,
    ])
  })

  it("repeats its sequence for the same seed, and no other", () => {
    const seeds = [0, 1, 2, -1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
    const draw = (seed: number): string => {
      const prng = createPrng(seed)
      return Array.from({ length: 4 }, () => prng.nextUint32()).join(" ")
    }
    for (const seed of seeds) expect(draw(seed)).toBe(draw(seed))
    expect(new Set(seeds.map(draw)).size).toBe(seeds.length)
  })

  it("draws below a limit, every value about as often", () => {
    const prng = createPrng(3)
    const counts = [0, 0, 0]
    for (let draw = 0; draw < 30_000; draw++) counts[prng.nextBelow(3)]! += 1
    expect(counts).toHaveLength(3)
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
  })

  it.each([1.5, NaN, Infinity, 2 ** 53])("refuses %d as a seed", (seed) => {
    expect(() => createPrng(seed)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }))
  })
})
