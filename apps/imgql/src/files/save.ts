/**
 * `save "name" value`: the suffix of the name says how.
 *
 * | suffix                                             | written                                                         |
 * | -------------------------------------------------- | --------------------------------------------------------------- |
 * | .nii.gz .nii .mha .mhd .nrrd .vtk .dcm .dicom      | the image, with spacing, origin and direction                   |
 * | .png .jpg .jpeg .tiff .tif .bmp                    | its middle z slice as a picture                                 |
 * | .json                                              | the value as JSON; NaN and infinities as strings                |
 * | .bin, or no suffix                                 | the portable bytes of `encode.ts`                               |
 * | .pkl .pickle                                       | refused: such files are programs                                |
 * | any other                                          | text: a list one entry a line, a list in a list with commas     |
 */
import { basename, dirname, join } from "node:path"
import { quote } from "./content.ts"
import { encodeValue } from "./encode.ts"
import { FileError } from "./file-error.ts"
import { formOf, IMAGE_SUFFIXES } from "./formats.ts"
import { imageFiles } from "./image-file.ts"
import { isImage, isList, type Value } from "./value.ts"
import { writeFileAt, type Place } from "./write-file.ts"

export interface Saved {
  /** Where the file is now. */
  readonly path: string
  readonly bytes: number
  /** What of the value the format could not keep, in words; to be told to whoever saved it. */
  readonly lost: readonly string[]
}

/** Above this, an image is no text for people any more. */
const JSON_VOXEL_LIMIT = 1 << 20

/**
 * Saves a value in a file, whole or not at all. An `.mhd` is two files, the one with the voxels first.
 *
 * @throws FileError VALUE_NOT_SAVABLE, FILE_OUTSIDE, FILE_NOT_WRITABLE, FILE_STUCK
 */
export async function saveValue(value: Value, place: Place, signal?: AbortSignal): Promise<Saved> {
  const form = formOf(place.name)
  switch (form) {
    case "image":
    case "picture":
      return await saveImage(value, place, signal)
    case "json":
      return await savePieces([Buffer.from(`${toJson(value, place.name)}\n`)], place, signal)
    case "binary":
      return await savePieces(encodeValue(value).parts, place, signal)
    case "code": {
      const message =
        `cannot save ${quote(place.name)}: a pickle is a program that whoever opens it runs; ` +
        `save numbers and lists as .json, images as .nii.gz, anything as .bin`
      throw new FileError("VALUE_NOT_SAVABLE", message, { path: place.name })
    }
    case "text":
      return await savePieces([Buffer.from(toText(value, place.name))], place, signal)
  }
}

async function saveImage(value: Value, place: Place, signal: AbortSignal | undefined): Promise<Saved> {
  if (!isImage(value)) {
    const message = `cannot save ${kindOf(value)} as ${quote(place.name)}: expected an image; save it as .json, .txt or .bin`
    throw new FileError("VALUE_NOT_SAVABLE", message, { path: place.name })
  }
  const { files, lost } = await imageFiles(value, basename(place.name), signal)
  let saved = { path: "", bytes: 0 }
  for (const { name, pieces } of files) {
    saved = await writeFileAt({ root: place.root, name: join(dirname(place.name), name) }, pieces, signal)
  }
  return { ...saved, lost }
}

async function savePieces(pieces: Iterable<Uint8Array>, place: Place, signal: AbortSignal | undefined): Promise<Saved> {
  return { ...(await writeFileAt(place, pieces, signal)), lost: [] }
}

/** JSON of a value; an image is an object with its grid and its voxels. @throws FileError VALUE_NOT_SAVABLE */
export function toJson(value: Value, name: string): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === "number") return Number.isFinite(each) ? each : String(each)
    if (!ArrayBuffer.isView(each)) return each
    // Of all that a value holds, only voxels are a view.
    const voxels = each as unknown as ArrayLike<number>
    if (voxels.length <= JSON_VOXEL_LIMIT) return Array.from(voxels)
    const message =
      `cannot save an image of ${voxels.length} values as ${quote(name)}: expected at most ${JSON_VOXEL_LIMIT}; ` +
      `save it as .nii.gz or .bin`
    throw new FileError("VALUE_NOT_SAVABLE", message, { path: name })
  })
}

/** A string as it is, a list one entry a line, a list in it with commas. @throws FileError VALUE_NOT_SAVABLE */
export function toText(value: Value, name: string): string {
  if (!isList(value)) return typeof value === "string" ? value : `${toWord(value, name)}\n`
  const lines = value.map((each) =>
    isList(each) ? each.map((inner) => toWord(inner, name)).join(",") : toWord(each, name),
  )
  return lines.map((line) => `${line}\n`).join("")
}

function toWord(value: Value, name: string): string {
  if (value === null || typeof value !== "object") return String(value)
  const message =
    `cannot save ${kindOf(value)} as text in ${quote(name)}: expected numbers, strings, truth values and lists of them; ` +
    `save it under one of ${IMAGE_SUFFIXES}, or as .json or .bin`
  throw new FileError("VALUE_NOT_SAVABLE", message, { path: name })
}

function kindOf(value: Value): string {
  if (value === null) return "nothing"
  if (isList(value)) return `a list of ${value.length}`
  return isImage(value) ? "an image" : `a ${typeof value}`
}
