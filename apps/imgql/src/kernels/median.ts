/** The median of the box around each voxel; voxels beyond the edge are those at it. */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import type { Shape } from "./shape.ts"
import { makeImage, requireScalar, requireThat, shapeOf, writeDoubles } from "./shape.ts"

export interface MedianParameters {
  /** In voxels along each axis. */
  readonly radius: readonly number[]
}

interface Memory {
  readonly image: Image
  readonly shape: Shape
  readonly radius: readonly [number, number, number]
  readonly values: Float64Array
  readonly output: Image
}

function readPart({ image, values }: Memory, part: number, parts: number): void {
  const { from, to } = shareOf(values.length, part, parts)
  values.set(image.voxels.subarray(from, to), from)
}

function computePart(memory: Memory, part: number, parts: number): void {
  const { shape, radius, values, output } = memory
  const { nx, ny, nz } = shape
  const [rx, ry, rz] = radius
  const window = new Float64Array((2 * rx + 1) * (2 * ry + 1) * (2 * rz + 1))
  const line = new Float64Array(nx)
  const { from, to } = shareOf(shape.rows, part, parts)
  for (let row = from; row < to; row += 1) {
    const y = row % ny
    const z = (row - y) / ny
    for (let x = 0; x < nx; x += 1) {
      let next = 0
      for (let dz = -rz; dz <= rz; dz += 1) {
        const slice = Math.min(nz - 1, Math.max(0, z + dz)) * ny
        for (let dy = -ry; dy <= ry; dy += 1) {
          const start = (slice + Math.min(ny - 1, Math.max(0, y + dy))) * nx
          for (let dx = -rx; dx <= rx; dx += 1) {
            window[next] = values[start + Math.min(nx - 1, Math.max(0, x + dx))]!
            next += 1
          }
        }
      }
      line[x] = selectMiddle(window)
    }
    writeDoubles(line, nx, output.voxels, row * nx)
  }
}

/** The middle one in order, by partitions around pivots (C. A. R. Hoare's FIND); reorders the window. */
function selectMiddle(window: Float64Array): number {
  const middle = window.length >>> 1
  let low = 0
  let high = window.length - 1
  while (low < high) {
    const pivot = window[middle]!
    let i = low
    let j = high
    while (i <= j) {
      while (window[i]! < pivot) i += 1
      while (pivot < window[j]!) j -= 1
      if (i > j) break
      const value = window[i]!
      window[i] = window[j]!
      window[j] = value
      i += 1
      j -= 1
    }
    if (j < middle) low = i
    if (middle < i) high = j
  }
  return window[middle]!
}

/** The median of the values around each voxel, in their own type. */
export const median: Kernel<MedianParameters, Memory, Image> = {
  name: "Median",
  prepare: (inputs, { radius }) => {
    const image = requireScalar("Median", inputs)
    const { size } = image
    const isRadius = radius.length >= size.length && radius.every((along) => Number.isInteger(along) && along >= 0)
    requireThat("Median", isRadius, `a whole number of voxels along each of ${size.length} axes as radius`, radius)
    const [x = 0, y = 0, z = 0] = radius.slice(0, size.length)
    return {
      image,
      shape: shapeOf(image),
      radius: [x, y, z],
      values: makeDoubles(image.voxels.length),
      output: makeImage(image, image.type),
    }
  },
  phases: [{ run: readPart }, { run: computePart }],
  finish: ({ output }) => output,
}
