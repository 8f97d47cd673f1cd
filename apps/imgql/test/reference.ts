/** Every kernel once more, by its definition and without any thought of speed. */
import type { Image } from "../src/image/image.ts"

type Point = readonly [number, number, number]

function sizeOf({ size }: Image): Point {
  return [size[0] ?? 1, size[1] ?? 1, size[2] ?? 1]
}

function spacingOf({ spacing }: Image): Point {
  return [spacing[0] ?? 1, spacing[1] ?? 1, spacing[2] ?? 1]
}

function pointAt(image: Image, at: number): Point {
  const [nx, ny] = sizeOf(image)
  return [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))]
}

function valueAt({ voxels }: Image, at: number): number {
  const value = voxels[at]
  if (value === undefined) throw new RangeError(`There is no voxel ${at}.`)
  return value
}

/** All voxels of the box around one, itself included, that are inside the image. */
export function boxAround(image: Image, at: number, [rx, ry, rz]: Point): number[] {
  const [nx, ny, nz] = sizeOf(image)
  const [x, y, z] = pointAt(image, at)
  const found: number[] = []
  for (let k = Math.max(0, z - rz); k <= Math.min(nz - 1, z + rz); k += 1) {
    for (let j = Math.max(0, y - ry); j <= Math.min(ny - 1, y + ry); j += 1) {
      for (let i = Math.max(0, x - rx); i <= Math.min(nx - 1, x + rx); i += 1) found.push((k * ny + j) * nx + i)
    }
  }
  return found
}

function neighborsOf(image: Image, at: number): number[] {
  return boxAround(image, at, [1, 1, 1])
}

function mapVoxels(image: Image, compute: (at: number) => number): number[] {
  return Array.from(image.voxels, (_, at) => compute(at))
}

export function near(image: Image): number[] {
  return mapVoxels(image, (at) =>
    neighborsOf(image, at).some((other) => valueAt(image, other) === 1) ? 1 : valueAt(image, at),
  )
}

export function interior(image: Image): number[] {
  return mapVoxels(image, (at) => {
    const isEroded = valueAt(image, at) === 1 && neighborsOf(image, at).some((other) => valueAt(image, other) !== 1)
    return isEroded ? 0 : valueAt(image, at)
  })
}

export function dt(image: Image): number[] {
  const spacing = spacingOf(image)
  const isSet = (at: number): boolean => valueAt(image, at) !== 0
  const borders = Array.from(image.voxels.keys()).filter(
    (at) => isSet(at) && neighborsOf(image, at).some((other) => !isSet(other)),
  )
  return mapVoxels(image, (at) => {
    const point = pointAt(image, at)
    const ways = borders.map((other) => {
      const [x, y, z] = pointAt(image, other)
      const [dx, dy, dz] = [(x - point[0]) * spacing[0], (y - point[1]) * spacing[1], (z - point[2]) * spacing[2]]
      return Math.sqrt(dx * dx + dy * dy + dz * dz)
    })
    const way = Math.min(...ways, Math.sqrt(3.4028234663852886e38))
    return isSet(at) ? -way : way
  })
}

/** Labels from 1 on, in raster order of first voxels, by flooding. */
export function label(image: Image, isFullyConnected: boolean): number[] {
  const labels = Array.from(image.voxels, () => 0)
  const isTouching = (at: number, other: number): boolean => {
    const [a, b] = [pointAt(image, at), pointAt(image, other)]
    const steps = Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) + Math.abs(a[2] - b[2])
    return isFullyConnected || steps <= 1
  }
  let count = 0
  for (const first of image.voxels.keys()) {
    if (valueAt(image, first) === 0 || labels[first] !== 0) continue
    count += 1
    const stack = [first]
    labels[first] = count
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (const other of neighborsOf(image, at)) {
        if (valueAt(image, other) === 0 || labels[other] !== 0 || !isTouching(at, other)) continue
        labels[other] = count
        stack.push(other)
      }
    }
  }
  return labels
}

export function through(seed: Image, image: Image): number[] {
  const labels = label(image, true)
  const kept = new Set(labels.filter((_, at) => valueAt(seed, at) !== 0))
  return labels.map((found) => (found !== 0 && kept.has(found) ? 1 : 0))
}

export function maxvol(image: Image): number[] {
  const labels = label(image, true)
  const sizes = new Map<number, number>()
  for (const found of labels) if (found !== 0) sizes.set(found, (sizes.get(found) ?? 0) + 1)
  const most = Math.max(...sizes.values())
  return labels.map((found) => (found !== 0 && sizes.get(found) === most ? 1 : 0))
}

export function percentiles(image: Image, mask: Image, correction: number): number[] {
  const values = Array.from(image.voxels, (value) => Math.fround(value))
  const members = values.filter((_, at) => valueAt(mask, at) !== 0)
  return values.map((value, at) => {
    if (valueAt(mask, at) === 0) return -1
    const below = members.filter((other) => other < value).length
    const ties = members.filter((other) => other === value).length
    return Math.fround((below + correction * ties) / members.length)
  })
}

export function gradient(image: Image): number[] {
  const size = sizeOf(image)
  const spacing = spacingOf(image)
  const strides = [1, size[0], size[0] * size[1]] as const
  return mapVoxels(image, (at) => {
    const point = pointAt(image, at)
    const squares = ([0, 1, 2] as const).map((axis) => {
      const before = point[axis] > 0 ? at - strides[axis] : at
      const after = point[axis] < size[axis] - 1 ? at + strides[axis] : at
      return ((valueAt(image, after) - valueAt(image, before)) / (2 * spacing[axis])) ** 2
    })
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0))
  })
}

export interface CrossCorrelation {
  readonly image: Image
  readonly other: Image
  readonly region: Image
  readonly reach: Point
  readonly from: number
  readonly to: number
  readonly bins: number
}

export function crossCorrelation(options: CrossCorrelation): number[] {
  return mapVoxels(options.image, makeCrossCorrelation(options))
}

/** The value of one voxel: for images where the definition takes too long for all of them. */
export function makeCrossCorrelation(options: CrossCorrelation): (at: number) => number {
  const { image, other, region, reach, from, to, bins } = options
  const histogramOf = (source: Image, places: readonly number[]): number[] => {
    const counts = Array.from({ length: bins }, () => 0)
    for (const at of places) {
      const value = valueAt(source, at)
      if (!(value >= from && value < to)) continue
      const bin = Math.min(bins - 1, Math.trunc((value - from) / ((to - from) / bins)))
      counts[bin] = (counts[bin] ?? 0) + 1
    }
    return counts
  }
  const reference = histogramOf(
    other,
    [...other.voxels.keys()].filter((at) => valueAt(region, at) !== 0),
  )
  return (at) => correlate(histogramOf(image, boxAround(image, at, reach)), reference)
}

function correlate(a: readonly number[], b: readonly number[]): number {
  if (isConstant(a) && isConstant(b)) return 1
  if (isConstant(a) || isConstant(b)) return 0
  const [meanA, meanB] = [meanOf(a), meanOf(b)]
  let [products, squaresA, squaresB] = [0, 0, 0]
  for (const [bin, count] of a.entries()) {
    const [fromA, fromB] = [count - meanA, (b[bin] ?? 0) - meanB]
    products += fromA * fromB
    squaresA += fromA * fromA
    squaresB += fromB * fromB
  }
  return products / Math.sqrt(squaresA * squaresB)
}

/** How much of the variance the cut at a threshold explains, between the values up to it and those above. */
export function betweenVariance(values: readonly number[], threshold: number): number {
  const low = values.filter((value) => value <= threshold)
  const high = values.filter((value) => value > threshold)
  const share = (list: readonly number[]): number => (list.length === 0 ? 0 : sumOf(list) ** 2 / list.length)
  return (share(low) + share(high) - sumOf(values) ** 2 / values.length) / values.length
}

function isConstant(counts: readonly number[]): boolean {
  return counts.every((count) => count === counts[0])
}

function meanOf(counts: readonly number[]): number {
  return sumOf(counts) / counts.length
}

function sumOf(list: readonly number[]): number {
  return list.reduce((sum, value) => sum + value, 0)
}
