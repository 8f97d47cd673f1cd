/**
 * Dilation and erosion, and both in turn, of the voxels that have one value, by a structuring element.
 *
 * As in ITK, dilation paints the value over whatever lies near a voxel of it, erosion paints the background over those of the value
 * that lie near any other voxel, and all else is copied. Erosion is a dilation of the voxels that do not have the
 * value. Everything between reading and painting is done on bits.
 */
import type { Image } from "../image/image.ts"
import type { Element, ElementShape } from "./bits.ts"
import { joinRows, makeBits, makeElement, maskTail, packRow, packRows, widenRows, wordsOf } from "./bits.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeBytes } from "./memory.ts"
import type { Shape } from "./shape.ts"
import {
  bytesOf,
  castTo,
  makeImage,
  readBytes,
  readDoubles,
  requireScalar,
  requireThat,
  shapeOf,
  writeDoubles,
} from "./shape.ts"
import { layOut } from "./simd.ts"

interface Step {
  readonly isErosion: boolean
  /** Do voxels beyond the edge count as having the value? */
  readonly isOutsideForeground: boolean
}

interface Memory {
  readonly input: Image
  /** The input, where it is taken as bytes and is of another type. */
  readonly converted: Uint8Array | null
  /** The grid of the bits: that of the image, with a margin where steps must see beyond the edge. */
  readonly margin: readonly [number, number, number]
  readonly shape: Shape
  readonly words: number
  readonly bits: Int32Array
  /** The bits, widened by each reach of the element. */
  readonly wide: readonly Int32Array[]
  readonly element: Element
  readonly steps: readonly Step[]
  readonly foreground: number
  readonly background: number
  readonly output: Image
}

interface Settings {
  readonly element: Element
  readonly steps: readonly Step[]
  readonly margin: readonly number[]
  readonly areBytes: boolean
  readonly foreground: number
  readonly background: number
}

function prepareMorphology(input: Image, { margin: margins, areBytes, ...settings }: Settings): Memory {
  const { nx, ny, nz, axes } = shapeOf(input)
  const [x = 0, y = 0, z = 0] = margins
  const [wideY, wideZ] = [ny + 2 * y, nz + 2 * z]
  const shape: Shape = { nx: nx + 2 * x, ny: wideY, nz: wideZ, rows: wideY * wideZ, axes }
  const type = areBytes ? "uint8" : input.type
  return {
    ...settings,
    input,
    converted: type === input.type ? null : makeBytes(input.voxels.length),
    margin: [x, y, z],
    shape,
    words: wordsOf(shape),
    bits: makeBits(shape),
    wide: settings.element.reaches.map(() => makeBits(shape)),
    output: makeImage(input, type),
  }
}

/** Where a row of the grid of bits is in the image; -1 in the margin. */
function startOf({ input, margin }: Memory, ny: number, row: number): number {
  const image = shapeOf(input)
  const y = (row % ny) - margin[1]
  const z = Math.floor(row / ny) - margin[2]
  const isInside = y >= 0 && y < image.ny && z >= 0 && z < image.nz
  return isInside ? (z * image.ny + y) * image.nx : -1
}

function widenPart(memory: Memory, part: number, parts: number, round: number): void {
  const { shape, words, bits, wide, element, steps } = memory
  const { from, to } = shareOf(shape.rows, part, parts)
  if (round === 0) packPart(memory, from, to)
  const { isErosion, isOutsideForeground } = steps[round]!
  const isOutsideSet = isErosion !== isOutsideForeground
  for (const [at, reach] of element.reaches.entries()) {
    widenRows(bits, wide[at]!, { nx: shape.nx, words, from, to, reach, isInverted: isErosion, isOutsideSet })
  }
}

function packPart(memory: Memory, from: number, to: number): void {
  const { input, converted, margin, shape, words, bits, foreground } = memory
  const { nx } = shapeOf(input)
  if (converted !== null) readBytes(input.voxels, from * nx, to * nx, converted.subarray(from * nx, to * nx))
  const bytes = converted ?? input.voxels
  if (bytes instanceof Uint8Array && !hasMargin(memory)) {
    packRows(bytes, bits, { from, to, nx, words, value: foreground, isInverted: false })
    return
  }
  const line = new Float64Array(nx)
  for (let row = from; row < to; row += 1) {
    const start = startOf(memory, shape.ny, row)
    if (start === -1) continue
    readDoubles(input.voxels, start, start + nx, line)
    packRow(line, foreground, bits, { word: row * words, x: margin[0] })
  }
}

/** Only a few steps have one, and they do not take the image as bytes. */
function hasMargin({ margin: [x, y, z] }: Memory): boolean {
  return x > 0 || y > 0 || z > 0
}

/** How many rows are painted at once. */
const ROWS_AT_ONCE = 64

function joinPart(memory: Memory, part: number, parts: number, round: number): void {
  const { shape, words, bits, wide, element, steps } = memory
  const { nx, ny, nz } = shape
  const { isErosion, isOutsideForeground } = steps[round]!
  const share = shareOf(shape.rows, part, parts)
  const options = { ny, nz, words, element, isOutsideSet: isErosion !== isOutsideForeground }
  const flip = isErosion ? -1 : 0
  const tail = maskTail(nx)
  const isLast = round === steps.length - 1
  const near = new Int32Array(ROWS_AT_ONCE * words)
  for (let first = share.from; first < share.to; first += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, share.to - first)
    for (let row = 0; row < rows; row += 1) {
      const start = row * words
      joinRows(wide, near, start, first + row, options)
      for (let word = start; word < start + words; word += 1) near[word]! ^= flip
      near[start + words - 1]! &= tail
    }
    if (isLast) paintRows(memory, near, first, rows)
    else bits.set(near.subarray(0, rows * words), first * words)
  }
}

function paintRows(memory: Memory, near: Int32Array, first: number, rows: number): void {
  const { input, converted, words } = memory
  const bytes = converted ?? input.voxels
  if (bytes instanceof Uint8Array && !hasMargin(memory)) {
    paintBytes(memory, bytes, near, first, rows)
    return
  }
  for (let row = 0; row < rows; row += 1) {
    const start = startOf(memory, memory.shape.ny, first + row)
    if (start !== -1) paintRow(memory, near, row * words, start)
  }
}

function paintBytes(memory: Memory, bytes: Uint8Array, near: Int32Array, first: number, rows: number): void {
  const { shape, words, foreground, background, output } = memory
  const { nx } = shape
  const size = rows * nx
  const workspace = layOut(size, near.byteLength, size)
  const [bytesAt, bitsAt, outputAt] = [workspace.places[0]!, workspace.places[1]!, workspace.places[2]!]
  workspace.bytes.set(bytes.subarray(first * nx, first * nx + size), bytesAt)
  workspace.words.set(near, bitsAt / 4)
  workspace.loops.paintRows(bytesAt, bitsAt, outputAt, nx, words, rows, foreground, background)
  bytesOf(output).set(workspace.bytes.subarray(outputAt, outputAt + size), first * nx)
}

function paintRow(memory: Memory, near: Int32Array, word: number, start: number): void {
  const { input, margin, foreground, background, output } = memory
  const { nx } = shapeOf(input)
  const line = new Float64Array(nx)
  readDoubles(input.voxels, start, start + nx, line)
  for (let x = 0; x < nx; x += 1) {
    const bit = x + margin[0]
    if (((near[word + (bit >>> 5)]! >>> (bit & 31)) & 1) === 1) line[x] = foreground
    else if (line[x] === foreground) line[x] = background
  }
  writeDoubles(line, nx, output.voxels, start)
}

function makeKernel<Parameters>(
  name: string,
  choose: (input: Image, parameters: Parameters) => Settings,
): Kernel<Parameters, Memory, Image> {
  return {
    name,
    prepare: (inputs, parameters) => {
      const input = requireScalar(name, inputs)
      return prepareMorphology(input, choose(input, parameters))
    },
    phases: [{ run: widenPart }, { run: joinPart }],
    rounds: ({ steps }) => steps.length,
    finish: ({ output }) => output,
  }
}

function chooseNeighbors({ size }: Image, isErosion: boolean): Settings {
  const element = makeElement(
    "box",
    size.map(() => 1),
  )
  const steps = [{ isErosion, isOutsideForeground: isErosion }]
  return { element, steps, margin: [], areBytes: true, foreground: 1, background: 0 }
}

/** 1 where a voxel or any of its 26 (8) neighbors is 1; other voxels are copied. The image is taken as bytes. */
export const near: Kernel<NoParameters, Memory, Image> = makeKernel("near", (input) => chooseNeighbors(input, false))

/** 1 where a voxel and all its 26 (8) neighbors inside the image are 1; voxels other than 1 are copied. */
export const interior: Kernel<NoParameters, Memory, Image> = makeKernel("interior", (input) =>
  chooseNeighbors(input, true),
)

export interface ElementParameters {
  /** In voxels along each axis. */
  readonly radius: readonly number[]
  readonly shape: ElementShape
  readonly foreground: number
}

export interface MorphologyParameters extends ElementParameters {
  /** What eroded voxels become. */
  readonly background: number
  /** Do voxels beyond the edge count as foreground? */
  readonly isOutsideForeground: boolean
}

function elementFor({ size, type }: Image, { radius, shape, foreground }: ElementParameters): Element {
  const isRadius = radius.length >= size.length && radius.every((along) => Number.isInteger(along) && along >= 0)
  requireThat("morphology", isRadius, `a whole number of voxels along each of ${size.length} axes as radius`, radius)
  requireThat(
    "morphology",
    castTo(type, foreground) === foreground,
    `a foreground that ${type} voxels can be`,
    foreground,
  )
  return makeElement(shape, radius.slice(0, size.length))
}

/** The foreground, wider by the element. */
export const binaryDilate: Kernel<MorphologyParameters, Memory, Image> = makeKernel(
  "BinaryDilate",
  (input, { isOutsideForeground, ...parameters }) => ({
    ...parameters,
    element: elementFor(input, parameters),
    steps: [{ isErosion: false, isOutsideForeground }],
    margin: [],
    areBytes: false,
  }),
)

/** The foreground, narrower by the element. */
export const binaryErode: Kernel<MorphologyParameters, Memory, Image> = makeKernel(
  "BinaryErode",
  (input, { isOutsideForeground, ...parameters }) => ({
    ...parameters,
    element: elementFor(input, parameters),
    steps: [{ isErosion: true, isOutsideForeground }],
    margin: [],
    areBytes: false,
  }),
)

/** The foreground without what the element does not fit into. */
export const binaryMorphologicalOpening: Kernel<ElementParameters & { readonly background: number }, Memory, Image> =
  makeKernel("BinaryMorphologicalOpening", (input, parameters) => ({
    ...parameters,
    element: elementFor(input, parameters),
    steps: [
      { isErosion: true, isOutsideForeground: true },
      { isErosion: false, isOutsideForeground: false },
    ],
    margin: [],
    areBytes: false,
  }))

/** The foreground and what the element does not fit into outside it; with a safe border, also beyond the edge. */
export const binaryMorphologicalClosing: Kernel<ElementParameters & { readonly isBorderSafe: boolean }, Memory, Image> =
  makeKernel("BinaryMorphologicalClosing", (input, parameters) => ({
    ...parameters,
    element: elementFor(input, parameters),
    steps: [
      { isErosion: false, isOutsideForeground: false },
      { isErosion: true, isOutsideForeground: true },
    ],
    margin: parameters.isBorderSafe ? parameters.radius.slice(0, input.size.length) : [],
    areBytes: false,
    background: 0,
  }))
