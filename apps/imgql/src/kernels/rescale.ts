/**
 * Linear rescaling of values to a range, as ITK's RescaleIntensity: in double, then cut to the type, then held in the range.
 *
 * Where all values are the same, or almost so (see almost-equal.ts), ITK divides the range by the largest value instead of
 * by the distance to the smallest one, so that all come to the least of the range or near it.
 */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { areAlmostEqual } from "./almost-equal.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import { castTo, CHUNK, makeImage, readDoubles, requireScalar, requireThat, writeDoubles } from "./shape.ts"

export interface RescaleParameters {
  readonly least: number
  readonly most: number
}

interface Memory {
  readonly image: Image
  readonly least: number
  readonly most: number
  /** By part: the smallest and the largest value. */
  readonly extremes: Float64Array
  readonly output: Image
}

function findPart({ image, extremes }: Memory, part: number, parts: number): void {
  const chunk = new Float64Array(CHUNK)
  const { from, to } = shareOf(image.voxels.length, part, parts)
  let least = Infinity
  let most = -Infinity
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    readDoubles(image.voxels, start, start + count, chunk)
    for (let at = 0; at < count; at += 1) {
      const value = chunk[at]!
      if (value < least) least = value
      if (value > most) most = value
    }
  }
  extremes.set([least, most], part * 2)
}

function scalePart({ image, least, most, extremes, output }: Memory, part: number, parts: number): void {
  let [from, to] = [Infinity, -Infinity]
  for (let other = 0; other < parts; other += 1) {
    from = Math.min(from, extremes[other * 2]!)
    to = Math.max(to, extremes[other * 2 + 1]!)
  }
  const { type } = image
  const width = areAlmostEqual(type, from, to) ? to : to - from
  const factor = areAlmostEqual(type, width, 0) ? 0 : (most - least) / width
  const offset = least - from * factor
  const isWhole = type !== "float32" && type !== "float64"
  const chunk = new Float64Array(CHUNK)
  const share = shareOf(image.voxels.length, part, parts)
  for (let start = share.from; start < share.to; start += CHUNK) {
    const count = Math.min(CHUNK, share.to - start)
    readDoubles(image.voxels, start, start + count, chunk)
    for (let at = 0; at < count; at += 1) {
      const value = chunk[at]! * factor + offset
      const cut = isWhole ? Math.trunc(value) : value
      chunk[at] = cut > most ? most : cut < least ? least : cut
    }
    writeDoubles(chunk, count, output.voxels, start)
  }
}

/** The image with its smallest value at `least` and its largest at `most`, in its own type. */
export const rescaleIntensity: Kernel<RescaleParameters, Memory, Image> = {
  name: "RescaleIntensity",
  prepare: (inputs, { least, most }, parts) => {
    const image = requireScalar("RescaleIntensity", inputs)
    requireThat("RescaleIntensity", least <= most, "a least value not above the largest one", [least, most])
    return {
      image,
      least: castTo(image.type, least),
      most: castTo(image.type, most),
      extremes: makeDoubles(parts * 2),
      output: makeImage(image, image.type),
    }
  },
  phases: [{ run: findPart }, { run: scalePart }],
  finish: ({ output }) => output,
}
