/**
 * Thresholds: what lies between two values, as a mask. A threshold is cast to the type of the voxels first, as in ITK: among whole
 * numbers, 2.5 to 4.5 means 2 to 4.
 */
import type { Image, VoxelType, Voxels } from "../image/image.ts"
import type { Kernel, Share } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { lookUpBytes } from "./look-up.ts"
import { bytesOf, CHUNK, makeImage, readDoubles, requireScalar, requireThat } from "./shape.ts"

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
  if (voxels instanceof Uint8Array) {
    const table = new Uint8Array(256).fill(outside)
    if (lower <= upper) table.fill(inside, lower, upper + 1)
    lookUpBytes(voxels, table, output, share)
    return
  }
  if (voxels instanceof Float32Array) {
    selectFloats(voxels, output, share, { lower, upper, inside, outside })
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

/** Most images that are compared are of this type, so they are not converted first. */
function selectFloats(
  voxels: Float32Array,
  output: Uint8Array,
  { from, to }: Share,
  { lower, upper, inside, outside }: BinaryThresholdParameters,
): void {
  for (let at = from; at < to; at += 1) {
    const value = voxels[at]!
    output[at] = ((value >= lower ? 1 : 0) & (value <= upper ? 1 : 0)) === 1 ? inside : outside
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
