/**
 * Comparisons voxel by voxel, between images or an image and a number, which is cast to the type of the voxels first, as in ITK.
 * Results are masks. Whatever is compared with NaN is different from it, and neither more nor less.
 */
import type { Image, VoxelType } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { bytesOf, CHUNK, makeImage, readDoubles, requireSameSize, requireScalar } from "./shape.ts"
import type { BinaryThresholdParameters } from "./threshold.ts"
import { castThreshold, leastOf, mostOf, neighborsOf, selectRange } from "./threshold.ts"

export type Relation = "==" | "!=" | "<" | "<=" | ">" | ">="

export interface ComparisonParameters {
  readonly relation: Relation
  /** What the image is compared with, on its right; null for the second image. */
  readonly constant: number | null
}

interface Memory {
  readonly relation: Relation
  readonly image: Image
  readonly other: Image | number
  readonly output: Image
}

function comparePart({ relation, image, other, output }: Memory, part: number, parts: number): void {
  const { type } = image
  if (typeof other === "number" && type !== "float64") {
    const range = rangeOf(relation, type, other)
    selectRange(image.voxels, bytesOf(output), shareOf(image.voxels.length, part, parts), range)
    return
  }
  const a = new Float64Array(CHUNK)
  const b = new Float64Array(CHUNK)
  if (typeof other === "number") b.fill(other)
  const bytes = bytesOf(output)
  const { from, to } = shareOf(image.voxels.length, part, parts)
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    readDoubles(image.voxels, start, start + count, a)
    if (typeof other !== "number") readDoubles(other.voxels, start, start + count, b)
    compareAll(relation, { a, b, bytes, start, count })
  }
}

/** The values that stand in a relation to a constant, of which the type has one before and one after. */
function rangeOf(relation: Relation, type: Exclude<VoxelType, "float64">, constant: number): BinaryThresholdParameters {
  const [before, after] = neighborsOf(type, constant)
  const marks = { inside: 1, outside: 0 }
  switch (relation) {
    case "==":
      return { lower: constant, upper: constant, ...marks }
    case "!=":
      return { lower: constant, upper: constant, inside: 0, outside: 1 }
    case "<":
      return { lower: leastOf(type), upper: before, ...marks }
    case "<=":
      return { lower: leastOf(type), upper: constant, ...marks }
    case ">":
      return { lower: after, upper: mostOf(type), ...marks }
    case ">=":
      return { lower: constant, upper: mostOf(type), ...marks }
  }
}

interface Comparison {
  readonly a: Float64Array
  readonly b: Float64Array
  readonly bytes: Uint8Array
  readonly start: number
  readonly count: number
}

function compareAll(relation: Relation, comparison: Comparison): void {
  switch (relation) {
    case "==":
      return markEqual(comparison, 1)
    case "!=":
      return markEqual(comparison, 0)
    case "<":
      return markLess(comparison)
    case "<=":
      return markAtMost(comparison)
    case ">":
      return markLess({ ...comparison, a: comparison.b, b: comparison.a })
    case ">=":
      return markAtMost({ ...comparison, a: comparison.b, b: comparison.a })
  }
}

function markEqual({ a, b, bytes, start, count }: Comparison, mark: 0 | 1): void {
  for (let at = 0; at < count; at += 1) bytes[start + at] = a[at] === b[at] ? mark : 1 - mark
}

function markLess({ a, b, bytes, start, count }: Comparison): void {
  for (let at = 0; at < count; at += 1) bytes[start + at] = a[at]! < b[at]! ? 1 : 0
}

function markAtMost({ a, b, bytes, start, count }: Comparison): void {
  for (let at = 0; at < count; at += 1) bytes[start + at] = a[at]! <= b[at]! ? 1 : 0
}

/** 1 where the image stands in that relation to the second image or the number, 0 elsewhere. */
export const comparison: Kernel<ComparisonParameters, Memory, Image> = {
  name: "comparison",
  prepare: (inputs, { relation, constant }) => {
    const image = requireScalar(relation, inputs, 0)
    const other = constant === null ? requireScalar(relation, inputs, 1) : castThreshold(image.type, constant)
    if (typeof other !== "number") requireSameSize(relation, image, other)
    return { relation, image, other, output: makeImage(image, "uint8") }
  },
  phases: [{ run: comparePart }],
  finish: ({ output }) => output,
}

interface BetweenMemory {
  readonly image: Image
  readonly low: number
  readonly high: number
  readonly output: Image
}

/** 1 where a value lies from `low` to `high`, both included; nowhere if `low` is above `high`. */
export const between: Kernel<{ readonly low: number; readonly high: number }, BetweenMemory, Image> = {
  name: "between",
  prepare: (inputs, { low, high }) => {
    const image = requireScalar("between", inputs)
    const [from, to] = [castThreshold(image.type, low), castThreshold(image.type, high)]
    return { image, low: from, high: to, output: makeImage(image, "uint8") }
  },
  phases: [
    {
      run: ({ image: { voxels }, low, high, output }, part, parts) => {
        const range = { lower: low, upper: high, inside: 1, outside: 0 }
        selectRange(voxels, bytesOf(output), shareOf(voxels.length, part, parts), range)
      },
    },
  ],
  finish: ({ output }) => output,
}
