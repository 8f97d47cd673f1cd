/** Kernels on pairs and surfaces against their definitions, in any number of parts. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Image, VoxelType } from "../src/image/image.ts"
import { confusion, differences, overlap } from "../src/kernels/agreement.ts"
import { dt } from "../src/kernels/distance.ts"
import { circle, regularPolygon } from "../src/kernels/drawing.ts"
import { labelMean } from "../src/kernels/label-mean.ts"
import { overlay } from "../src/kernels/overlay.ts"
import { choose, pointwise } from "../src/kernels/pointwise.ts"
import { surface, surfaceDistances } from "../src/kernels/surface.ts"
import { tally } from "../src/kernels/tally.ts"
import { generate, imageOf } from "./golden.ts"
import { runApart } from "./run-apart.ts"

const GRID = { size: [9, 8, 7], spacing: [0.7, 1.3, 2.1] }
const COUNT = 9 * 8 * 7
const PARTS = [1, 2, 5, 64]

function masks(): readonly [Image, Image] {
  const [a, b] = [generate(7, COUNT), generate(8, COUNT)]
  const mask = (values: Float32Array): Image =>
    imageOf(
      GRID,
      "uint8",
      values.map((value) => (value > 0.7 ? 1 : 0)),
    )
  return [mask(a), mask(b)]
}

function labels(seed: number): Image {
  return imageOf(
    GRID,
    "uint8",
    generate(seed, COUNT).map((value) => Math.floor(value * 5)),
  )
}

describe("kernels on pairs of images", () => {
  it("count overlaps, classes and differences, in any number of parts", () => {
    const [a, b] = [labels(1), labels(2)]
    const pairs = Array.from(a.voxels, (value, at) => [value, b.voxels[at] ?? 0] as const)
    const both = pairs.filter(([one, other]) => one === 3 && other === 3).length
    const table = Array.from({ length: 5 }, (_, row) =>
      Array.from(
        { length: 5 },
        (_each, column) => pairs.filter(([one, other]) => one === column && other === row).length,
      ),
    )
    for (const parts of PARTS) {
      expect(runApart(overlap, [a, b], { label: 3 }, parts)).toEqual({
        both,
        first: pairs.filter(([one]) => one === 3).length,
        second: pairs.filter(([, other]) => other === 3).length,
      })
      expect(runApart(confusion, [a, b], { classes: 5 }, parts)).toEqual(table)
      expect(runApart(differences, [a, b], {}, parts)).toMatchObject({
        equal: pairs.filter(([one, other]) => one === other).length,
        mean: pairs.reduce((sum, [one, other]) => sum + other - one, 0) / COUNT,
        meanAbsolute: pairs.reduce((sum, [one, other]) => sum + Math.abs(other - one), 0) / COUNT,
      })
    }
  })

  it("tallies any values as sorting all of them does, in any number of parts", () => {
    const numbers = fc.oneof(
      fc.integer({ min: -9, max: 9 }),
      fc.double({ noNaN: true }),
      fc.constantFrom(Number.NaN, 0, -0, Infinity, -Infinity, 5e-324, -5e-324, 1e308),
    )
    const types = fc.constantFrom<VoxelType[]>("uint8", "int16", "uint32", "float32", "float64")
    const lists = fc.array(numbers, { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(types, lists, fc.integer({ min: 1, max: 4 }), (type, list, parts) => {
        const image = imageOf({ size: [list.length, 1] }, type, list)
        const sorted = Float64Array.from(image.voxels, (value) => value + 0).toSorted()
        const distinct = [...new Set(sorted)]
        const found = runApart(tally, [image], {}, parts)
        expect(found.values).toEqual(distinct)
        expect(found.counts).toEqual(distinct.map((value) => sorted.filter((each) => Object.is(each, value)).length))
        const half = sorted.length / 2
        const middle = ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2
        expect([found.distinct, found.median]).toEqual([distinct.length, middle])
      }),
    )
  })

  it("tally values, median and means of labels, in any number of parts", () => {
    const [a, b] = [labels(3), imageOf(GRID, "float32", generate(4, COUNT))]
    const sorted = Array.from(b.voxels).toSorted((one, other) => one - other)
    const means = [0, 1, 2, 3, 4].map((label) => {
      const of = Array.from(b.voxels).filter((_, at) => a.voxels[at] === label)
      return of.reduce((sum, value) => sum + value, 0) / of.length
    })
    for (const parts of PARTS) {
      const { values, counts, distinct } = runApart(tally, [a], {}, parts)
      expect({ values, distinct }).toEqual({ values: [0, 1, 2, 3, 4], distinct: 5 })
      expect(counts).toEqual(values.map((value) => Array.from(a.voxels).filter((one) => one === value).length))
      expect(runApart(tally, [b], {}, parts).median).toBe(((sorted[COUNT / 2 - 1] ?? 0) + (sorted[COUNT / 2] ?? 0)) / 2)
      const found = runApart(labelMean, [a, b], { largest: 4 }, parts)
      expect([...found.voxels]).toEqual(Array.from(a.voxels, (label) => Math.fround(means[label] ?? 0)))
    }
  })

  it("measure how far surfaces are apart, in any number of parts", () => {
    const [a, b] = masks()
    const surfaces = [a, b].map(surfaceOf)
    const [placesA = [], placesB = []] = surfaces
    const expected = placesA
      .map((place) => Math.min(...placesB.map((other) => distance(place, other))))
      .toSorted((one, other) => one - other)
    for (const parts of PARTS) {
      const [one, other] = [a, b].map((mask) => runApart(surface, [mask], {}, parts)) as [Image, Image]
      expect(Array.from(one.voxels.keys()).filter((at) => one.voxels[at] === 1)).toEqual(placesA)
      const found = runApart(surfaceDistances, [one, runApart(dt, [other], {}, parts)], {}, parts)
      expect(found).toHaveLength(expected.length)
      for (const [at, value] of expected.entries()) expect(found[at]).toBeCloseTo(value, 5)
    }
  })

  it("compute voxel by voxel the same in any number of parts", () => {
    const [a, b] = [labels(5), labels(6)]
    const flat = imageOf({ size: [30, 20] }, "float32", generate(9, 600))
    const shape = { x: 12.5, y: 9, radius: 7, value: 3 }
    const all = PARTS.map((parts) => [
      runApart(overlay, [a, b, a], {}, parts).voxels,
      runApart(choose, [a, b], { choice: "Maximum", constant: null }, parts).voxels,
      runApart(pointwise, [a], { of: "Sqrt" }, parts).voxels,
      runApart(circle, [flat], shape, parts).voxels,
      runApart(regularPolygon, [flat], { ...shape, sides: 5 }, parts).voxels,
    ])
    for (const one of all) expect(one).toEqual(all[0])
  })
})

const [NX = 1, NY = 1, NZ = 1] = GRID.size

function placeOf(at: number): readonly [number, number, number] {
  return [at % NX, Math.floor(at / NX) % NY, Math.floor(at / (NX * NY))]
}

function surfaceOf({ voxels }: Image): number[] {
  return Array.from(voxels.keys()).filter((at) => {
    const [x, y, z] = placeOf(at)
    const isInside = (i: number, j: number, k: number): boolean =>
      i >= 0 && j >= 0 && k >= 0 && i < NX && j < NY && k < NZ && voxels[(k * NY + j) * NX + i] === 1
    if (voxels[at] !== 1) return false
    for (const k of [z - 1, z, z + 1])
      for (const j of [y - 1, y, y + 1]) for (const i of [x - 1, x, x + 1]) if (!isInside(i, j, k)) return true
    return false
  })
}

function distance(one: number, other: number): number {
  const [a, b] = [placeOf(one), placeOf(other)]
  return Math.hypot(...GRID.spacing.map((step, axis) => ((a[axis] ?? 0) - (b[axis] ?? 0)) * step))
}
