/**
 * Curvature flow: iso-brightness contours move by their curvature, so that noise goes and edges stay. Differences as in ITK's
 * CurvatureFlowFunction; voxels beyond the edge are those at it. (J. A. Sethian, "Level Set Methods and Fast Marching
 * Methods", 2nd edition, 1999, chapter 16.)
 */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { makeImage, requireScalar, requireThat, shapeOf, spacingOf } from "./shape.ts"

export interface CurvatureFlowParameters {
  readonly timeStep: number
  readonly iterations: number
}

interface Memory {
  readonly parameters: CurvatureFlowParameters
  readonly shape: Shape
  readonly image: Image
  /** One over the spacing along each axis; 0 along one that a picture lacks. */
  readonly scales: readonly [number, number, number]
  /** Each iteration reads one and writes the other; the first reads `output`, if their number is even, and `other` if not. */
  readonly output: Image
  readonly other: Image
}

function doublesOf({ voxels, type }: Image): Float64Array {
  if (voxels instanceof Float64Array) return voxels
  throw new TypeError(`Bug: voxels of type ${type} are used as doubles.`)
}

/** What the round reads and writes, so that the last one writes the output. */
function imagesOf({ parameters, output, other }: Memory, round: number): { read: Float64Array; written: Float64Array } {
  const isOutputRead = (parameters.iterations - round) % 2 === 0
  const [read, written] = isOutputRead ? [output, other] : [other, output]
  return { read: doublesOf(read), written: doublesOf(written) }
}

function readPart(memory: Memory, part: number, parts: number, round: number): void {
  if (round > 0) return
  const { voxels } = memory.image
  const { from, to } = shareOf(voxels.length, part, parts)
  imagesOf(memory, 0).read.set(voxels.subarray(from, to), from)
}

/** Where the neighbors of a row begin. */
interface Rows {
  readonly here: number
  readonly north: number
  readonly south: number
  readonly below: number
  readonly above: number
  /** South and north in the slices below and above. */
  readonly southBelow: number
  readonly southAbove: number
  readonly northBelow: number
  readonly northAbove: number
}

function rowsAround({ nx, ny, nz }: Shape, row: number): Rows {
  const y = row % ny
  const z = (row - y) / ny
  const startOf = (dy: number, dz: number): number => {
    const otherY = Math.min(ny - 1, Math.max(0, y + dy))
    const otherZ = Math.min(nz - 1, Math.max(0, z + dz))
    return (otherZ * ny + otherY) * nx
  }
  return {
    here: startOf(0, 0),
    south: startOf(-1, 0),
    north: startOf(1, 0),
    below: startOf(0, -1),
    above: startOf(0, 1),
    southBelow: startOf(-1, -1),
    southAbove: startOf(-1, 1),
    northBelow: startOf(1, -1),
    northAbove: startOf(1, 1),
  }
}

function flowPart(memory: Memory, part: number, parts: number, round: number): void {
  const { shape, scales, parameters } = memory
  if (parameters.iterations === 0) return
  const { nx } = shape
  const { read, written } = imagesOf(memory, round)
  const { from, to } = shareOf(shape.rows, part, parts)
  for (let row = from; row < to; row += 1) {
    const rows = rowsAround(shape, row)
    for (let x = 0; x < nx; x += 1) {
      const left = x > 0 ? x - 1 : x
      const right = x < nx - 1 ? x + 1 : x
      const at = rows.here + x
      written[at] = read[at]! + parameters.timeStep * speedAt(read, rows, { left, x, right }, scales)
    }
  }
}

interface Columns {
  readonly left: number
  readonly x: number
  readonly right: number
}

/** The mean curvature times the length of the gradient. */
function speedAt(
  values: Float64Array,
  rows: Rows,
  { left, x, right }: Columns,
  [scaleX, scaleY, scaleZ]: readonly [number, number, number],
): number {
  const center = values[rows.here + x]!
  const [west, east] = [values[rows.here + left]!, values[rows.here + right]!]
  const [south, north] = [values[rows.south + x]!, values[rows.north + x]!]
  const [below, above] = [values[rows.below + x]!, values[rows.above + x]!]
  const dx = 0.5 * (east - west) * scaleX
  const dy = 0.5 * (north - south) * scaleY
  const dz = 0.5 * (above - below) * scaleZ
  const square = dx * dx + dy * dy + dz * dz
  // Also where it is NaN.
  if (!(square >= 1e-9)) return 0
  const dxx = (east - 2 * center + west) * scaleX * scaleX
  const dyy = (north - 2 * center + south) * scaleY * scaleY
  const dzz = (above - 2 * center + below) * scaleZ * scaleZ
  const [southWest, southEast] = [values[rows.south + left]!, values[rows.south + right]!]
  const [northWest, northEast] = [values[rows.north + left]!, values[rows.north + right]!]
  const dxy = 0.25 * (southWest - northWest - southEast + northEast) * scaleX * scaleY
  const [belowWest, belowEast] = [values[rows.below + left]!, values[rows.below + right]!]
  const [aboveWest, aboveEast] = [values[rows.above + left]!, values[rows.above + right]!]
  const dxz = 0.25 * (belowWest - aboveWest - belowEast + aboveEast) * scaleX * scaleZ
  const [southBelow, southAbove] = [values[rows.southBelow + x]!, values[rows.southAbove + x]!]
  const [northBelow, northAbove] = [values[rows.northBelow + x]!, values[rows.northAbove + x]!]
  const dyz = 0.25 * (southBelow - southAbove - northBelow + northAbove) * scaleY * scaleZ
  const plain = (dyy + dzz) * dx * dx + (dxx + dzz) * dy * dy + (dxx + dyy) * dz * dz
  return (plain - 2 * (dx * dy * dxy + dx * dz * dxz + dy * dz * dyz)) / square
}

/** The image after that many steps of curvature flow, as float64. */
export const curvatureFlow: Kernel<CurvatureFlowParameters, Memory, Image> = {
  name: "CurvatureFlow",
  prepare: (inputs, parameters) => {
    const image = requireScalar("CurvatureFlow", inputs)
    const { iterations, timeStep } = parameters
    requireThat("CurvatureFlow", Number.isFinite(timeStep), "a finite time step", timeStep)
    const isCount = Number.isInteger(iterations) && iterations >= 0
    requireThat("CurvatureFlow", isCount, "a whole number of iterations", iterations)
    const shape = shapeOf(image)
    const [x, y, z] = spacingOf(image)
    return {
      parameters,
      shape,
      image,
      scales: [1 / x, 1 / y, shape.axes === 2 ? 0 : 1 / z],
      output: makeImage(image, "float64"),
      other: makeImage(image, "float64"),
    }
  },
  phases: [{ run: readPart }, { run: flowPart }],
  // Without iterations the first round only reads.
  rounds: ({ parameters }) => Math.max(1, parameters.iterations),
  finish: ({ output }) => output,
}
