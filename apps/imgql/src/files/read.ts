/**
 * Image files in. Plain NIfTI goes straight into shared memory (`nifti-voxels.ts`), all other formats through ITK
 * (`itk.ts`), which also gives pictures the spacing they tell of, as SimpleITK does.
 *
 * Every file may be hostile. No memory is taken for what a header claims before the claim is held against the caller's
 * bound, nothing runs without end, and every failure is a {@link FileError}.
 */
import { createHash } from "node:crypto"
import { dirname, join } from "node:path"
import type { Image } from "../image/image.ts"
import { Content, quote, tooLarge, type ReadLimits } from "./content.ts"
import { FileError, reasonOf, systemCode } from "./file-error.ts"
import { formatOfFile, HEAD_BYTES, IMAGE_SUFFIXES, type ImageFormat, nameForReader, PIPELINES } from "./formats.ts"
import { checkDigest, combineDigests } from "./identity.ts"
import { imageFromItk } from "./itk-image.ts"
import { runItk } from "./itk.ts"
import { readPlainNifti } from "./nifti-voxels.ts"
import { partOf } from "./parts.ts"
import { decodeJpeg } from "./picture.ts"
import { checkWholeBmp, checkWholeVtk } from "./whole.ts"

export interface ReadOptions extends ReadLimits {
  /** What the content must be, as `identify` gave it; anything else is FILE_CHANGED. */
  readonly digest?: string
}

/**
 * Reads an image file, with its spacing, origin and direction.
 *
 * 64-bit integers become float64, a list becomes a picture one voxel high, and axes of length 1 beyond the third are left
 * out. A grey BMP has one value a voxel, as it had when it was saved.
 *
 * @throws FileError FILE_MISSING, FILE_UNREADABLE, FILE_FORMAT_UNKNOWN, FILE_FORMAT_UNSUPPORTED, FILE_DAMAGED,
 * FILE_TOO_LARGE, FILE_CHANGED, FILE_STUCK; the signal's reason when it is aborted
 */
export async function readImage(path: string, options: ReadOptions): Promise<Image> {
  const content = await Content.open(path, options)
  try {
    const format = formatOfFile(path, await content.head(HEAD_BYTES))
    if (format === null) {
      const message = `${quote(path)}: expected an image file (${IMAGE_SUFFIXES}), found none of them; rename or convert it`
      throw new FileError("FILE_FORMAT_UNKNOWN", message, { path })
    }
    const plain = format === "nifti" ? await readPlainNifti(content, options) : null
    if (plain === null) return await readThroughItk(content, format, options)
    if (options.digest !== undefined) checkDigest(path, plain.digest, options.digest)
    return plain.image
  } catch (error) {
    throw explain(path, error)
  } finally {
    await content.close()
  }
}

/** Reads an open file of a format through ITK. */
export async function readThroughItk(content: Content, format: ImageFormat, options: ReadOptions): Promise<Image> {
  const { path } = content
  const { signal, maxBytes } = options
  // How much is in it is known once it is read: so much and twice that, where it is not compressed.
  await options.admit?.(Math.min(maxBytes, 3 * content.stamp.sizeBytes))
  const bytes = await content.all(signal)
  if (format === "bmp") checkWholeBmp(path, bytes)
  const main = { path: nameForReader(path, format, bytes), data: bytes }
  const part = format === "metaimage" || format === "nrrd" ? partOf(path, bytes) : null
  const parts = part === null ? [] : [{ path: part, data: await readBytes(join(dirname(path), part), options) }]
  if (options.digest !== undefined) {
    const digests = [main, ...parts].map(({ data }) => createHash("sha256").update(data).digest("hex"))
    checkDigest(path, combineDigests(digests), options.digest)
  }
  const total = parts.reduce((sum, { data }) => sum + data.length, bytes.length)
  const order = { kind: "read", pipeline: PIPELINES[format], files: [main, ...parts], maxBytes } as const
  const answer = await runItk(order, { signal, path, bytes: total })
  if (answer.kind === "too-large") throw tooLarge(path, answer.bytes, maxBytes)
  if (answer.kind !== "image") {
    const said = answer.kind === "refused" ? reasonOf(answer.said) : ""
    const found = said === "" ? "it is damaged or of another format" : said
    const message = `${quote(path)}: expected a ${format} file, and its reader refused it: ${found}; copy, convert or rename it`
    throw new FileError("FILE_DAMAGED", message, { path })
  }
  const image = imageFromItk(path, answer.image)
  if (format === "vtk") checkWholeVtk(path, bytes, image.voxels.byteLength)
  if (format === "jpeg") return await redecoded(image, bytes)
  return format === "bmp" ? greyed(image) : image
}

async function readBytes(path: string, options: ReadLimits): Promise<Uint8Array> {
  const content = await Content.open(path, options)
  try {
    return await content.all(options.signal)
  } finally {
    await content.close()
  }
}

/** Colors are finer than what image-io makes of them: they are decoded as ITK itself does, by libjpeg-turbo. */
async function redecoded(image: Image, bytes: Uint8Array): Promise<Image> {
  const [width = 0, height = 0] = image.size
  const colors = image.components === 3 ? await decodeJpeg(bytes, { width, height }) : null
  return colors === null ? image : { ...image, voxels: colors }
}

/** ITK reads the palette of a grey BMP as three equal colors. */
function greyed(image: Image): Image {
  const { voxels, components } = image
  if (components !== 3 || image.type !== "uint8") return image
  for (let at = 0; at < voxels.length; at += 3) {
    if (voxels[at] !== voxels[at + 1] || voxels[at] !== voxels[at + 2]) return image
  }
  const grey = new Uint8Array(new SharedArrayBuffer(voxels.length / 3))
  for (let at = 0; at < grey.length; at += 1) grey[at] = voxels[3 * at] ?? 0
  return { ...image, components: 1, voxels: grey }
}

/** What can go wrong in Node's own parts while a file is read, as faults of that file. */
function explain(path: string, error: unknown): unknown {
  if (systemCode(error).startsWith("Z_")) {
    const message = `${quote(path)}: expected gzip data, found it broken (${reasonOf(error)}); copy or make the file again`
    return new FileError("FILE_DAMAGED", message, { path, cause: error })
  }
  if (error instanceof RangeError) {
    const message = `${quote(path)}: there is not enough memory for it (${reasonOf(error)}); free some, or make it smaller`
    return new FileError("FILE_TOO_LARGE", message, { path, cause: error })
  }
  return error
}
