/**
 * Smoothing by a Gaussian whose cost does not grow with its width: a recursive filter forth and back along each axis, with the
 * coefficients of R. Deriche, "Recursively Implementing the Gaussian and its Derivatives", INRIA report 1893, 1993, as
 * improved by G. Farnebaeck and C.-F. Westin, "Improving Deriche-style Recursive Gaussian Filters", Journal of
 * Mathematical Imaging and Vision 26, 2006.
 *
 * As in ITK, the last axis is the first to be smoothed, and then the others from x on; between them values are float32,
 * unless the image is float64; the result is float32 always. Voxels beyond the edge are those at it. ITK
 * starts its recursion with four voxels, and so refuses images with fewer along an axis; so does this.
 */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf, type Share } from "./kernel.ts"
import { makeDoubles, makeFloats } from "./memory.ts"
import type { Shape } from "./shape.ts"
import { floatsOf, makeImage, requireInput, requireThat, shapeOf } from "./shape.ts"

export interface RecursiveGaussianParameters {
  /** Along each axis, in spacing units. */
  readonly sigma: readonly number[]
}

/** How a line is filtered: forth with `causal`, back with `anticausal`, both fed back by `feedback`. */
interface Recursion {
  readonly causal: readonly [number, number, number, number]
  readonly anticausal: readonly [number, number, number, number]
  readonly feedback: readonly [number, number, number, number]
  /** What a line of ones comes to each way: beyond its ends, every line goes on as a constant one. */
  readonly forthOfOnes: number
  readonly backOfOnes: number
}

interface Memory {
  readonly image: Image
  readonly shape: Shape
  /** By axis. */
  readonly recursions: readonly Recursion[]
  /** What lies between the axes. */
  readonly values: Float32Array | Float64Array
  readonly output: Image
}

/** ITK asks for as many voxels along each axis. */
const LEAST_LENGTH = 4

/** The two damped oscillations whose sum is nearly a Gaussian: amplitudes of cosine and sine, frequency and decay. */
const FIRST = { cosine: 1.353, sine: 1.8151, frequency: 0.6681, decay: -1.3932 } as const
const SECOND = { cosine: -0.3531, sine: 0.0902, frequency: 2.0787, decay: -1.3732 } as const

/** The filter of a Gaussian of that width in voxels. */
function makeRecursion(sigma: number): Recursion {
  const [a1, b1, a2, b2] = [FIRST.cosine, FIRST.sine, SECOND.cosine, SECOND.sine]
  const [sin1, cos1] = [Math.sin(FIRST.frequency / sigma), Math.cos(FIRST.frequency / sigma)]
  const [sin2, cos2] = [Math.sin(SECOND.frequency / sigma), Math.cos(SECOND.frequency / sigma)]
  const exp1 = Math.exp(FIRST.decay / sigma)
  const exp2 = Math.exp(SECOND.decay / sigma)

  const d4 = exp1 * exp1 * exp2 * exp2
  const d3 = -2 * cos1 * exp1 * exp2 * exp2 - 2 * cos2 * exp2 * exp1 * exp1
  const d2 = 4 * cos2 * cos1 * exp1 * exp2 + exp1 * exp1 + exp2 * exp2
  const d1 = -2 * (exp2 * cos2 + exp1 * cos1)
  const feedbackSum = 1 + d1 + d2 + d3 + d4

  const raw0 = a1 + a2
  const raw1 = exp2 * (b2 * sin2 - (a2 + 2 * a1) * cos2) + exp1 * (b1 * sin1 - (a1 + 2 * a2) * cos1)
  const raw2 =
    2 * exp1 * exp2 * ((a1 + a2) * cos2 * cos1 - (b1 * cos2 * sin1 + b2 * cos1 * sin2)) +
    a2 * exp1 * exp1 +
    a1 * exp2 * exp2
  const raw3 = exp2 * exp1 * exp1 * (b2 * sin2 - a2 * cos2) + exp1 * exp2 * exp2 * (b1 * sin1 - a1 * cos1)
  // Both ways together keep the sum of what they smooth.
  const scale = (2 * (raw0 + raw1 + raw2 + raw3)) / feedbackSum - raw0
  const [n0, n1, n2, n3] = [raw0 / scale, raw1 / scale, raw2 / scale, raw3 / scale]
  const [m1, m2, m3, m4] = [n1 - d1 * n0, n2 - d2 * n0, n3 - d3 * n0, -d4 * n0]
  return {
    causal: [n0, n1, n2, n3],
    anticausal: [m1, m2, m3, m4],
    feedback: [d1, d2, d3, d4],
    forthOfOnes: (n0 + n1 + n2 + n3) / feedbackSum,
    backOfOnes: (m1 + m2 + m3 + m4) / feedbackSum,
  }
}

/** How far back the recursion looks. */
const REACH = 4

/** A line with what lies beyond its ends, `REACH` values to each side, and what each way comes to. */
interface Line {
  readonly data: Float64Array
  readonly forth: Float64Array
  readonly back: Float64Array
}

/** Lines side by side are smoothed together, so that what lies together in memory is used together. */
const COLUMNS = 16

function smoothAxis(memory: Memory, axis: 0 | 1 | 2, part: number, parts: number): void {
  const { shape, recursions, values } = memory
  const recursion = recursions[axis]
  if (recursion === undefined) return
  const { nx, ny, nz } = shape
  const length = [nx, ny, nz][axis]!
  const stride = [1, nx, nx * ny][axis]!
  // Lines along x lie one after the other, all others side by side.
  const width = axis === 0 ? shape.rows : nx
  const step = axis === 0 ? nx : 1
  const tiles = Math.ceil(width / COLUMNS)
  const tilesInAll = axis === 0 ? tiles : (axis === 1 ? nz : ny) * tiles
  const { from, to } = shareOf(memory.image.components * tilesInAll, part, parts)
  const padded = length + 2 * REACH
  const lines: readonly Line[] = Array.from({ length: COLUMNS }, () => ({
    data: new Float64Array(padded),
    forth: new Float64Array(padded),
    back: new Float64Array(padded),
  }))
  for (let each = from; each < to; each += 1) {
    const component = Math.floor(each / tilesInAll)
    const tile = each - component * tilesInAll
    const column = (tile % tiles) * COLUMNS
    const plane = component * nx * shape.rows
    const first = plane + Math.floor(tile / tiles) * (axis === 1 ? nx * ny : nx) + column * step
    const count = Math.min(COLUMNS, width - column)
    for (let at = 0; at < length; at += 1) {
      const start = first + at * stride
      for (let line = 0; line < count; line += 1) lines[line]!.data[REACH + at] = values[start + line * step]!
    }
    for (let line = 0; line < count; line += 1) smoothLine(lines[line]!, length, recursion)
    for (let at = 0; at < length; at += 1) {
      const start = first + at * stride
      for (let line = 0; line < count; line += 1) values[start + line * step] = lines[line]!.data[REACH + at]!
    }
  }
}

/** Replaces the values of a line by the sum of both ways over it. */
function smoothLine({ data, forth, back }: Line, length: number, recursion: Recursion): void {
  const { forthOfOnes, backOfOnes } = recursion
  const [n0, n1, n2, n3] = recursion.causal
  const [m1, m2, m3, m4] = recursion.anticausal
  const [d1, d2, d3, d4] = recursion.feedback
  const end = REACH + length
  const [before, after] = [data[REACH]!, data[end - 1]!]
  data.fill(before, 0, REACH).fill(after, end)
  forth.fill(before * forthOfOnes, 0, REACH)
  back.fill(after * backOfOnes, end)
  for (let at = REACH; at < end; at += 1) {
    const taken = data[at]! * n0 + data[at - 1]! * n1 + data[at - 2]! * n2 + data[at - 3]! * n3
    forth[at] = taken - (forth[at - 1]! * d1 + forth[at - 2]! * d2 + forth[at - 3]! * d3 + forth[at - 4]! * d4)
  }
  for (let at = end - 1; at >= REACH; at -= 1) {
    const taken = data[at + 1]! * m1 + data[at + 2]! * m2 + data[at + 3]! * m3 + data[at + 4]! * m4
    back[at] = taken - (back[at + 1]! * d1 + back[at + 2]! * d2 + back[at + 3]! * d3 + back[at + 4]! * d4)
  }
  for (let at = REACH; at < end; at += 1) data[at] = forth[at]! + back[at]!
}

/** Values of one kind lie together while they are smoothed, and those of one voxel in images. */
function forEachValue(components: number, { from, to }: Share, move: (k: number, at: number) => void): void {
  for (let k = 0; k < components; k += 1) for (let at = from; at < to; at += 1) move(k, at)
}

/** The image smoothed by a Gaussian of that standard deviation, as float32. */
export const smoothingRecursiveGaussian: Kernel<RecursiveGaussianParameters, Memory, Image> = {
  name: "SmoothingRecursiveGaussian",
  prepare: (inputs, { sigma }) => {
    const name = "SmoothingRecursiveGaussian"
    const image = requireInput(name, inputs)
    const { size, spacing, voxels } = image
    const isSigma = sigma.length >= size.length && sigma.slice(0, size.length).every((along) => along > 0)
    requireThat(name, isSigma, `a sigma above 0 along each of ${size.length} axes`, sigma)
    const isLong = size.every((along) => along >= LEAST_LENGTH)
    requireThat(name, isLong, `at least ${LEAST_LENGTH} voxels along every axis`, size)
    return {
      image,
      shape: shapeOf(image),
      recursions: size.map((_, axis) => makeRecursion(sigma[axis]! / spacing[axis]!)),
      values: image.type === "float64" ? makeDoubles(voxels.length) : makeFloats(voxels.length),
      output: makeImage(image, "float32", image.components),
    }
  },
  phases: [
    {
      run: ({ image, values }, part, parts) => {
        const { components, voxels } = image
        const count = values.length / components
        const { from, to } = shareOf(count, part, parts)
        if (components === 1) values.set(voxels.subarray(from, to), from)
        else forEachValue(components, { from, to }, (k, at) => (values[k * count + at] = voxels[at * components + k]!))
      },
    },
    // A picture has no third axis; its last is the second.
    { run: (memory, part, parts) => smoothAxis(memory, memory.shape.axes === 3 ? 2 : 1, part, parts) },
    { run: (memory, part, parts) => smoothAxis(memory, 0, part, parts) },
    {
      run: (memory, part, parts) => {
        if (memory.shape.axes === 3) smoothAxis(memory, 1, part, parts)
      },
    },
    {
      run: ({ values, output }, part, parts) => {
        const { components } = output
        const floats = floatsOf(output)
        const count = values.length / components
        const { from, to } = shareOf(count, part, parts)
        if (components === 1) floats.set(values.subarray(from, to), from)
        else forEachValue(components, { from, to }, (k, at) => (floats[at * components + k] = values[k * count + at]!))
      },
    },
  ],
  finish: ({ output }) => output,
}
