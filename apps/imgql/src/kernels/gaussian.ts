/**
 * Smoothing by a discrete Gaussian, axis by axis, with the coefficients of ITK's GaussianOperator: modified Bessel functions by the
 * polynomials of M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 9.8. Voxels beyond the edge are those at it.
 *
 * As in ITK, values are of the image's type between the axes as well: those of whole numbers are cut after each, so that a
 * picture of bytes becomes darker by one or two. Cast it to float32 first where that matters.
 */
import { type Image, makeVoxels, type Voxels } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import type { Shape } from "./shape.ts"
import { CHUNK, makeImage, requireScalar, requireThat, shapeOf, writeDoubles } from "./shape.ts"

export interface GaussianParameters {
  /** Along each axis, in squares of spacing units or of voxels. */
  readonly variance: readonly number[]
  /** What the coefficients that are left out may sum up to. */
  readonly maximumError: number
  /** No more coefficients than this and one are kept to one side. */
  readonly maximumKernelWidth: number
  readonly isSpacingUsed: boolean
}

interface Memory {
  readonly image: Image
  readonly shape: Shape
  /** By axis: the coefficients from the middle one to one side. */
  readonly coefficients: readonly (readonly number[])[]
  readonly values: Float64Array
  readonly output: Image
}

/** The coefficients from the middle to one side; with those of the other side they sum up to 1. */
export function makeCoefficients(variance: number, maximumError: number, maximumWidth: number): number[] {
  const scale = Math.exp(-variance)
  const coefficients = [scale * besselZero(variance), scale * besselOne(variance)]
  let sum = coefficients[0]! + 2 * coefficients[1]!
  for (let order = 2; sum < 1 - maximumError; order += 1) {
    const coefficient = scale * bessel(order, variance)
    coefficients.push(coefficient)
    sum += 2 * coefficient
    if (coefficient <= 0 || coefficients.length > maximumWidth) break
  }
  return coefficients.map((coefficient) => coefficient / sum)
}

/** The value of a polynomial whose coefficients rise with the power. */
function polynomial(at: number, coefficients: readonly number[]): number {
  return coefficients.reduceRight((sum, coefficient) => coefficient + at * sum, 0)
}

const ZERO_NEAR = [1, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813]
const ZERO_FAR = [
  0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377,
]
const ONE_NEAR = [0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411]
const ONE_FAR = [
  0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654, -0.00420059,
]

function besselZero(at: number): number {
  if (at < 3.75) return polynomial((at / 3.75) ** 2, ZERO_NEAR)
  return (Math.exp(at) / Math.sqrt(at)) * polynomial(3.75 / at, ZERO_FAR)
}

function besselOne(at: number): number {
  if (at < 3.75) return at * polynomial((at / 3.75) ** 2, ONE_NEAR)
  return (Math.exp(at) / Math.sqrt(at)) * polynomial(3.75 / at, ONE_FAR)
}

/** By recurrence from a high order down, scaled by what order 0 must be. */
function bessel(order: number, at: number): number {
  if (at === 0) return 0
  let found = 0
  let above = 0
  let current = 1
  for (let next = 2 * (order + Math.floor(Math.sqrt(40 * order))); next > 0; next -= 1) {
    const below = above + (next * 2 * current) / at
    above = current
    current = below
    if (Math.abs(current) > 1e10) {
      found *= 1e-10
      above *= 1e-10
      current *= 1e-10
    }
    if (next === order) found = above
  }
  return (found * besselZero(at)) / current
}

function readPart({ image, values }: Memory, part: number, parts: number): void {
  const { from, to } = shareOf(values.length, part, parts)
  values.set(image.voxels.subarray(from, to), from)
}

/** Lines side by side are smoothed together, as long as they lie together in memory. */
const COLUMNS = 16

function smoothAxis(memory: Memory, axis: 0 | 1 | 2, part: number, parts: number): void {
  const { shape, coefficients, values } = memory
  const { nx, ny, nz } = shape
  const weights = coefficients[axis]
  if (weights === undefined) return
  const length = [nx, ny, nz][axis]!
  const stride = [1, nx, nx * ny][axis]!
  const tiles = Math.ceil(nx / COLUMNS)
  const count = axis === 0 ? shape.rows : (axis === 1 ? nz : ny) * tiles
  const { from, to } = shareOf(count, part, parts)
  const buffers: Buffers = {
    line: new Float64Array(length + 2 * (weights.length - 1)),
    smoothed: new Float64Array(length),
    typed: makeVoxels(memory.image.type, length),
  }
  for (let at = from; at < to; at += 1) {
    if (axis === 0) {
      smoothLine(values, buffers, weights, { first: at * nx, stride, length })
      continue
    }
    const x = (at % tiles) * COLUMNS
    const other = Math.floor(at / tiles)
    const first = (axis === 1 ? other * nx * ny : other * nx) + x
    for (let column = 0; column < Math.min(COLUMNS, nx - x); column += 1) {
      smoothLine(values, buffers, weights, { first: first + column, stride, length })
    }
  }
}

interface Line {
  readonly first: number
  readonly stride: number
  readonly length: number
}

interface Buffers {
  /** A line, and what lies beyond its ends. */
  readonly line: Float64Array
  readonly smoothed: Float64Array
  /** Where values become what the type of the image makes of them. */
  readonly typed: Voxels
}

function smoothLine(
  values: Float64Array,
  { line, smoothed, typed }: Buffers,
  weights: readonly number[],
  { first, stride, length }: Line,
): void {
  const reach = weights.length - 1
  for (let at = 0; at < line.length; at += 1) {
    line[at] = values[first + Math.min(length - 1, Math.max(0, at - reach)) * stride]!
  }
  for (let at = 0; at < length; at += 1) {
    // In the order in which ITK adds up: whole numbers are cut afterwards, so that the last bit counts.
    let sum = 0
    for (let away = -reach; away <= reach; away += 1) sum += weights[Math.abs(away)]! * line[at + reach + away]!
    smoothed[at] = sum
  }
  typed.set(smoothed)
  smoothed.set(typed)
  for (let at = 0; at < length; at += 1) values[first + at * stride] = smoothed[at]!
}

function writePart({ values, output }: Memory, part: number, parts: number): void {
  const { from, to } = shareOf(values.length, part, parts)
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    writeDoubles(values.subarray(start, start + count), count, output.voxels, start)
  }
}

/** The image smoothed by a Gaussian of that variance, in its own type. */
export const discreteGaussian: Kernel<GaussianParameters, Memory, Image> = {
  name: "DiscreteGaussian",
  prepare: (inputs, { variance, maximumError, maximumKernelWidth, isSpacingUsed }) => {
    const image = requireScalar("DiscreteGaussian", inputs)
    const { size, spacing } = image
    const isVariance = variance.length >= size.length && variance.every((along) => along >= 0)
    requireThat("DiscreteGaussian", isVariance, `a variance of at least 0 along each of ${size.length} axes`, variance)
    requireThat("DiscreteGaussian", maximumError > 0 && maximumError < 1, "an error between 0 and 1", maximumError)
    return {
      image,
      shape: shapeOf(image),
      coefficients: size.map((_, axis) => {
        const unit = isSpacingUsed ? spacing[axis]! : 1
        return makeCoefficients(variance[axis]! / (unit * unit), maximumError, maximumKernelWidth)
      }),
      values: makeDoubles(image.voxels.length),
      output: makeImage(image, image.type),
    }
  },
  phases: [
    { run: readPart },
    { run: (memory, part, parts) => smoothAxis(memory, 2, part, parts) },
    { run: (memory, part, parts) => smoothAxis(memory, 1, part, parts) },
    { run: (memory, part, parts) => smoothAxis(memory, 0, part, parts) },
    { run: writePart },
  ],
  finish: ({ output }) => output,
}
