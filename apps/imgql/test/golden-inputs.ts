/** The inputs of golden cases, made anew by their names. The generator makes the same: see goldens/README.md. */
import { type Grid, type Image, makeVoxels, plainGrid, voxelCount, type VoxelType } from "../src/image/image.ts"
import { generate } from "./golden.ts"

/** A number, or what JSON has no number for. */
export type Written = number | "NaN" | "Infinity" | "-Infinity"

/** An input by its name, on a grid by its name. */
export interface NamedInput {
  readonly image: string
  readonly grid: string
  readonly type: VoxelType
  /** Values a voxel, 1 if it is left out. */
  readonly components?: number
}

/** An input whose values are written out. */
export interface WrittenInput {
  readonly size: readonly number[]
  readonly type: VoxelType
  readonly values: readonly Written[]
}

export type Input = NamedInput | WrittenInput

const FLAT = plainGrid([1, 1]).direction
const UPRIGHT = plainGrid([1, 1, 1]).direction
/** By the angle of a triangle of sides 3, 4 and 5, so that the matrix is orthonormal in decimals. */
const TURNED = [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1]

const GRIDS: Readonly<Record<string, Grid>> = {
  "3d": { size: [6, 7, 5], spacing: [0.7, 1.3, 2.1], origin: [0, 0, 0], direction: UPRIGHT },
  "2d": { size: [9, 8], spacing: [0.7, 1.3], origin: [0, 0], direction: FLAT },
  voxel: { size: [1, 1, 1], spacing: [0.7, 1.3, 2.1], origin: [0, 0, 0], direction: UPRIGHT },
  dot: { size: [1, 1], spacing: [0.7, 1.3], origin: [0, 0], direction: FLAT },
  row: { size: [11, 1, 1], spacing: [0.7, 1.3, 2.1], origin: [0, 0, 0], direction: UPRIGHT },
  column: { size: [1, 9], spacing: [0.7, 1.3], origin: [0, 0], direction: FLAT },
  turned: { size: [6, 7, 5], spacing: [0.7, 1.3, 2.1], origin: [10, -20, 30], direction: TURNED },
  fine: { size: [9, 10, 7], spacing: [0.5, 1, 1.25], origin: [-0.3, 0.4, 0.9], direction: UPRIGHT },
  "turned-fine": { size: [8, 9, 6], spacing: [0.5, 1, 1.25], origin: [9.8, -19.5, 31], direction: TURNED },
  crossing: { size: [7, 6, 5], spacing: [1, 1, 2], origin: [8, -19, 30], direction: UPRIGHT },
  far: { size: [3, 3, 2], spacing: [1, 1, 1], origin: [100, 100, 100], direction: UPRIGHT },
  head: { size: [15, 13, 9], spacing: [0.5, 1, 2], origin: [0, 0, 0], direction: UPRIGHT },
  slice: { size: [27, 25], spacing: [0.5, 2], origin: [-3, 7], direction: FLAT },
  "fine-2d": { size: [14, 13], spacing: [0.5, 1], origin: [-0.6, 0.3], direction: FLAT },
}

/** The least and the largest value of each type of whole numbers. */
const RANGES: Readonly<Partial<Record<VoxelType, readonly [number, number]>>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
  int32: [-2_147_483_648, 2_147_483_647],
}

/** A value at each voxel, of two numbers of the generator, each in [0, 1), and of where it lies. */
type Draw = (a: number, b: number, at: number, grid: Grid) => number

const DRAWS: Readonly<Record<string, Draw>> = {
  A: (a) => a,
  B: (_, b) => b,
  /** Has ties. */
  Q: (a) => Math.floor(8 * a),
  /** Has zeros. */
  P: (_, b) => Math.floor(4 * b),
  /** Has zeros, and both signs. */
  S: (a) => Math.floor(8 * a) - 4,
  half: (a) => truth(a > 0.5),
  seed: (a) => truth(a > Math.fround(0.7)),
  sparse: (_, b, __, { size }) => truth(b > Math.fround(size.length === 3 ? 0.9 : 0.75)),
  dense: (_, b) => truth(b > Math.fround(0.04)),
  blocks: (_, __, at, grid) => truth(isBlock(grid, at)),
  all: () => 1,
  none: () => 0,
  "255": (a) => (a > 0.5 ? 255 : 0),
  /** Has gaps. */
  labels: (a, b) => (b < 0.4 ? 0 : Math.floor(6 * a) * 3),
  shaded: shade,
  wild: (a, _, at) => {
    if (at % 13 === 3) return Number.NaN
    if (at % 17 === 5) return Infinity
    if (at % 19 === 7) return -Infinity
    return at % 11 === 4 ? 0 : a
  },
  infinite: (a, _, at) => (at % 17 === 5 ? Infinity : at % 19 === 7 ? -Infinity : a),
}

/** All of a type of whole numbers; else numbers of both signs. */
const WIDE: Readonly<Record<string, (type: VoxelType) => Draw>> = {
  W: (type) => (a) => spread(type, a),
  V: (type) => (_, b) => spread(type, b),
}

export function makeInput(input: Input): Image {
  if ("values" in input) {
    return imageOn(plainGrid(input.size), input.type, input.values.map(Number))
  }
  const { image, grid: gridName, type, components = 1 } = input
  const grid = GRIDS[gridName]
  const draw = DRAWS[image] ?? WIDE[image]?.(type)
  if (grid === undefined || draw === undefined) throw new Error(`There is no input ${JSON.stringify(input)}.`)
  const count = voxelCount(grid) * components
  const a = generate(12345, count)
  const b = generate(777, count)
  const values = Array.from({ length: count }, (_, at) => draw(a[at]!, b[at]!, at, grid))
  return { ...imageOn(grid, type, values), components }
}

function imageOn(grid: Grid, type: VoxelType, values: readonly number[]): Image {
  const voxels = makeVoxels(type, values.length)
  voxels.set(values)
  return { ...grid, type, components: 1, voxels }
}

function spread(type: VoxelType, drawn: number): number {
  const range = RANGES[type]
  if (range === undefined) return Math.fround((drawn - 0.5) * 600)
  const [least, most] = range
  return least + Math.floor(drawn * (most - least + 1))
}

function truth(isTrue: boolean): number {
  return isTrue ? 1 : 0
}

/** Tissues of three kinds with some noise, brighter towards the far corner: what a scanner makes of them. */
function shade(a: number, b: number, at: number, { size }: Grid): number {
  const [nx = 1, ny = 1] = size
  const x = at % nx
  const y = Math.floor(at / nx) % ny
  const tissue = 64 * (1 + ((Math.floor(x / 5) + Math.floor(y / 4)) % 3)) + 8 * Math.floor(2 * b) + 4 * a
  const [along, across] = [x / nx, y / ny]
  return Math.fround(tissue * (1 + 0.5 * along + 0.25 * along * across))
}

function isBlock({ size }: Grid, at: number): boolean {
  const [nx = 1, ny = 1] = size
  const x = at % nx
  const y = Math.floor(at / nx) % ny
  const z = Math.floor(at / (nx * ny))
  return x % 4 < 2 && y % 3 < 2 && z % 3 < 1
}
