/**
 * What kernels ask of their inputs, and how they walk over them: as rows of voxels along x, of which a picture has `ny` and a
 * volume `ny * nz`, so that both are one case.
 */
import type { Grid, Image, VoxelType, Voxels } from "../image/image.ts"
import { makeVoxels, voxelCount } from "../image/image.ts"
import { KernelError } from "./kernel-error.ts"

export interface Shape {
  readonly nx: number
  readonly ny: number
  /** 1 for a picture. */
  readonly nz: number
  /** `ny * nz` */
  readonly rows: number
  readonly axes: number
}

export function shapeOf({ size }: Grid): Shape {
  const [nx = 1, ny = 1, nz = 1] = size
  return { nx, ny, nz, rows: ny * nz, axes: size.length }
}

/** Spacing along x, y and z; that of an axis a picture lacks is 1. */
export function spacingOf({ spacing }: Grid): readonly [number, number, number] {
  const [x = 1, y = 1, z = 1] = spacing
  return [x, y, z]
}

/** The output of a kernel: all 0, where `grid` lies. */
export function makeImage({ size, spacing, origin, direction }: Grid, type: VoxelType, components = 1): Image {
  const voxels = makeVoxels(type, voxelCount({ size, spacing, origin, direction }) * components)
  return { size, spacing, origin, direction, type, components, voxels }
}

/** The `at`-th input, which must be there and hold one value a voxel. */
export function requireScalar(kernel: string, inputs: readonly Image[], at = 0): Image {
  const image = requireInput(kernel, inputs, at)
  if (image.components === 1) return image
  throw new KernelError(
    "KERNEL_INPUT_INVALID",
    `${kernel} computes on images with one value a voxel; input ${at + 1} has ${image.components}. Take one with red, green, blue or intensity.`,
  )
}

export function requireInput(kernel: string, inputs: readonly Image[], at = 0): Image {
  const image = inputs[at]
  if (image !== undefined) return image
  throw new KernelError(
    "KERNEL_INPUT_INVALID",
    `${kernel} computes on at least ${at + 1} images and was given ${inputs.length}.`,
  )
}

/** Voxels of one image are compared with those of the other at the same place. */
export function requireSameSize(kernel: string, image: Grid, other: Grid): void {
  if (image.size.length === other.size.length && image.size.every((count, axis) => count === other.size[axis])) return
  throw new KernelError(
    "KERNEL_INPUT_INVALID",
    `${kernel} computes on images of the same size; these are ${image.size.join("x")} and ${other.size.join("x")}. Resample one onto the other.`,
  )
}

export function requireThat(kernel: string, isMet: boolean, expected: string, found: unknown): void {
  if (isMet) return
  throw new KernelError("KERNEL_INPUT_INVALID", `${kernel} expects ${expected}, not ${JSON.stringify(found)}.`)
}

/** The voxels of an image whose type is known to be uint8. */
export function bytesOf(image: Image): Uint8Array {
  if (image.voxels instanceof Uint8Array) return image.voxels
  throw new TypeError(`Bug: voxels of type ${image.type} are used as bytes.`)
}

/** The voxels of an image whose type is known to be float32. */
export function floatsOf(image: Image): Float32Array {
  if (image.voxels instanceof Float32Array) return image.voxels
  throw new TypeError(`Bug: voxels of type ${image.type} are used as floats.`)
}

/** How many values a kernel looks at once where it converts them: they stay in the nearest cache. */
export const CHUNK = 4096

/**
 * Values as doubles, `into` from 0 on. Loops then always see the same type of array, which keeps them as fast for every type of
 * voxel as they are for one.
 */
export function readDoubles(voxels: Voxels, from: number, to: number, into: Float64Array): void {
  into.set(voxels.subarray(from, to))
}

/** Values as bytes, cut to their lowest eight bits. */
export function readBytes(voxels: Voxels, from: number, to: number, into: Uint8Array): void {
  into.set(voxels.subarray(from, to))
}

/** The first values of a chunk, converted as the voxel type does: whole numbers are cut and wrap around. */
export function writeDoubles(chunk: Float64Array, count: number, into: Voxels, at: number): void {
  if (into instanceof Float32Array) {
    for (let i = 0; i < count; i += 1) into[at + i] = chunk[i]!
  } else {
    into.set(count === chunk.length ? chunk : chunk.subarray(0, count), at)
  }
}

/** What a number is once it is a voxel of that type. */
export function castTo(type: VoxelType, value: number): number {
  const [cast] = makeVoxels(type, 1).fill(value)
  return cast!
}
