/** Images as the bytes of files: which format can hold which, and what it cannot keep. */
import { createGzip } from "node:zlib"
import { Readable } from "node:stream"
import type { Image, VoxelType } from "../image/image.ts"
import { quote } from "./content.ts"
import { FileError, reasonOf } from "./file-error.ts"
import { formatOf, PIPELINES, suffixOf, type ImageFormat } from "./formats.ts"
import { imageToItk } from "./itk-image.ts"
import { runItk } from "./itk.ts"
import { formatHeader } from "./nifti.ts"
import { encodeJpeg, encodePng, flatImage, pictureOf } from "./picture.ts"
import type { Pieces } from "./write-file.ts"

/** One file of an image, by its name without folders. */
export interface ImageFile {
  readonly name: string
  readonly pieces: Pieces
}

export interface ImageFiles {
  /** In the order in which they must be written: the one that names the others last. */
  readonly files: readonly ImageFile[]
  /** What of the image the format cannot keep, in words. */
  readonly lost: readonly string[]
}

/** Fast, and within a few percent of the best for images: noise does not compress. */
const GZIP_LEVEL = 4

/** What DICOM's secondary captures hold. */
const DICOM_TYPES: readonly VoxelType[] = ["uint8", "uint16"]

/**
 * The files that hold an image under a name, which ends in a suffix of an image format. Pictures get the middle z slice.
 *
 * @throws FileError VALUE_NOT_SAVABLE where the format cannot hold the image
 */
export async function imageFiles(image: Image, name: string, signal?: AbortSignal): Promise<ImageFiles> {
  const format = formatOf(name)
  switch (format) {
    case null:
      throw new FileError("FILE_FORMAT_UNKNOWN", `${quote(name)}: expected the suffix of an image format, found none`)
    case "nifti":
      return await niftiFiles(image, name, signal)
    case "png":
      return { files: [{ name, pieces: [await encodePng(pictureOf(image, true))] }], lost: [] }
    case "jpeg":
      return { files: [{ name, pieces: [await encodeJpeg(pictureOf(image, false))] }], lost: [] }
    case "tiff":
      return await itkFiles(flatImage(pictureOf(image, true)), { name, format, lost: [], signal })
    case "bmp":
      return await itkFiles(flatImage(opaque(image)), { name, format, lost: [], signal })
    case "dicom":
      return await itkFiles(forDicom(image, name), { name, format, lost: [], signal })
    case "vtk":
      return await itkFiles(image, { name, format, lost: isTurned(image) ? ["direction"] : [], signal })
    case "nrrd":
    case "metaimage":
      return await itkFiles(image, { name, format, lost: [], signal })
  }
}

async function niftiFiles(image: Image, name: string, signal: AbortSignal | undefined): Promise<ImageFiles> {
  const header = formatHeader(image)
  if (header === null) return await itkFiles(image, { name, format: "nifti", lost: [], signal })
  const { voxels } = image
  const plain = [header, Buffer.from(voxels.buffer, voxels.byteOffset, voxels.byteLength)]
  const pieces = suffixOf(name) === ".nii.gz" ? Readable.from(plain).pipe(createGzip({ level: GZIP_LEVEL })) : plain
  return { files: [{ name, pieces }], lost: [] }
}

interface ItkFile {
  readonly name: string
  readonly format: ImageFormat
  readonly lost: readonly string[]
  readonly signal: AbortSignal | undefined
}

async function itkFiles(image: Image, { name, format, lost, signal }: ItkFile): Promise<ImageFiles> {
  const suffix = suffixOf(name)
  // ITK's writers go by suffixes in lower case; the name itself is part of a .mhd, which names its voxels.
  const stem = name.slice(0, name.length - suffix.length)
  const isPicture = format === "tiff" || format === "bmp" || format === "dicom"
  const order = {
    kind: "write",
    pipeline: PIPELINES[format],
    image: imageToItk(image, !isPicture),
    name: stem + suffix,
    besides: suffix === ".mhd" ? [`${stem}.raw`] : [],
    compress: suffix === ".nii.gz",
  } as const
  const answer = await runItk(order, { signal, path: name, bytes: image.voxels.byteLength })
  if (answer.kind !== "files") {
    const said = answer.kind === "refused" ? reasonOf(answer.said) : ""
    const message =
      `cannot save an image of ${image.components} x ${image.type} as ${quote(name)}: ` +
      `the format's writer refused it${said === "" ? "" : ` (${said})`}; save it as .nii.gz or .mha`
    throw new FileError("VALUE_NOT_SAVABLE", message, { path: name })
  }
  const [main, ...others] = answer.files
  const files = others.map(({ path, data }) => ({ name: path, pieces: [data] }))
  return { files: [...files, { name, pieces: main === undefined ? [] : [main.data] }], lost }
}

/** DICOM holds volumes of unsigned integers; a picture is one of a single slice. */
function forDicom(image: Image, name: string): Image {
  const isColor = image.components === 3 && image.type === "uint8"
  if (!isColor && !(image.components === 1 && DICOM_TYPES.includes(image.type))) {
    const message =
      `cannot save an image of ${image.components} x ${image.type} as ${quote(name)}: expected uint8, uint16 or uint8 colors; ` +
      `save it as .nii.gz, or rescale and cast it first`
    throw new FileError("VALUE_NOT_SAVABLE", message, { path: name })
  }
  if (image.size.length === 3) return image
  const [a = 1, b = 0, c = 0, d = 1] = image.direction
  return {
    ...image,
    size: [...image.size, 1],
    spacing: [...image.spacing, 1],
    origin: [...image.origin, 0],
    direction: [a, b, 0, c, d, 0, 0, 0, 1],
  }
}

/** BMP knows no transparency as ITK writes it. */
function opaque(image: Image): ReturnType<typeof pictureOf> {
  const picture = pictureOf(image, false)
  const kept = picture.components === 4 ? 3 : picture.components === 2 ? 1 : picture.components
  if (kept === picture.components) return picture
  const values = new Uint8Array((picture.values.length / picture.components) * kept)
  for (let at = 0; at < values.length; at += 1) {
    values[at] = picture.values[Math.floor(at / kept) * picture.components + (at % kept)] ?? 0
  }
  return { ...picture, components: kept, values }
}

function isTurned({ size, direction }: Image): boolean {
  const axes = size.length
  return direction.some((value, at) => value !== (at % (axes + 1) === 0 ? 1 : 0))
}
