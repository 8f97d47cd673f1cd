/** Values as they are shown to people and other programs: whole, but for images, of which it is said what they are. */
import { createHash } from "node:crypto"
import { encodeValue } from "../files/encode.ts"
import { isImage, isList, type Value } from "../files/value.ts"
import type { Constant } from "../graph/graph.ts"
import type { Image, ImageHead } from "../image/image.ts"

export type Shown = Constant | ShownImage | readonly Shown[]

export interface ShownImage {
  readonly kind: "image"
  readonly size: readonly number[]
  readonly spacing: readonly number[]
  readonly type: Image["type"]
  readonly components: number
  /** SHA-256 of its portable bytes, in hexadecimal. */
  readonly digest: string
}

export function showImage(image: Image): ShownImage {
  const hash = createHash("sha256")
  for (const part of encodeValue(image).parts) hash.update(part)
  return showHead(image, hash.digest("hex"))
}

/** Of an image whose portable bytes are known by their digest. */
export function showHead({ size, spacing, type, components }: ImageHead, digest: string): ShownImage {
  return { kind: "image", size, spacing, type, components, digest }
}

export function showValue(value: Value): Shown {
  if (isImage(value)) return showImage(value)
  return isList(value) ? value.map(showValue) : value
}

/** Numbers and strings as they are, a list as a list, an image as `Image(188x256x190 uint8, spacing 0.88, 51c0b8dd)`. */
export function formatShown(value: Shown): string {
  if (isShownList(value)) return `[${value.map(formatShown).join(", ")}]`
  return typeof value === "object" && value !== null ? formatImage(value) : String(value)
}

export function isShownList(value: Shown): value is readonly Shown[] {
  return Array.isArray(value)
}

function formatImage({ size, spacing, type, components, digest }: ShownImage): string {
  const [first] = spacing
  const isEven = spacing.every((along) => along === first)
  const shown = (isEven ? spacing.slice(0, 1) : spacing).map((along) => String(Number(along.toFixed(4)))).join("x")
  const kind = components === 1 ? type : `${type} x ${String(components)}`
  return `Image(${size.join("x")} ${kind}, spacing ${shown}, ${digest.slice(0, 8)})`
}
