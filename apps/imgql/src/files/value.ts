/** What an expression can come to, as far as it can be written down. */
import type { Image } from "../image/image.ts"

export type Value = null | boolean | number | string | Image | readonly Value[]

/** Lists in lists, at most: beyond any program, and far from where a stack would end. */
export const DEPTH_LIMIT = 200

export function isImage(value: Value): value is Image {
  return typeof value === "object" && value !== null && "voxels" in value
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

/** Whether the voxels are a mask, that is, only 0 and 1. */
export function isMask({ type, voxels }: Image): boolean {
  if (type !== "uint8") return false
  const words = Math.floor(voxels.length / 4)
  // Four voxels at once; all bits but the lowest of each must be 0.
  const isAligned = voxels.byteOffset % 4 === 0
  const wide = new Uint32Array(voxels.buffer, isAligned ? voxels.byteOffset : 0, isAligned ? words : 0)
  for (let at = 0; at < wide.length; at += 1) {
    if (((wide[at] ?? 0) & 0xfefefefe) !== 0) return false
  }
  for (let at = wide.length * 4; at < voxels.length; at += 1) {
    if ((voxels[at] ?? 0) > 1) return false
  }
  return true
}
