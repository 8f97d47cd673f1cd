/**
 * Uniform B-splines over a grid: which control points a voxel is a mean of, and with which weights. Splines of several axes
 * are products of those along each. An axis of a single voxel, as a picture has one, has a single control point.
 */
import { makeDoubles, makeInts } from "./memory.ts"

/** Of voxels along an axis. */
export interface AxisSpline {
  /** How many control points there are along the axis. */
  readonly points: number
  /** How many of them each voxel is a mean of. */
  readonly width: number
  /** The first of them, for each voxel. */
  readonly starts: Int32Array
  /** For each voxel, one after the other. */
  readonly weights: Float64Array
}

/** The last voxel lies in the last span, and not at the beginning of one more: that much before its end. */
const END = 1e-3

export const MAX_ORDER = 3

export function splineAlong(voxels: number, points: number, order: number): AxisSpline {
  const spans = points - order
  const width = order + 1
  const starts = makeInts(voxels)
  const weights = makeDoubles(voxels * width)
  for (let at = 0; at < voxels; at += 1) {
    const end = (END * spans) / (voxels - 1)
    const place = (spans * at) / (voxels - 1)
    const inside = spans - place <= end ? spans - end : place
    const start = Math.floor(inside)
    starts[at] = start
    for (let k = 0; k < width; k += 1) weights[at * width + k] = spline(inside - start - k + 0.5 * (order - 1), order)
  }
  return { points, width, starts, weights }
}

export function flatSpline(): AxisSpline {
  const weights = makeDoubles(1)
  weights[0] = 1
  return { points: 1, width: 1, starts: makeInts(1), weights }
}

/** Each weight to the power of two or three, over the sum of their squares if it is three. */
export function powerOf(axis: AxisSpline, power: 2 | 3): AxisSpline {
  const weights = makeDoubles(axis.weights.length)
  for (let at = 0; at < weights.length; at += axis.width) {
    const some = axis.weights.subarray(at, at + axis.width)
    const squares = some.reduce((sum, weight) => sum + weight * weight, 0)
    some.forEach((weight, k) => {
      weights[at + k] = power === 2 ? weight * weight : (weight * weight * weight) / squares
    })
  }
  return { ...axis, weights }
}

/** Many splines in two arrays, since each array costs those time who hand them to threads. */
export interface PackedSplines {
  readonly starts: Int32Array
  readonly weights: Float64Array
  readonly places: readonly Omit<AxisSpline, "starts" | "weights">[]
  /** Where the starts and the weights of each begin, and last where they end. */
  readonly startsAt: readonly number[]
  readonly weightsAt: readonly number[]
}

export function packSplines(splines: readonly AxisSpline[]): PackedSplines {
  const startsAt = [0]
  const weightsAt = [0]
  for (const { starts, weights } of splines) {
    startsAt.push(startsAt.at(-1)! + starts.length)
    weightsAt.push(weightsAt.at(-1)! + weights.length)
  }
  const [starts, weights] = [makeInts(startsAt.at(-1)!), makeDoubles(weightsAt.at(-1)!)]
  for (const [at, each] of splines.entries()) {
    starts.set(each.starts, startsAt[at])
    weights.set(each.weights, weightsAt[at])
  }
  const places = splines.map(({ points, width }) => ({ points, width }))
  return { starts, weights, places, startsAt, weightsAt }
}

export function unpackSpline({ starts, weights, places, startsAt, weightsAt }: PackedSplines, at: number): AxisSpline {
  return {
    ...places[at]!,
    starts: starts.subarray(startsAt[at], startsAt[at + 1]),
    weights: weights.subarray(weightsAt[at], weightsAt[at + 1]),
  }
}

/** The B-spline around 0. */
function spline(at: number, order: number): number {
  const u = Math.abs(at)
  switch (order) {
    case 1:
      return u < 1 ? 1 - u : 0
    case 2:
      if (u < 0.5) return 0.75 - u * u
      return u < 1.5 ? (9 - 12 * u + 4 * u * u) / 8 : 0
    default:
      if (u < 1) return (4 - 6 * u * u + 3 * u * u * u) / 6
      return u < 2 ? (2 - u) ** 3 / 6 : 0
  }
}

/** How much of an old control point each of the new ones around it gets, when spans are cut in half. */
const HALVES: readonly (readonly number[])[] = [[], [1, 2, 1], [1, 3, 3, 1], [1, 4, 6, 4, 1]]

/** How many control points there are once each span is cut in half. */
export function refinedPoints(points: number, order: number): number {
  return points === 1 ? 1 : 2 * points - order
}

/** The same spline with twice as many spans along an axis: `stride` and `count` say where its points lie in the lattice. */
export function refineAlong(lattice: Float64Array, stride: number, points: number, order: number): Float64Array {
  const refined = refinedPoints(points, order)
  const lines = lattice.length / points
  const into = new Float64Array(lines * refined)
  const halves = HALVES[order] ?? []
  const scale = 2 ** -order
  for (let line = 0; line < lines; line += 1) {
    const inner = line % stride
    const outer = (line - inner) / stride
    for (let at = 0; at < points; at += 1) {
      const value = lattice[(outer * points + at) * stride + inner]! * scale
      for (const [k, half] of halves.entries()) {
        // The first spans of both begin at the same place.
        const to = 2 * at + k - order
        if (to < 0 || to >= refined) continue
        const place = (outer * refined + to) * stride + inner
        into[place] = into[place]! + value * half
      }
    }
  }
  return into
}
