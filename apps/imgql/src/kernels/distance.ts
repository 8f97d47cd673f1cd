/**
 * The signed distance to the border of a mask: 0 on border voxels, below 0 inside, above 0 outside, in spacing units.
 *
 * A border voxel is a voxel of the mask with one among its 26 (8) neighbors inside the image that is not. Distances are exact, by one
 * axis after the other in linear time (`simd/distance.ts`): along x and y within each slice, then along z. Squares of distances
 * lie in the output until then, as float32, in which ITK adds them up too.
 */
import type { Image } from "../image/image.ts"
import { makeBits, packRows, widenRows, wordsOf } from "./bits.ts"
import type { Kernel, NoParameters, Share } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { CHUNK, floatsOf, makeImage, readDoubles, requireScalar, shapeOf, spacingOf } from "./shape.ts"
import { layOut } from "./simd.ts"

/** Where there is no border at all, and then nowhere is one: as in ITK, the largest float32, without a sign, or its root. */
const NOWHERE_SQUARED = 3.4028234663852886e38
export const NOWHERE: number = Math.fround(Math.sqrt(NOWHERE_SQUARED))

/** Rows of planes are a multiple of this. */
const COLUMNS = 16

/** What the walk along a line needs for each of its voxels, in bytes. */
const SPARE = 24

interface Memory {
  readonly shape: Shape
  readonly spacing: readonly [number, number, number]
  readonly words: number
  readonly input: Image
  /** The voxels of the mask, and those outside it widened along x. */
  readonly bits: Int32Array
  readonly wide: Int32Array
  readonly isSquared: boolean
  readonly isInsidePositive: boolean
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
    input,
    bits: makeBits(shape),
    wide: makeBits(shape),
    isSquared,
    isInsidePositive,
    output: makeImage(input, "float32"),
  }
}

function packPart({ shape, words, input, bits, wide }: Memory, part: number, parts: number): void {
  const share = shareOf(shape.rows, part, parts)
  packMask(input, bits, share)
  widenRows(bits, wide, { nx: shape.nx, words, ...share, reach: 1, isInverted: true, isOutsideSet: false })
}

/** Sets the bits of rows of the voxels that are not 0. */
export function packMask(input: Image, bits: Int32Array, { from, to }: Share): void {
  const shape = shapeOf(input)
  const { nx } = shape
  const words = wordsOf(shape)
  const packing = { nx, words, value: 0, isInverted: true }
  if (input.voxels instanceof Uint8Array) return packRows(input.voxels, bits, { ...packing, from, to })
  const mask = new Uint8Array(nx)
  for (let row = from; row < to; row += 1) {
    readMask(input, mask, row * nx)
    packRows(mask, bits.subarray(row * words), { ...packing, from: 0, to: 1 })
  }
}

function readMask({ voxels }: Image, mask: Uint8Array, start: number): void {
  const chunk = new Float64Array(CHUNK)
  for (let first = 0; first < mask.length; first += CHUNK) {
    const end = Math.min(first + CHUNK, mask.length)
    readDoubles(voxels, start + first, start + end, chunk)
    for (let at = first; at < end; at += 1) mask[at] = chunk[at - first] === 0 ? 0 : 1
  }
}

/** Within each slice, the squared distance to the nearest border voxel; Infinity in slices without. */
function sweepSlices(memory: Memory, part: number, parts: number): void {
  const { shape, spacing, words, bits, wide } = memory
  const { nx, ny, nz } = shape
  const output = floatsOf(memory.output)
  const width = widthOf(shape)
  const plane = width * ny * 4
  const size = ny * words * 4
  // Between a row of zeros each.
  const masked = size + 2 * words * 4
  const workspace = layOut(masked, masked, masked, size, size, plane, plane, nx * 4, nx * 4, ny * 4, (ny + 1) * SPARE)
  const { loops, floats, places } = workspace
  const [first, second, third, insideAt, border, rows, swept, ascending, descending, ways, spare] =
    places as unknown as SlicePlaces
  workspace.words.fill(0, first / 4, (third + masked) / 4)
  const sliceTo = (at: number, z: number): void => {
    const start = at / 4 + words
    // A picture has no slices beside it.
    if (z < 0 || z >= nz) workspace.words.fill(0, start, start + ny * words)
    else workspace.words.set(wide.subarray(z * ny * words, (z + 1) * ny * words), start)
  }
  for (let steps = 0; steps < nx; steps += 1) {
    floats[ascending / 4 + steps] = (steps * spacing[0]) ** 2
    floats[descending / 4 + nx - 1 - steps] = (steps * spacing[0]) ** 2
  }
  writeWays(floats, ways, ny, spacing[1])
  const { from, to } = shareOf(nz, part, parts)
  for (let z = from; z < to; z += 1) {
    const start = z * ny
    sliceTo(first, z - 1)
    sliceTo(second, z)
    sliceTo(third, z + 1)
    workspace.words.set(bits.subarray(start * words, (start + ny) * words), insideAt / 4)
    const beside = words * 4
    loops.findBorder(first + beside, second + beside, third + beside, insideAt, border, words, ny * words)
    if (loops.findSlice(border, rows, ascending, descending, nx, ny, words, width) === 0) {
      output.fill(Infinity, start * nx, (start + ny) * nx)
      continue
    }
    loops.sweepPlane(rows, swept, ways, spare, width, ny, spacing[1])
    for (let y = 0; y < ny; y += 1) {
      const row = swept / 4 + y * width
      output.set(floats.subarray(row, row + nx), (start + y) * nx)
    }
  }
}

// One for every size that is asked for.
type SlicePlaces = readonly [...Places, ...Places, number]
type Places = readonly [number, number, number, number, number]

/** Along z, for each y, and from squares to distances. */
function sweepColumns(memory: Memory, part: number, parts: number): void {
  const { shape, spacing, words, bits, isSquared, isInsidePositive } = memory
  const { nx, ny, nz } = shape
  const output = floatsOf(memory.output)
  const width = widthOf(shape)
  const plane = width * nz * 4
  const workspace = layOut(nz * words * 4, plane, plane, nz * 4, (nz + 1) * SPARE)
  const { loops, floats, places } = workspace
  const [inside, rows, swept, ways, spare] = places as unknown as Places
  // What lies beside the rows is near to all.
  floats.fill(0, rows / 4, (rows + plane) / 4)
  writeWays(floats, ways, nz, spacing[2])
  const nowhere = isSquared ? NOWHERE_SQUARED : NOWHERE
  const { from, to } = shareOf(ny, part, parts)
  for (let y = from; y < to; y += 1) {
    for (let z = 0; z < nz; z += 1) {
      const row = z * ny + y
      floats.set(output.subarray(row * nx, (row + 1) * nx), rows / 4 + z * width)
      for (let word = 0; word < words; word += 1)
        workspace.words[inside / 4 + z * words + word] = bits[row * words + word]!
    }
    loops.sweepPlane(rows, swept, ways, spare, width, nz, spacing[2])
    loops.finishPlane(swept, inside, width, words, nz, isSquared ? 1 : 0, isInsidePositive ? 1 : 0, nowhere)
    if (isSquared && Math.abs(floats[swept / 4]!) === nowhere) floats.fill(nowhere, swept / 4, swept / 4 + width * nz)
    for (let z = 0; z < nz; z += 1) {
      const start = swept / 4 + z * width
      output.set(floats.subarray(start, start + nx), (z * ny + y) * nx)
    }
  }
}

function widthOf({ nx }: Shape): number {
  return Math.ceil(nx / COLUMNS) * COLUMNS
}

/** The squared way of every number of steps. */
function writeWays(floats: Float32Array, ways: number, length: number, step: number): void {
  for (let steps = 0; steps < length; steps += 1) floats[ways / 4 + steps] = (steps * step) ** 2
}

const PHASES: Kernel<never, Memory, Image>["phases"] = [{ run: packPart }, { run: sweepSlices }, { run: sweepColumns }]

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
