/** What golden inputs are made of. See goldens/README.md. */
import type { Image, VoxelType } from "../src/image/image.ts"
import { makeVoxels, plainGrid, voxelCount } from "../src/image/image.ts"

/** An image with the given values. */
export function imageOf(
  { size, spacing }: { readonly size: readonly number[]; readonly spacing?: readonly number[] },
  type: VoxelType,
  values: ArrayLike<number>,
): Image {
  const grid = plainGrid(size)
  const voxels = makeVoxels(type, voxelCount(grid))
  voxels.set(values)
  return { ...grid, spacing: spacing ?? grid.spacing, type, components: 1, voxels }
}

/** The numbers of the generator, each in [0, 1). */
export function generate(seed: number, count: number): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) / 16777216
  })
}
