/**
 * Dilation and erosion of the voxels that have one value, by a structuring element.
 *
 * As in ITK, dilation paints the value over whatever lies near a voxel of it and copies all others; erosion paints the background
 * over those of the value that lie near any other voxel. Beyond the edge lies the value for erosion and none for dilation, unless asked
 * otherwise. Erosion is a dilation of the voxels that do not have the value.
 */
import type { Image } from "../image/image.ts"
import type { Element } from "./bits.ts"
import { boxElement, joinRows, makeBits, packRows, widenRows, wordsOf } from "./bits.ts"
import type { Kernel, NoParameters, Phase } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { bytesOf, makeImage, readBytes, requireScalar, shapeOf } from "./shape.ts"
import { makeBytes } from "./memory.ts"

interface Memory {
  readonly shape: Shape
  readonly words: number
  readonly input: Image
  /** The input as bytes: the input itself, or yet to be filled. */
  readonly bytes: Uint8Array
  readonly bits: Int32Array
  /** The bits, widened by each reach of the element. */
  readonly wide: readonly Int32Array[]
  readonly element: Element
  readonly isErosion: boolean
  readonly isOutsideSet: boolean
  readonly foreground: number
  readonly background: number
  readonly output: Image
}

interface Settings {
  readonly element: Element
  readonly isErosion: boolean
  /** Do voxels beyond the edge count as set, among those that are dilated? */
  readonly isOutsideSet: boolean
  readonly foreground: number
  readonly background: number
}

function prepareMorphology(input: Image, settings: Settings): Memory {
  const shape = shapeOf(input)
  const bytes = input.type === "uint8" ? bytesOf(input) : makeBytes(input.voxels.length)
  return {
    ...settings,
    shape,
    words: wordsOf(shape),
    input,
    bytes,
    bits: makeBits(shape),
    wide: settings.element.reaches.map(() => makeBits(shape)),
    output: makeImage(input, "uint8"),
  }
}

function packPart(memory: Memory, part: number, parts: number): void {
  const { shape, words, input, bytes, bits, wide, element, isErosion, isOutsideSet, foreground } = memory
  const { from, to } = shareOf(shape.rows, part, parts)
  const { nx } = shape
  if (input.voxels !== bytes) readBytes(input.voxels, from * nx, to * nx, bytes.subarray(from * nx, to * nx))
  packRows(bytes, bits, { nx, words, from, to, value: foreground, isInverted: isErosion })
  for (const [at, reach] of element.reaches.entries()) {
    widenRows(bits, wide[at]!, { nx, words, from, to, reach, isOutsideSet })
  }
}

function paintPart(memory: Memory, part: number, parts: number): void {
  const { shape, words, bytes, wide, element, isOutsideSet, isErosion, foreground, background } = memory
  const { nx, ny, nz } = shape
  const output = bytesOf(memory.output)
  const { from, to } = shareOf(shape.rows, part, parts)
  const near = new Int32Array(words)
  const options = { ny, nz, words, element, isOutsideSet }
  const paint = isErosion ? background : foreground
  for (let row = from; row < to; row += 1) {
    const start = row * nx
    joinRows(wide, near, row, options)
    if (isErosion) erodeRow(bytes, output, near, { start, nx, foreground, paint })
    else dilateRow(bytes, output, near, { start, nx, paint })
  }
}

function dilateRow(
  bytes: Uint8Array,
  output: Uint8Array,
  near: Int32Array,
  { start, nx, paint }: { readonly start: number; readonly nx: number; readonly paint: number },
): void {
  for (let x = 0; x < nx; x += 32) {
    const word = near[x >>> 5]!
    const count = Math.min(32, nx - x)
    const first = start + x
    for (let bit = 0; bit < count; bit += 1) {
      output[first + bit] = ((word >>> bit) & 1) === 1 ? paint : bytes[first + bit]!
    }
  }
}

function erodeRow(
  bytes: Uint8Array,
  output: Uint8Array,
  near: Int32Array,
  options: { readonly start: number; readonly nx: number; readonly foreground: number; readonly paint: number },
): void {
  const { start, nx, foreground, paint } = options
  for (let x = 0; x < nx; x += 32) {
    const word = near[x >>> 5]!
    const count = Math.min(32, nx - x)
    const first = start + x
    for (let bit = 0; bit < count; bit += 1) {
      const value = bytes[first + bit]!
      output[first + bit] = ((word >>> bit) & 1) === 1 && value === foreground ? paint : value
    }
  }
}

const PHASES: readonly Phase<Memory>[] = [{ run: packPart }, { run: paintPart }]

/** 1 where a voxel or any of its 26 (8) neighbors is 1; other voxels are copied. The image is taken as bytes. */
export const near: Kernel<NoParameters, Memory, Image> = {
  name: "near",
  prepare: (inputs) => {
    const input = requireScalar("near", inputs)
    const element = boxElement(input.size.map(() => 1))
    return prepareMorphology(input, { element, isErosion: false, isOutsideSet: false, foreground: 1, background: 0 })
  },
  phases: PHASES,
  finish: ({ output }) => output,
}

/** 1 where a voxel and all its 26 (8) neighbors inside the image are 1; voxels other than 1 are copied. */
export const interior: Kernel<NoParameters, Memory, Image> = {
  name: "interior",
  prepare: (inputs) => {
    const input = requireScalar("interior", inputs)
    const element = boxElement(input.size.map(() => 1))
    return prepareMorphology(input, { element, isErosion: true, isOutsideSet: false, foreground: 1, background: 0 })
  },
  phases: PHASES,
  finish: ({ output }) => output,
}
