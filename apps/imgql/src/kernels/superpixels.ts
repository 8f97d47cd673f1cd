/**
 * SLIC: an image in clusters of voxels that are alike and beside each other, each about as large as a cell of a grid. (R.
 * Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods", 2012; steps and rounding as in ITK's
 * SLICImageFilter.) A center starts in each cell, on the flattest voxel nearby; each voxel goes to the nearest center, and each
 * center to the mean of its voxels. Distances are sums of squares of differences in value, and of voxels apart over the cell's
 * size times a weight. At last what has come off its cluster becomes one of its own, or part of one beside it if it is small.
 *
 * Sums are made in an order that does not depend on how many threads there are.
 */
import { type Image, makeVoxels, type Voxels } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeBytes, makeDoubles, makeFloats } from "./memory.ts"
import type { Shape } from "./shape.ts"
import { makeImage, requireInput, requireThat, shapeOf, spacingOf } from "./shape.ts"
import { adoptRest, markCluster, type Regions } from "./superpixel-regions.ts"

const { fround } = Math

export interface SuperpixelParameters {
  /** Voxels of a cell along each axis. */
  readonly cell: readonly number[]
  readonly weight: number
  readonly iterations: number
  readonly isConnected: boolean
  /** Centers start where the image is flattest. */
  readonly isPerturbed: boolean
}

type Triple = readonly [number, number, number]

interface Memory {
  readonly parameters: SuperpixelParameters
  readonly shape: Shape
  readonly image: Image
  /** 1 along an axis that a picture lacks. */
  readonly cell: Triple
  /** What a distance of one voxel along each axis counts; 0 along one that a picture lacks. */
  readonly scales: Triple
  /** Of each cluster its values, and then x, y and z; not a number where no voxel is of it. */
  readonly centers: Float64Array
  readonly distances: Float32Array
  /** A block each: of each cluster the sums of what makes its center, and how many voxels it has. */
  readonly sums: Float64Array
  /** 1 where a voxel is connected with its cluster. */
  readonly marks: Uint8Array
  readonly output: Image
}

/** The voxels are summed up in so many blocks, or fewer where clusters are many. */
const BLOCKS = 16
const MAX_SUMS = 2 ** 24

function entriesOf({ image }: Pick<Memory, "image">): number {
  return image.components + 3
}

function countClusters(memory: Pick<Memory, "image" | "centers">): number {
  return memory.centers.length / entriesOf(memory)
}

/** Where a center lies, to the nearest voxel; half-way up. */
function voxelOf({ centers, image }: Pick<Memory, "image" | "centers">, cluster: number): Triple {
  const base = cluster * (image.components + 3) + image.components
  return [Math.floor(centers[base]! + 0.5), Math.floor(centers[base + 1]! + 0.5), Math.floor(centers[base + 2]! + 0.5)]
}

function startPart(memory: Memory, part: number, parts: number, round: number): void {
  if (round > 0) return
  const { shape, cell, image, centers, parameters } = memory
  const counts = cellsOf(shape, cell)
  const isPerturbed = parameters.isPerturbed && cell.every((size, axis) => size >= 3 || axis >= shape.axes)
  const { from, to } = shareOf(countClusters(memory), part, parts)
  for (let cluster = from; cluster < to; cluster += 1) {
    const [ix, iy] = [cluster % counts[0], Math.floor(cluster / counts[0]) % counts[1]]
    const iz = Math.floor(cluster / (counts[0] * counts[1]))
    const firsts = firstCenters(shape, cell)
    const center: Triple = [firsts[0] + ix * cell[0], firsts[1] + iy * cell[1], firsts[2] + iz * cell[2]]
    const nearest: Triple = [Math.floor(center[0] + 0.5), Math.floor(center[1] + 0.5), Math.floor(center[2] + 0.5)]
    const chosen = isPerturbed ? flattestAround(memory, nearest) : null
    const [x, y, z] = chosen ?? nearest
    const base = cluster * entriesOf(memory)
    const at = ((z * shape.ny + y) * shape.nx + x) * image.components
    for (let k = 0; k < image.components; k += 1) centers[base + k] = image.voxels[at + k]!
    centers.set(chosen ?? center, base + image.components)
  }
}

/** How many cells lie along each axis. */
function cellsOf({ nx, ny, nz }: Shape, cell: Triple): Triple {
  return [cellsAlong(nx, cell[0]), cellsAlong(ny, cell[1]), cellsAlong(nz, cell[2])]
}

function cellsAlong(count: number, size: number): number {
  return Math.max(1, Math.floor(count / size))
}

/** The cells lie in the middle of the image, whose rest is left over on both sides. */
function firstCenters({ nx, ny, nz }: Shape, cell: Triple): Triple {
  const cells = cellsOf({ nx, ny, nz, rows: ny * nz, axes: 3 }, cell)
  const first = (count: number, axis: 0 | 1 | 2): number => (count - 1) / 2 - ((cells[axis] - 1) / 2) * cell[axis]
  return [first(nx, 0), first(ny, 1), first(nz, 2)]
}

/** Of a voxel and those around it the one with the least gradient, the first of them. */
function flattestAround({ image, shape }: Memory, [x, y, z]: Triple): Triple {
  const { nx, ny, nz, axes } = shape
  const { components, voxels } = image
  const spacing = spacingOf(image)
  const gradient = makeVoxels(image.type, 1)
  const valueAt = (vx: number, vy: number, vz: number, k: number): number =>
    voxels[((inside(vz, nz) * ny + inside(vy, ny)) * nx + inside(vx, nx)) * components + k]!
  const slope = (vx: number, vy: number, vz: number): number => {
    let sum = 0
    for (let axis = 0; axis < axes; axis += 1) {
      const [dx, dy, dz] = [axis === 0 ? 1 : 0, axis === 1 ? 1 : 0, axis === 2 ? 1 : 0]
      for (let k = 0; k < components; k += 1) {
        const rise = valueAt(vx + dx, vy + dy, vz + dz, k) - valueAt(vx - dx, vy - dy, vz - dz, k)
        // As in ITK it is cut to the type of the voxels before it is squared.
        gradient[0] = rise / (2 * spacing[axis]!)
        sum += gradient[0] ** 2
      }
    }
    return sum
  }
  const reach = axes === 2 ? 0 : 1
  let [least, found]: [number, Triple] = [Infinity, [x, y, z]]
  for (let vz = z - reach; vz <= z + reach; vz += 1) {
    for (let vy = y - 1; vy <= y + 1; vy += 1) {
      for (let vx = x - 1; vx <= x + 1; vx += 1) {
        const isThere = vx >= 0 && vx < nx && vy >= 0 && vy < ny && vz >= 0 && vz < nz
        const steep = isThere ? slope(vx, vy, vz) : Infinity
        if (steep < least) [least, found] = [steep, [vx, vy, vz]]
      }
    }
  }
  return found
}

function inside(at: number, count: number): number {
  return Math.min(count - 1, Math.max(0, at))
}

/** Each voxel of the part's rows to the nearest of the centers that are within a cell of it. */
function assignPart(memory: Memory, part: number, parts: number): void {
  const { shape, cell, distances } = memory
  const { nx, ny, nz } = shape
  const { from, to } = shareOf(shape.rows, part, parts)
  distances.fill(Infinity, from * nx, to * nx)
  for (let cluster = 0; cluster < countClusters(memory); cluster += 1) {
    const [x, y, z] = voxelOf(memory, cluster)
    if (Number.isNaN(x)) continue
    const [fromX, toX] = [Math.max(0, x - cell[0]), Math.min(nx - 1, x + cell[0])]
    const reachZ = shape.axes === 2 ? 0 : cell[2]
    for (let vz = Math.max(0, z - reachZ); vz <= Math.min(nz - 1, z + reachZ); vz += 1) {
      const [firstRow, lastRow] = [vz * ny + Math.max(0, y - cell[1]), vz * ny + Math.min(ny - 1, y + cell[1])]
      for (let row = Math.max(from, firstRow); row <= Math.min(to - 1, lastRow); row += 1) {
        assignRow(memory, cluster, row, fromX, toX)
      }
    }
  }
}

/** As ITK's, the distance is a float32 after each step. */
function assignRow(memory: Memory, cluster: number, row: number, fromX: number, toX: number): void {
  const { centers, distances, output, image, scales, shape } = memory
  const { components, voxels } = image
  const labels = labelsOf(output)
  const base = cluster * (components + 3)
  const y = row % shape.ny
  const dy = fround((centers[base + components + 1]! - y) * scales[1])
  const dz = fround((centers[base + components + 2]! - (row - y) / shape.ny) * scales[2])
  const [squareY, squareZ] = [fround(dy * dy), fround(dz * dz)]
  const centerX = centers[base + components]!
  for (let x = fromX; x <= toX; x += 1) {
    const at = row * shape.nx + x
    let difference = 0
    for (let k = 0; k < components; k += 1) {
      const d = fround(centers[base + k]! - voxels[at * components + k]!)
      difference = fround(difference + fround(d * d))
    }
    const dx = fround((centerX - x) * scales[0])
    const apart = fround(fround(fround(dx * dx) + squareY) + squareZ)
    const distance = fround(difference + apart)
    if (distance < distances[at]!) {
      distances[at] = distance
      labels[at] = cluster
    }
  }
}

function labelsOf({ voxels, type }: Image): Uint32Array {
  if (voxels instanceof Uint32Array) return voxels
  throw new TypeError(`Bug: voxels of type ${type} are used as labels.`)
}

function countBlocks({ sums }: Memory, size: number): number {
  return sums.length / size
}

function sumPart(memory: Memory, part: number, parts: number): void {
  const { image, shape, sums, output } = memory
  const labels = labelsOf(output)
  const { components, voxels } = image
  const entries = components + 4
  const size = countClusters(memory) * entries
  const blocks = countBlocks(memory, size)
  const share = shareOf(blocks, part, parts)
  for (let block = share.from; block < share.to; block += 1) {
    const into = sums.subarray(block * size, (block + 1) * size).fill(0)
    const { from, to } = shareOf(shape.rows, block, blocks)
    for (let row = from; row < to; row += 1) {
      const y = row % shape.ny
      const place = { y, z: (row - y) / shape.ny }
      for (let x = 0; x < shape.nx; x += 1) {
        const at = row * shape.nx + x
        addVoxel(into, labels[at]! * entries, { voxels, components, at: at * components, x, ...place })
      }
    }
  }
}

interface Place {
  readonly voxels: Voxels
  readonly components: number
  readonly at: number
  readonly x: number
  readonly y: number
  readonly z: number
}

function addVoxel(into: Float64Array, base: number, { voxels, components, at, x, y, z }: Place): void {
  for (let k = 0; k < components; k += 1) into[base + k] = into[base + k]! + voxels[at + k]!
  const next = base + components
  into[next] = into[next]! + x
  into[next + 1] = into[next + 1]! + y
  into[next + 2] = into[next + 2]! + z
  into[next + 3] = into[next + 3]! + 1
}

function moveCenters(memory: Memory): void {
  const { sums, centers, image } = memory
  const entries = image.components + 4
  const size = countClusters(memory) * entries
  for (let cluster = 0; cluster < countClusters(memory); cluster += 1) {
    const total = new Float64Array(entries)
    for (let block = 0; block < countBlocks(memory, size); block += 1) {
      for (let k = 0; k < entries; k += 1) total[k] = total[k]! + sums[block * size + cluster * entries + k]!
    }
    const count = total[entries - 1]!
    for (let k = 0; k < entries - 1; k += 1) centers[cluster * (entries - 1) + k] = total[k]! / count
  }
}

function regionsOf(memory: Memory): Regions {
  const { shape, cell, output, marks } = memory
  return { shape, cell, labels: labelsOf(output), marks, clusters: countClusters(memory) }
}

/** Clusters have no voxel in common, so that each can be gone through on its own. */
function connectPart(memory: Memory, part: number, parts: number, round: number): void {
  if (!memory.parameters.isConnected || round < roundsOf(memory) - 1) return
  const { from, to } = shareOf(countClusters(memory), part, parts)
  for (let cluster = from; cluster < to; cluster += 1) {
    markCluster(regionsOf(memory), cluster, voxelOf(memory, cluster))
  }
}

function adoptOnce(memory: Memory, _part: number, _parts: number, round: number): void {
  if (memory.parameters.isConnected && round === roundsOf(memory) - 1) adoptRest(regionsOf(memory))
}

function roundsOf({ parameters }: Pick<Memory, "parameters">): number {
  return Math.max(1, parameters.iterations)
}

const NAME = "SLIC"

/** How many bytes the clusters of an image take, by the size of their cells, which need not be checked yet. */
export function clusterBytes(image: Image, size: readonly number[]): number {
  const whole = size.map((each) => (each >= 1 ? each : 1))
  const { clusters, entries, blocks } = sumsOf(image, cellOf(whole, shapeOf(image).axes))
  return Float64Array.BYTES_PER_ELEMENT * (clusters * (image.components + 3) + blocks * entries)
}

function cellOf([x = 1, y = 1, z = 1]: readonly number[], axes: number): Triple {
  return [x, y, axes === 2 ? 1 : z]
}

/** How many clusters there are, what is summed of them, and by how many blocks of rows. */
function sumsOf(image: Image, cell: Triple): { clusters: number; entries: number; blocks: number } {
  const shape = shapeOf(image)
  const clusters = cellsOf(shape, cell).reduce((product, count) => product * count, 1)
  const entries = clusters * (image.components + 4)
  return { clusters, entries, blocks: Math.max(1, Math.min(BLOCKS, shape.rows, Math.floor(MAX_SUMS / entries))) }
}

/** Of each voxel the number of its cluster, from 0, as uint32. */
export const superpixels: Kernel<SuperpixelParameters, Memory, Image> = {
  name: NAME,
  prepare: (inputs, parameters) => {
    const image = requireInput(NAME, inputs)
    const shape = shapeOf(image)
    const { cell: size, weight, iterations } = parameters
    const isCell = size.length >= shape.axes && size.every((each) => Number.isInteger(each) && each >= 1)
    requireThat(NAME, isCell, "cells of at least 1 voxel along each axis", size)
    requireThat(NAME, Number.isFinite(weight), "a finite weight", weight)
    requireThat(
      NAME,
      Number.isInteger(iterations) && iterations >= 1,
      "a whole number of iterations from 1",
      iterations,
    )
    const cell = cellOf(size, shape.axes)
    const { clusters, entries, blocks } = sumsOf(image, cell)
    return {
      parameters,
      shape,
      image,
      cell,
      scales: [weight / cell[0], weight / cell[1], shape.axes === 2 ? 0 : weight / cell[2]],
      centers: makeDoubles(clusters * (image.components + 3)),
      distances: makeFloats(shape.nx * shape.rows),
      sums: makeDoubles(blocks * entries),
      marks: makeBytes(shape.nx * shape.rows),
      output: makeImage(image, "uint32"),
    }
  },
  rounds: roundsOf,
  phases: [
    { run: startPart },
    { run: assignPart },
    { run: sumPart },
    { isSerial: true, run: moveCenters },
    { run: connectPart },
    { isSerial: true, run: adoptOnce },
  ],
  finish: ({ output }) => output,
}
