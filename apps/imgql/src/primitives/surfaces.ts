/** Namespace `vox1`: how far the surfaces of two masks are apart, and means over labels. Lengths are in millimeters. */
import type { Image } from "../image/image.ts"
import { dt } from "../kernels/distance.ts"
import { labelMean } from "../kernels/label-mean.ts"
import { maximum } from "../kernels/statistics.ts"
import { surface, surfaceDistances } from "../kernels/surface.ts"
import { image, num } from "./argument.ts"
import { heavy } from "./heavy.ts"
import type { Means, Primitive } from "./primitive.ts"
import { PrimitiveError } from "./primitive-error.ts"

/** Distances are exact up to this (test/goldens/README.md). */
const DISTANCE_ERROR = 2e-6

export const SURFACE_PRIMITIVES: readonly Primitive[] = [
  heavy("vox1", "hd95(a: image, b: image): number", async ([a, b], means) => {
    const [from, to] = await distancesBetween(image(a), image(b), means)
    if (from.length === 0 || to.length === 0) return from.length === to.length ? 0 : Infinity
    return Math.max(percentile(from, 0.95), percentile(to, 0.95))
  }),
  heavy("vox1", "nsd(a: image, b: image, tolerance: number): number", async ([a, b, tolerance], means) => {
    const limit = num(tolerance)
    if (!(limit >= 0))
      throw new PrimitiveError("ARGUMENT_INVALID", `nsd takes a tolerance from 0, found ${String(limit)}`)
    const [from, to] = await distancesBetween(image(a), image(b), means)
    const all = from.length + to.length
    if (from.length === 0 || to.length === 0) return all === 0 ? 1 : 0
    return (countWithin(from, limit) + countWithin(to, limit)) / all
  }),
  heavy("vox1", "label_mean(labels: image, image: image): image", async ([labels, of], { run }) => {
    const largest = await run(maximum, [image(labels)], {})
    return await run(labelMean, [image(labels), image(of)], { largest })
  }),
]

/** Of each voxel of a's surface its distance from b's, in order, and the reverse. */
async function distancesBetween(a: Image, b: Image, { run }: Means): Promise<readonly [Float32Array, Float32Array]> {
  const [surfaceA, surfaceB] = [await run(surface, [a], {}), await run(surface, [b], {})]
  const from = await run(surfaceDistances, [surfaceA, await run(dt, [surfaceB], {})], {})
  return [from, await run(surfaceDistances, [surfaceB, await run(dt, [surfaceA], {})], {})]
}

/** Between two neighbors in the order it lies where the share lies between theirs. */
function percentile(sorted: Float32Array, share: number): number {
  const place = share * (sorted.length - 1)
  const low = sorted[Math.floor(place)] ?? 0
  const high = sorted[Math.ceil(place)] ?? low
  return low + (high - low) * (place - Math.floor(place))
}

function countWithin(sorted: Float32Array, limit: number): number {
  let count = 0
  while (count < sorted.length && (sorted[count] ?? 0) <= limit + DISTANCE_ERROR) count += 1
  return count
}
