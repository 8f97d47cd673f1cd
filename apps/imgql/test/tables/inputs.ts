/** The images that tables of values compute on, small enough to go through by hand. */
import { type Image, makeVoxels, plainGrid, type VoxelType } from "../../src/image/image.ts"

interface Listed {
  readonly size: readonly number[]
  readonly spacing?: readonly number[]
  readonly type: VoxelType
  readonly values: readonly number[]
}

const SURFACES = { size: [7, 3], spacing: [0.5, 2], type: "uint8" } as const

/** By the name that tables call them. */
export const TABLE_INPUTS: Readonly<Record<string, Listed>> = {
  up: { size: [3, 2], type: "uint8", values: [0, 1, 2, 3, 4, 5] },
  down: { size: [3, 2], type: "uint8", values: [5, 4, 3, 2, 1, 0] },
  float: { size: [3, 2], type: "float32", values: [-1.5, 0, 0.25, 1, 2.5, 4] },
  squares: { size: [3, 2], type: "float32", values: [0, 1, 4, 9, 16, 25] },
  m: { size: [3, 2], type: "uint8", values: [1, 1, 0, 1, 0, 0] },
  n: { size: [3, 2], type: "uint8", values: [0, 1, 1, 1, 0, 1] },
  none: { size: [3, 2], type: "uint8", values: [0, 0, 0, 0, 0, 0] },
  labels: { size: [3, 2], type: "uint8", values: [0, 1, 1, 2, 2, 2] },
  cube: { size: [2, 2, 2], type: "uint8", values: [0, 1, 2, 3, 4, 5, 6, 7] },
  // Voxels are 0.5 mm wide and 2 mm high: one in each, and both.
  left: { ...SURFACES, values: [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
  right: { ...SURFACES, values: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0] },
  pair: { ...SURFACES, values: [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0] },
  empty: { ...SURFACES, values: Array.from({ length: 21 }, () => 0) },
  full: { ...SURFACES, values: Array.from({ length: 21 }, () => 1) },
}

export function makeTableInput({ size, spacing, type, values }: Listed): Image {
  const grid = plainGrid(size)
  const voxels = makeVoxels(type, values.length)
  voxels.set(values)
  return { ...grid, spacing: spacing ?? grid.spacing, type, components: 1, voxels }
}
