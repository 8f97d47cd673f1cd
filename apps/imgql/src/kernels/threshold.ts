/**
 * Thresholds: what lies between two values, as a mask. A threshold is cast to the type of the voxels first, as in ITK: among whole
 * numbers, 2.5 to 4.5 means 2 to 4.
 */
import type { Image, VoxelType, Voxels } from "../image/image.ts"
import type { Kernel, Share } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { bytesOf, CHUNK, makeImage, readDoubles, requireScalar, requireThat } from "./shape.ts"
import { layOut, VECTOR_CHUNK } from "./simd.ts"

export interface BinaryThresholdParameters {
  /** Both belong to what is inside. */
  readonly lower: number
  readonly upper: number
  /** What the voxels of the result are, inside and outside. */
  readonly inside: number
  readonly outside: number
}

interface Memory {
  readonly image: Image
  readonly parameters: BinaryThresholdParameters
  readonly output: Image
}

function comparePart({ image: { voxels }, parameters, output }: Memory, part: number, parts: number): void {
  const share = shareOf(voxels.length, part, parts)
  selectRange(voxels, bytesOf(output), share, parameters)
}

/** Writes `inside` where a value lies from `lower` to `upper`, and `outside` elsewhere. The limits are of the voxels' type. */
export function selectRange(
  voxels: Voxels,
  output: Uint8Array,
  share: Share,
  { lower, upper, inside, outside }: BinaryThresholdParameters,
): void {
  if (!(lower <= upper)) {
    output.fill(outside, share.from, share.to)
    return
  }
  if (voxels instanceof Uint8Array || voxels instanceof Float32Array) {
    selectVectors(voxels, output, share, { lower, upper, inside, outside })
    return
  }
  const chunk = new Float64Array(CHUNK)
  for (let start = share.from; start < share.to; start += CHUNK) {
    const count = Math.min(CHUNK, share.to - start)
    readDoubles(voxels, start, start + count, chunk)
    for (let at = 0; at < count; at += 1) {
      const value = chunk[at]!
      output[start + at] = ((value >= lower ? 1 : 0) & (value <= upper ? 1 : 0)) === 1 ? inside : outside
    }
  }
}

function selectVectors(
  voxels: Uint8Array | Float32Array,
  output: Uint8Array,
  { from, to }: Share,
  { lower, upper, inside, outside }: BinaryThresholdParameters,
): void {
  const { loops, bytes, floats, places } = layOut(VECTOR_CHUNK * 4, VECTOR_CHUNK)
  const [values, mask] = [places[0]!, places[1]!]
  for (let start = from; start < to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, to)
    const count = end - start
    if (voxels instanceof Uint8Array) {
      bytes.set(voxels.subarray(start, end), values)
      loops.selectBytes(values, mask, count, lower, upper, inside, outside)
    } else {
      floats.set(voxels.subarray(start, end), values / 4)
      loops.selectFloats(values, mask, count, lower, upper, inside, outside)
    }
    output.set(bytes.subarray(mask, mask + count), start)
  }
}

const RANGES: Readonly<Record<Exclude<VoxelType, "float32" | "float64">, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
  int32: [-2_147_483_648, 2_147_483_647],
}

/** A threshold among voxels of that type: cut to a whole number, and to the nearest one there is, where there are only those. */
export function castThreshold(type: VoxelType, threshold: number): number {
  if (type === "float64") return threshold
  if (type === "float32") return Math.fround(threshold)
  const [least, most] = RANGES[type]
  return Math.min(most, Math.max(least, Math.trunc(threshold)))
}

/** The limits among voxels of that type. @throws KernelError KERNEL_INPUT_INVALID where there can be no such mask */
export function checkThresholds(
  kernel: string,
  type: VoxelType,
  { lower, upper, inside, outside }: BinaryThresholdParameters,
): { readonly lower: number; readonly upper: number } {
  const cast = { lower: castThreshold(type, lower), upper: castThreshold(type, upper) }
  requireThat(kernel, cast.lower <= cast.upper, "a lower threshold not above the upper one", [lower, upper])
  for (const value of [inside, outside]) {
    requireThat(kernel, Number.isInteger(value) && value >= 0 && value <= 255, "values from 0 to 255", value)
  }
  return cast
}

/** The least and the largest value of a type, infinite ones included. */
export function leastOf(type: VoxelType): number {
  return type === "float32" || type === "float64" ? -Infinity : RANGES[type][0]
}

export function mostOf(type: VoxelType): number {
  return type === "float32" || type === "float64" ? Infinity : RANGES[type][1]
}

/** The values next to a threshold, below and above it, of its type or, beside the ends of whole numbers, of none. */
export function neighborsOf(type: Exclude<VoxelType, "float64">, threshold: number): readonly [number, number] {
  if (type !== "float32") return [threshold - 1, threshold + 1]
  return [-floatAfter(-threshold), floatAfter(threshold)]
}

const float = new Float32Array(1)
const floatBits = new Int32Array(float.buffer)

/** The least float32 above one; NaN, which nothing is above or below, above Infinity and NaN. */
export function floatAfter(value: number): number {
  if (value === Infinity || value !== value) return Number.NaN
  float[0] = value === 0 ? 0 : value
  floatBits[0]! += value >= 0 ? 1 : -1
  return float[0]
}

/** The least float32 that is not below a limit. */
export function floatFrom(limit: number): number {
  const nearest = Math.fround(limit)
  return nearest >= limit ? nearest : floatAfter(nearest)
}

/** `inside` where a value lies from `lower` to `upper`, `outside` elsewhere. */
export const binaryThreshold: Kernel<BinaryThresholdParameters, Memory, Image> = {
  name: "BinaryThreshold",
  prepare: (inputs, parameters) => {
    const image = requireScalar("BinaryThreshold", inputs)
    const cast = checkThresholds("BinaryThreshold", image.type, parameters)
    return { image, parameters: { ...parameters, ...cast }, output: makeImage(image, "uint8") }
  },
  phases: [{ run: comparePart }],
  finish: ({ output }) => output,
}
