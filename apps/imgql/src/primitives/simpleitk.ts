/** Namespace `simpleitk`: the filters of SimpleITK by its names, with its order of arguments and its defaults. */
import { bytesPerValue, type Image, type VoxelType } from "../image/image.ts"
import { cast, LARGEST, mask, type Operation } from "../kernels/arithmetic.ts"
import type { ElementShape } from "../kernels/bits.ts"
import { comparison } from "../kernels/comparison.ts"
import { connectedComponent } from "../kernels/components.ts"
import { curvatureFlow } from "../kernels/curvature-flow.ts"
import { signedMaurerDistanceMap } from "../kernels/distance.ts"
import { discreteGaussian } from "../kernels/gaussian.ts"
import { extract, resample, type ResampleParameters } from "../kernels/geometry.ts"
import { gradientMagnitude } from "../kernels/gradient.ts"
import { median } from "../kernels/median.ts"
import {
  binaryDilate,
  binaryErode,
  binaryMorphologicalClosing,
  binaryMorphologicalOpening,
  type ElementParameters,
} from "../kernels/morphology.ts"
import { otsu, type OtsuParameters, otsuThreshold } from "../kernels/otsu.ts"
import { smoothingRecursiveGaussian } from "../kernels/recursive-gaussian.ts"
import { relabelComponent } from "../kernels/relabel.ts"
import { rescaleIntensity } from "../kernels/rescale.ts"
import { minimumMaximum, statistics } from "../kernels/statistics.ts"
import { binaryThreshold, type BinaryThresholdParameters } from "../kernels/threshold.ts"
import { parseSignature } from "../language/signature.ts"
import { image, isTrue, num, numberPerAxis, perAxis, sequence, text, whole } from "./argument.ts"
import { effect } from "./define.ts"
import { arithmeticOf, type Compute, heavy, selecting, taking } from "./heavy.ts"
import type { Primitive, Value } from "./primitive.ts"

const OPERATIONS: readonly (readonly [string, Operation, number])[] = [
  ["Add", "add", 1],
  ["Subtract", "subtract", 1],
  ["Multiply", "multiply", 1],
  ["Divide", "divide", 3],
]

const ELEMENT = "radius: number|sequence = 1, kernel: string|number = "
const BALL = '"ball"'

/** Of each voxel, in bytes: a run of a row has two voxels at least, and its ends and parent; the label. */
const LABEL_BYTES = (3 * 4) / 2 + 4

export const SIMPLEITK_PRIMITIVES: readonly Primitive[] = [
  { signature: parseSignature("simpleitk", "ReadImage(path: string): image"), version: 2, work: { kind: "file" } },
  effect("simpleitk", "WriteImage(image: image, path: string): boolean", async ([of, path], outside) => {
    await outside.save(text(path), image(of))
    return true
  }),
  selecting(
    filter(
      "BinaryThreshold(image: image, lower: number, upper: number, inside: number = 1, outside: number = 0): image",
      async ([of, ...limits], { run }) => await run(binaryThreshold, [image(of)], thresholds(limits)),
    ),
    ([, ...limits]) => ({ kind: "threshold", ...thresholds(limits) }),
  ),
  ...OPERATIONS.map(([name, operation, version]) =>
    filter(`${name}(a: image|number, b: image|number): image`, arithmeticOf(operation, true), version),
  ),
  filter("MinimumMaximum(image: image): sequence", async ([of], { run }) => {
    const { min, max } = await run(minimumMaximum, [image(of)], {})
    return [min, max]
  }),
  filter(
    "Statistics(image: image): sequence",
    async ([of], { run }) => {
      const found = await run(statistics, [image(of)], {})
      return [found.min, found.max, found.mean, found.sigma, found.variance, found.sum, found.count]
    },
    2,
  ),
  filter(
    "Cast(image: image, type: string): image",
    async ([of, type], { run }) => await run(cast, [image(of)], { type: voxelType(type) }),
  ),
  filter(
    "RescaleIntensity(image: image, least: number = 0, most: number = 255): image",
    async ([of, least, most], { run }) =>
      await run(rescaleIntensity, [image(of)], { least: num(least), most: num(most) }),
    2,
  ),
  filter(
    "Extract(image: image, size: sequence, index: sequence): image",
    async ([of, size, index], { run }) =>
      await run(extract, [image(of)], { size: perAxis(size, 3), index: perAxis(index, 3) }),
  ),
  taking(
    filter(
      "Median(image: image, radius: number|sequence = 1): image",
      async ([of, radius], { run }) =>
        await run(median, [image(of)], { radius: perAxis(radius, image(of).size.length) }),
    ),
    (of) => 8 + bytesPerValue(of.type),
  ),
  taking(
    filter(
      "DiscreteGaussian(image: image, variance: number|sequence = 1, maximumKernelWidth: number = 32, maximumError: number = 0.01, useImageSpacing: boolean = true): image",
      async ([of, variance, width, error, isSpaced], { run }) =>
        await run(discreteGaussian, [image(of)], {
          variance: numberPerAxis(variance, image(of).size.length),
          maximumError: num(error),
          maximumKernelWidth: whole(width),
          isSpacingUsed: isTrue(isSpaced),
        }),
      2,
    ),
    (of) => 8 + bytesPerValue(of.type),
  ),
  // What SimpleITK normalizes across scales are derivatives, which this is none of.
  taking(
    filter(
      "SmoothingRecursiveGaussian(image: image, sigma: number|sequence = 1, normalizeAcrossScale: boolean = false): image",
      async ([of, sigma], { run }) =>
        await run(smoothingRecursiveGaussian, [image(of)], { sigma: numberPerAxis(sigma, image(of).size.length) }),
    ),
    (of) => (of.type === "float64" ? 8 : 4) + 4,
  ),
  filter(
    `BinaryDilate(image: image, ${ELEMENT}${BALL}, background: number = 0, foreground: number = 1, boundaryToForeground: boolean = false): image`,
    async ([of, radius, kernel, background, foreground, isOutsideForeground], { run }) =>
      await run(binaryDilate, [image(of)], {
        ...element(image(of), radius, kernel, foreground),
        background: num(background),
        isOutsideForeground: isTrue(isOutsideForeground),
      }),
    3,
  ),
  filter(
    `BinaryErode(image: image, ${ELEMENT}${BALL}, background: number = 0, foreground: number = 1, boundaryToForeground: boolean = true): image`,
    async ([of, radius, kernel, background, foreground, isOutsideForeground], { run }) =>
      await run(binaryErode, [image(of)], {
        ...element(image(of), radius, kernel, foreground),
        background: num(background),
        isOutsideForeground: isTrue(isOutsideForeground),
      }),
    3,
  ),
  filter(
    `BinaryMorphologicalOpening(image: image, ${ELEMENT}${BALL}, background: number = 0, foreground: number = 1): image`,
    async ([of, radius, kernel, background, foreground], { run }) =>
      await run(binaryMorphologicalOpening, [image(of)], {
        ...element(image(of), radius, kernel, foreground),
        background: num(background),
      }),
    3,
  ),
  filter(
    `BinaryMorphologicalClosing(image: image, ${ELEMENT}${BALL}, foreground: number = 1, safeBorder: boolean = true): image`,
    async ([of, radius, kernel, foreground, isSafe], { run }) =>
      await run(binaryMorphologicalClosing, [image(of)], {
        ...element(image(of), radius, kernel, foreground),
        isBorderSafe: isTrue(isSafe),
      }),
    3,
  ),
  taking(
    filter(
      "ConnectedComponent(image: image, fullyConnected: boolean = false): image",
      async ([of, isFull], { run }) => await run(connectedComponent, [image(of)], { isFullyConnected: isTrue(isFull) }),
    ),
    LABEL_BYTES,
  ),
  taking(
    filter(
      "ConnectedComponent(image: image, mask: image, fullyConnected: boolean = false): image",
      async ([of, where, isFull], { run }) => {
        const masked = await run(mask, [image(of), image(where)], {})
        return await run(connectedComponent, [masked], { isFullyConnected: isTrue(isFull) })
      },
    ),
    (of) => LABEL_BYTES + bytesPerValue(of.type),
  ),
  filter(
    "RelabelComponent(image: image, minimumSize: number = 0, sort: boolean = true): image",
    async ([of, least, isSorted], { run }) =>
      await run(relabelComponent, [image(of)], { minimumSize: num(least), isSorted: isTrue(isSorted) }),
  ),
  filter(
    "SignedMaurerDistanceMap(image: image, insideIsPositive: boolean = false, squaredDistance: boolean = true, useImageSpacing: boolean = false, background: number = 0): image",
    async ([of, isInsidePositive, isSquared, isSpacingUsed, background], { run }) => {
      const isInside = { relation: "!=", constant: num(background) } as const
      const inside = num(background) === 0 ? image(of) : await run(comparison, [image(of)], isInside)
      return await run(signedMaurerDistanceMap, [inside], {
        isInsidePositive: isTrue(isInsidePositive),
        isSquared: isTrue(isSquared),
        isSpacingUsed: isTrue(isSpacingUsed),
      })
    },
    2,
  ),
  filter(
    "OtsuThreshold(image: image, inside: number = 1, outside: number = 0, bins: number = 128, returnBinMidpoint: boolean = false): image",
    async ([of, inside, outside, bins, isMidpoint], { run }) => {
      const values = { inside: num(inside), outside: num(outside) }
      const { mask: found } = await run(otsuThreshold, [image(of)], { ...values, ...otsuBins(bins, isMidpoint) })
      return found
    },
    2,
  ),
  // The histogram is of what has the mask's value; what is left of the result, of all that is not 0 in the mask.
  filter(
    "OtsuThreshold(image: image, mask: image, inside: number = 1, outside: number = 0, bins: number = 128, maskOutput: boolean = true, maskValue: number = 255, returnBinMidpoint: boolean = false): image",
    async ([of, where, inside, outside, bins, isMasked, value, isMidpoint], { run }) => {
      const counted = await run(comparison, [image(where)], { relation: "==", constant: num(value) })
      const { threshold } = await run(otsu, [image(of), counted], otsuBins(bins, isMidpoint))
      const limits = { lower: -LARGEST[image(of).type], upper: threshold, inside: num(inside), outside: num(outside) }
      const all = await run(binaryThreshold, [image(of)], limits)
      return isTrue(isMasked) ? await run(mask, [all, image(where)], {}) : all
    },
  ),
  filter(
    "GradientMagnitude(image: image, useImageSpacing: boolean = true): image",
    async ([of, isSpaced], { run }) => await run(gradientMagnitude, [image(of)], { isSpacingUsed: isTrue(isSpaced) }),
  ),
  taking(
    filter(
      "CurvatureFlow(image: image, timeStep: number = 0.05, iterations: number = 5): image",
      async ([of, step, iterations], { run }) =>
        await run(curvatureFlow, [image(of)], { timeStep: num(step), iterations: whole(iterations) }),
    ),
    2 * 8,
  ),
  taking(
    filter(
      'Resample(image: image, like: image, interpolation: string|number = "linear", outside: number = 0): image',
      async ([of, like, ...settings], { run }) => await run(resample, [image(of), image(like)], resampling(settings)),
      2,
    ),
    (of) => 8 + bytesPerValue(of.type),
  ),
  // As the parameters of SimpleITK's AffineTransform: a matrix, row after row, and what is added to its product with a point.
  taking(
    filter(
      'Resample(image: image, like: image, transform: sequence, interpolation: string|number = "linear", outside: number = 0): image',
      async ([of, like, transform, ...settings], { run }) =>
        await run(resample, [image(of), image(like)], {
          transform: sequence(transform).map(num),
          ...resampling(settings),
        }),
    ),
    (of) => 8 + bytesPerValue(of.type),
  ),
]

function filter(line: string, compute: Compute, version = 1): Primitive {
  return heavy("simpleitk", line, compute, version)
}

function otsuBins(bins: Value | undefined, isMidpoint: Value | undefined): OtsuParameters {
  return { bins: whole(bins), isMidpoint: isTrue(isMidpoint) }
}

/** Floats for whole numbers are cut, as the original does. */
function thresholds([lower, upper, inside, outside]: readonly (Value | undefined)[]): BinaryThresholdParameters {
  return {
    lower: num(lower),
    upper: num(upper),
    inside: Math.trunc(num(inside)),
    outside: Math.trunc(num(outside)),
  }
}

function element(
  of: Image,
  radius: Value | undefined,
  kernel: Value | undefined,
  foreground: Value | undefined,
): ElementParameters {
  return { radius: perAxis(radius, of.size.length), shape: elementShape(kernel), foreground: num(foreground) }
}

const ELEMENT_SHAPES: readonly ElementShape[] = ["ball", "box", "cross"]

/** By its name, or by SimpleITK's number for it. */
function elementShape(value: Value | undefined): ElementShape {
  const shape = ELEMENT_SHAPES.find((known, at) => value === known || value === at + 1)
  if (shape !== undefined) return shape
  throw new Error(`expected "ball" (1), "box" (2) or "cross" (3), found ${JSON.stringify(value)}`)
}

const VOXEL_TYPES: readonly VoxelType[] = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]

function voxelType(value: Value | undefined): VoxelType {
  const name = text(value)
  const type = VOXEL_TYPES.find((known) => known === name)
  if (type !== undefined) return type
  throw new Error(`expected a type of voxels (${VOXEL_TYPES.join(", ")}), found "${name}"`)
}

function resampling([how, outside]: readonly (Value | undefined)[]): Omit<ResampleParameters, "transform"> {
  return { interpolation: interpolation(how), outside: num(outside) }
}

const INTERPOLATIONS = ["nearest", "linear"] as const

/** By its name, or by SimpleITK's number for it. */
function interpolation(value: Value | undefined): "linear" | "nearest" {
  const found = INTERPOLATIONS.find((known, at) => value === known || value === at + 1)
  if (found !== undefined) return found
  throw new Error(`expected "nearest" (1) or "linear" (2), found ${JSON.stringify(value)}`)
}
