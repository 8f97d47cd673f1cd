/** The memory that a primitive takes while it computes, its result included, beside the images that it is given. */
import { isImage, type Primitive, type Value } from "./primitive.ts"

/** What most take of each voxel, whatever its type: the result, and as much to compute it with. */
const USUAL_BYTES_A_VOXEL = 8

/** In bytes, as far as it grows with the images. */
export function roomFor({ work }: Primitive, args: readonly Value[]): number {
  const own = work.kind === "heavy" ? (work.roomFor?.(args) ?? 0) : 0
  return Math.max(own, USUAL_BYTES_A_VOXEL * mostVoxels(args))
}

/** How many values the largest image has. */
export function mostVoxels(args: readonly Value[]): number {
  return Math.max(0, ...args.filter(isImage).map(({ voxels }) => voxels.length))
}
