/**
 * How alike the histogram around each voxel is to that of a reference region: Pearson's correlation of the two.
 *
 * The histogram of a window slides along x: one column of the window comes in and one goes out. Each column, as high and
 * deep as the window, has a histogram of its own that slides along y. The sums that the correlation is made of change
 * with the counts, so no voxel costs more than its own share of two slides, whatever the radius. (S. Perreault, P. Hébert, "Median
 * Filtering in Constant Time", IEEE Transactions on Image Processing 16, 2007, has columns for the median of a picture.)
 *
 * Windows of up to 16383 voxels slide on vectors (`cross-correlation-vectors.ts`), larger ones here. All sums are exact, so both
 * find the same.
 */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import {
  CHUNK,
  floatsOf,
  makeImage,
  readDoubles,
  requireSameSize,
  requireScalar,
  requireThat,
  shapeOf,
  spacingOf,
} from "./shape.ts"
import type { ReferenceSums } from "./cross-correlation-vectors.ts"
import { binVectors, canSlideVectors, slideVectors } from "./cross-correlation-vectors.ts"
import { makeDoubles, makeInts, makeShorts } from "./memory.ts"

export interface CrossCorrelationParameters {
  /** In spacing units; the window reaches at least one voxel to each side. */
  readonly radius: number
  /** What is counted: values from `from` to below `to`, in `bins` bins of equal width. */
  readonly from: number
  readonly to: number
  readonly bins: number
}

interface Memory {
  readonly shape: Shape
  /** Voxels to each side of the window's middle, along x, y and z. */
  readonly reach: readonly [number, number, number]
  readonly parameters: CrossCorrelationParameters
  readonly image: Image
  readonly other: Image
  readonly region: Image
  /** The bin of each voxel of `image`; {@link dropOf} the bins if it is not counted. */
  readonly binOf: Uint16Array
  /** The reference histogram of each part, and their sum. */
  readonly partCounts: Int32Array
  readonly reference: Float64Array
  readonly output: Image
}

function binPart(memory: Memory, part: number, parts: number): void {
  const { image, other, region, binOf, partCounts, parameters } = memory
  const { bins } = parameters
  const { from, to } = shareOf(binOf.length, part, parts)
  const chunk = new Float64Array(CHUNK)
  const where = new Float64Array(CHUNK)
  const size = dropOf(bins) + 1
  const counts = partCounts.subarray(part * size, (part + 1) * size)
  if (image === other && image.voxels instanceof Float32Array && region.voxels instanceof Uint8Array) {
    const binning = { voxels: image.voxels, region: region.voxels, binOf, counts, parameters, drop: dropOf(bins) }
    binVectors(binning, { from, to })
    return
  }
  for (let start = from; start < to; start += CHUNK) {
    const end = Math.min(start + CHUNK, to)
    readDoubles(image.voxels, start, end, chunk)
    binChunk(chunk, parameters, end - start)
    for (let at = start; at < end; at += 1) binOf[at] = chunk[at - start]!
    readDoubles(other.voxels, start, end, chunk)
    readDoubles(region.voxels, start, end, where)
    binChunk(chunk, parameters, end - start)
    for (let at = 0; at < end - start; at += 1) if (where[at] !== 0) counts[chunk[at]!]! += 1
  }
}

/** Where voxels are put that are not counted: past all bins, of which there is a multiple of 8 in memory. */
function dropOf(bins: number): number {
  return (bins + 7) & ~7
}

/** From one column to the next, so that vectors of counts begin where columns do. */
function strideOf(bins: number): number {
  return dropOf(bins) + 8
}

/** Replaces values by their bins. */
function binChunk(chunk: Float64Array, { from, to, bins }: CrossCorrelationParameters, count: number): void {
  const width = (to - from) / bins
  const drop = dropOf(bins)
  for (let at = 0; at < count; at += 1) {
    const value = chunk[at]!
    // Rounding may put a value just below the end one bin too far.
    chunk[at] = value >= from && value < to ? Math.min(Math.trunc((value - from) / width), bins - 1) : drop
  }
}

function sumReference({ partCounts, reference, parameters }: Memory, parts: number): void {
  const { bins } = parameters
  for (let part = 0; part < parts; part += 1) {
    for (let bin = 0; bin < bins; bin += 1) reference[bin]! += partCounts[part * (dropOf(bins) + 1) + bin]!
  }
}

/** The histogram of one window, and the sums that change with it. */
interface Window {
  readonly counts: Float64Array
  readonly reference: Float64Array
  readonly bins: number
  /** Of the counts, their squares, and their products with the reference. */
  sum: number
  squares: number
  products: number
}

function correlatePart(memory: Memory, part: number, parts: number): void {
  const { shape, reach, parameters, reference } = memory
  const { nx, ny } = shape
  const { bins } = parameters
  const { from, to } = shareOf(shape.rows, part, parts)
  const stride = strideOf(bins)
  const sums = sumsOf(reference)
  const output = floatsOf(memory.output)
  if (canSlideVectors({ shape, reach, stride })) {
    slideVectors({ shape, reach, stride, bins, binOf: memory.binOf, reference, sums, output }, { from, to })
    return
  }
  const columns = new Uint32Array(nx * stride)
  const window: Window = { counts: new Float64Array(bins), reference, bins, sum: 0, squares: 0, products: 0 }
  for (let row = from; row < to; row += 1) {
    const y = row % ny
    const z = (row - y) / ny
    if (row === from || y === 0) {
      columns.fill(0)
      for (let other = Math.max(0, y - reach[1]); other <= Math.min(ny - 1, y + reach[1]); other += 1) {
        slideColumns(memory, columns, { y: other, z, change: 1 })
      }
    } else {
      if (y - reach[1] - 1 >= 0) slideColumns(memory, columns, { y: y - reach[1] - 1, z, change: -1 })
      if (y + reach[1] < ny) slideColumns(memory, columns, { y: y + reach[1], z, change: 1 })
    }
    slideWindow(window, columns, { nx, reach: reach[0], stride, output, start: row * nx, sums })
  }
}

/** Counts the voxels of a row, in all slices of the window, into their columns, or out of them. */
function slideColumns(
  { shape, reach, binOf, parameters }: Memory,
  columns: Uint32Array,
  { y, z, change }: { readonly y: number; readonly z: number; readonly change: number },
): void {
  const { nx, ny, nz } = shape
  const stride = strideOf(parameters.bins)
  for (let slice = Math.max(0, z - reach[2]); slice <= Math.min(nz - 1, z + reach[2]); slice += 1) {
    const start = (slice * ny + y) * nx
    for (let x = 0, column = 0; x < nx; x += 1, column += stride) columns[column + binOf[start + x]!]! += change
  }
}

interface Slide {
  readonly nx: number
  readonly reach: number
  readonly stride: number
  readonly output: Float32Array
  readonly start: number
  readonly sums: ReferenceSums
}

/** One row of the output. */
function slideWindow(window: Window, columns: Uint32Array, slide: Slide): void {
  const { nx, reach, stride, output, start, sums } = slide
  window.counts.fill(0)
  window.sum = 0
  window.squares = 0
  window.products = 0
  for (let x = 0; x < Math.min(reach, nx); x += 1) moveWindow(window, columns, x * stride, -1)
  for (let x = 0; x < nx; x += 1) {
    const enters = x + reach < nx ? (x + reach) * stride : -1
    const leaves = x - reach - 1 >= 0 ? (x - reach - 1) * stride : -1
    moveWindow(window, columns, enters, leaves)
    output[start + x] = correlate(window, sums)
  }
}

/** One column comes in and one goes out; near an edge -1 stands for none. */
function moveWindow(window: Window, columns: Uint32Array, enters: number, leaves: number): void {
  const { counts, reference, bins } = window
  for (let bin = 0; bin < bins; bin += 1) {
    const change = (enters === -1 ? 0 : columns[enters + bin]!) - (leaves === -1 ? 0 : columns[leaves + bin]!)
    const count = counts[bin]!
    counts[bin] = count + change
    window.sum += change
    window.squares += change * (2 * count + change)
    window.products += change * reference[bin]!
  }
}

function sumsOf(reference: Float64Array): ReferenceSums {
  const sum = reference.reduce((total, count) => total + count, 0)
  const squares = reference.reduce((total, count) => total + count * count, 0)
  return {
    sum,
    root: Math.sqrt(reference.length * squares - sum * sum),
    isConstant: reference.every((count) => count === reference[0]),
  }
}

/** All sums are whole numbers, so a variance is 0 exactly when all counts are equal. */
function correlate({ bins, sum, squares, products }: Window, reference: ReferenceSums): number {
  const variance = bins * squares - sum * sum
  if (reference.isConstant) return variance === 0 ? 1 : 0
  if (variance === 0) return 0
  return (bins * products - sum * reference.sum) / (Math.sqrt(variance) * reference.root)
}

/** The correlation of the histogram around each voxel of the first image with that of the second image on the third, a mask. */
export const crossCorrelation: Kernel<CrossCorrelationParameters, Memory, Image> = {
  name: "crossCorrelation",
  prepare: (inputs, parameters, parts) => {
    const image = requireScalar("crossCorrelation", inputs, 0)
    const other = requireScalar("crossCorrelation", inputs, 1)
    const region = requireScalar("crossCorrelation", inputs, 2)
    requireSameSize("crossCorrelation", image, other)
    requireSameSize("crossCorrelation", image, region)
    const { radius, bins } = parameters
    requireThat("crossCorrelation", Number.isFinite(radius) && radius >= 0, "a radius of at least 0", radius)
    const isCount = Number.isInteger(bins) && bins >= 1 && bins <= 65_528
    requireThat("crossCorrelation", isCount, "1 to 65528 bins", bins)
    const shape = shapeOf(image)
    const [x, y, z] = spacingOf(image)
    return {
      shape,
      reach: [reachOf(radius / x), reachOf(radius / y), shape.axes === 2 ? 0 : reachOf(radius / z)],
      parameters,
      image,
      other,
      region,
      binOf: makeShorts(image.voxels.length),
      partCounts: makeInts(parts * (dropOf(bins) + 1)),
      reference: makeDoubles(bins),
      output: makeImage(image, "float32"),
    }
  },
  phases: [
    { run: binPart },
    { isSerial: true, run: (memory, _, parts) => sumReference(memory, parts) },
    { run: correlatePart },
  ],
  finish: ({ output }) => output,
}

/** The nearest whole number, of two the even one, and at least 1. */
function reachOf(voxels: number): number {
  const floor = Math.floor(voxels)
  const rest = voxels - floor
  const isUp = rest > 0.5 || (rest === 0.5 && floor % 2 === 1)
  return Math.max(1, isUp ? floor + 1 : floor)
}
