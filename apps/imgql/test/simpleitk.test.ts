/** Filters of SimpleITK against their definitions, on images of any shape. Their golden results are in goldens.test.ts. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Image, VoxelType } from "../src/image/image.ts"
import type { ElementShape } from "../src/kernels/bits.ts"
import { curvatureFlow } from "../src/kernels/curvature-flow.ts"
import { discreteGaussian, makeCoefficients } from "../src/kernels/gaussian.ts"
import { extract, resample } from "../src/kernels/geometry.ts"
import { median } from "../src/kernels/median.ts"
import {
  binaryDilate,
  binaryErode,
  binaryMorphologicalClosing,
  binaryMorphologicalOpening,
} from "../src/kernels/morphology.ts"
import { relabelComponent } from "../src/kernels/relabel.ts"
import { rescaleIntensity } from "../src/kernels/rescale.ts"
import { imageOf } from "./golden.ts"
import { runApart } from "./run-apart.ts"

type Triple = readonly [number, number, number]

const RUNS = { numRuns: 100 }

const sizes = fc.oneof(
  fc.tuple(fc.constantFrom(1, 3, 6, 33), fc.integer({ min: 1, max: 6 })).map((size): number[] => [...size]),
  fc
    .tuple(fc.constantFrom(1, 3, 6, 33), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }))
    .map((size): number[] => [...size]),
)

function imagesOf(type: VoxelType, values: fc.Arbitrary<number>): fc.Arbitrary<Image> {
  return sizes.chain((size) => {
    const count = size.reduce((product, along) => product * along, 1)
    return fc
      .array(values, { minLength: count, maxLength: count })
      .map((list) => imageOf({ size, spacing: [0.7, 1.3, 2.1].slice(0, size.length) }, type, list))
  })
}

/** The value at a point; beyond the edge, the nearest one's, or that of `beyond`. */
function sample({ size, voxels }: Image, [x, y, z]: Triple, beyond: number | null = null): number {
  const [nx = 1, ny = 1, nz = 1] = size
  const isInside = x >= 0 && x < nx && y >= 0 && y < ny && z >= 0 && z < nz
  if (!isInside && beyond !== null) return beyond
  const near = (at: number, count: number): number => Math.min(count - 1, Math.max(0, at))
  return voxels[(near(z, nz) * ny + near(y, ny)) * nx + near(x, nx)] ?? Number.NaN
}

function mapPoints(image: Image, compute: (point: Triple) => number): number[] {
  const [nx = 1, ny = 1] = image.size
  return Array.from(image.voxels, (_, at) => compute([at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))]))
}

function boxOf(axes: number, [x = 0, y = 0, z = 0]: readonly number[]): Triple[] {
  const found: Triple[] = []
  const depth = axes === 2 ? 0 : z
  for (let k = -depth; k <= depth; k += 1) {
    for (let j = -y; j <= y; j += 1) for (let i = -x; i <= x; i += 1) found.push([i, j, k])
  }
  return found
}

function elementOf(axes: number, shape: ElementShape, radius: readonly number[]): Triple[] {
  return boxOf(axes, radius).filter((way) => {
    if (shape === "box") return true
    if (shape === "cross") return way.filter((along) => along !== 0).length <= 1
    return way.reduce((sum, along, axis) => sum + (along / ((radius[axis] ?? 0) + 0.5)) ** 2, 0) <= 1
  })
}

function isNear(
  image: Image,
  point: Triple,
  ways: readonly Triple[],
  isMeant: (value: number) => boolean,
  beyond: number,
): boolean {
  return ways.some(([i, j, k]) => isMeant(sample(image, [point[0] + i, point[1] + j, point[2] + k], beyond)))
}

const elements = fc.record({
  // Along x rows are spread in steps, of which the longer reaches take several.
  radius: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
  shape: fc.constantFrom<ElementShape>("box", "ball", "cross"),
  foreground: fc.constantFrom(1, 2),
})

const labels = fc
  .constantFrom<VoxelType>("uint8", "int16", "uint32")
  .chain((type) => imagesOf(type, fc.constantFrom(0, 0, 0, 1, 1, 2)))

describe("morphology", () => {
  it("dilates and erodes one value, whatever lies beyond the edge", () => {
    fc.assert(
      fc.property(
        labels,
        elements,
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        (image, element, isOutsideForeground, parts) => {
          const { radius, shape, foreground } = element
          const ways = elementOf(image.size.length, shape, radius)
          const parameters = { ...element, isOutsideForeground, background: 7 }
          const beyond = isOutsideForeground ? foreground : 9
          const dilated = mapPoints(image, (point) =>
            isNear(image, point, ways, (value) => value === foreground, beyond) ? foreground : sample(image, point),
          )
          const eroded = mapPoints(image, (point) =>
            sample(image, point) === foreground && isNear(image, point, ways, (value) => value !== foreground, beyond)
              ? 7
              : sample(image, point),
          )
          const found = runApart(binaryDilate, [image], parameters, parts)
          expect(found.type).toBe(image.type)
          expect([...found.voxels]).toEqual(dilated)
          expect([...runApart(binaryErode, [image], parameters, parts).voxels]).toEqual(eroded)
        },
      ),
      RUNS,
    )
  })

  it("opens and closes by one after the other", () => {
    fc.assert(
      fc.property(labels, elements, fc.integer({ min: 1, max: 3 }), (image, element, parts) => {
        const { foreground } = element
        const inner = runApart(binaryErode, [image], { ...element, isOutsideForeground: true, background: 0 }, 1)
        const opened = runApart(binaryDilate, [inner], { ...element, isOutsideForeground: false, background: 0 }, 1)
        const opening = runApart(binaryMorphologicalOpening, [image], { ...element, background: 0 }, parts)
        expect([...opening.voxels]).toEqual([...opened.voxels])
        const outer = runApart(binaryDilate, [image], { ...element, isOutsideForeground: false, background: 0 }, 1)
        const closed = runApart(binaryErode, [outer], { ...element, isOutsideForeground: true, background: 0 }, 1)
        const closing = runApart(binaryMorphologicalClosing, [image], { ...element, isBorderSafe: false }, parts)
        expect([...closing.voxels]).toEqual(
          Array.from(image.voxels, (value, at) => (closed.voxels[at] === foreground ? foreground : value)),
        )
      }),
      RUNS,
    )
  })

  it("closes as if the image went on, where its border is safe", () => {
    fc.assert(
      fc.property(imagesOf("uint8", fc.constantFrom(0, 0, 1)), elements, (image, element) => {
        const parameters = { ...element, foreground: 1 }
        const ways = elementOf(image.size.length, element.shape, element.radius)
        const isSet = (value: number): boolean => value === 1
        const expected = mapPoints(image, (point) => {
          const isCovered = ways.every(([i, j, k]) =>
            isNear(image, [point[0] + i, point[1] + j, point[2] + k], ways, isSet, 0),
          )
          return isCovered || sample(image, point) === 1 ? 1 : 0
        })
        const closing = runApart(binaryMorphologicalClosing, [image], { ...parameters, isBorderSafe: true }, 2)
        expect([...closing.voxels]).toEqual(expected)
      }),
      RUNS,
    )
  })
})

describe("RelabelComponent", () => {
  it("numbers labels by size, and drops small ones", () => {
    const image = imageOf({ size: [5, 2] }, "uint16", [7, 0, 7, 3, 3, 9, 5, 3, 5, 0])
    const sorted = runApart(relabelComponent, [image], { minimumSize: 2, isSorted: true }, 2)
    expect([...sorted.voxels]).toEqual([3, 0, 3, 1, 1, 0, 2, 1, 2, 0])
    const kept = runApart(relabelComponent, [image], { minimumSize: 0, isSorted: false }, 1)
    expect([...kept.voxels]).toEqual([3, 0, 3, 1, 1, 4, 2, 1, 2, 0])
    expect(() =>
      runApart(relabelComponent, [imageOf(image, "float32", [])], { minimumSize: 0, isSorted: true }, 1),
    ).toThrow("whole numbers")
  })
})

describe("RescaleIntensity", () => {
  it("maps the smallest and the largest value, and cuts whole numbers", () => {
    const values = [-3, 0, 4, 7]
    const floats = runApart(rescaleIntensity, [imageOf({ size: [4, 1] }, "float32", values)], { least: 0, most: 1 }, 2)
    expect([...floats.voxels]).toEqual([0, 0.3, 0.7, 1].map((value) => Math.fround(value)))
    const whole = runApart(rescaleIntensity, [imageOf({ size: [4, 1] }, "int16", values)], { least: 0, most: 9 }, 3)
    expect([...whole.voxels]).toEqual([0, 2, 6, 9])
  })

  it("has an answer where all values are the same", () => {
    const same = imageOf({ size: [2, 1] }, "float32", [4, 4])
    expect([...runApart(rescaleIntensity, [same], { least: 1, most: 3 }, 1).voxels]).toEqual([1, 1])
    const none = imageOf({ size: [2, 1] }, "float32", [0, 0])
    expect([...runApart(rescaleIntensity, [none], { least: 1, most: 3 }, 1).voxels]).toEqual([1, 1])
  })
})

describe("Extract", () => {
  const image: Image = {
    ...imageOf(
      { size: [4, 3, 2], spacing: [1, 2, 3] },
      "uint8",
      Array.from({ length: 24 }, (_, at) => at),
    ),
    origin: [10, 20, 30],
    direction: [0, -1, 0, 1, 0, 0, 0, 0, 1],
  }

  it("takes a part and leaves it where it was", () => {
    const part = runApart(extract, [image], { size: [2, 2, 1], index: [1, 1, 1] }, 2)
    expect(part).toMatchObject({ size: [2, 2, 1], spacing: [1, 2, 3], origin: [8, 21, 33], direction: image.direction })
    expect([...part.voxels]).toEqual([17, 18, 21, 22])
  })

  it("takes a slice where an axis goes", () => {
    const slice = runApart(
      extract,
      [{ ...image, direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] }],
      { size: [4, 3, 0], index: [0, 0, 1] },
      2,
    )
    expect(slice).toMatchObject({ size: [4, 3], spacing: [1, 2], origin: [10, 20], direction: [1, 0, 0, 1] })
    expect([...slice.voxels]).toEqual(Array.from({ length: 12 }, (_, at) => 12 + at))
  })

  it("refuses what is not inside", () => {
    const refusal = expect.objectContaining({ code: "KERNEL_INPUT_INVALID" }) as Error
    expect(() => runApart(extract, [image], { size: [2, 2, 2], index: [0, 0, 1] }, 1)).toThrow(refusal)
    expect(() => runApart(extract, [image], { size: [2, 0, 0], index: [0, 0, 0] }, 1)).toThrow(refusal)
  })
})

describe("Median", () => {
  it("is the middle one of all around, those at the edge standing for what is beyond", () => {
    const radii = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(
        imagesOf("int16", fc.integer({ min: -5, max: 5 })),
        radii,
        fc.integer({ min: 1, max: 3 }),
        (image, radius, parts) => {
          const ways = boxOf(image.size.length, radius)
          const expected = mapPoints(image, ([x, y, z]) => {
            const around = ways.map(([i, j, k]) => sample(image, [x + i, y + j, z + k])).toSorted((a, b) => a - b)
            return around[around.length >>> 1] ?? Number.NaN
          })
          expect([...runApart(median, [image], { radius }, parts).voxels]).toEqual(expected)
        },
      ),
      RUNS,
    )
  })
})

describe("DiscreteGaussian", () => {
  it("has the coefficients of a discrete Gaussian", () => {
    for (const variance of [0.25, 1, 4, 9]) {
      const [middle = 0, ...side] = makeCoefficients(variance, 1e-6, 100)
      const sum = middle + 2 * side.reduce((total, weight) => total + weight, 0)
      const spread = 2 * side.reduce((total, weight, at) => total + weight * (at + 1) ** 2, 0)
      expect(sum).toBeCloseTo(1, 9)
      expect(spread).toBeCloseTo(variance, 2)
    }
  })

  it("is a convolution along each axis", () => {
    fc.assert(
      fc.property(
        imagesOf("float32", fc.integer({ min: -9, max: 9 })),
        fc.integer({ min: 1, max: 3 }),
        (image, parts) => {
          const variance = [1, 0.5, 2]
          const sides = image.spacing.map((unit, axis) => makeCoefficients((variance[axis] ?? 0) / unit ** 2, 0.01, 32))
          const weightOf = (way: Triple): number =>
            sides.reduce((product, side, axis) => product * (side[Math.abs(way[axis] ?? 0)] ?? 0), 1)
          const ways = boxOf(
            image.size.length,
            sides.map((side) => side.length - 1),
          )
          const expected = mapPoints(image, ([x, y, z]) =>
            ways.reduce((sum, way) => sum + weightOf(way) * sample(image, [x + way[0], y + way[1], z + way[2]]), 0),
          )
          const parameters = { variance, maximumError: 0.01, maximumKernelWidth: 32, isSpacingUsed: true }
          const found = runApart(discreteGaussian, [image], parameters, parts)
          expected.forEach((value, at) => expect(found.voxels[at]).toBeCloseTo(value, 4))
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe("CurvatureFlow", () => {
  it("follows the curvature of contours", () => {
    fc.assert(
      fc.property(
        imagesOf("float32", fc.integer({ min: -9, max: 9 })),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (image, iterations, parts) => {
          let expected = imageOf(image, "float64", image.voxels)
          for (let step = 0; step < iterations; step += 1) expected = flowOnce(expected, 0.1)
          const found = runApart(curvatureFlow, [image], { timeStep: 0.1, iterations }, parts)
          expect(found.type).toBe("float64")
          expected.voxels.forEach((value, at) => expect(found.voxels[at]).toBeCloseTo(value, 8))
        },
      ),
      RUNS,
    )
  })
})

/** One step, with every derivative by its definition. */
function flowOnce(image: Image, timeStep: number): Image {
  const axes = image.size.map((_, axis) => axis)
  const values = mapPoints(image, (point) => {
    const at = (...ways: readonly (readonly [number, number])[]): number => {
      const moved = [...point]
      for (const [axis, steps] of ways) moved[axis] = (moved[axis] ?? 0) + steps
      return sample(image, [moved[0] ?? 0, moved[1] ?? 0, moved[2] ?? 0])
    }
    const unit = (axis: number): number => image.spacing[axis] ?? 1
    const first = axes.map((axis) => (at([axis, 1]) - at([axis, -1])) / 2 / unit(axis))
    const second = axes.map((axis) => (at([axis, 1]) - 2 * at() + at([axis, -1])) / unit(axis) ** 2)
    const square = first.reduce((sum, value) => sum + value ** 2, 0)
    if (square < 1e-9) return at()
    let speed = 0
    for (const i of axes) {
      for (const j of axes) {
        if (i === j) continue
        const cross =
          (at([i, -1], [j, -1]) - at([i, -1], [j, 1]) - at([i, 1], [j, -1]) + at([i, 1], [j, 1])) /
          4 /
          unit(i) /
          unit(j)
        speed += (second[j] ?? 0) * (first[i] ?? 0) ** 2 - (first[i] ?? 0) * (first[j] ?? 0) * cross
      }
    }
    return at() + (timeStep * speed) / square
  })
  return imageOf(image, "float64", values)
}

describe("Resample", () => {
  const image = imageOf({ size: [3, 2], spacing: [2, 2] }, "float32", [0, 10, 20, 30, 40, 50])

  it("changes nothing on the same grid", () => {
    for (const interpolation of ["linear", "nearest"] as const) {
      const same = runApart(resample, [image, image], { interpolation, outside: -1 }, 2)
      expect([...same.voxels]).toEqual([...image.voxels])
    }
  })

  it("looks between voxels, and beyond the edge not at all", () => {
    const fine = { ...imageOf({ size: [7, 1], spacing: [1, 1] }, "uint8", []), origin: [-1, 1] }
    const linear = runApart(resample, [image, fine], { interpolation: "linear", outside: -1 }, 2)
    expect([...linear.voxels]).toEqual([15, 15, 20, 25, 30, 35, -1])
    const nearest = runApart(resample, [image, fine], { interpolation: "nearest", outside: -1 }, 1)
    expect([...nearest.voxels]).toEqual([30, 30, 40, 40, 50, 50, -1])
  })

  it("follows directions", () => {
    const turned: Image = { ...image, direction: [0, 1, 1, 0] }
    const upright = imageOf({ size: [2, 3], spacing: [2, 2] }, "uint8", [])
    const found = runApart(resample, [turned, upright], { interpolation: "linear", outside: -1 }, 1)
    expect([...found.voxels]).toEqual([0, 30, 10, 40, 20, 50])
  })
})
