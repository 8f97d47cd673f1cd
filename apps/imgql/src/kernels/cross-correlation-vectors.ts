/**
 * Windows whose counts fit into sixteen bits, eight counts at a time: how `cross-correlation.ts` slides all but the largest.
 *
 * The slices that the window reaches lie in the workspace, in a ring: from one slice of the output to the next, one comes in.
 */
import type { Share } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import type { Workspace } from "./simd.ts"
import { layOut, VECTOR_CHUNK } from "./simd.ts"

/** What of the reference histogram is the same for all voxels. */
export interface ReferenceSums {
  readonly sum: number
  /** The root of its variance, times the number of bins. */
  readonly root: number
  readonly isConstant: boolean
}

interface Window {
  readonly shape: Shape
  readonly reach: readonly [number, number, number]
  /** How many counts a column has. */
  readonly stride: number
}

interface Sliding extends Window {
  readonly bins: number
  readonly binOf: Uint16Array
  readonly reference: Float64Array
  readonly sums: ReferenceSums
  readonly output: Float32Array
}

export interface Binning {
  readonly voxels: Float32Array
  /** Whose bins are counted. */
  readonly region: Uint8Array
  readonly binOf: Uint16Array
  readonly counts: Int32Array
  readonly parameters: { readonly from: number; readonly to: number; readonly bins: number }
  /** The bin of what is not counted. */
  readonly drop: number
}

/** The bin of each voxel, and how many of the region have each. */
export function binVectors({ voxels, region, binOf, counts, parameters, drop }: Binning, share: Share): void {
  const { from, to, bins } = parameters
  const workspace = layOut(VECTOR_CHUNK * 4, VECTOR_CHUNK * 2, VECTOR_CHUNK, (drop + 1) * 4)
  const { loops, bytes, shorts, words, floats, places } = workspace
  const [valuesAt, binsAt, maskAt, countsAt] = [places[0]!, places[1]!, places[2]!, places[3]!]
  words.set(counts, countsAt / 4)
  for (let start = share.from; start < share.to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, share.to)
    floats.set(voxels.subarray(start, end), valuesAt / 4)
    loops.binFloats(valuesAt, binsAt, end - start, from, to, (to - from) / bins, bins - 1, drop)
    binOf.set(shorts.subarray(binsAt / 2, binsAt / 2 + end - start), start)
    bytes.set(region.subarray(start, end), maskAt)
    loops.countMasked(binsAt, maskAt, countsAt, end - start)
  }
  counts.set(words.subarray(countsAt / 4, countsAt / 4 + drop + 1))
}

/** What one thread may take for columns and slices. */
const MOST_BYTES = 2 ** 28

/** The sum of two counts has sixteen bits with its sign; products are summed up in 32, with two digits of 15 bits of the reference. */
const MOST_VOXELS = 16_383
const DIGIT = 32_768

export function canSlideVectors({ shape, reach, stride }: Window): boolean {
  const { nx, ny, nz, rows } = shape
  const across = reachedOf(reach[0], nx) * reachedOf(reach[1], ny) * reachedOf(reach[2], nz)
  const bytes = 2 * ((nx + 1) * stride + ringOf(reach, nz) * nx * ny)
  return across <= MOST_VOXELS && nx * rows < DIGIT * DIGIT && bytes <= MOST_BYTES
}

function reachedOf(reach: number, length: number): number {
  return Math.min(2 * reach + 1, length)
}

/** How many slices are in the workspace. */
function ringOf(reach: readonly number[], nz: number): number {
  return reachedOf(reach[2] ?? 0, nz)
}

/** Rows of the output. */
export function slideVectors(sliding: Sliding, { from, to }: Share): void {
  const { shape, reach, stride, bins, reference, sums, output } = sliding
  const { nx, ny, nz } = shape
  const column = 2 * stride
  const size = (nx + 1) * column
  const workspace = layOut(ringOf(reach, nz) * nx * ny * 2, size, column, column, column, nx * 4)
  const { loops, bytes, shorts, floats, places } = workspace
  const [ringAt, columnsAt, windowAt, lowAt, highAt, rowAt] = places as unknown as Places
  shorts.fill(0, lowAt / 2, (highAt + column) / 2)
  for (const [bin, count] of reference.entries()) {
    shorts[lowAt / 2 + bin] = count % DIGIT
    shorts[highAt / 2 + bin] = Math.floor(count / DIGIT)
  }
  const change = (y: number, z: number, by: 1 | -1): void =>
    countRow(sliding, workspace, ringAt, columnsAt, { y, z, by })
  let copied = 0
  for (let row = from; row < to; row += 1) {
    const y = row % ny
    const z = (row - y) / ny
    const last = Math.min(nz - 1, z + reach[2])
    if (row === from || y === 0) {
      if (row === from) copied = Math.max(0, z - reach[2])
      for (; copied <= last; copied += 1) copySlice(sliding, workspace, ringAt, copied)
      bytes.fill(0, columnsAt, columnsAt + size)
      for (let other = Math.max(0, y - reach[1]); other <= Math.min(ny - 1, y + reach[1]); other += 1)
        change(other, z, 1)
    } else {
      if (y - reach[1] - 1 >= 0) change(y - reach[1] - 1, z, -1)
      if (y + reach[1] < ny) change(y + reach[1], z, 1)
    }
    const height =
      (Math.min(ny - 1, y + reach[1]) - Math.max(0, y - reach[1]) + 1) * (last - Math.max(0, z - reach[2]) + 1)
    const { sum, root, isConstant } = sums
    loops.correlateRow(
      columnsAt,
      windowAt,
      lowAt,
      highAt,
      rowAt,
      nx,
      reach[0],
      stride,
      bins,
      height,
      sum,
      root,
      isConstant ? 1 : 0,
    )
    output.set(floats.subarray(rowAt / 4, rowAt / 4 + nx), row * nx)
  }
}

// One for every size that is asked for.
type Places = readonly [number, number, number, number, number, number]

function copySlice({ shape, reach, binOf }: Sliding, { shorts }: Workspace, ringAt: number, z: number): void {
  const size = shape.nx * shape.ny
  shorts.set(binOf.subarray(z * size, (z + 1) * size), ringAt / 2 + (z % ringOf(reach, shape.nz)) * size)
}

/** Counts the voxels of a row, in all slices of the window, into their columns, or out of them. */
function countRow(
  { shape, reach, stride }: Sliding,
  { loops }: Workspace,
  ringAt: number,
  columnsAt: number,
  { y, z, by }: { readonly y: number; readonly z: number; readonly by: 1 | -1 },
): void {
  const { nx, ny, nz } = shape
  const ring = ringOf(reach, nz)
  for (let slice = Math.max(0, z - reach[2]); slice <= Math.min(nz - 1, z + reach[2]); slice += 1) {
    loops.countColumns(ringAt + 2 * (((slice % ring) * ny + y) * nx), columnsAt, nx, stride, by)
  }
}
