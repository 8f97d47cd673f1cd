/** Pictures as files. PNG and JPEG through sharp, which takes milliseconds; TIFF and BMP, which it writes otherwise or not, through ITK. */
import type { OutputInfo, Sharp } from "sharp"
import { crc32 } from "node:zlib"
import { voxelsOn, type Image } from "../image/image.ts"
import { FileError } from "./file-error.ts"
import { fullWindow, middleOf, sliceOf, toBytes, windowFor, type Slice } from "./slice.ts"

/** Values that a picture shows: bytes, or 16-bit numbers where its format has them. */
export interface Picture extends Omit<Slice, "values"> {
  readonly values: Uint8Array | Uint16Array
}

/**
 * The middle z slice of an image as a picture, not turned: rows run as the axes do.
 *
 * Bytes stay as they are, and so do 16-bit numbers where `keeps16` is set; a mask of 0 and 1 becomes black and white, since
 * nobody sees the 1 otherwise; colors are rounded to bytes; all else is spread from its least to its greatest value in the slice.
 */
export function pictureOf(image: Image, keeps16: boolean): Picture {
  if (image.components > 4) {
    const message = `expected 1 to 4 values a voxel for a picture, found ${image.components}; save it as .nii.gz or take it apart`
    throw new FileError("VALUE_NOT_SAVABLE", message)
  }
  const slice = sliceOf(image, 2, middleOf(image, 2))
  if (slice.values instanceof Uint16Array && keeps16) return { ...slice, values: slice.values }
  const window = windowFor(image, () => fullWindow({ voxels: slice.values }))
  return { ...slice, values: toBytes(slice.values, window) }
}

/** As an image of two axes, for ITK's writers. */
export function flatImage({ width, height, components, values, spacing }: Picture): Image {
  const voxels = voxelsOn(values instanceof Uint16Array ? "uint16" : "uint8", new SharedArrayBuffer(values.byteLength))
  voxels.set(values)
  const type = values instanceof Uint16Array ? "uint16" : "uint8"
  return { size: [width, height], spacing, origin: [0, 0], direction: [1, 0, 0, 1], type, components, voxels }
}

/** A PNG of 8 or 16 bits that tells its spacing. */
export async function encodePng(picture: Picture): Promise<Uint8Array> {
  const space = picture.values instanceof Uint16Array ? ["grey16", "rgb16"] : ["b-w", "srgb"]
  const png = await (
    await open(picture)
  )
    .toColourspace((picture.components < 3 ? space[0] : space[1]) ?? "srgb")
    .png()
    .toBuffer()
  return withSpacing(png, picture.spacing)
}

/** A JPEG of 8 bits; transparency is left out. */
export async function encodeJpeg(picture: Picture): Promise<Uint8Array> {
  const space = picture.components < 3 ? "b-w" : "srgb"
  return await (
    await open(picture)
  )
    .removeAlpha()
    .toColourspace(space)
    .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
    .toBuffer()
}

/** The red, green and blue bytes of a JPEG of that size; null where it is another kind of JPEG. */
export async function decodeJpeg(
  bytes: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Image["voxels"] | null> {
  const { default: sharp } = await import("sharp")
  // ITK has read it already, so that its size is known and no surprise.
  const jpeg = sharp(bytes, { limitInputPixels: width * height })
  const { data, info } = await decoded(jpeg)
  if (info?.width !== width || info.height !== height || info.channels !== 3) return null
  const voxels = voxelsOn("uint8", new SharedArrayBuffer(data.length))
  voxels.set(data)
  return voxels
}

async function decoded(jpeg: Sharp): Promise<{ data: Uint8Array; info: OutputInfo | null }> {
  try {
    const { space } = await jpeg.metadata()
    if (space === "srgb") return await jpeg.raw().toBuffer({ resolveWithObject: true })
  } catch {
    // What of a damaged file can be read, ITK has read.
  }
  return { data: new Uint8Array(0), info: null }
}

async function open({ width, height, components, values }: Picture): Promise<Sharp> {
  // It brings native code, which whoever makes no picture does without.
  const { default: sharp } = await import("sharp")
  // Checked where pictures are made.
  return sharp(values, { raw: { width, height, channels: components as 1 | 2 | 3 | 4 }, limitInputPixels: false })
}

/** Puts in the chunk in which ITK keeps and looks for the spacing, right after the first, where it belongs. */
function withSpacing(png: Uint8Array, spacing: readonly [number, number]): Uint8Array {
  const content = Buffer.from(`sCAL\u0001${spacing[0]}\0${spacing[1]}`, "latin1")
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length - 4)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(content))
  // The signature is 8 bytes long, the header chunk 25.
  return Buffer.concat([png.subarray(0, 33), length, content, check, png.subarray(33)])
}
