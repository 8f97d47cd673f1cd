/**
 * N4: what makes one tissue brighter in one place than in another is estimated and taken out. In turns the histogram of
 * logarithms is sharpened (`sharpening.ts`), and what that changed is smoothed by a B-spline and added to the estimate
 * (`spline.ts`); first few spans of it, then twice as many at each level. (N. J. Tustison et al., "N4ITK: improved N3 bias
 * correction", 2010; the spline is fitted as in S. Lee, G. Wolberg and S. Y. Shin, "Scattered data interpolation with
 * multilevel B-splines", 1997.)
 *
 * Images between steps are float32, as ITK's are. Sums are float64 in an order that does not depend on how many threads
 * there are, where ITK's are float32: so results are ITK's up to some millionths.
 */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeBytes, makeDoubles, makeFloats } from "./memory.ts"
import { type Bins, binsBetween, placeOf, sharpen, type SharpeningParameters } from "./sharpening.ts"
import type { Shape } from "./shape.ts"
import { makeImage, requireSameSize, requireScalar, requireThat, shapeOf } from "./shape.ts"
import {
  type AxisSpline,
  flatSpline,
  MAX_ORDER,
  type PackedSplines,
  packSplines,
  powerOf,
  refineAlong,
  refinedPoints,
  splineAlong,
  unpackSpline,
} from "./spline.ts"

const { fround } = Math

export interface BiasFieldParameters extends SharpeningParameters {
  /** A level ends where the field changes by less, as a part of itself. */
  readonly threshold: number
  /** How often at most, at each level. */
  readonly iterations: readonly number[]
  /** Control points along each axis at the first level. */
  readonly points: readonly number[]
  readonly order: number
  /** Of a mask the value of voxels that count; null if all count that are not 0. */
  readonly label: number | null
}

/** The splines along x, y and z: to add up with, and the powers of their weights that fit them. */
interface Level {
  readonly plain: readonly AxisSpline[]
  readonly squared: readonly AxisSpline[]
  readonly cubed: readonly AxisSpline[]
}

interface Memory {
  readonly parameters: BiasFieldParameters
  readonly shape: Shape
  readonly image: Image
  readonly mask: Image | null
  /** 1 where voxels count. */
  readonly inside: Uint8Array
  /** The logarithm of what is above 0. */
  readonly logs: Float32Array
  readonly field: Float32Array
  /** Of all levels, one after the other. */
  readonly splines: PackedSplines
  /** Which level it is, and how many iterations of it were; after the last level all is done. */
  readonly progress: Float64Array
  /** A block of rows each: the greatest value, and the least that was not the greatest yet. */
  readonly limits: Float64Array
  readonly histograms: Float64Array
  readonly sharpened: Float32Array
  /** What is found along each row, and from those along each slice; twice, to divide one by the other. */
  readonly rows: readonly [Float64Array, Float64Array]
  readonly slices: readonly [Float64Array, Float64Array]
  readonly lattice: Float64Array
  /** A block of rows each: of how much the field changes, the count, the sum and the sum of squares. */
  readonly changes: Float64Array
  readonly output: Image
}

/** Blocks of rows are the same whatever number of threads there are. */
const BLOCKS = 64

function blocksOf({ rows }: Shape): number {
  return Math.min(BLOCKS, rows)
}

function isDone({ progress, parameters }: Memory): boolean {
  return progress[0]! >= parameters.iterations.length
}

/** Of a level: x, y and z of three kinds. */
const SPLINES_A_LEVEL = 9

function levelOf({ splines }: Pick<Memory, "splines">, level: number): Level {
  const at = (kind: number): AxisSpline[] =>
    [0, 1, 2].map((axis) => unpackSpline(splines, level * SPLINES_A_LEVEL + kind * 3 + axis))
  return { plain: at(0), squared: at(1), cubed: at(2) }
}

function currentLevel(memory: Memory): Level {
  return levelOf(memory, memory.progress[0]!)
}

/** The voxels of each block that is the part's business. */
function forEachBlock(
  shape: Shape,
  { part, parts }: { readonly part: number; readonly parts: number },
  visit: (block: number, from: number, to: number) => void,
): void {
  const blocks = blocksOf(shape)
  const share = shareOf(blocks, part, parts)
  for (let block = share.from; block < share.to; block += 1) {
    const { from, to } = shareOf(shape.rows, block, blocks)
    visit(block, from * shape.nx, to * shape.nx)
  }
}

function readPart(memory: Memory, part: number, parts: number, round: number): void {
  if (round > 0) return
  const { image, mask, inside, logs, shape, parameters } = memory
  const isCounted = (value: number): boolean => (parameters.label === null ? value !== 0 : value === parameters.label)
  forEachBlock(shape, { part, parts }, (_, from, to) => {
    for (let at = from; at < to; at += 1) {
      const value = fround(image.voxels[at]!)
      inside[at] = mask === null || isCounted(mask.voxels[at]!) ? 1 : 0
      logs[at] = inside[at] === 1 && value > 0 ? Math.log(value) : value
    }
  })
}

function findMostPart(memory: Memory, part: number, parts: number): void {
  if (isDone(memory)) return
  const { inside, logs, field, limits, shape } = memory
  forEachBlock(shape, { part, parts }, (block, from, to) => {
    let most = -Infinity
    for (let at = from; at < to; at += 1) {
      const value = fround(logs[at]! - field[at]!)
      if (inside[at] === 1 && value > most) most = value
    }
    limits[2 * block] = most
  })
}

/** As in ITK, a value is taken for the least only if it is not greater than all before it. */
function findLeastPart(memory: Memory, part: number, parts: number): void {
  if (isDone(memory)) return
  const { inside, logs, field, limits, shape } = memory
  forEachBlock(shape, { part, parts }, (block, from, to) => {
    let [most, least] = [-Infinity, Infinity]
    for (let before = 0; before < block; before += 1) most = Math.max(most, limits[2 * before]!)
    for (let at = from; at < to; at += 1) {
      if (inside[at] === 0) continue
      const value = fround(logs[at]! - field[at]!)
      if (value > most) most = value
      else if (value < least) least = value
    }
    limits[2 * block + 1] = least
  })
}

function binsOf({ limits, parameters }: Memory): Bins {
  let [most, least] = [-Infinity, Infinity]
  for (let at = 0; at < limits.length; at += 2) {
    most = Math.max(most, limits[at]!)
    least = Math.min(least, limits[at + 1]!)
  }
  return binsBetween(least, most, parameters.bins)
}

/** Each value counts in the two bins between whose centers it lies, in the nearer one more. */
function countPart(memory: Memory, part: number, parts: number): void {
  if (isDone(memory)) return
  const { inside, logs, field, histograms, shape } = memory
  const { bins } = memory.parameters
  const between = binsOf(memory)
  forEachBlock(shape, { part, parts }, (block, from, to) => {
    const histogram = histograms.subarray(block * bins, (block + 1) * bins).fill(0)
    for (let at = from; at < to; at += 1) {
      if (inside[at] === 0) continue
      const place = placeOf(fround(logs[at]! - field[at]!), between)
      const bin = Math.floor(place)
      const rest = place - bin
      if (!(bin >= 0 && bin < bins)) continue
      if (rest === 0) histogram[bin] = histogram[bin]! + 1
      else if (bin < bins - 1) {
        histogram[bin] = histogram[bin]! + 1 - rest
        histogram[bin + 1] = histogram[bin + 1]! + rest
      }
    }
  })
}

function sharpenOnce(memory: Memory): void {
  if (isDone(memory)) return
  const { histograms, sharpened, parameters } = memory
  const sum = new Float64Array(parameters.bins)
  for (let at = 0; at < histograms.length; at += 1) {
    const bin = at % parameters.bins
    sum[bin] = sum[bin]! + histograms[at]!
  }
  sharpened.set(sharpen(sum, binsOf(memory), parameters))
}

/** What sharpening changed, put on the control points along each row. */
function fitRowsPart(memory: Memory, part: number, parts: number): void {
  if (isDone(memory)) return
  const { inside, logs, field, sharpened, shape, rows } = memory
  const level = currentLevel(memory)
  const [squared, cubed] = [level.squared[0]!, level.cubed[0]!]
  const { points, width, starts } = squared
  const between = binsOf(memory)
  const last = sharpened.length - 1
  forEachBlock(shape, { part, parts }, (_, from, to) => {
    for (let first = from; first < to; first += shape.nx) {
      const base = (first / shape.nx) * points
      for (const into of rows) into.fill(0, base, base + points)
      for (let x = 0; x < shape.nx; x += 1) {
        if (inside[first + x] === 0) continue
        const value = fround(logs[first + x]! - field[first + x]!)
        const place = placeOf(value, between)
        const bin = Math.floor(place)
        const isBetween = bin >= 0 && bin < last
        const before = isBetween ? fround(sharpened[bin + 1]! - sharpened[bin]!) * fround(place - bin) : 0
        const expected = isBetween ? fround(sharpened[bin]! + fround(before)) : sharpened[last]!
        const change = fround(value - expected)
        for (let k = 0; k < width; k += 1) {
          const point = base + starts[x]! + k
          rows[0][point] = rows[0][point]! + change * cubed.weights[x * width + k]!
          rows[1][point] = rows[1][point]! + squared.weights[x * width + k]!
        }
      }
    }
  })
}

/** From the rows of each slice. */
function fitSlicesPart(memory: Memory, part: number, parts: number): void {
  if (isDone(memory)) return
  const { shape, rows, slices } = memory
  const { squared, cubed } = currentLevel(memory)
  const along = squared[0]!.points
  const size = along * squared[1]!.points
  const { from, to } = shareOf(shape.nz, part, parts)
  for (const [which, axis] of [cubed[1]!, squared[1]!].entries()) {
    const [found, into] = which === 0 ? [rows[0], slices[0]] : [rows[1], slices[1]]
    for (let z = from; z < to; z += 1) {
      into.fill(0, z * size, (z + 1) * size)
      for (let y = 0; y < shape.ny; y += 1) {
        const source = found.subarray((z * shape.ny + y) * along, (z * shape.ny + y + 1) * along)
        addWeighted(source, axis, y, into.subarray(z * size, (z + 1) * size))
      }
    }
  }
}

/** A line, or a slice, of control points to each of those that a voxel of the next axis is a mean of. */
function addWeighted(
  found: Float64Array,
  { width, starts, weights }: AxisSpline,
  at: number,
  into: Float64Array,
): void {
  for (let k = 0; k < width; k += 1) {
    const weight = weights[at * width + k]!
    const base = (starts[at]! + k) * found.length
    for (let point = 0; point < found.length; point += 1)
      into[base + point] = into[base + point]! + found[point]! * weight
  }
}

/** A control point that hardly any voxel is a mean of stays as it is. */
const LEAST_WEIGHT = fround(0.1 * 2 ** -23)

function fitOnce(memory: Memory): void {
  if (isDone(memory)) return
  const { shape, slices, lattice } = memory
  const { squared, cubed } = currentLevel(memory)
  const size = squared[0]!.points * squared[1]!.points
  const count = size * squared[2]!.points
  const [sums, weights] = [new Float64Array(count), new Float64Array(count)]
  for (let z = 0; z < shape.nz; z += 1) {
    addWeighted(slices[0].subarray(z * size, (z + 1) * size), cubed[2]!, z, sums)
    addWeighted(slices[1].subarray(z * size, (z + 1) * size), squared[2]!, z, weights)
  }
  for (let at = 0; at < count; at += 1) {
    const change = sums[at]! / weights[at]!
    if (weights[at]! > LEAST_WEIGHT && Number.isFinite(change)) lattice[at] = fround(lattice[at]! + fround(change))
  }
}

/** The field anew, and how it changed. */
function smoothPart(memory: Memory, part: number, parts: number): void {
  if (isDone(memory)) return
  const { shape, field, inside, lattice, changes } = memory
  const { plain } = currentLevel(memory)
  const [alongX, alongY, alongZ] = [plain[0]!, plain[1]!, plain[2]!]
  const slice = new Float64Array(alongX.points * alongY.points)
  const line = new Float64Array(alongX.points)
  let filled = -1
  forEachBlock(shape, { part, parts }, (block, from, to) => {
    let [count, sum, squares] = [0, 0, 0]
    for (let first = from; first < to; first += shape.nx) {
      const row = first / shape.nx
      const z = Math.floor(row / shape.ny)
      if (z !== filled) collapse(lattice, alongZ, z, slice)
      filled = z
      collapse(slice, alongY, row % shape.ny, line)
      for (let x = 0; x < shape.nx; x += 1) {
        let value = 0
        const base = x * alongX.width
        for (let k = 0; k < alongX.width; k += 1) value += line[alongX.starts[x]! + k]! * alongX.weights[base + k]!
        const at = first + x
        if (inside[at] === 1) {
          // Near 1, so that its distance from there keeps more digits.
          const change = Math.expm1(fround(field[at]! - fround(value)))
          count += 1
          sum += change
          squares += change * change
        }
        field[at] = value
      }
    }
    changes.set([count, sum, squares], 3 * block)
  })
}

/** The control points at one place of the last axis. */
function collapse(from: Float64Array, { width, starts, weights }: AxisSpline, at: number, into: Float64Array): void {
  into.fill(0)
  for (let k = 0; k < width; k += 1) {
    const weight = weights[at * width + k]!
    const base = (starts[at]! + k) * into.length
    for (let point = 0; point < into.length; point += 1) into[point] = into[point]! + from[base + point]! * weight
  }
}

function goOn(memory: Memory): void {
  if (isDone(memory)) return
  const { changes, progress, parameters } = memory
  let [count, sum, squares] = [0, 0, 0]
  for (let at = 0; at < changes.length; at += 3) {
    count += changes[at]!
    sum += changes[at + 1]!
    squares += changes[at + 2]!
  }
  const mean = sum / count
  const deviation = Math.sqrt(Math.max(0, squares - count * mean * mean) / (count - 1))
  const level = progress[0]!
  progress[1] = progress[1]! + 1
  const isChanging = deviation / (1 + mean) > fround(parameters.threshold)
  if (isChanging && progress[1] < parameters.iterations[level]!) return
  progress.set([nextLevel(parameters, level + 1), 0])
  for (let next = level + 1; next <= Math.min(progress[0]!, parameters.iterations.length - 1); next += 1)
    refine(memory, next)
}

/** The first from there on that has iterations. */
function nextLevel({ iterations }: BiasFieldParameters, from: number): number {
  let level = from
  while (level < iterations.length && iterations[level] === 0) level += 1
  return level
}

function refine(memory: Memory, next: number): void {
  const { lattice, parameters } = memory
  const before = levelOf(memory, next - 1).plain
  const count = before.reduce((product, { points }) => product * points, 1)
  let finer: Float64Array = Float64Array.from(lattice.subarray(0, count))
  let stride = 1
  for (const { points } of before) {
    if (points > 1) finer = refineAlong(finer, stride, points, parameters.order)
    stride *= refinedPoints(points, parameters.order)
  }
  lattice.set(finer)
}

function correctPart(memory: Memory, part: number, parts: number, round: number): void {
  if (round < roundsOf(memory) - 1) return
  const { image, field, output, shape } = memory
  forEachBlock(shape, { part, parts }, (_, from, to) => {
    for (let at = from; at < to; at += 1) output.voxels[at] = image.voxels[at]! / fround(Math.exp(field[at]!))
  })
}

function roundsOf({ parameters }: Pick<Memory, "parameters">): number {
  return parameters.iterations.reduce((sum, count) => sum + count, 0)
}

const NAME = "N4BiasFieldCorrection"

function isCount(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

function check({ iterations, points, order, bins, threshold, fullWidth, noise }: BiasFieldParameters): void {
  requireThat(NAME, isCount(order, 1, MAX_ORDER), `a spline of order 1 to ${String(MAX_ORDER)}`, order)
  const isLevels = iterations.length >= 1 && iterations.length <= 12 && iterations[0] !== 0
  const areCounts = isLevels && iterations.every((each) => isCount(each, 0, 1e6))
  requireThat(NAME, areCounts, "a number of iterations for each of 1 to 12 levels, above 0 for the first", iterations)
  const arePoints = points.every((each) => isCount(each, order + 1, 1024))
  requireThat(NAME, arePoints, `${String(order + 1)} to 1024 control points along each axis`, points)
  requireThat(NAME, isCount(bins, 2, 65_536), "2 to 65536 bins", bins)
  requireThat(NAME, Number.isFinite(threshold), "a finite threshold", threshold)
  requireThat(NAME, fullWidth > 0 && noise >= 0, "a width above 0 and a noise from 0", [fullWidth, noise])
}

/** More control points than this are no smooth field. */
const MAX_POINTS = 2 ** 24

/**
 * The image over its bias field, as float32, or float64 if it is that. A second image is a mask: the field is estimated where
 * it counts, and taken out everywhere.
 */
export const biasField: Kernel<BiasFieldParameters, Memory, Image> = {
  name: NAME,
  prepare: (inputs, parameters) => {
    const image = requireScalar(NAME, inputs)
    check(parameters)
    const shape = shapeOf(image)
    const { size } = image
    requireThat(
      NAME,
      size.every((count) => count >= 2),
      "at least 2 voxels along each axis",
      size,
    )
    const { iterations, points, order } = parameters
    requireThat(NAME, points.length >= shape.axes, "control points for each axis", points)
    const mask = inputs.length > 1 ? requireScalar(NAME, inputs, 1) : null
    if (mask !== null) requireSameSize(NAME, image, mask)
    const levels = iterations.map((_, level) =>
      makeLevel(
        size,
        points.map((each) => each * 2 ** level - order * (2 ** level - 1)),
        order,
      ),
    )
    const [alongX, alongY, alongZ] = levels.at(-1)!.plain
    const line = alongX!.points
    const slice = line * alongY!.points
    const count = slice * alongZ!.points
    requireThat(NAME, count <= MAX_POINTS, `at most ${String(MAX_POINTS)} control points at the last level`, count)
    const blocks = blocksOf(shape)
    return {
      parameters,
      shape,
      image,
      mask,
      inside: makeBytes(image.voxels.length),
      logs: makeFloats(image.voxels.length),
      field: makeFloats(image.voxels.length),
      splines: packSplines(levels.flatMap(({ plain, squared, cubed }) => [...plain, ...squared, ...cubed])),
      progress: makeDoubles(2),
      limits: makeDoubles(2 * blocks),
      histograms: makeDoubles(blocks * parameters.bins),
      sharpened: makeFloats(parameters.bins),
      rows: [makeDoubles(shape.rows * line), makeDoubles(shape.rows * line)],
      slices: [makeDoubles(shape.nz * slice), makeDoubles(shape.nz * slice)],
      lattice: makeDoubles(count),
      changes: makeDoubles(3 * blocks),
      output: makeImage(image, image.type === "float64" ? "float64" : "float32"),
    }
  },
  rounds: roundsOf,
  phases: [
    { run: readPart },
    { run: findMostPart },
    { run: findLeastPart },
    { run: countPart },
    { isSerial: true, run: sharpenOnce },
    { run: fitRowsPart },
    { run: fitSlicesPart },
    { isSerial: true, run: fitOnce },
    { run: smoothPart },
    { isSerial: true, run: goOn },
    { run: correctPart },
  ],
  finish: ({ output }) => output,
}

function makeLevel(size: readonly number[], points: readonly number[], order: number): Level {
  const along = size.map((voxels, axis) => splineAlong(voxels, points[axis]!, order))
  const plain = along.length === 2 ? [...along, flatSpline()] : along
  return {
    plain,
    squared: plain.map((axis) => powerOf(axis, 2)),
    cubed: plain.map((axis) => powerOf(axis, 3)),
  }
}
