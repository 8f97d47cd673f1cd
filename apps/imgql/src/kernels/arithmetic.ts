/**
 * Arithmetic voxel by voxel, between images or an image and a number.
 *
 * The result has the type of the voxels, as in ITK, and a number is cast to it first: half of a whole-number image is none of it.
 * Whether division casts a number too is up to the caller. Whole numbers wrap around; a division by 0 in an image gives
 * the largest value of the type, whatever the sign, and one by the number 0 is refused. As in ITK, a divisor counts as 0
 * from a tenth of its type's epsilon down: 1e-8 as a float32 does. Images of different types, which SimpleITK refuses, are computed as float32, or float64 where float32
 * could not hold them.
 */
import type { Image, VoxelType } from "../image/image.ts"
import type { Kernel, NoParameters, Share } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import {
  castTo,
  CHUNK,
  floatsOf,
  makeImage,
  readDoubles,
  requireInput,
  requireSameSize,
  requireThat,
  writeDoubles,
} from "./shape.ts"
import { layOut, VECTOR_CHUNK } from "./simd.ts"

export type Operation = "add" | "subtract" | "multiply" | "divide"

/** An image has `left` or `right` at its other side if there is no second image. */
export interface ArithmeticParameters {
  readonly operation: Operation
  /** Is a number that is divided or divided by cast to the type of the voxels? */
  readonly isDivisorCast: boolean
  readonly left: number | null
  readonly right: number | null
}

interface Memory {
  readonly operation: Operation
  /** A number stands for an image that has it everywhere. */
  readonly left: Image | number
  readonly right: Image | number
  /** What a division by 0 gives. */
  readonly largest: number
  /** No further from 0 than this is 0 as a divisor. */
  readonly nothing: number
  readonly output: Image
}

/** The largest value of each type. */
export const LARGEST: Readonly<Record<VoxelType, number>> = {
  uint8: 255,
  int8: 127,
  uint16: 65_535,
  int16: 32_767,
  uint32: 4_294_967_295,
  int32: 2_147_483_647,
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
}

/** The type that two images of these types have in common. */
export function commonType(one: VoxelType, other: VoxelType): VoxelType {
  if (one === other) return one
  const isWide = [one, other].some((type) => type === "float64" || type === "int32" || type === "uint32")
  return isWide ? "float64" : "float32"
}

function computePart(memory: Memory, part: number, parts: number): void {
  const { operation, left, right, largest, nothing, output } = memory
  const { type, voxels } = output
  const a = new Float64Array(CHUNK)
  const b = new Float64Array(CHUNK)
  if (typeof left === "number") a.fill(left)
  if (typeof right === "number") b.fill(right)
  const result = new Float64Array(CHUNK)
  const { from, to } = shareOf(voxels.length, part, parts)
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    if (typeof left !== "number") readDoubles(left.voxels, start, start + count, a)
    if (typeof right !== "number") readDoubles(right.voxels, start, start + count, b)
    switch (operation) {
      case "add":
        addAll(a, b, result, count)
        break
      case "subtract":
        subtractAll(a, b, result, count)
        break
      case "multiply":
        // Doubles lose the lowest bits of such products, which are those that remain.
        if (type === "int32" || type === "uint32") multiplyWhole(a, b, result, count)
        else multiplyAll(a, b, result, count)
        break
      case "divide":
        divideAll({ a, b, result, count, largest, nothing })
        break
    }
    writeDoubles(result, count, voxels, start)
  }
}

function addAll(a: Float64Array, b: Float64Array, result: Float64Array, count: number): void {
  for (let at = 0; at < count; at += 1) result[at] = a[at]! + b[at]!
}

function subtractAll(a: Float64Array, b: Float64Array, result: Float64Array, count: number): void {
  for (let at = 0; at < count; at += 1) result[at] = a[at]! - b[at]!
}

function multiplyAll(a: Float64Array, b: Float64Array, result: Float64Array, count: number): void {
  for (let at = 0; at < count; at += 1) result[at] = a[at]! * b[at]!
}

function multiplyWhole(a: Float64Array, b: Float64Array, result: Float64Array, count: number): void {
  for (let at = 0; at < count; at += 1) result[at] = Math.imul(a[at]!, b[at]!)
}

interface Division {
  readonly a: Float64Array
  readonly b: Float64Array
  readonly result: Float64Array
  readonly count: number
  readonly largest: number
  readonly nothing: number
}

function divideAll({ a, b, result, count, largest, nothing }: Division): void {
  for (let at = 0; at < count; at += 1) {
    const divisor = b[at]!
    result[at] = divisor <= nothing && divisor >= -nothing ? largest : a[at]! / divisor
  }
}

/** How far from 0 a divisor of that type may be and still be 0 to ITK. */
function nothingOf(type: VoxelType): number {
  if (type === "float32") return Math.fround(0.1 * 2 ** -23)
  return type === "float64" ? 0.1 * Number.EPSILON : 0
}

/** One of the four operations between two images, or an image and a number at either side. */
export const arithmetic: Kernel<ArithmeticParameters, Memory, Image> = {
  name: "arithmetic",
  prepare: (inputs, { operation, isDivisorCast, left, right }) => {
    const first = requireInput(operation, inputs, 0)
    const isAlone = left !== null || right !== null
    requireThat(operation, left === null || right === null, "a number at one side only", [left, right])
    const second = isAlone ? first : requireInput(operation, inputs, 1)
    requireSameSize(operation, first, second)
    requireThat(operation, first.components === second.components, "as many values a voxel in both images", [
      first.components,
      second.components,
    ])
    const type = commonType(first.type, second.type)
    const isCast = operation !== "divide" || isDivisorCast
    const cast = (constant: number): number => (isCast ? castTo(type, constant) : constant)
    const nothing = nothingOf(isCast || right === null ? type : "float64")
    const isDivided = operation === "divide" && right !== null
    requireThat(operation, !isDivided || Math.abs(cast(right)) > nothing, `a divisor that is not 0 as ${type}`, right)
    return {
      operation,
      left: left === null ? first : cast(left),
      right: right !== null ? cast(right) : isAlone ? first : second,
      largest: LARGEST[type],
      nothing,
      output: makeImage(first, type, first.components),
    }
  },
  phases: [{ run: computePart }],
  finish: ({ output }) => output,
}

interface UnaryMemory {
  readonly image: Image
  readonly output: Image
}

/** The distance of each value from 0. */
export const absolute: Kernel<NoParameters, UnaryMemory, Image> = {
  name: "abs",
  prepare: (inputs) => {
    const image = requireInput("abs", inputs)
    return { image, output: makeImage(image, image.type, image.components) }
  },
  phases: [
    {
      run: ({ image, output }, part, parts) => {
        const chunk = new Float64Array(CHUNK)
        const { from, to } = shareOf(image.voxels.length, part, parts)
        for (let start = from; start < to; start += CHUNK) {
          const count = Math.min(CHUNK, to - start)
          readDoubles(image.voxels, start, start + count, chunk)
          for (let at = 0; at < count; at += 1) chunk[at] = Math.abs(chunk[at]!)
          writeDoubles(chunk, count, output.voxels, start)
        }
      },
    },
  ],
  finish: ({ output }) => output,
}

/** The image in another type: whole numbers are cut and wrap around. */
export const cast: Kernel<{ readonly type: VoxelType }, UnaryMemory, Image> = {
  name: "Cast",
  prepare: (inputs, { type }) => {
    const image = requireInput("Cast", inputs)
    return { image, output: makeImage(image, type, image.components) }
  },
  phases: [
    {
      run: ({ image, output }, part, parts) => {
        const { from, to } = shareOf(image.voxels.length, part, parts)
        output.voxels.set(image.voxels.subarray(from, to), from)
      },
    },
  ],
  finish: ({ output }) => output,
}

interface MaskMemory {
  readonly image: Image
  readonly mask: Image
  readonly output: Image
}

function maskFloats(voxels: Float32Array, where: Uint8Array, output: Float32Array, { from, to }: Share): void {
  const { loops, bytes, floats, places } = layOut(VECTOR_CHUNK * 4, VECTOR_CHUNK, VECTOR_CHUNK * 4)
  const [valuesAt, maskAt, outputAt] = [places[0]!, places[1]!, places[2]!]
  for (let start = from; start < to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, to)
    floats.set(voxels.subarray(start, end), valuesAt / 4)
    bytes.set(where.subarray(start, end), maskAt)
    loops.maskFloats(valuesAt, maskAt, outputAt, end - start)
    output.set(floats.subarray(outputAt / 4, outputAt / 4 + end - start), start)
  }
}

function maskColors({ image, mask: where, output }: MaskMemory, { from, to }: Share): void {
  const { components, voxels } = image
  for (let at = from; at < to; at += 1) {
    if (where.voxels[at] === 0) continue
    for (let k = at * components; k < (at + 1) * components; k += 1) output.voxels[k] = voxels[k]!
  }
}

/** The first image where the second, a mask, is not 0, and 0 elsewhere. */
export const mask: Kernel<NoParameters, MaskMemory, Image> = {
  name: "mask",
  prepare: (inputs) => {
    const image = requireInput("mask", inputs, 0)
    const where = requireInput("mask", inputs, 1)
    requireSameSize("mask", image, where)
    requireThat("mask", where.components === 1, "a mask with one value a voxel", where.components)
    return { image, mask: where, output: makeImage(image, image.type, image.components) }
  },
  phases: [
    {
      run: ({ image, mask: where, output }, part, parts) => {
        if (image.components > 1) {
          maskColors({ image, mask: where, output }, shareOf(where.voxels.length, part, parts))
          return
        }
        if (image.voxels instanceof Float32Array && where.voxels instanceof Uint8Array) {
          const share = shareOf(image.voxels.length, part, parts)
          maskFloats(image.voxels, where.voxels, floatsOf(output), share)
          return
        }
        const values = new Float64Array(CHUNK)
        const isKept = new Float64Array(CHUNK)
        const { from, to } = shareOf(image.voxels.length, part, parts)
        for (let start = from; start < to; start += CHUNK) {
          const count = Math.min(CHUNK, to - start)
          readDoubles(image.voxels, start, start + count, values)
          readDoubles(where.voxels, start, start + count, isKept)
          for (let at = 0; at < count; at += 1) if (isKept[at] === 0) values[at] = 0
          writeDoubles(values, count, output.voxels, start)
        }
      },
    },
  ],
  finish: ({ output }) => output,
}
