/** An image as a picture with masks laid over it in color. */
import type { Image } from "../image/image.ts"
import { MASK_COLORS, MASK_OPACITY } from "../image/palette.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles } from "./memory.ts"
import {
  bytesOf,
  CHUNK,
  makeImage,
  readDoubles,
  requireInput,
  requireSameSize,
  requireScalar,
  requireThat,
} from "./shape.ts"

interface Memory {
  readonly base: Image
  readonly layers: readonly Image[]
  /** The least and the greatest value, two a part. */
  readonly limits: Float64Array
  readonly output: Image
}

function measurePart({ base, limits }: Memory, part: number, parts: number): void {
  const chunk = new Float64Array(CHUNK)
  let [min, max] = [Infinity, -Infinity]
  const { from, to } = shareOf(base.voxels.length, part, parts)
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    readDoubles(base.voxels, start, start + count, chunk)
    for (let at = 0; at < count; at += 1) {
      const value = chunk[at]!
      if (!Number.isFinite(value)) continue
      if (value < min) min = value
      if (value > max) max = value
    }
  }
  limits.set([min, max], 2 * part)
}

function paintPart({ base, layers, limits, output }: Memory, part: number, parts: number): void {
  const bytes = bytesOf(output)
  const { components } = base
  // Colors are bytes already; of all else the least value is black and the greatest white.
  const isColor = components > 1
  const min = isColor ? 0 : limits.reduce((least, value) => Math.min(least, value), Infinity)
  const max = isColor ? 255 : limits.reduce((most, value) => Math.max(most, value), -Infinity)
  const scale = max > min ? 255 / (max - min) : 0
  const { from, to } = shareOf(bytes.length / 3, part, parts)
  for (let at = from; at < to; at += 1) {
    for (let color = 0; color < 3; color += 1) {
      const value = base.voxels[isColor ? at * components + color : at]!
      bytes[at * 3 + color] = toByte((value - min) * scale)
    }
    for (const [layer, { voxels }] of layers.entries()) {
      const label = voxels[at]!
      if (label === 0) continue
      const which = (layer + Math.max(1, Math.round(Math.abs(label))) - 1) % MASK_COLORS.length
      for (const [color, tint] of (MASK_COLORS[which] ?? MASK_COLORS[0]!).entries()) {
        const under = bytes[at * 3 + color]!
        bytes[at * 3 + color] = toByte(under * (1 - MASK_OPACITY) + tint * MASK_OPACITY)
      }
    }
  }
}

/** NaN is black. */
function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value))) || 0
}

/**
 * The first image in gray, or its own colors, as red, green and blue bytes; the others over it, each value but 0 in a color of its
 * own: the first label of the n-th layer has the n-th color.
 */
export const overlay: Kernel<NoParameters, Memory, Image> = {
  name: "overlay",
  prepare: (inputs, _, parts) => {
    const base = requireInput("overlay", inputs)
    const isShowable = base.components === 1 || base.components >= 3
    requireThat("overlay", isShowable, "one value a voxel, or red, green and blue", base.components)
    const layers = inputs.slice(1).map((_each, at) => requireScalar("overlay", inputs, at + 1))
    for (const layer of layers) requireSameSize("overlay", base, layer)
    return { base, layers, limits: makeDoubles(2 * parts), output: makeImage(base, "uint8", 3) }
  },
  phases: [{ run: measurePart }, { run: paintPart }],
  finish: ({ output }) => output,
}
