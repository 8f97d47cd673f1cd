/** How far two images agree, voxel by voxel. Counts are exact, and sums do not depend on how many threads took part. */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import { CHUNK, readDoubles, requireSameSize, requireScalar, requireThat } from "./shape.ts"

interface Pair {
  readonly image: Image
  readonly other: Image
}

function requirePair(kernel: string, inputs: readonly Image[]): Pair {
  const image = requireScalar(kernel, inputs, 0)
  const other = requireScalar(kernel, inputs, 1)
  requireSameSize(kernel, image, other)
  return { image, other }
}

/** Voxels that have a value in both images, in the first and in the second. */
export interface Overlap {
  readonly both: number
  readonly first: number
  readonly second: number
}

interface OverlapMemory extends Pair {
  readonly label: number
  /** Three a part. */
  readonly counts: Float64Array
}

export const overlap: Kernel<{ readonly label: number }, OverlapMemory, Overlap> = {
  name: "overlap",
  prepare: (inputs, { label }, parts) => ({ ...requirePair("overlap", inputs), label, counts: makeDoubles(3 * parts) }),
  phases: [
    {
      run: ({ image, other, label, counts }, part, parts) => {
        const [a, b] = [new Float64Array(CHUNK), new Float64Array(CHUNK)]
        let [both, first, second] = [0, 0, 0]
        const { from, to } = shareOf(image.voxels.length, part, parts)
        for (let start = from; start < to; start += CHUNK) {
          const count = Math.min(CHUNK, to - start)
          readDoubles(image.voxels, start, start + count, a)
          readDoubles(other.voxels, start, start + count, b)
          for (let at = 0; at < count; at += 1) {
            const isFirst = a[at] === label ? 1 : 0
            const isSecond = b[at] === label ? 1 : 0
            first += isFirst
            second += isSecond
            both += isFirst & isSecond
          }
        }
        counts.set([both, first, second], 3 * part)
      },
    },
  ],
  finish: ({ counts }) => {
    let [both, first, second] = [0, 0, 0]
    for (let at = 0; at < counts.length; at += 3) {
      both += counts[at]!
      first += counts[at + 1]!
      second += counts[at + 2]!
    }
    return { both, first, second }
  },
}

/** More classes than this are no classes but values. */
export const MAX_CLASSES = 256

interface ConfusionMemory extends Pair {
  readonly classes: number
  /** A table a part, and one value more: whether there was something that is no class. */
  readonly tables: Float64Array
}

/**
 * How many voxels are of a class in the second image, the truth, and of another in the first, what was found: a row for each
 * class of the truth, a column for each found.
 */
export const confusion: Kernel<{ readonly classes: number }, ConfusionMemory, number[][]> = {
  name: "confusion",
  prepare: (inputs, { classes }, parts) => {
    const isCount = Number.isSafeInteger(classes) && classes >= 1 && classes <= MAX_CLASSES
    requireThat("confusion_matrix", isCount, `1 to ${String(MAX_CLASSES)} classes`, classes)
    return {
      ...requirePair("confusion_matrix", inputs),
      classes,
      tables: makeDoubles(parts * (classes * classes + 1)),
    }
  },
  phases: [
    {
      run: ({ image, other, classes, tables }, part, parts) => {
        const [found, truth] = [new Float64Array(CHUNK), new Float64Array(CHUNK)]
        const size = classes * classes + 1
        const table = tables.subarray(part * size, (part + 1) * size)
        const { from, to } = shareOf(image.voxels.length, part, parts)
        for (let start = from; start < to; start += CHUNK) {
          const count = Math.min(CHUNK, to - start)
          readDoubles(image.voxels, start, start + count, found)
          readDoubles(other.voxels, start, start + count, truth)
          for (let at = 0; at < count; at += 1) {
            const [column, row] = [found[at]!, truth[at]!]
            const isClass = column >= 0 && column < classes && row >= 0 && row < classes
            const cell =
              isClass && Number.isInteger(column) && Number.isInteger(row) ? row * classes + column : size - 1
            table[cell] = table[cell]! + 1
          }
        }
      },
    },
  ],
  finish: ({ classes, tables }) => {
    const size = classes * classes + 1
    const sum = new Float64Array(size)
    for (let at = 0; at < tables.length; at += 1) sum[at % size] = sum[at % size]! + tables[at]!
    requireThat("confusion_matrix", sum[size - 1] === 0, `classes from 0 to ${String(classes - 1)} in every voxel`, {
      othersAt: `${String(sum[size - 1])} voxels`,
    })
    return Array.from({ length: classes }, (_, row) => [...sum.subarray(row * classes, (row + 1) * classes)])
  },
}

/** The second image less the first. */
export interface Differences {
  readonly equal: number
  readonly different: number
  readonly mean: number
  readonly meanAbsolute: number
  readonly maxAbsolute: number
  readonly min: number
  readonly max: number
}

interface DifferencesMemory extends Pair {
  /** Five a block. */
  readonly blocks: Float64Array
}

const ENTRIES = 5

export const differences: Kernel<NoParameters, DifferencesMemory, Differences> = {
  name: "differences",
  prepare: (inputs) => {
    const pair = requirePair("differences", inputs)
    return { ...pair, blocks: makeDoubles(Math.ceil(pair.image.voxels.length / CHUNK) * ENTRIES) }
  },
  phases: [
    {
      run: ({ image, other, blocks }, part, parts) => {
        const [a, b] = [new Float64Array(CHUNK), new Float64Array(CHUNK)]
        const { from, to } = shareOf(blocks.length / ENTRIES, part, parts)
        for (let block = from; block < to; block += 1) {
          const start = block * CHUNK
          const count = Math.min(CHUNK, image.voxels.length - start)
          readDoubles(image.voxels, start, start + count, a)
          readDoubles(other.voxels, start, start + count, b)
          let [equal, sum, absolute, min, max] = [0, 0, 0, Infinity, -Infinity]
          for (let at = 0; at < count; at += 1) {
            const difference = b[at]! - a[at]!
            if (a[at] === b[at]) equal += 1
            sum += difference
            absolute += Math.abs(difference)
            if (difference < min) min = difference
            if (difference > max) max = difference
          }
          blocks.set([equal, sum, absolute, min, max], block * ENTRIES)
        }
      },
    },
  ],
  finish: ({ image, blocks }) => {
    const count = image.voxels.length
    let [equal, sum, absolute, min, max] = [0, 0, 0, Infinity, -Infinity]
    for (let at = 0; at < blocks.length; at += ENTRIES) {
      equal += blocks[at]!
      sum += blocks[at + 1]!
      absolute += blocks[at + 2]!
      min = Math.min(min, blocks[at + 3]!)
      max = Math.max(max, blocks[at + 4]!)
    }
    const maxAbsolute = Math.max(Math.abs(min), Math.abs(max))
    return { equal, different: count - equal, mean: sum / count, meanAbsolute: absolute / count, maxAbsolute, min, max }
  },
}
