/**
 * A head that nobody has: skull, brain with folds, ventricles and a lesion, as FLAIR shows them, and which voxels the lesion
 * has. For examples, tests and benchmarks, so that none needs a patient. The same everywhere: of floating-point numbers only
 * sums, products, quotients and square roots are used, which every machine rounds alike.
 */
import { makeVoxels, voxelCount, type Grid, type Image } from "../image/image.ts"
import { nextState, SmoothNoise } from "./noise.ts"
import { saveValue, type Saved } from "./save.ts"

export interface PhantomOptions {
  /** Voxels along x, y and z, at least 8 each; the head fills the grid whatever its size. */
  readonly size: readonly [number, number, number]
  /** Other seeds are other folds and noise, and another outline of the lesion, in the same head. */
  readonly seed?: number
}

export interface Phantom {
  /** int16, from 0 to about 1000: fluid dark, white matter darker than gray, the lesion brightest. */
  readonly flair: Image
  /** uint8: 1 in the lesion. */
  readonly lesion: Image
}

/** The field of view of brain images in public challenges, in millimeters; at a size of 240 x 240 x 155 a voxel is 1 mm. */
const FIELD_MM = [240, 240, 155] as const

/** What each tissue shows. */
const SHOWN = { air: 0, scalp: 380, bone: 70, fluid: 120, gray: 520, white: 430, edema: 860, core: 640 } as const

/** The standard deviation of the noise. */
const NOISE = 16

const DEFAULT_SEED = 20_250_601

/** Voxels along an axis: below this there is no room for a head, above it none in memory. */
export const LEAST_SIDE = 8
export const MOST_SIDE = 2_048

/** Makes the phantom; 240 x 240 x 155 voxels take about a second. */
export function makePhantom({ size, seed = DEFAULT_SEED }: PhantomOptions): Phantom {
  if (!size.every((count) => Number.isInteger(count) && count >= LEAST_SIDE && count <= MOST_SIDE)) {
    throw new RangeError(`expected ${LEAST_SIDE} to ${MOST_SIDE} voxels along each axis, found ${size.join(" x ")}`)
  }
  const grid = gridOf(size)
  const { shown, lesion } = drawTissues(size, seed)
  for (const axis of [0, 1, 2]) soften(shown, size, axis)
  const flair = makeVoxels("int16", shown.length)
  let state = (seed ^ 0x5bd1e995) >>> 0
  for (let at = 0; at < shown.length; at += 1) {
    // Four even draws added up are near enough to a normal one; their deviation is 1 / sqrt(3).
    let sum = -2
    for (let draw = 0; draw < 4; draw += 1) {
      state = nextState(state)
      sum += (state >>> 8) / 16_777_216
    }
    flair[at] = Math.round(Math.abs((shown[at] ?? 0) + sum * (NOISE * 1.7320508075688772)))
  }
  return {
    flair: { ...grid, type: "int16", components: 1, voxels: flair },
    lesion: { ...grid, type: "uint8", components: 1, voxels: lesion },
  }
}

/** Makes the phantom and saves it as `<name>-flair.nii.gz` and `<name>-lesion.nii.gz` under the root. */
export async function savePhantom(
  options: PhantomOptions & { readonly root: string; readonly name: string },
): Promise<{ readonly flair: Saved; readonly lesion: Saved }> {
  const { root, name } = options
  const { flair, lesion } = makePhantom(options)
  return {
    flair: await saveValue(flair, { root, name: `${name}-flair.nii.gz` }),
    lesion: await saveValue(lesion, { root, name: `${name}-lesion.nii.gz` }),
  }
}

function gridOf(size: PhantomOptions["size"]): Grid {
  const spacing = size.map((count, axis) => (FIELD_MM[axis] ?? 1) / count)
  return {
    size,
    spacing,
    // The middle of the head is the origin of the space.
    origin: size.map((count, axis) => (-(count - 1) / 2) * (spacing[axis] ?? 1)),
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  }
}

function drawTissues(size: PhantomOptions["size"], seed: number): { shown: Float32Array; lesion: Image["voxels"] } {
  const [nx, ny, nz] = size
  const count = voxelCount({ size, spacing: [], origin: [], direction: [] })
  const shown = new Float32Array(count)
  const lesion = makeVoxels("uint8", count)
  const folds = new SmoothNoise(seed, [26, 26, 17])
  const shapes = new SmoothNoise(seed + 1, [9, 9, 6])
  const foldRow = new Float64Array(nx)
  const shapeRow = new Float64Array(nx)
  let at = 0
  for (let k = 0; k < nz; k += 1) {
    const z = placeOf(k, nz)
    for (let j = 0; j < ny; j += 1) {
      const y = placeOf(j, ny)
      folds.fillRow(foldRow, (j + 0.5) / ny, (k + 0.5) / nz)
      shapes.fillRow(shapeRow, (j + 0.5) / ny, (k + 0.5) / nz)
      for (let i = 0; i < nx; i += 1) {
        const spot = { x: placeOf(i, nx), y, z, fold: foldRow[i] ?? 0, shape: shapeRow[i] ?? 0 }
        const tissue = tissueAt(spot)
        // A coil hears what is near it better.
        shown[at] = SHOWN[tissue] * (1 + 0.05 * spot.x - 0.04 * y + 0.03 * z)
        if (tissue === "edema" || tissue === "core") lesion[at] = 1
        at += 1
      }
    }
  }
  return { shown, lesion }
}

/** From -1 to 1 across the field. */
function placeOf(index: number, count: number): number {
  return (2 * index + 1) / count - 1
}

interface Spot {
  /** To the left, the back and the top, from -1 to 1. */
  readonly x: number
  readonly y: number
  readonly z: number
  /** Random and smooth, from 0 to 1: at the scale of folds, and of shapes. */
  readonly fold: number
  readonly shape: number
}

function tissueAt({ x, y, z, fold, shape }: Spot): keyof typeof SHOWN {
  // An egg, wider at the back: 1 at the skin.
  const depth = ellipsoid(x / (1 + 0.14 * y), y + 0.01, z + 0.04, 0.64, 0.8, 0.97)
  if (depth > 1) return "air"
  if (depth > 0.94) return "scalp"
  if (depth > 0.875) return "bone"
  const side = x < 0 ? -x : x
  const lesion = ellipsoid(x - 0.27, y + 0.2, z - 0.22, 0.17, 0.2, 0.22) + 0.9 * (shape - 0.5)
  const furrow = fold > 0.5 ? fold - 0.5 : 0.5 - fold
  const isBrain = depth < 0.865 - 1.1 * (furrow < 0.09 ? 0.09 - furrow : 0)
  // The two halves, apart but for the middle of the brain.
  const fromMiddle = x + 0.05 * (shape - 0.5)
  const toMiddle = fromMiddle < 0 ? -fromMiddle : fromMiddle
  const isCleft = toMiddle < 0.011 && (depth > 0.52 || z > 0.34)
  if (!isBrain || isCleft) return "fluid"
  if (isVentricle(side, y, z)) return "fluid"
  if (lesion < 0.5) return "core"
  if (lesion < 1) return "edema"
  const isNucleus = ellipsoid(side - 0.13, y - 0.1, z + 0.08, 0.08, 0.13, 0.14) < 1
  const isBark = depth > 0.8 - 1.1 * (furrow < 0.2 ? 0.2 - furrow : 0) || (toMiddle < 0.045 && depth > 0.48)
  return isNucleus || isBark ? "gray" : "white"
}

/** Two horns, bent outward to the front and back, and the third between and below them. */
function isVentricle(side: number, y: number, z: number): boolean {
  const bend = 0.07 + 0.35 * (y - 0.02) * (y - 0.02)
  if (ellipsoid(side - bend, y - 0.02, z - 0.13 - 0.2 * y * y, 0.05, 0.34, 0.15) < 1) return true
  return ellipsoid(side, y - 0.06, z + 0.08, 0.018, 0.12, 0.14) < 1
}

/** The distance from the middle, 1 on the surface. */
function ellipsoid(x: number, y: number, z: number, a: number, b: number, c: number): number {
  return Math.sqrt((x / a) * (x / a) + (y / b) * (y / b) + (z / c) * (z / c))
}

/** Each voxel a quarter of each neighbor along an axis and a half of itself, as where tissues share one. */
function soften(values: Float32Array, size: PhantomOptions["size"], axis: number): void {
  const stride = axis === 0 ? 1 : axis === 1 ? size[0] : size[0] * size[1]
  const line = size[axis] ?? 1
  const outer = stride * line
  for (let block = 0; block < values.length; block += outer) {
    for (let inner = 0; inner < stride; inner += 1) {
      const start = block + inner
      let before = values[start] ?? 0
      for (let step = 0; step < line; step += 1) {
        const at = start + step * stride
        const here = values[at] ?? 0
        const after = step + 1 < line ? (values[at + stride] ?? 0) : here
        values[at] = 0.25 * before + 0.5 * here + 0.25 * after
        before = here
      }
    }
  }
}
