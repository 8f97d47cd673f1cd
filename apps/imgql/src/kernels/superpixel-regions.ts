/** The last step of SLIC: every cluster in one piece. Voxels are connected by their faces. */
import type { Shape } from "./shape.ts"

export interface Regions {
  readonly shape: Shape
  /** 1 along an axis that a picture lacks. */
  readonly cell: readonly [number, number, number]
  readonly labels: Uint32Array
  /** 1 where it is known which cluster a voxel stays with. */
  readonly marks: Uint8Array
  readonly clusters: number
}

/** Regions of fewer voxels are no clusters. */
function leastSize({ cell }: Regions): number {
  return Math.floor((cell[0] * cell[1] * cell[2]) / 4)
}

/** Marks the region of a cluster around its center, or around its first voxel that is near there; unless it is small. */
export function markCluster(regions: Regions, cluster: number, center: readonly [number, number, number]): void {
  const seed = findSeed(regions, cluster, center)
  if (seed === null) return
  const found = relabel(regions, seed, cluster, cluster)
  if (found.length < leastSize(regions)) for (const at of found) regions.marks[at] = 0
}

function findSeed(
  { shape: { nx, ny, nz }, cell, labels }: Regions,
  cluster: number,
  [x, y, z]: readonly [number, number, number],
): number | null {
  if (Number.isNaN(x)) return null
  const at = (z * ny + y) * nx + x
  if (labels[at] === cluster) return at
  const [reachX, reachY, reachZ] = [Math.floor(cell[0] / 2), Math.floor(cell[1] / 2), Math.floor(cell[2] / 2)]
  for (let vz = Math.max(0, z - reachZ); vz <= Math.min(nz - 1, z + reachZ); vz += 1) {
    for (let vy = Math.max(0, y - reachY); vy <= Math.min(ny - 1, y + reachY); vy += 1) {
      for (let vx = Math.max(0, x - reachX); vx <= Math.min(nx - 1, x + reachX); vx += 1) {
        const near = (vz * ny + vy) * nx + vx
        if (labels[near] === cluster) return near
      }
    }
  }
  return null
}

/**
 * Regions that no center marked, in the order of their first voxels: a large one becomes a cluster, a small one goes to the
 * cluster of the voxel before it.
 */
export function adoptRest(regions: Regions): void {
  const { labels, marks, clusters } = regions
  let next = clusters
  let before = clusters
  for (let at = 0; at < labels.length; at += 1) {
    if (marks[at] === 1) {
      before = labels[at]!
      continue
    }
    const found = relabel(regions, at, labels[at]!, next)
    if (found.length >= leastSize(regions)) {
      before = next
      next += 1
    } else for (const each of found) labels[each] = before
  }
}

/** Marks the region of a label around a voxel and gives it another one; what it is made of. */
function relabel({ shape, labels, marks }: Regions, seed: number, label: number, to: number): number[] {
  const { nx, ny, nz } = shape
  const found = [seed]
  const visit = (at: number): void => {
    if (marks[at] === 1 || labels[at] !== label) return
    found.push(at)
    marks[at] = 1
    labels[at] = to
  }
  marks[seed] = 1
  labels[seed] = to
  // The list grows as it is gone through.
  for (const at of found) {
    const x = at % nx
    const y = Math.floor(at / nx) % ny
    const z = Math.floor(at / (nx * ny))
    if (x < nx - 1) visit(at + 1)
    if (x > 0) visit(at - 1)
    if (y < ny - 1) visit(at + nx)
    if (y > 0) visit(at - nx)
    if (z < nz - 1) visit(at + nx * ny)
    if (z > 0) visit(at - nx * ny)
  }
  return found
}
