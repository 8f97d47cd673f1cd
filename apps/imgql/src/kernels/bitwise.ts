/**
 * Logic on whole numbers, bit by bit, in their own type as in ITK; `logic.ts` has that on masks. SimpleITK refuses images of
 * floats, and two of different types, and so does this.
 */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { CHUNK, makeImage, readDoubles, requireSameSize, requireScalar, requireThat, writeDoubles } from "./shape.ts"

export type BitwiseOperation = "And" | "Or" | "Xor"

interface Memory {
  readonly of: BitwiseOperation | "Not"
  readonly image: Image
  readonly other: Image
  readonly output: Image
}

function prepareBitwise(of: Memory["of"], image: Image, other: Image): Memory {
  requireSameSize(of, image, other)
  const isWhole = image.type !== "float32" && image.type !== "float64"
  requireThat(of, isWhole && image.type === other.type, "whole numbers of one type; use Cast", [image.type, other.type])
  return { of, image, other, output: makeImage(image, image.type) }
}

function computePart({ of, image, other, output }: Memory, part: number, parts: number): void {
  const a = new Float64Array(CHUNK)
  const b = new Float64Array(CHUNK)
  const { from, to } = shareOf(output.voxels.length, part, parts)
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    readDoubles(image.voxels, start, start + count, a)
    readDoubles(other.voxels, start, start + count, b)
    combineAll(of, a, b, count)
    writeDoubles(a, count, output.voxels, start)
  }
}

/** Leaves the result in the first. What is written of it wraps around, so that the sign of 32 bits does not matter. */
function combineAll(of: Memory["of"], a: Float64Array, b: Float64Array, count: number): void {
  switch (of) {
    case "And":
      for (let at = 0; at < count; at += 1) a[at] = a[at]! & b[at]!
      return
    case "Or":
      for (let at = 0; at < count; at += 1) a[at] = a[at]! | b[at]!
      return
    case "Xor":
      for (let at = 0; at < count; at += 1) a[at] = a[at]! ^ b[at]!
      return
    case "Not":
      for (let at = 0; at < count; at += 1) a[at] = a[at] === 0 ? 1 : 0
  }
}

/** Between the bits of two images. */
export const bitwise: Kernel<{ readonly of: BitwiseOperation }, Memory, Image> = {
  name: "bitwise",
  prepare: (inputs, { of }) => prepareBitwise(of, requireScalar(of, inputs, 0), requireScalar(of, inputs, 1)),
  phases: [{ run: computePart }],
  finish: ({ output }) => output,
}

/** 1 where a value is 0, and 0 elsewhere. */
export const logicalNot: Kernel<NoParameters, Memory, Image> = {
  name: "Not",
  prepare: (inputs) => {
    const image = requireScalar("Not", inputs)
    return prepareBitwise("Not", image, image)
  },
  phases: [{ run: computePart }],
  finish: ({ output }) => output,
}
