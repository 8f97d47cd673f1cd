/** All values of an image in order: which there are, how often, and the one in the middle. */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import { readDoubles, requireScalar } from "./shape.ts"

export interface Tally {
  readonly median: number
  /** How many different values there are; all NaN are one. */
  readonly distinct: number
  /** The lowest of them and how often each occurs, up to {@link MAX_LISTED}. */
  readonly values: readonly number[]
  readonly counts: readonly number[]
}

export const MAX_LISTED = 65_536

interface Memory {
  readonly image: Image
  readonly sorted: Float64Array
  readonly values: Float64Array
  readonly counts: Float64Array
  /** How many are distinct, and the median. */
  readonly summary: Float64Array
}

export const tally: Kernel<NoParameters, Memory, Tally> = {
  name: "tally",
  prepare: (inputs) => {
    const image = requireScalar("tally", inputs)
    const listed = Math.min(MAX_LISTED, image.voxels.length)
    return {
      image,
      sorted: makeDoubles(image.voxels.length),
      values: makeDoubles(listed),
      counts: makeDoubles(listed),
      summary: makeDoubles(2),
    }
  },
  phases: [
    {
      run: ({ image, sorted }, part, parts) => {
        const { from, to } = shareOf(sorted.length, part, parts)
        readDoubles(image.voxels, from, to, sorted.subarray(from, to))
      },
    },
    { isSerial: true, run: sortAndCount },
  ],
  finish: ({ values, counts, summary }) => {
    const [distinct = 0, median = Number.NaN] = summary
    const listed = Math.min(distinct, values.length)
    return { median, distinct, values: [...values.subarray(0, listed)], counts: [...counts.subarray(0, listed)] }
  },
}

function sortAndCount({ sorted, values, counts, summary }: Memory): void {
  sorted.sort()
  let distinct = 0
  for (let start = 0; start < sorted.length;) {
    const value = sorted[start]!
    let end = start + 1
    while (end < sorted.length && (sorted[end] === value || (Number.isNaN(value) && Number.isNaN(sorted[end]!))))
      end += 1
    if (distinct < values.length) {
      // Of -0 and 0, which are equal, -0 comes first.
      values[distinct] = value + 0
      counts[distinct] = end - start
    }
    distinct += 1
    start = end
  }
  const half = sorted.length / 2
  const median = (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2
  summary.set([distinct, median])
}
