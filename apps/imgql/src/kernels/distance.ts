/**
 * The signed distance to the border of a mask: 0 on border voxels, below 0 inside, above 0 outside, in spacing units.
 *
 * A border voxel is a voxel of the mask with one among its 26 (8) neighbors inside the image that is not. Distances are exact, by one
 * axis after the other in linear time: P. F. Felzenszwalb, D. P. Huttenlocher, "Distance Transforms of Sampled
 * Functions", Theory of Computing 8, 2012. Squares of distances lie in the output until the last axis, as float32, in which ITK
 * adds them up too.
 */
import type { Image } from "../image/image.ts"
import type { Element } from "./bits.ts"
import { joinRows, makeBits, makeElement, packRow, widenRows, wordsOf } from "./bits.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { CHUNK, floatsOf, makeImage, readDoubles, requireScalar, shapeOf, spacingOf } from "./shape.ts"
import { makeBytes } from "./memory.ts"

/** Where there is no border at all: the square root of the largest float32, as in ITK. */
const NOWHERE: number = Math.fround(Math.sqrt(3.4028234663852886e38))

/** Columns are gone through this many at once, so that what lies side by side in memory is used together. */
const COLUMNS = 16

interface Memory {
  readonly shape: Shape
  readonly spacing: readonly [number, number, number]
  readonly words: number
  readonly element: Element
  readonly input: Image
  /** 1 in the mask, 0 outside. */
  readonly mask: Uint8Array
  /** The voxels of the mask, and those outside it widened along x. */
  readonly bits: Int32Array
  readonly wide: Int32Array
  readonly isSquared: boolean
  /** 1, or -1 where the inside is above 0. */
  readonly sign: number
  readonly output: Image
}

interface Settings {
  readonly isSquared: boolean
  readonly isInsidePositive: boolean
  readonly isSpacingUsed: boolean
}

function prepareDistance(input: Image, { isSquared, isInsidePositive, isSpacingUsed }: Settings): Memory {
  const shape = shapeOf(input)
  return {
    shape,
    spacing: isSpacingUsed ? spacingOf(input) : [1, 1, 1],
    words: wordsOf(shape),
    element: makeElement(
      "box",
      input.size.map(() => 1),
    ),
    input,
    mask: makeBytes(input.voxels.length),
    bits: makeBits(shape),
    wide: makeBits(shape),
    isSquared,
    sign: isInsidePositive ? -1 : 1,
    output: makeImage(input, "float32"),
  }
}

function packPart(memory: Memory, part: number, parts: number): void {
  const { shape, words, input, mask, bits, wide } = memory
  const { nx } = shape
  const { from, to } = shareOf(shape.rows, part, parts)
  readMask(input, mask, from * nx, to * nx)
  for (let row = from; row < to; row += 1) packRow(mask, 1, bits, { start: row * nx, nx, word: row * words, shift: 0 })
  widenRows(bits, wide, { nx, words, from, to, reach: 1, isInverted: true, isOutsideSet: false })
}

function readMask({ voxels }: Image, mask: Uint8Array, from: number, to: number): void {
  if (voxels instanceof Uint8Array) {
    for (let at = from; at < to; at += 1) mask[at] = voxels[at] === 0 ? 0 : 1
    return
  }
  const chunk = new Float64Array(CHUNK)
  for (let start = from; start < to; start += CHUNK) {
    const end = Math.min(start + CHUNK, to)
    readDoubles(voxels, start, end, chunk)
    for (let at = start; at < end; at += 1) mask[at] = chunk[at - start] === 0 ? 0 : 1
  }
}

/** The squared distance to the nearest border voxel of the same row; Infinity in rows without. */
function scanPart(memory: Memory, part: number, parts: number): void {
  const { shape, spacing, words, element, bits, wide } = memory
  const { nx, ny, nz } = shape
  const output = floatsOf(memory.output)
  const { from, to } = shareOf(shape.rows, part, parts)
  const border = new Int32Array(words)
  const squares = Float32Array.from({ length: nx }, (_, steps) => (steps * spacing[0]) ** 2)
  const options = { ny, nz, words, element, isOutsideSet: false }
  const planes = [wide]
  for (let row = from; row < to; row += 1) {
    const start = row * nx
    joinRows(planes, border, row, options)
    let any = 0
    for (let word = 0; word < words; word += 1) {
      const found = border[word]! & bits[row * words + word]!
      border[word] = found
      any |= found
    }
    if (any === 0) output.fill(Infinity, start, start + nx)
    else scanRow(border, squares, output, start, nx)
  }
}

function scanRow(border: Int32Array, squares: Float32Array, output: Float32Array, start: number, nx: number): void {
  let last = -1
  for (let x = 0; x < nx; x += 1) {
    if (((border[x >>> 5]! >>> (x & 31)) & 1) === 0) continue
    // The first half of the way back to the border before is nearer to that one.
    const middle = last === -1 ? 0 : (last + x + 1) >>> 1
    for (let at = last + 1; at < middle; at += 1) output[start + at] = squares[at - last]!
    for (let at = middle; at <= x; at += 1) output[start + at] = squares[x - at]!
    last = x
  }
  for (let at = last + 1; at < nx; at += 1) output[start + at] = squares[at - last]!
}

/** Lines that are gone through at once, and what the walk over one needs. */
interface Lines {
  /** `COLUMNS` lines, one after the other. */
  readonly values: Float64Array
  readonly sites: Int32Array
  /** From which place on the site is the nearest. */
  readonly bounds: Float64Array
  /** The value and the place of each site. */
  readonly heights: Float64Array
}

function makeLines(length: number): Lines {
  return {
    values: new Float64Array(COLUMNS * length),
    sites: new Int32Array(length),
    bounds: new Float64Array(length + 1),
    heights: new Float64Array(length),
  }
}

/** Along y, slice by slice. */
function sweepRows(memory: Memory, part: number, parts: number): void {
  const { shape, spacing } = memory
  const { nx, ny, nz } = shape
  if (ny === 1) return
  const output = floatsOf(memory.output)
  const lines = makeLines(ny)
  const tiles = Math.ceil(nx / COLUMNS)
  const { from, to } = shareOf(nz * tiles, part, parts)
  for (let tile = from; tile < to; tile += 1) {
    const z = Math.floor(tile / tiles)
    const x = (tile % tiles) * COLUMNS
    sweepTile(output, lines, {
      first: z * ny * nx + x,
      stride: nx,
      length: ny,
      width: Math.min(COLUMNS, nx - x),
      step: spacing[1],
    })
  }
}

/** Along z, for each y. */
function sweepSlices(memory: Memory, part: number, parts: number): void {
  const { shape, spacing } = memory
  const { nx, ny, nz } = shape
  if (nz === 1) return
  const output = floatsOf(memory.output)
  const lines = makeLines(nz)
  const tiles = Math.ceil(nx / COLUMNS)
  const { from, to } = shareOf(ny * tiles, part, parts)
  for (let tile = from; tile < to; tile += 1) {
    const y = Math.floor(tile / tiles)
    const x = (tile % tiles) * COLUMNS
    sweepTile(output, lines, {
      first: y * nx + x,
      stride: nx * ny,
      length: nz,
      width: Math.min(COLUMNS, nx - x),
      step: spacing[2],
    })
  }
}

interface Tile {
  readonly first: number
  readonly stride: number
  readonly length: number
  readonly width: number
  readonly step: number
}

function sweepTile(output: Float32Array, lines: Lines, { first, stride, length, width, step }: Tile): void {
  const { values } = lines
  for (let at = 0; at < length; at += 1) {
    const start = first + at * stride
    for (let column = 0; column < width; column += 1) values[column * length + at] = output[start + column]!
  }
  for (let column = 0; column < width; column += 1) sweepLine(lines, column * length, length, step)
  for (let at = 0; at < length; at += 1) {
    const start = first + at * stride
    for (let column = 0; column < width; column += 1) output[start + column] = values[column * length + at]!
  }
}

/** Replaces each value by the least sum of a value and the squared way to it: the lower envelope of one parabola a site. */
function sweepLine({ values, sites, bounds, heights }: Lines, start: number, length: number, step: number): void {
  let count = 0
  const inverse = 1 / (2 * step * step)
  for (let at = 0; at < length; at += 1) {
    const height = values[start + at]!
    if (height === Infinity) continue
    let from = -Infinity
    while (count > 0) {
      const site = sites[count - 1]!
      // Where the parabola of `at` becomes the lower one.
      from = (at + site) / 2 + ((height - heights[count - 1]!) * inverse) / (at - site)
      if (from > bounds[count - 1]!) break
      count -= 1
      from = -Infinity
    }
    sites[count] = at
    heights[count] = height
    bounds[count] = from
    count += 1
  }
  if (count === 0) return
  bounds[count] = Infinity
  const square = step * step
  let current = 0
  for (let at = 0; at < length; at += 1) {
    while (bounds[current + 1]! < at) current += 1
    const way = at - sites[current]!
    values[start + at] = heights[current]! + way * way * square
  }
}

/** The root of each square, and its sign. */
function signPart(memory: Memory, part: number, parts: number): void {
  const { mask, sign, isSquared } = memory
  const output = floatsOf(memory.output)
  const { from, to } = shareOf(mask.length, part, parts)
  for (let at = from; at < to; at += 1) {
    const square = output[at]!
    const way = square === Infinity ? NOWHERE : isSquared ? square : Math.sqrt(square)
    output[at] = mask[at] === 1 ? -sign * way : sign * way
  }
}

const PHASES: Kernel<never, Memory, Image>["phases"] = [
  { run: packPart },
  { run: scanPart },
  { run: sweepRows },
  { run: sweepSlices },
  { run: signPart },
]

/** The distance to the border in spacing units, below 0 inside. 1.8e19 if there is none. */
export const dt: Kernel<NoParameters, Memory, Image> = {
  name: "dt",
  prepare: (inputs) =>
    prepareDistance(requireScalar("dt", inputs), { isSquared: false, isInsidePositive: false, isSpacingUsed: true }),
  phases: PHASES,
  finish: ({ output }) => output,
}

/** {@link dt}, with its sign, its square and its unit chosen by the caller. */
export const signedMaurerDistanceMap: Kernel<Settings, Memory, Image> = {
  name: "SignedMaurerDistanceMap",
  prepare: (inputs, settings) => prepareDistance(requireScalar("SignedMaurerDistanceMap", inputs), settings),
  phases: PHASES,
  finish: ({ output }) => output,
}
