/**
 * Numbers about all voxels, or those of a mask. Sums are taken by blocks of voxels and then over the blocks in order, so
 * that they are the same to the last bit however many threads took part.
 */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters, Share } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { CHUNK, readDoubles, requireSameSize, requireScalar } from "./shape.ts"
import { KernelError } from "./kernel-error.ts"
import { layOut, VECTOR_CHUNK } from "./simd.ts"
import { makeDoubles } from "./memory.ts"

export interface Statistics {
  /** Infinity and -Infinity, if there are no voxels. */
  readonly min: number
  readonly max: number
  /** NaN if there are no voxels. */
  readonly mean: number
  readonly sigma: number
  /** Its divisor is one less than the count; NaN for one voxel. */
  readonly variance: number
  readonly sum: number
  readonly count: number
}

interface Memory {
  readonly image: Image
  readonly mask: Image | null
  /** Are only the least and the largest value wanted? */
  readonly isRangeOnly: boolean
  /** Five a block, see {@link measurePart}. */
  readonly blocks: Float64Array
}

const ENTRIES = 5

function measurePart({ image, mask, isRangeOnly, blocks }: Memory, part: number, parts: number): void {
  const { voxels } = image
  if (isRangeOnly && voxels instanceof Float32Array) {
    findRanges(voxels, blocks, shareOf(blocks.length / ENTRIES, part, parts))
    return
  }
  const values = new Float64Array(CHUNK)
  const where = new Float64Array(CHUNK).fill(1)
  const { from, to } = shareOf(blocks.length / ENTRIES, part, parts)
  for (let block = from; block < to; block += 1) {
    const start = block * CHUNK
    const length = Math.min(CHUNK, voxels.length - start)
    readDoubles(voxels, start, start + length, values)
    if (mask !== null) readDoubles(mask.voxels, start, start + length, where)
    let count = 0
    let sum = 0
    let squares = 0
    let least = Infinity
    let most = -Infinity
    for (let at = 0; at < length; at += 1) {
      if (where[at] === 0) continue
      const value = values[at]!
      count += 1
      sum += value
      squares += value * value
      if (value < least) least = value
      if (value > most) most = value
    }
    blocks.set([count, sum, squares, least, most], block * ENTRIES)
  }
}

function findRanges(voxels: Float32Array, blocks: Float64Array, { from, to }: Share): void {
  const { loops, floats, places } = layOut(CHUNK * 4, 32)
  const [valuesAt, foundAt] = [places[0]! / 4, places[1]! / 4]
  for (let block = from; block < to; block += 1) {
    const start = block * CHUNK
    const end = Math.min(start + CHUNK, voxels.length)
    floats.set(voxels.subarray(start, end), valuesAt)
    // Copies of the last one fill the last vector.
    floats.fill(voxels[end - 1]!, valuesAt + end - start, valuesAt + CHUNK)
    loops.extremesOf(valuesAt * 4, CHUNK, foundAt * 4)
    blocks[block * ENTRIES + 3] = Math.min(...floats.subarray(foundAt, foundAt + 4))
    blocks[block * ENTRIES + 4] = Math.max(...floats.subarray(foundAt + 4, foundAt + 8))
  }
}

function sumUp({ blocks }: Memory): Statistics {
  let [count, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity]
  for (let at = 0; at < blocks.length; at += ENTRIES) {
    count += blocks[at]!
    sum += blocks[at + 1]!
    squares += blocks[at + 2]!
    min = Math.min(min, blocks[at + 3]!)
    max = Math.max(max, blocks[at + 4]!)
  }
  const variance = Math.max(0, squares - (sum * sum) / count) / (count - 1)
  return { min, max, mean: sum / count, sigma: Math.sqrt(variance), variance, sum, count }
}

/** The mask of an average follows its image. */
function prepareStatistics(kernel: string, inputs: readonly Image[], wanted: "range" | "all" | "average"): Memory {
  const hasMask = wanted === "average"
  const image = requireScalar(kernel, inputs, 0)
  const mask = hasMask ? requireScalar(kernel, inputs, 1) : null
  if (mask !== null) requireSameSize(kernel, image, mask)
  const blocks = Math.ceil(image.voxels.length / CHUNK)
  return { image, mask, isRangeOnly: wanted === "range", blocks: makeDoubles(blocks * ENTRIES) }
}

const PHASES: Kernel<never, Memory, unknown>["phases"] = [{ run: measurePart }]

/** Everything at once, of all voxels. */
export const statistics: Kernel<NoParameters, Memory, Statistics> = {
  name: "Statistics",
  prepare: (inputs) => prepareStatistics("Statistics", inputs, "all"),
  phases: PHASES,
  finish: sumUp,
}

export const minimumMaximum: Kernel<NoParameters, Memory, { readonly min: number; readonly max: number }> = {
  name: "MinimumMaximum",
  prepare: (inputs) => prepareStatistics("MinimumMaximum", inputs, "range"),
  phases: PHASES,
  finish: (memory) => {
    const { min, max } = sumUp(memory)
    return { min, max }
  },
}

export const minimum: Kernel<NoParameters, Memory, number> = {
  name: "min",
  prepare: (inputs) => prepareStatistics("min", inputs, "range"),
  phases: PHASES,
  finish: (memory) => sumUp(memory).min,
}

export const maximum: Kernel<NoParameters, Memory, number> = {
  name: "max",
  prepare: (inputs) => prepareStatistics("max", inputs, "range"),
  phases: PHASES,
  finish: (memory) => sumUp(memory).max,
}

/** The mean of the first image on the second, a mask. */
export const average: Kernel<NoParameters, Memory, number> = {
  name: "avg",
  prepare: (inputs) => prepareStatistics("avg", inputs, "average"),
  phases: PHASES,
  finish: (memory) => {
    const { mean, count } = sumUp(memory)
    if (count > 0) return mean
    throw new KernelError(
      "KERNEL_INPUT_INVALID",
      "avg needs voxels to take the mean of; the mask has none. Test it with volume() first, or use avg0.",
    )
  },
}

/** {@link average}, and 0 if the mask is empty. */
export const averageOrZero: Kernel<NoParameters, Memory, number> = {
  name: "avg0",
  prepare: (inputs) => prepareStatistics("avg0", inputs, "average"),
  phases: PHASES,
  finish: (memory) => {
    const { mean, count } = sumUp(memory)
    return count > 0 ? mean : 0
  },
}

function countBytes(voxels: Uint8Array, from: number, to: number): number {
  const { loops, bytes, places } = layOut(VECTOR_CHUNK)
  const at = places[0]!
  let count = 0
  for (let start = from; start < to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, to)
    bytes.set(voxels.subarray(start, end), at)
    count += loops.countSet(at, end - start)
  }
  return count
}

interface VolumeMemory {
  readonly image: Image
  readonly counts: Float64Array
}

/** How many voxels are not 0. */
export const volume: Kernel<NoParameters, VolumeMemory, number> = {
  name: "volume",
  prepare: (inputs, _, parts) => ({
    image: requireScalar("volume", inputs),
    counts: makeDoubles(parts),
  }),
  phases: [
    {
      run: ({ image, counts }, part, parts) => {
        const { from, to } = shareOf(image.voxels.length, part, parts)
        if (image.voxels instanceof Uint8Array) {
          counts[part] = countBytes(image.voxels, from, to)
          return
        }
        const chunk = new Float64Array(CHUNK)
        let count = 0
        for (let start = from; start < to; start += CHUNK) {
          const length = Math.min(CHUNK, to - start)
          readDoubles(image.voxels, start, start + length, chunk)
          for (let at = 0; at < length; at += 1) count += chunk[at] === 0 ? 0 : 1
        }
        counts[part] = count
      },
    },
  ],
  finish: ({ counts }) => counts.reduce((total, count) => total + count, 0),
}
