import { describe, expect, it } from "vitest"
import type { Image } from "../src/image/image.ts"
import { connectedComponent, lcc, maxvol, through } from "../src/kernels/components.ts"
import { border } from "../src/kernels/coordinates.ts"
import { crossCorrelation } from "../src/kernels/cross-correlation.ts"
import { dt, signedMaurerDistanceMap } from "../src/kernels/distance.ts"
import { gradient, gradientMagnitude } from "../src/kernels/gradient.ts"
import type { Kernel } from "../src/kernels/kernel.ts"
import { interior, near } from "../src/kernels/morphology.ts"
import { otsu } from "../src/kernels/otsu.ts"
import { percentiles } from "../src/kernels/percentiles.ts"
import { minimumMaximum, statistics } from "../src/kernels/statistics.ts"
import { binaryThreshold } from "../src/kernels/threshold.ts"
import type { Golden } from "./golden.ts"
import { makeInput, readGoldens } from "./golden.ts"
import { runApart } from "./run-apart.ts"

/** What the suffix of a cross-correlation golden's name says of its third input. */
const REGIONS: Readonly<Record<string, string>> = {
  main: "half",
  empty_reference: "none",
  small_radius: "half",
  narrow_range: "dense",
}

const GOLDENS = readGoldens()

describe("the golden results of ITK", () => {
  it("are all here", () => {
    expect(GOLDENS).toHaveLength(146)
  })

  it.each(GOLDENS)("are met: $name", (golden) => {
    for (const parts of [1, 2, 5]) check(golden, parts)
  })
})

function check(golden: Golden, parts: number): void {
  const { args } = golden
  // "3d_otsu_A_dense_8" has the inputs A and dense.
  const [, , first = "", second = ""] = golden.name.split("_")
  const number = (name: string): number => Number(args[name])
  const input = (name: string): Image => makeInput(golden, name)
  const run = <P, M, R>(kernel: Kernel<P, M, R>, inputs: readonly Image[], parameters: P): R =>
    runApart(kernel, inputs, parameters, parts)
  switch (golden.primitive) {
    case "image":
    case "mask":
      return expectExact(golden, input(first))
    case "near":
      return expectExact(golden, run(near, [input(first)], {}))
    case "interior":
      return expectExact(golden, run(interior, [input(first)], {}))
    case "border":
      return expectExact(golden, run(border, [input("A")], {}))
    case "lcc": {
      expectExact(golden, run(lcc, [input(first)], {}))
      const labels = run(connectedComponent, [input(first)], { isFullyConnected: true })
      expect(Math.max(...labels.voxels)).toBe(golden.components)
      return
    }
    case "through":
      return expectExact(golden, run(through, [input(first), input(second)], {}))
    case "maxvol":
      return expectExact(golden, run(maxvol, [input(first)], {}))
    case "dt": {
      expectDistances(golden, run(dt, [input(first)], {}))
      const settings = { isSquared: false, isInsidePositive: false, isSpacingUsed: true }
      return expectDistances(golden, run(signedMaurerDistanceMap, [input(first)], settings))
    }
    case "gradient":
      expectClose(golden, run(gradient, [input(first)], {}), 1e-6)
      return expectClose(golden, run(gradientMagnitude, [input(first)], { isSpacingUsed: true }), 1e-6)
    case "percentiles":
      return expectExact(golden, run(percentiles, [input(first), input(second)], { correction: number("correction") }))
    case "otsu": {
      const { mask, threshold } = run(otsu, [input(first), input(second)], { bins: number("nbins") })
      const expected = golden.threshold ?? Number.NaN
      expectExact(golden, mask)
      expect(Math.abs(threshold - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected))
      return
    }
    case "crossCorrelation": {
      const region = REGIONS[golden.name.replace(/^.d_crosscorr_/, "")] ?? ""
      const parameters = { radius: number("rad"), from: number("m1"), to: number("m2"), bins: number("k") }
      return expectClose(golden, run(crossCorrelation, [input("A"), input("B"), input(region)], parameters), 1e-6)
    }
    case "BinaryThreshold": {
      const { name } = golden
      const image = name.includes("int16") ? makeInput(golden, "Q", "int16") : input(name.includes("_Q") ? "Q" : "A")
      const [lower, upper, inside, outside] = [number("lower"), number("upper"), number("inside"), number("outside")]
      return expectExact(golden, run(binaryThreshold, [image], { lower, upper, inside, outside }))
    }
    case "Statistics": {
      const image = first === "int16" ? makeInput(golden, "Q", "int16") : input(first)
      return expectNumbers(golden, { ...run(statistics, [image], {}) }, 1e-12)
    }
    case "MinimumMaximum":
      return expectNumbers(golden, { ...run(minimumMaximum, [input(first)], {}) }, 0)
    default:
      throw new Error(`No kernel is compared with the golden results of "${golden.primitive}".`)
  }
}

function listValues(golden: Golden): readonly number[] {
  if (Array.isArray(golden.values)) return golden.values
  throw new Error(`${golden.name} holds numbers by name, not voxels.`)
}

function expectLike(golden: Golden, image: Image): void {
  expect(image.size).toEqual(golden.size)
  expect(image.spacing).toEqual(golden.spacing)
  expect(image.type).toBe(golden.dtype)
}

/** -0 and 0 are equal. */
function expectExact(golden: Golden, image: Image): void {
  expectLike(golden, image)
  const expected = listValues(golden).map((value) => (golden.dtype === "float32" ? Math.fround(value) : value) + 0)
  expect(Array.from(image.voxels, (value) => value + 0)).toEqual(expected)
}

function expectClose(golden: Golden, image: Image, tolerance: number): void {
  expectLike(golden, image)
  const values = listValues(golden)
  expect(image.voxels).toHaveLength(values.length)
  const far = values.flatMap((value, at) => {
    const found = image.voxels[at] ?? Number.NaN
    return Math.abs(found - value) <= tolerance ? [] : [`at ${at}: ${found}, not ${value}`]
  })
  expect(far).toEqual([])
}

function expectDistances(golden: Golden, image: Image): void {
  const sign = golden.name.endsWith("_all") ? -1 : golden.name.endsWith("_none") ? 1 : 0
  if (sign === 0) return expectClose(golden, image, 2e-6)
  expectLike(golden, image)
  expect(image.voxels.every((value) => value * sign >= 1e19)).toBe(true)
}

function expectNumbers(golden: Golden, found: Readonly<Record<string, number>>, tolerance: number): void {
  if (Array.isArray(golden.values)) throw new Error(`${golden.name} holds voxels, not numbers by name.`)
  const expected = golden.values
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(expected).toSorted())
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs((found[name] ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance * Math.abs(value))
  }
}
