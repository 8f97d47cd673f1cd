/**
 * What lies within a distance of a voxel, as stretches along x, by the very numbers that `distance.ts` makes: squares of steps added up as
 * float32, along x, then y, then z.
 */
import type { Grid } from "../image/image.ts"
import { shapeOf, spacingOf } from "./shape.ts"
import { floatAfter } from "./threshold.ts"

/** At `y` rows and `z` slices from a voxel, so many voxels to both sides. */
export interface Stretch {
  readonly y: number
  readonly z: number
  readonly reach: number
}

/** The longest reach first. */
export type Ball = readonly Stretch[]

/** With more stretches than this, to one side of each axis, distances themselves are faster. */
const MOST_STRETCHES = 400

/**
 * Distances come of the least sum, or of one that is off by some units in the last place, where squares of steps are rounded. So nothing
 * may lie as near to the limit as that; this is several times what it can be.
 */
const DOUBT = 2 ** -18

/** Sums of whole numbers of a unit are exact up to so many of them. */
const EXACT_UNITS = 2 ** 24

/**
 * The offsets whose distance is below a limit above 0; null where there are too many of them, or where the distances that are computed
 * may be at the limit and on another side of it.
 */
export function ballOf(grid: Grid, limit: number): Ball | null {
  const { nx, ny, nz } = shapeOf(grid)
  const most = squareBelow(limit)
  const spacing = spacingOf(grid)
  const [x, y, z] = [waysOf(nx, spacing[0]), waysOf(ny, spacing[1]), waysOf(nz, spacing[2])]
  const isExact = areExact(spacing, [nx, ny, nz])
  const isDoubtful = (square: number): boolean => !isExact && Math.abs(square - most) <= most * DOUBT
  const stretches: Stretch[] = []
  for (let dz = 0; dz < nz; dz += 1) {
    for (let dy = 0; dy < ny; dy += 1) {
      const squareAt = (dx: number): number => Math.fround(Math.fround(x[dx]! + y[dy]!) + z[dz]!)
      let reach = -1
      while (reach + 1 < nx && squareAt(reach + 1) <= most) reach += 1
      if (reach >= 0 && isDoubtful(squareAt(reach))) return null
      if (reach + 1 < nx && isDoubtful(squareAt(reach + 1))) return null
      if (reach === -1) break
      stretches.push({ y: dy, z: dz, reach })
      if (stretches.length > MOST_STRETCHES) return null
    }
  }
  return onAllSides(stretches).toSorted((a, b) => b.reach - a.reach)
}

function onAllSides(stretches: readonly Stretch[]): Stretch[] {
  return stretches.flatMap(({ y, z, reach }) => {
    const rows = y === 0 ? [0] : [-y, y]
    const slices = z === 0 ? [0] : [-z, z]
    return slices.flatMap((slice) => rows.map((row) => ({ y: row, z: slice, reach })))
  })
}

function waysOf(length: number, step: number): Float32Array {
  return Float32Array.from({ length }, (_, steps) => (steps * step) ** 2)
}

/** Whether no sum of squares is rounded: all are whole numbers of one unit, and no sum is too many of them. */
function areExact(steps: readonly number[], lengths: readonly number[]): boolean {
  const squares = steps.map((step) => step * step)
  const longest = squares.reduce((sum, square, axis) => sum + square * ((lengths[axis] ?? 1) - 1) ** 2, 0)
  for (let unit = 1; longest / unit <= EXACT_UNITS; unit /= 2) {
    if (squares.every((square) => Number.isInteger(square / unit))) return true
  }
  return false
}

/** The largest float32 whose root, as float32, is below the limit. */
function squareBelow(limit: number): number {
  let square = Math.fround(limit * limit)
  while (Math.fround(Math.sqrt(square)) >= limit) square = -floatAfter(-square)
  for (let next = floatAfter(square); Math.fround(Math.sqrt(next)) < limit; next = floatAfter(next)) square = next
  return square
}
