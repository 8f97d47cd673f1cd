/**
 * Pictures of images, for people: slices as a radiologist hangs them (the patient's left on the right, the front and the top
 * up), at the proportions of the body, with a mask laid over them in color.
 */
import sharp from "sharp"
import type { Image } from "../image/image.ts"
import { MASK_COLORS, MASK_OPACITY } from "../image/palette.ts"
import { FileError } from "./file-error.ts"
import { encodePng, type Picture } from "./picture.ts"
import { middleOf, percentileWindow, sliceOf, toBytes, windowFor, type Slice, type Window } from "./slice.ts"

export interface ViewOptions {
  /** Laid over the image: every value but 0 in a color of its own. Of the same size. */
  readonly mask?: Image
  /** What is shown black and white; the 0.5th to the 99.9th percentile, unless the image is a mask, bytes or colors. */
  readonly window?: Window
  /** How long the longer side of a slice is. */
  readonly panelPixels?: number
}

export interface MosaicOptions extends ViewOptions {
  /** How many slices, evenly spread over the middle nine tenths. */
  readonly slices?: number
  readonly columns?: number
}

const PANEL_PIXELS = 320
const PANEL_LIMIT = 4096
const GAP_PIXELS = 4

/** The middle slices across the three axes of the body, beside each other; of a 2-D image, the image. A PNG. */
export async function renderPlanes(image: Image, options: ViewOptions = {}): Promise<Uint8Array> {
  const views = image.size.length === 2 ? [FLAT] : planesOf(image)
  const window = windowOf(image, options)
  const panels: Panel[] = []
  for (const view of views)
    panels.push(await drawPanel(image, { ...options, window, view, index: middleOf(image, view.axis) }))
  return await encodePng(arrange(panels, panels.length))
}

/** Slices from the bottom of the head to the top, row by row. A PNG. */
export async function renderMosaic(image: Image, options: MosaicOptions = {}): Promise<Uint8Array> {
  const [view = FLAT] = image.size.length === 2 ? [FLAT] : planesOf(image)
  const depth = image.size.length === 2 ? 1 : (image.size[view.axis] ?? 1)
  const count = Math.max(1, Math.min(options.slices ?? 20, depth, 400))
  const window = windowOf(image, options)
  const panels: Panel[] = []
  for (let at = 0; at < count; at += 1) {
    const share = count === 1 ? 0.5 : 0.05 + (0.9 * at) / (count - 1)
    const index = Math.min(depth - 1, Math.floor(share * depth))
    panels.push(await drawPanel(image, { panelPixels: 160, ...options, window, view, index }))
  }
  const columns = options.columns ?? Math.ceil(Math.sqrt(count * 1.25))
  return await encodePng(arrange(panels, Math.max(1, Math.min(columns, count))))
}

/** How a slice is cut, and turned to hang as it should. */
interface View {
  readonly axis: number
  /** Whether its columns run along the lower of the two remaining axes. */
  readonly isTransposed: boolean
  readonly isFlippedX: boolean
  readonly isFlippedY: boolean
}

const FLAT: View = { axis: 2, isTransposed: false, isFlippedX: false, isFlippedY: false }

/** Across the body, from front to back, and from side to side: axial, coronal, sagittal. */
function planesOf(image: Image): View[] {
  const { axes, signs } = facingOf(image)
  const [left, back, top] = axes
  const isFlipped = signs.map((sign) => sign < 0)
  return [
    { axis: top, isTransposed: left > back, isFlippedX: isFlipped[0] === true, isFlippedY: isFlipped[1] === true },
    { axis: back, isTransposed: left > top, isFlippedX: isFlipped[0] === true, isFlippedY: isFlipped[2] !== true },
    { axis: left, isTransposed: back > top, isFlippedX: isFlipped[1] === true, isFlippedY: isFlipped[2] !== true },
  ]
}

/** Which axes run to the left, the back and the top, mostly, and whether they do so backward. */
function facingOf({ direction }: Image): { axes: [number, number, number]; signs: number[] } {
  const at = (row: number, column: number): number => direction[3 * row + column] ?? 0
  const axes = [0, 1, 2].map((row) => {
    const strengths = [0, 1, 2].map((column) => Math.abs(at(row, column)))
    return strengths.indexOf(Math.max(...strengths))
  })
  const [left = 0, back = 1, top = 2] = new Set(axes).size === 3 ? axes : []
  return { axes: [left, back, top], signs: [at(0, left), at(1, back), at(2, top)] }
}

function windowOf(image: Image, { window, mask }: ViewOptions): Window {
  if (mask !== undefined && mask.size.join("x") !== image.size.join("x")) {
    const message = `expected a mask of ${image.size.join("x")} voxels, as the image has, found ${mask.size.join("x")}`
    throw new FileError("VALUE_NOT_SHOWABLE", `${message}; resample it`)
  }
  return window ?? windowFor(image, () => percentileWindow(image, 0.5, 99.9))
}

interface Panel {
  readonly width: number
  readonly height: number
  /** Red, green and blue. */
  readonly values: Uint8Array
}

interface PanelOptions extends ViewOptions {
  readonly window: Window
  readonly view: View
  readonly index: number
}

async function drawPanel(image: Image, { mask, window, view, index, panelPixels }: PanelOptions): Promise<Panel> {
  const slice = turn(sliceOf(image, view.axis, index), view)
  const millimeters = [slice.width * slice.spacing[0], slice.height * slice.spacing[1]] as const
  const scale = Math.max(16, Math.min(panelPixels ?? PANEL_PIXELS, PANEL_LIMIT)) / Math.max(...millimeters)
  const size = {
    width: Math.max(1, Math.round(millimeters[0] * scale)),
    height: Math.max(1, Math.round(millimeters[1] * scale)),
  }
  const base = await resize(colored(slice, toBytes(slice.values, window)), size, "cubic")
  if (mask === undefined) return base
  const labels = turn(sliceOf(mask, view.axis, index), view)
  const tint = await resize({ ...labels, values: tintOf(labels) }, size, "nearest")
  return { ...base, values: blend(base.values, tint.values) }
}

function turn(slice: Slice, { isTransposed, isFlippedX, isFlippedY }: View): Slice {
  const { components } = slice
  const width = isTransposed ? slice.height : slice.width
  const height = isTransposed ? slice.width : slice.height
  // A slice of the same type; all of its values are written.
  const values = slice.values.slice() as Slice["values"]
  let at = 0
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const across = isFlippedX ? width - 1 - x : x
      const down = isFlippedY ? height - 1 - y : y
      const from = (isTransposed ? across * slice.width + down : down * slice.width + across) * components
      for (let component = 0; component < components; component += 1) {
        values[at] = slice.values[from + component] ?? 0
        at += 1
      }
    }
  }
  const [across, down] = slice.spacing
  return { width, height, components, values, spacing: isTransposed ? [down, across] : [across, down] }
}

function colored({ width, height, components }: Slice, bytes: Uint8Array): Panel {
  const values = new Uint8Array(width * height * 3)
  for (let at = 0; at < values.length; at += 1) {
    const pixel = Math.floor(at / 3) * components
    values[at] = bytes[components < 3 ? pixel : pixel + (at % 3)] ?? 0
  }
  return { width, height, values }
}

/** The color of every pixel's label, black where it is 0. */
function tintOf({ width, height, components, values }: Slice): Uint8Array {
  const tint = new Uint8Array(width * height * 3)
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const label = values[pixel * components] ?? 0
    if (label === 0 || Number.isNaN(label)) continue
    tint.set(
      MASK_COLORS[(Math.max(1, Math.round(Math.abs(label))) - 1) % MASK_COLORS.length] ?? [255, 255, 255],
      3 * pixel,
    )
  }
  return tint
}

function blend(base: Uint8Array, tint: Uint8Array): Uint8Array {
  return base.map((value, at) => {
    const pixel = at - (at % 3)
    const isBare = (tint[pixel] ?? 0) + (tint[pixel + 1] ?? 0) + (tint[pixel + 2] ?? 0) === 0
    return isBare ? value : Math.round(value * (1 - MASK_OPACITY) + (tint[at] ?? 0) * MASK_OPACITY)
  })
}

async function resize(
  panel: Panel,
  size: { width: number; height: number },
  kernel: "cubic" | "nearest",
): Promise<Panel> {
  const { width, height, values } = panel
  // Smoothing would invent values between labels, and blur the voxels of a picture that is magnified a lot.
  const isCoarse = size.width >= 4 * width
  const resized = await sharp(values, { raw: { width, height, channels: 3 } })
    .resize({ ...size, fit: "fill", kernel: isCoarse ? "nearest" : kernel })
    .raw()
    .toBuffer()
  return { ...size, values: new Uint8Array(resized) }
}

/** Panels in rows, each in the middle of a cell, on black. */
function arrange(panels: readonly Panel[], columns: number): Picture {
  const rows = Math.ceil(panels.length / columns)
  const cellWidth = Math.max(...panels.map((panel) => panel.width)) + GAP_PIXELS
  const cellHeight = Math.max(...panels.map((panel) => panel.height)) + GAP_PIXELS
  const width = columns * cellWidth - GAP_PIXELS
  const height = rows * cellHeight - GAP_PIXELS
  const values = new Uint8Array(width * height * 3)
  for (const [at, panel] of panels.entries()) {
    const left = (at % columns) * cellWidth + Math.floor((cellWidth - GAP_PIXELS - panel.width) / 2)
    const top = Math.floor(at / columns) * cellHeight + Math.floor((cellHeight - GAP_PIXELS - panel.height) / 2)
    for (let y = 0; y < panel.height; y += 1) {
      const row = panel.values.subarray(3 * y * panel.width, 3 * (y + 1) * panel.width)
      values.set(row, 3 * ((top + y) * width + left))
    }
  }
  return { width, height, components: 3, values, spacing: [1, 1] }
}
