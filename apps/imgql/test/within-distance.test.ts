/** What lies within a distance, found without distances, is what `dt` and a comparison make of it, bit for bit. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { comparison } from "../src/kernels/comparison.ts"
import { dt } from "../src/kernels/distance.ts"
import { runHere } from "../src/kernels/kernel.ts"
import type { Selection } from "../src/kernels/selection.ts"
import { distanceLimitOf, withinDistance } from "../src/kernels/within-distance.ts"
import { imageOf } from "./golden.ts"
import { makeFolder, makeRamp, runHere as runProgram } from "./program-run.ts"
import { runApart } from "./run-apart.ts"

const lengths = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constantFrom(31, 32, 33, 130))
/** Whose squares add up without rounding, and such as do not. */
const exact = fc.constantFrom(0.5, 1, 1, 1.5, 2, 3)
const rounded = fc.constantFrom(0.1, 0.7, 1, 1.3, 2.1, 3.1)

interface Grid {
  readonly size: readonly number[]
  readonly spacing: readonly number[]
}

const grids: fc.Arbitrary<Grid> = fc
  .tuple(fc.constantFrom(exact, rounded), fc.boolean())
  .chain(([steps, isPicture]) =>
    fc
      .tuple(lengths, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 6 }), steps, steps, steps)
      .map(([nx, ny, nz, x, y, z]): Grid =>
        isPicture ? { size: [nx, ny], spacing: [x, y] } : { size: [nx, ny, nz], spacing: [x, y, z] },
      ),
  )

/** Empty, sparse, dense and full masks; also such as are no bytes. */
const masks = grids.chain((grid) => {
  const count = grid.size.reduce((product, along) => product * along, 1)
  const voxels = fc.constantFrom(0, 1, 3, 10, 30, 95, 100).chain((percent) =>
    fc.array(
      fc.nat(99).map((drawn) => (drawn < percent ? 1 : 0)),
      { minLength: count, maxLength: count },
    ),
  )
  return fc
    .tuple(voxels, fc.constantFrom("uint8" as const, "float32" as const, "int16" as const))
    .map(([list, type]) => imageOf(grid, type, list))
})

const relations = fc.constantFrom("<" as const, "<=" as const, ">" as const, ">=" as const, "==" as const)

it("selects what the distances do, on any grid, at, between and beyond the distances there are", () => {
  let found = 0
  let atDistances = 0
  fc.assert(
    fc.property(
      masks,
      relations,
      fc.nat(1_000_000),
      fc.double({ min: 0.3, max: 8, noNaN: true }),
      (mask, relation, draw, other) => {
        const distances = runHere(dt, [mask], {})
        const isAt = draw % 2 === 0
        // Half of the limits are distances that occur, where all depends on the last bit.
        const constant = isAt ? Math.abs(distances.voxels[draw % distances.voxels.length] ?? 0) : other
        const selection: Selection = { kind: "comparison", relation, constant }
        const limit = distanceLimitOf(mask, selection)
        if (limit === null) return
        found += 1
        if (isAt) atDistances += 1
        const expected = runHere(comparison, [distances], { relation, constant })
        const parts = 1 + (draw % 4)
        expect([...runApart(withinDistance, [mask], limit, parts).voxels]).toEqual([...expected.voxels])
      },
    ),
    { numRuns: 2000 },
  )
  // It is no answer to leave everything to the distances.
  expect(found).toBeGreaterThan(1000)
  expect(atDistances).toBeGreaterThan(300)
})

describe("a program", () => {
  const HEAD = `import "simpleitk"
    let mask = ReadImage("head.nii.gz") >. 38
    let flt(a, x) = smoothen(a, x)
  `
  const GOALS = `
    print "grown" dilate(mask, 2)
    print "left" flt(mask, 3)
    print "far" volume(distgeq(4.5, mask))
    print "both" [dilate(mask, 5), volume(dilate(mask, 5))]`

  async function run(program: string): ReturnType<typeof runProgram> {
    return await runProgram(await makeFolder(makeRamp([24, 20, 16])), HEAD + program)
  }

  it("makes no distances of which it only asks what is near", async () => {
    const near = await run(GOALS)
    expect(near.kernels.filter((name) => name === "dt" || name === "mask")).toEqual([])
    // Wanted themselves, they are there before the masks are.
    const both = await run(`print "distances" [dt(mask), dt(!mask), dt(distgeq(3, !mask))]\n${GOALS}`)
    expect(both.kernels.filter((name) => name === "withinDistance").length).toBeLessThan(4)
    expect(both.lines.slice(1)).toEqual(near.lines)
    expect(near.failures).toEqual([])
  })

  it("makes them where so much is asked that one pass over them is less", async () => {
    const many = await run('print "volumes" for x in range(1, 30) do volume(dilate(mask, x))')
    expect(many.kernels.filter((name) => name === "dt")).toHaveLength(1)
    expect(many.kernels).not.toContain("withinDistance")
    const one = await run('print "volume" volume(dilate(mask, 17))')
    expect(many.lines[0]?.split(", ")[16]).toBe(one.lines[0]?.replace("volume=", ""))
  })

  it("says what fails of one, and of no other", async () => {
    const { failures, lines } = await run(`print "wrong" BinaryThreshold(dt(mask), 3, 2, 1, 0)\n${GOALS}`)
    expect(failures).toEqual([expect.stringContaining("a lower threshold not above the upper one") as string])
    expect(lines).toEqual((await run(GOALS)).lines)
  })
})
