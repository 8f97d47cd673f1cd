/** Kernels against their definitions, on small images of every shape, cut into any number of parts. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Image, VoxelType } from "../src/image/image.ts"
import { connectedComponent, lcc, maxvol, through } from "../src/kernels/components.ts"
import { crossCorrelation } from "../src/kernels/cross-correlation.ts"
import { dt } from "../src/kernels/distance.ts"
import { gradient } from "../src/kernels/gradient.ts"
import { interior, near } from "../src/kernels/morphology.ts"
import { otsu } from "../src/kernels/otsu.ts"
import { percentiles } from "../src/kernels/percentiles.ts"
import { statistics, volume } from "../src/kernels/statistics.ts"
import { imageOf } from "./golden.ts"
import * as reference from "./reference.ts"
import { runApart } from "./run-apart.ts"

interface Grid {
  readonly size: readonly number[]
  readonly spacing: readonly number[]
}

const lengths = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constantFrom(1, 31, 32, 33, 40))
const steps = fc.constantFrom(0.7, 1, 1.3, 2.1)

/** Pictures and volumes; a volume's other sides are short where x is long. */
const grids: fc.Arbitrary<Grid> = fc.oneof(
  fc.tuple(lengths, fc.integer({ min: 1, max: 7 })).chain((size) => withSpacing(size)),
  fc.tuple(lengths, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain((size) => withSpacing(size)),
)

function withSpacing(size: readonly number[]): fc.Arbitrary<Grid> {
  return fc
    .array(steps, { minLength: size.length, maxLength: size.length })
    .map((spacing) => ({ size: [...size], spacing }))
}

function voxelsOf({ size }: Grid): number {
  return size.reduce((product, along) => product * along, 1)
}

function imagesOf(grid: Grid, type: VoxelType, values: fc.Arbitrary<number>): fc.Arbitrary<Image> {
  const count = voxelsOf(grid)
  return fc.array(values, { minLength: count, maxLength: count }).map((list) => imageOf(grid, type, list))
}

/** Empty, sparse, dense and full ones. */
function masksOf(grid: Grid): fc.Arbitrary<Image> {
  return fc.constantFrom(0, 1, 5, 9, 10).chain((tenths) =>
    imagesOf(
      grid,
      "uint8",
      fc.nat(9).map((drawn) => (drawn < tenths ? 1 : 0)),
    ),
  )
}

const partCounts = fc.integer({ min: 1, max: 4 })
const RUNS = { numRuns: 150 }

/** Values that tie, values that do not, and none at all. */
const someValues = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 4 }) },
  { weight: 4, arbitrary: fc.float({ min: -2, max: 2, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 1e-40, 3e38, -3e38) },
)

const scenes = fc.tuple(grids, partCounts)

function expectClose(found: ArrayLike<number>, expected: readonly number[], relative: number): void {
  const far = expected.flatMap((value, at) => {
    const actual = found[at] ?? Number.NaN
    const isClose = Object.is(actual, value) || Math.abs(actual - value) <= relative * Math.max(1, Math.abs(value))
    return isClose ? [] : [`at ${at}: ${actual}, not ${value}`]
  })
  expect(far).toEqual([])
  expect(found).toHaveLength(expected.length)
}

describe("near and interior", () => {
  it("follow their definitions, also where voxels are neither 0 nor 1", () => {
    const cases = scenes.chain(([grid, parts]) =>
      fc.tuple(imagesOf(grid, "uint8", fc.constantFrom(0, 0, 0, 1, 1, 2)), fc.constant(parts)),
    )
    fc.assert(
      fc.property(cases, ([image, parts]) => {
        expect([...runApart(near, [image], {}, parts).voxels]).toEqual(reference.near(image))
        expect([...runApart(interior, [image], {}, parts).voxels]).toEqual(reference.interior(image))
      }),
      RUNS,
    )
  })

  it("take other images as bytes", () => {
    const image = imageOf({ size: [3, 1] }, "float32", [0, 1.9, 257])
    expect([...runApart(near, [image], {}, 1).voxels]).toEqual([1, 1, 1])
    expect([...runApart(interior, [image], {}, 1).voxels]).toEqual([0, 0, 1])
  })
})

describe("components", () => {
  it("are those that flooding finds", () => {
    const cases = scenes.chain(([grid, parts]) => fc.tuple(masksOf(grid), masksOf(grid), fc.constant(parts)))
    fc.assert(
      fc.property(cases, ([mask, seed, parts]) => {
        const labels = reference.label(mask, true)
        expect([...runApart(lcc, [mask], {}, parts).voxels]).toEqual(labels)
        for (const isFullyConnected of [true, false]) {
          const found = runApart(connectedComponent, [mask], { isFullyConnected }, parts)
          expect([...found.voxels]).toEqual(reference.label(mask, isFullyConnected))
        }
        expect([...runApart(through, [seed, mask], {}, parts).voxels]).toEqual(reference.through(seed, mask))
        expect([...runApart(maxvol, [mask], {}, parts).voxels]).toEqual(reference.maxvol(mask))
      }),
      RUNS,
    )
  })
})

describe("dt", () => {
  it("is the distance to the nearest border voxel, however it is found", () => {
    const cases = scenes.chain(([grid, parts]) => fc.tuple(masksOf(grid), fc.constant(parts)))
    fc.assert(
      fc.property(cases, ([mask, parts]) => {
        expectClose(runApart(dt, [mask], {}, parts).voxels, reference.dt(mask), 5e-7)
      }),
      RUNS,
    )
  })
})

describe("percentiles", () => {
  it("are what sorting gives", () => {
    const cases = scenes.chain(([grid, parts]) =>
      fc.tuple(
        imagesOf(grid, "float32", someValues),
        masksOf(grid),
        fc.constantFrom(0, 0.25, 0.5, 1),
        fc.constant(parts),
      ),
    )
    fc.assert(
      fc.property(cases, ([image, mask, correction, parts]) => {
        const found = runApart(percentiles, [image, mask], { correction }, parts)
        expectClose(found.voxels, reference.percentiles(image, mask, correction), 0)
      }),
      RUNS,
    )
  })

  it("are what sorting gives where buckets are large", () => {
    const count = 20_000
    const values = Float32Array.from({ length: count }, (_, at) => Math.sin(at) * (at % 3 === 0 ? 1e-3 : 1))
    const image = imageOf({ size: [200, 100] }, "float32", values)
    const mask = imageOf({ size: [200, 100] }, "uint8", new Uint8Array(count).fill(1))
    const sorted = values.toSorted()
    const ends = new Map(Array.from(sorted, (value, at) => [value, at + 1]))
    const starts = new Map(Array.from(sorted, (value, at) => [value, at] as const).toReversed())
    const expected = Array.from(values, (value) => {
      const below = starts.get(value) ?? Number.NaN
      const above = ends.get(value) ?? Number.NaN
      return Math.fround((below + 0.5 * (above - below)) / count)
    })
    for (const parts of [1, 3]) {
      expectClose(runApart(percentiles, [image, mask], { correction: 0.5 }, parts).voxels, expected, 0)
    }
  })

  it("count NaN as larger than all", () => {
    const image = imageOf({ size: [4, 1] }, "float32", [Number.NaN, 1, 2, 3])
    const mask = imageOf({ size: [4, 1] }, "uint8", [1, 1, 1, 1])
    expect([...runApart(percentiles, [image, mask], { correction: 0 }, 2).voxels]).toEqual([0.75, 0, 0.25, 0.5])
  })
})

describe("gradient", () => {
  it("is made of central differences", () => {
    const cases = scenes.chain(([grid, parts]) =>
      fc.tuple(
        fc
          .constantFrom<VoxelType>("float32", "int16", "float64")
          .chain((type) => imagesOf(grid, type, fc.integer({ min: -300, max: 300 }))),
        fc.constant(parts),
      ),
    )
    fc.assert(
      fc.property(cases, ([image, parts]) => {
        expectClose(runApart(gradient, [image], {}, parts).voxels, reference.gradient(image), 1e-6)
      }),
      RUNS,
    )
  })
})

describe("crossCorrelation", () => {
  it("is Pearson's correlation of histograms", () => {
    const values = fc.oneof(
      { weight: 9, arbitrary: fc.float({ min: 0, max: 1, noNaN: true }) },
      { weight: 1, arbitrary: fc.constant(Number.NaN) },
    )
    const cases = scenes.chain(([grid, parts]) =>
      fc.record({
        image: imagesOf(grid, "float32", values),
        other: imagesOf(grid, "float32", values),
        region: masksOf(grid),
        // The last one is a window of the whole image.
        radius: fc.constantFrom(0, 1, 2, 3.5, 300),
        bins: fc.integer({ min: 1, max: 6 }),
        to: fc.constantFrom(0.5, 1),
        parts: fc.constant(parts),
      }),
    )
    fc.assert(
      fc.property(cases, ({ image, other, region, radius, bins, to, parts }) => {
        const found = runApart(crossCorrelation, [image, other, region], { radius, from: 0, to, bins }, parts)
        const [x = 1, y = 1, z = 1] = image.spacing.map((step) => Math.max(1, roundToEven(radius / step)))
        const expected = reference.crossCorrelation({ image, other, region, reach: [x, y, z], from: 0, to, bins })
        expectClose(found.voxels, expected, 1e-6)
      }),
      RUNS,
    )
  })
})

describe("crossCorrelation in large windows", () => {
  it("is the same", () => {
    // 201 x 201 voxels are more than vectors count; the products of 121 x 121 are as large as theirs can be.
    const grid = { size: [230, 210], spacing: [1, 1] }
    const values = Float32Array.from({ length: voxelsOf(grid) }, (_, at) => (Math.imul(at, 2_654_435_761) >>> 24) / 256)
    const image = imageOf(grid, "float32", values)
    const region = imageOf(
      grid,
      "uint8",
      Uint8Array.from(values, (value) => (value > 0.3 ? 1 : 0)),
    )
    const parameters = { from: 0, to: 0.9, bins: 11 }
    for (const radius of [60, 100]) {
      const reach = [radius, radius, 0] as const
      const expected = reference.makeCrossCorrelation({ image, other: image, region, reach, ...parameters })
      for (const parts of [1, 3]) {
        const found = runApart(crossCorrelation, [image, image, region], { radius, ...parameters }, parts)
        for (let at = 0; at < values.length; at += 4999) expect(found.voxels[at]).toBeCloseTo(expected(at), 6)
      }
    }
  })
})

describe("dt where nothing is near", () => {
  it("is as exact along the envelope as step by step", () => {
    // One voxel, and lines much longer than what is gone through step by step.
    const size = [5, 400]
    const image = imageOf(
      { size, spacing: [0.7, 1.3] },
      "uint8",
      Uint8Array.from({ length: 2000 }, (_, at) => (at === 7 ? 1 : 0)),
    )
    expectClose(runApart(dt, [image], {}, 1).voxels, reference.dt(image), 5e-7)
    const sparse = imageOf(
      { size, spacing: [0.7, 1.3] },
      "uint8",
      Uint8Array.from({ length: 2000 }, (_, at) => (at % 701 === 7 ? 1 : 0)),
    )
    expectClose(runApart(dt, [sparse], {}, 1).voxels, reference.dt(sparse), 5e-7)
  })
})

function roundToEven(value: number): number {
  const nearest = Math.round(value)
  return nearest - value === 0.5 && nearest % 2 === 1 ? nearest - 1 : nearest
}

describe("otsu", () => {
  it("parts values about as well as any threshold does", () => {
    const cases = scenes.chain(([grid, parts]) =>
      fc.tuple(imagesOf(grid, "float32", fc.integer({ min: 0, max: 20 })), masksOf(grid), fc.constant(parts)),
    )
    fc.assert(
      fc.property(cases, ([image, mask, parts]) => {
        const values = Array.from(image.voxels).filter((_, at) => mask.voxels[at] === 1)
        if (values.length === 0) {
          expect(() => runApart(otsu, [image, mask], { bins: 50 }, parts)).toThrow("the mask has none")
          return
        }
        const { mask: above, threshold } = runApart(otsu, [image, mask], { bins: 4096 }, parts)
        const best = Math.max(...values.map((value) => reference.betweenVariance(values, value)))
        expect(reference.betweenVariance(values, threshold)).toBeGreaterThanOrEqual(best * 0.99 - 1e-9)
        expect([...above.voxels]).toEqual(
          Array.from(image.voxels, (value, at) => (mask.voxels[at] === 1 && value > threshold ? 1 : 0)),
        )
      }),
      RUNS,
    )
  })
})

describe("statistics", () => {
  it("are the same to the last bit however many parts there are", () => {
    const count = 30_011
    const values = Float64Array.from({ length: count }, (_, at) => Math.sin(at) * 10 ** (at % 7))
    const image = imageOf({ size: [count, 1] }, "float64", values)
    const whole = runApart(statistics, [image], {}, 1)
    expect(whole.min).toBe(Math.min(...values))
    expect(whole.max).toBe(Math.max(...values))
    for (const parts of [2, 3, 8]) expect(runApart(statistics, [image], {}, parts)).toEqual(whole)
  })

  it("count what is not 0", () => {
    const image = imageOf({ size: [5, 1] }, "float32", [0, -0, 0.5, Number.NaN, 7])
    for (const parts of [1, 2]) expect(runApart(volume, [image], {}, parts)).toBe(3)
  })
})
