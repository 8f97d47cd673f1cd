/** Means of an image over the voxels of each label. */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import { CHUNK, floatsOf, makeImage, readDoubles, requireSameSize, requireScalar, requireThat } from "./shape.ts"

/** More labels than this are no labels but values. */
const MAX_LABEL = 16_777_216

interface Memory {
  readonly labels: Image
  readonly image: Image
  /** Of each label the sum, and then the mean. */
  readonly means: Float64Array
  /** 1 where a voxel has no label but a value. */
  readonly isWrong: Float64Array
  readonly output: Image
}

/**
 * Where the first image has a label, a whole number from 0 to `largest`, the mean of the second over all voxels of it, as
 * float32. 0 is a label like any other.
 */
export const labelMean: Kernel<{ readonly largest: number }, Memory, Image> = {
  name: "label_mean",
  prepare: (inputs, { largest }) => {
    const [labels, image] = [requireScalar("label_mean", inputs, 0), requireScalar("label_mean", inputs, 1)]
    requireSameSize("label_mean", labels, image)
    const isLabel = Number.isSafeInteger(largest) && largest >= 0 && largest <= MAX_LABEL
    requireThat("label_mean", isLabel, `labels from 0 to ${String(MAX_LABEL)}`, largest)
    const output = makeImage(image, "float32")
    return { labels, image, means: makeDoubles(largest + 1), isWrong: makeDoubles(1), output }
  },
  phases: [
    { isSerial: true, run: sumUp },
    {
      run: ({ labels, means, isWrong, output }, part, parts) => {
        if (isWrong[0] !== 0) return
        const chunk = new Float64Array(CHUNK)
        const floats = floatsOf(output)
        const { from, to } = shareOf(floats.length, part, parts)
        for (let start = from; start < to; start += CHUNK) {
          const count = Math.min(CHUNK, to - start)
          readDoubles(labels.voxels, start, start + count, chunk)
          for (let at = 0; at < count; at += 1) floats[start + at] = means[chunk[at]!]!
        }
      },
    },
  ],
  finish: ({ isWrong, output }) => {
    requireThat("label_mean", isWrong[0] === 0, "whole numbers from 0 as labels", "others")
    return output
  },
}

/** In the order of voxels, so that sums are the same whatever number of threads there are. */
function sumUp({ labels, image, means, isWrong }: Memory): void {
  const counts = new Float64Array(means.length)
  const [places, values] = [new Float64Array(CHUNK), new Float64Array(CHUNK)]
  for (let start = 0; start < labels.voxels.length; start += CHUNK) {
    const count = Math.min(CHUNK, labels.voxels.length - start)
    readDoubles(labels.voxels, start, start + count, places)
    readDoubles(image.voxels, start, start + count, values)
    for (let at = 0; at < count; at += 1) {
      const label = places[at]!
      if (!Number.isInteger(label) || label < 0 || label >= means.length) {
        isWrong[0] = 1
        return
      }
      means[label] = means[label]! + values[at]!
      counts[label] = counts[label]! + 1
    }
  }
  for (let label = 0; label < means.length; label += 1) means[label] = means[label]! / Math.max(1, counts[label]!)
}
