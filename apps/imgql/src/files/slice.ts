/** Flat pictures out of images: one slice across an axis, and its values as bytes to look at. */
import type { Image, Voxels } from "../image/image.ts"
import { isMask } from "./value.ts"

export interface Slice {
  readonly width: number
  readonly height: number
  readonly components: number
  /** Rows from the top, the components of a pixel beside each other. */
  readonly values: Voxels
  /** Millimeters between pixels, across and down. */
  readonly spacing: readonly [number, number]
}

/** Of a 3-D image, the slice across `axis` at `index`; of a 2-D image, the image. Not turned: rows run as the axes do. */
export function sliceOf(image: Image, axis: number, index: number): Slice {
  const { size, spacing, components, voxels } = image
  const [right, down] = size.length === 2 ? [0, 1] : ([0, 1, 2].filter((each) => each !== axis) as [number, number])
  const width = size[right] ?? 1
  const height = size[down] ?? 1
  const strides = [components, components * (size[0] ?? 1), components * (size[0] ?? 1) * (size[1] ?? 1)]
  const start = size.length === 2 ? 0 : index * (strides[axis] ?? 0)
  const values = voxels.slice(0, width * height * components) as Voxels
  let at = 0
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = start + y * (strides[down] ?? 0) + x * (strides[right] ?? 0)
      for (let component = 0; component < components; component += 1) {
        values[at] = voxels[from + component] ?? 0
        at += 1
      }
    }
  }
  return { width, height, components, values, spacing: [spacing[right] ?? 1, spacing[down] ?? 1] }
}

/** The slice in the middle: index floor(n / 2). */
export function middleOf(image: Image, axis: number): number {
  return Math.floor((image.size[axis] ?? 1) / 2)
}

/** The values that are shown black and white; between them grey, in equal steps. */
export interface Window {
  readonly low: number
  readonly high: number
}

/** From the least to the greatest finite value. */
export function fullWindow({ voxels }: Pick<Image, "voxels">): Window {
  let low = Infinity
  let high = -Infinity
  for (const value of voxels) {
    if (value < low && value > -Infinity) low = value
    if (value > high && value < Infinity) high = value
  }
  return low <= high ? { low, high } : { low: 0, high: 1 }
}

/**
 * From one percentile of the finite values to another, so that a few bright or dark voxels do not take the picture's
 * contrast. Reads at most a quarter of a million voxels, evenly spread: a picture needs no more.
 */
export function percentileWindow({ voxels }: Pick<Image, "voxels">, lowPercent: number, highPercent: number): Window {
  const step = Math.max(1, Math.ceil(voxels.length / 250_000))
  const sample = new Float64Array(Math.ceil(voxels.length / step))
  let count = 0
  for (let at = 0; at < voxels.length; at += step) {
    const value = voxels[at] ?? 0
    if (!Number.isFinite(value)) continue
    sample[count] = value
    count += 1
  }
  if (count === 0) return { low: 0, high: 1 }
  const sorted = sample.subarray(0, count).toSorted()
  const at = (percent: number): number => sorted[Math.round(((count - 1) * percent) / 100)] ?? 0
  const window = { low: at(lowPercent), high: at(highPercent) }
  return window.low < window.high ? window : fullWindow({ voxels })
}

/** What shows best: a mask black and white, colors and bytes as they are, all else in the given window. */
export function windowFor(image: Image, window: () => Window): Window {
  if (isMask(image)) return { low: 0, high: 1 }
  return image.components > 1 || image.type === "uint8" ? { low: 0, high: 255 } : window()
}

/** Values as bytes. What is no number is black. */
export function toBytes(values: Voxels, { low, high }: Window): Uint8Array {
  const scale = high > low ? 255 / (high - low) : 0
  // Clamped and rounded by the array; NaN becomes 0.
  return new Uint8Array(Uint8ClampedArray.from(values, (value) => (value - low) * scale).buffer)
}
