/** Images on another grid: a part of theirs, or that of another image. */
import type { Grid, Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import { castTo, makeImage, requireInput, requireThat, shapeOf, writeDoubles } from "./shape.ts"

export interface ExtractParameters {
  /** Voxels along each axis; an axis with 0 goes, and the slice at its index is left. */
  readonly size: readonly number[]
  /** Where the part begins. */
  readonly index: readonly number[]
}

interface ExtractMemory {
  readonly image: Image
  readonly index: readonly number[]
  /** Of the part, along the axes of the image. */
  readonly size: readonly number[]
  readonly output: Image
}

/** Where the voxel at an index is. */
function pointOf({ origin, spacing, direction }: Grid, index: readonly number[]): number[] {
  const axes = origin.length
  return origin.map((start, row) =>
    index.reduce((sum, at, axis) => sum + direction[row * axes + axis]! * spacing[axis]! * at, start),
  )
}

function extractedGrid(image: Image, { size, index }: ExtractParameters): Grid {
  const axes = image.size.flatMap((_, axis) => (size[axis] === 0 ? [] : [axis]))
  const pick = (list: readonly number[]): number[] => axes.map((axis) => list[axis]!)
  const direction = axes.flatMap((row) => axes.map((column) => image.direction[row * image.size.length + column]!))
  const grid = { size: pick(size), spacing: pick(image.spacing), origin: pick(image.origin), direction }
  return { ...grid, origin: pointOf(grid, pick(index)) }
}

function copyPart({ image, index, size, output }: ExtractMemory, part: number, parts: number): void {
  const { nx, ny } = shapeOf(image)
  const [x = 0, y = 0, z = 0] = index
  const [width = 1, height = 1, depth = 1] = size.map((count) => Math.max(1, count))
  const { components } = image
  const { from, to } = shareOf(height * depth, part, parts)
  for (let row = from; row < to; row += 1) {
    const start = ((z + Math.floor(row / height)) * ny + y + (row % height)) * nx + x
    const found = image.voxels.subarray(start * components, (start + width) * components)
    output.voxels.set(found, row * width * components)
  }
}

/** A part of an image, in its place in space. */
export const extract: Kernel<ExtractParameters, ExtractMemory, Image> = {
  name: "Extract",
  prepare: (inputs, { size, index }) => {
    const image = requireInput("Extract", inputs)
    const axes = image.size.length
    const isThere = image.size.every((count, axis) => {
      const [along, at] = [size[axis] ?? Number.NaN, index[axis] ?? Number.NaN]
      return (
        Number.isInteger(along) && Number.isInteger(at) && along >= 0 && at >= 0 && at + Math.max(1, along) <= count
      )
    })
    requireThat("Extract", isThere, `a part of an image of ${image.size.join("x")} voxels`, { size, index })
    const isPlane = image.size.filter((_, axis) => size[axis] !== 0).length >= 2
    requireThat("Extract", isPlane, "at least 2 axes that are left", size)
    const output = makeImage(extractedGrid(image, { size, index }), image.type, image.components)
    return { image, index: index.slice(0, axes), size: size.slice(0, axes), output }
  },
  phases: [{ run: copyPart }],
  finish: ({ output }) => output,
}

export interface ResampleParameters {
  /**
   * From a point of the output to where the image is looked at: a matrix, row after row, and what is added to its product with
   * the point; the same point if it is left out.
   */
  readonly transform?: readonly number[]
  readonly interpolation: "linear" | "nearest"
  /** What voxels become that lie outside the image. */
  readonly outside: number
}

interface ResampleMemory {
  readonly image: Image
  readonly values: Float64Array
  readonly parameters: ResampleParameters
  /** From an index of the output to a point, without its origin: a matrix, row after row. */
  readonly forth: readonly number[]
  /** From a point, without the origin of the image, to an index of the image. */
  readonly back: readonly number[]
  readonly output: Image
}

/** The matrix that undoes another, by Gauss's elimination with pivots. */
function invert(matrix: readonly number[], axes: number): number[] {
  const rows = Array.from({ length: axes }, (_, row) => [
    ...matrix.slice(row * axes, (row + 1) * axes),
    ...Array.from({ length: axes }, (__, column) => (column === row ? 1 : 0)),
  ])
  for (let at = 0; at < axes; at += 1) {
    const pivot = rows.slice(at).reduce((best, row) => (Math.abs(row[at]!) > Math.abs(best[at]!) ? row : best))
    rows.splice(rows.indexOf(pivot), 1)
    rows.splice(at, 0, pivot)
    const scale = pivot[at]!
    for (const [column, value] of pivot.entries()) pivot[column] = value / scale
    for (const row of rows) {
      const factor = row[at]!
      if (row !== pivot) for (const [column, value] of pivot.entries()) row[column]! -= factor * value
    }
  }
  return rows.flatMap((row) => row.slice(axes))
}

function scaledDirection({ direction, spacing }: Grid): number[] {
  return direction.map((value, at) => value * spacing[at % spacing.length]!)
}

/** Where the index of a voxel of the output is among those of the image. */
function placeOf({ forth, back, image, output, parameters }: ResampleMemory, index: Triple): Triple {
  const axes = image.size.length
  const point = output.origin.map((start, row) => {
    let along = start
    for (let axis = 0; axis < axes; axis += 1) along += forth[row * axes + axis]! * index[axis]!
    return along
  })
  const way = transformed(point, parameters.transform).map((along, row) => along - image.origin[row]!)
  const at = (row: number): number => {
    let place = 0
    if (row < axes) for (let axis = 0; axis < axes; axis += 1) place += back[row * axes + axis]! * way[axis]!
    return place
  }
  return [at(0), at(1), at(2)]
}

function transformed(point: readonly number[], transform: readonly number[] | undefined): readonly number[] {
  if (transform === undefined) return point
  const axes = point.length
  return point.map((_, row) => {
    let along = 0
    for (let axis = 0; axis < axes; axis += 1) along += transform[row * axes + axis]! * point[axis]!
    return along + transform[axes * axes + row]!
  })
}

function readPart({ image, values }: ResampleMemory, part: number, parts: number): void {
  const { from, to } = shareOf(values.length, part, parts)
  values.set(image.voxels.subarray(from, to), from)
}

/** As in ITK, places along a row lie between those of its first voxel and of the one after its last. */
function resamplePart(memory: ResampleMemory, part: number, parts: number): void {
  const { image, values, output, parameters } = memory
  const { nx, ny, rows } = shapeOf(output)
  const { components } = image
  const line = new Float64Array(nx * components)
  const sampleAt = parameters.interpolation === "linear" ? sampleLinear : sampleNearest
  const { from, to } = shareOf(rows, part, parts)
  const shape = shapeOf(image)
  const size: Triple = [shape.nx, shape.ny, shape.nz]
  for (let row = from; row < to; row += 1) {
    const y = row % ny
    const z = (row - y) / ny
    const first = placeOf(memory, [0, y, z])
    const last = placeOf(memory, [nx, y, z])
    for (let x = 0; x < nx; x += 1) {
      const share = x / nx
      const at = (axis: 0 | 1 | 2): number => first[axis] + share * (last[axis] - first[axis])
      const place: Triple = [at(0), at(1), at(2)]
      for (let k = 0; k < components; k += 1) {
        line[x * components + k] = sampleAt({ values, components, k }, size, place) ?? parameters.outside
      }
    }
    writeDoubles(line, line.length, output.voxels, row * line.length)
  }
}

type Triple = readonly [number, number, number]

/** One of the values that each voxel has. */
interface Source {
  readonly values: Float64Array
  readonly components: number
  readonly k: number
}

/** Voxels reach half a voxel to each side of their centers. */
function isInside(size: Triple, point: Triple): boolean {
  return point.every((value, axis) => value >= -0.5 && value < size[axis]! - 0.5)
}

function sampleNearest({ values, components, k }: Source, size: Triple, point: Triple): number | null {
  if (!isInside(size, point)) return null
  const [x, y, z] = point.map((value, axis) => Math.min(size[axis]! - 1, Math.max(0, Math.floor(value + 0.5))))
  return values[((z! * size[1] + y!) * size[0] + x!) * components + k]!
}

/** Between two along x, then between four along y, then along z. */
function sampleLinear({ values, components, k }: Source, size: Triple, point: Triple): number | null {
  if (!isInside(size, point)) return null
  const [x, y, z] = [between(point[0], size[0]), between(point[1], size[1]), between(point[2], size[2])]
  const along = (plane: number, row: number): number => {
    const start = (plane * size[1] + row) * size[0]
    const valueAt = (column: number): number => values[(start + column) * components + k]!
    return mix(valueAt(x.lower), valueAt(x.upper), x.share)
  }
  const across = (plane: number): number => mix(along(plane, y.lower), along(plane, y.upper), y.share)
  return mix(across(z.lower), across(z.upper), z.share)
}

/** The voxels on both sides of a place along an axis, and how far it is from the one to the other. */
function between(place: number, count: number): { lower: number; upper: number; share: number } {
  const lower = Math.max(0, Math.floor(place))
  return { lower, upper: Math.min(count - 1, lower + 1), share: Math.max(0, place - lower) }
}

/** What is not on the way there does not count, not even where it is NaN. */
function mix(from: number, to: number, share: number): number {
  return share === 0 ? from : from + (to - from) * share
}

/** The first image on the grid of the second, in its own type. */
export const resample: Kernel<ResampleParameters, ResampleMemory, Image> = {
  name: "Resample",
  prepare: (inputs, parameters) => {
    const image = requireInput("Resample", inputs, 0)
    const grid = requireInput("Resample", inputs, 1)
    requireThat("Resample", image.size.length === grid.size.length, "grids of as many axes", [image.size, grid.size])
    const axes = image.size.length
    const { transform } = parameters
    const isAffine =
      transform === undefined || (transform.length === axes * (axes + 1) && transform.every(Number.isFinite))
    requireThat("Resample", isAffine, `a matrix and a shift, ${String(axes * (axes + 1))} numbers`, transform)
    const outside = castTo(image.type, parameters.outside)
    return {
      image,
      values: makeDoubles(image.voxels.length),
      parameters: { ...parameters, outside },
      forth: scaledDirection(grid),
      back: invert(scaledDirection(image), image.size.length),
      output: makeImage(grid, image.type, image.components),
    }
  },
  phases: [{ run: readPart }, { run: resamplePart }],
  finish: ({ output }) => output,
}
