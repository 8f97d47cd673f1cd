/**
 * Images: voxels on a grid in space, as every part of imgql sees them.
 *
 * Voxels lie x fastest, then y, then z; the components of a voxel beside each other. They lie in shared memory, so that the
 * threads that compute on them need no copy, and are never written again once the image is made.
 */
export type VoxelType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64"

export type Voxels = (
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array
) & { readonly buffer: SharedArrayBuffer }

/** Where a grid lies in space. All lists have one entry an axis: 2 or 3. */
export interface Grid {
  /** Voxels along each axis, at least 1. */
  readonly size: readonly number[]
  /** Millimeters between the centers of neighbors along each axis, above 0. */
  readonly spacing: readonly number[]
  /** Millimeters: where the center of the first voxel lies. */
  readonly origin: readonly number[]
  /** A square matrix, row after row: column k is the direction of axis k. */
  readonly direction: readonly number[]
}

/** All of an image but its voxels. */
export interface ImageHead extends Grid {
  readonly type: VoxelType
  /** Values a voxel: 1 for a grey picture or mask, 3 for red, green and blue, 4 with alpha. */
  readonly components: number
}

export interface Image extends ImageHead {
  readonly voxels: Voxels
}

type ArrayOn = { readonly BYTES_PER_ELEMENT: number; new (buffer: SharedArrayBuffer): Voxels }

// The constructors take any buffer, and then their arrays have that one.
const ARRAYS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as unknown as Readonly<Record<VoxelType, ArrayOn>>

/** Voxels of an image that is yet to be made, all 0. */
export function makeVoxels(type: VoxelType, length: number): Voxels {
  const Voxels = ARRAYS[type]
  return new Voxels(new SharedArrayBuffer(length * Voxels.BYTES_PER_ELEMENT))
}

/** The voxels in that memory. */
export function voxelsOn(type: VoxelType, buffer: SharedArrayBuffer): Voxels {
  return new ARRAYS[type](buffer)
}

export function bytesPerValue(type: VoxelType): number {
  return ARRAYS[type].BYTES_PER_ELEMENT
}

export function voxelCount({ size }: Grid): number {
  return size.reduce((product, count) => product * count, 1)
}

/** A grid with unit spacing at the origin. */
export function plainGrid(size: readonly number[]): Grid {
  const axes = size.length
  return {
    size,
    spacing: size.map(() => 1),
    origin: size.map(() => 0),
    direction: Array.from({ length: axes * axes }, (_, at) => (at % (axes + 1) === 0 ? 1 : 0)),
  }
}
