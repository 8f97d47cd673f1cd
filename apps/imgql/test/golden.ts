/** The golden results of ITK, and the images they were made of. See goldens/README.md. */
import { readdirSync, readFileSync } from "node:fs"
import type { Image, VoxelType } from "../src/image/image.ts"
import { makeVoxels, plainGrid, voxelCount } from "../src/image/image.ts"

const FOLDER = new URL("./goldens/", import.meta.url)

export interface Golden {
  readonly name: string
  readonly primitive: string
  readonly args: Readonly<Record<string, number | string>>
  readonly inputs: string
  readonly size: readonly number[]
  readonly spacing: readonly number[]
  readonly dtype: "uint8" | "float32" | "float64"
  /** Voxels, or numbers by name. */
  readonly values: number[] | Readonly<Record<string, number>>
  readonly threshold?: number
  readonly components?: number
}

export function readGoldens(): Golden[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => {
      // Written by the generator; a wrong shape fails the test that compares with it.
      const golden = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as Omit<Golden, "name">
      return { ...golden, name: file.replace(/\.json$/, "") }
    })
}

/** An image with the given values. */
export function imageOf(
  { size, spacing }: { readonly size: readonly number[]; readonly spacing?: readonly number[] },
  type: VoxelType,
  values: ArrayLike<number>,
): Image {
  const grid = plainGrid(size)
  const voxels = makeVoxels(type, voxelCount(grid))
  voxels.set(values)
  return { ...grid, spacing: spacing ?? grid.spacing, type, components: 1, voxels }
}

/** The numbers of the generator, each in [0, 1). */
export function generate(seed: number, count: number): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) / 16777216
  })
}

/** An input by the name the goldens call it. */
export function makeInput(grid: Golden, name: string, type: VoxelType = "float32"): Image {
  const count = grid.size.reduce((product, along) => product * along, 1)
  const a = generate(12345, count)
  const b = generate(777, count)
  const dimensions = grid.size.length
  const mask = (isSet: (at: number) => boolean): Image =>
    imageOf(
      grid,
      "uint8",
      Uint8Array.from({ length: count }, (_, at) => (isSet(at) ? 1 : 0)),
    )
  switch (name) {
    case "A":
      return imageOf(grid, type, a)
    case "B":
      return imageOf(grid, type, b)
    case "Q":
      return imageOf(
        grid,
        type,
        a.map((value) => Math.floor(8 * value)),
      )
    case "half":
      return mask((at) => a[at]! > 0.5)
    case "seed":
      return mask((at) => a[at]! > Math.fround(0.7))
    case "sparse":
      return mask((at) => b[at]! > Math.fround(dimensions === 3 ? 0.9 : 0.75))
    case "dense":
      return mask((at) => b[at]! > Math.fround(0.04))
    case "blocks":
      return mask((at) => isBlock(grid, at))
    case "all":
      return mask(() => true)
    case "none":
      return mask(() => false)
    default:
      throw new Error(`No input of the goldens is called "${name}".`)
  }
}

function isBlock({ size }: Golden, at: number): boolean {
  const [nx = 1, ny = 1] = size
  const x = at % nx
  const y = Math.floor(at / nx) % ny
  const z = Math.floor(at / (nx * ny))
  return x % 4 < 2 && y % 3 < 2 && z % 3 < 1
}
