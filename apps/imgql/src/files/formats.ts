/**
 * The formats of image files. What is read is of the format that its content tells, so that the same bytes are the same image
 * under any name; where the content does not tell, and of what is written, the name does. The longest suffix wins: `a.nii.gz`
 * is no `.gz`.
 */
import { isGzip, unpackHead } from "./gzip.ts"

export type ImageFormat = "nifti" | "nrrd" | "metaimage" | "vtk" | "dicom" | "png" | "jpeg" | "tiff" | "bmp"

/** How a value is written under a name. */
export type SaveForm = "image" | "picture" | "json" | "binary" | "code" | "text"

interface Suffix {
  readonly form: SaveForm
  readonly format: ImageFormat | null
}

const SUFFIXES: Readonly<Record<string, Suffix>> = {
  ".nii.gz": { form: "image", format: "nifti" },
  ".nii": { form: "image", format: "nifti" },
  ".mha": { form: "image", format: "metaimage" },
  ".mhd": { form: "image", format: "metaimage" },
  ".nrrd": { form: "image", format: "nrrd" },
  ".vtk": { form: "image", format: "vtk" },
  ".dcm": { form: "image", format: "dicom" },
  ".dicom": { form: "image", format: "dicom" },
  ".png": { form: "picture", format: "png" },
  ".jpg": { form: "picture", format: "jpeg" },
  ".jpeg": { form: "picture", format: "jpeg" },
  ".tiff": { form: "picture", format: "tiff" },
  ".tif": { form: "picture", format: "tiff" },
  ".bmp": { form: "picture", format: "bmp" },
  ".json": { form: "json", format: null },
  ".bin": { form: "binary", format: null },
  ".pkl": { form: "code", format: null },
  ".pickle": { form: "code", format: null },
}

/** What image-io calls its reader and writer of each format. */
export const PIPELINES: Readonly<Record<ImageFormat, string>> = {
  nifti: "nifti",
  nrrd: "nrrd",
  metaimage: "meta",
  vtk: "vtk",
  dicom: "gdcm",
  png: "png",
  jpeg: "jpeg",
  tiff: "tiff",
  bmp: "bmp",
}

/** Suffixes of image files, for messages. */
export const IMAGE_SUFFIXES: string = Object.entries(SUFFIXES)
  .filter(([, { format }]) => format !== null)
  .map(([suffix]) => suffix)
  .join(" ")

/** The suffix of a name that the registry knows, in lower case, or an empty string. */
export function suffixOf(path: string): string {
  const name = baseName(path)
  const known = Object.keys(SUFFIXES).filter((suffix) => name.endsWith(suffix) && name.length > suffix.length)
  return known.reduce((longest, suffix) => (suffix.length > longest.length ? suffix : longest), "")
}

/** How a value is saved under that name: no suffix at all is the binary form, one that nobody knows is text. */
export function formOf(path: string): SaveForm {
  const suffix = SUFFIXES[suffixOf(path)]
  if (suffix !== undefined) return suffix.form
  return /.\.[^.]*$/.test(baseName(path)) ? "text" : "binary"
}

export function formatOf(path: string): ImageFormat | null {
  return SUFFIXES[suffixOf(path)]?.format ?? null
}

/** Enough to tell a format, also through gzip, and little enough to unpack whatever it holds. */
export const HEAD_BYTES = 4096

/** The format of a file that begins with `head`; null where neither that nor the name tells. */
export function formatOfFile(path: string, head: Uint8Array): ImageFormat | null {
  return formatOfContent(head) ?? formatOf(path)
}

/** The last part of a path as ITK's readers want it, which go by suffixes in lower case. */
export function nameForReader(path: string, format: ImageFormat, head: Uint8Array): string {
  const name = baseName(path)
  if (format === "nifti") {
    const suffix = isGzip(head) ? ".nii.gz" : ".nii"
    return name.endsWith(suffix) ? name : name + suffix
  }
  return formatOf(path) === format ? name : name + SUFFIX_OF_FORMAT[format]
}

/** For files that are named as something else. */
const SUFFIX_OF_FORMAT: Readonly<Record<Exclude<ImageFormat, "nifti">, string>> = {
  nrrd: ".nrrd",
  metaimage: ".mha",
  vtk: ".vtk",
  dicom: ".dcm",
  png: ".png",
  jpeg: ".jpg",
  tiff: ".tif",
  bmp: ".bmp",
}

/** What is at a place of formats that have such a mark; of what has several, the first that is there counts. */
const MARKS: readonly (readonly [number, string, ImageFormat])[] = [
  [0, "NRRD", "nrrd"],
  [0, "\x89PNG\r\n\x1a\n", "png"],
  [0, "\xff\xd8\xff", "jpeg"],
  [0, "II*\0", "tiff"],
  [0, "MM\0*", "tiff"],
  [0, "II+\0", "tiff"],
  [0, "MM\0+", "tiff"],
  [0, "# vtk DataFile", "vtk"],
  [4, "n+2\0", "nifti"],
  [344, "n+1\0", "nifti"],
  [128, "DICM", "dicom"],
]

/** What a file's first bytes tell. */
function formatOfContent(head: Uint8Array): ImageFormat | null {
  if (isGzip(head)) return formatOfMarks(unpackHead(head)) === "nifti" ? "nifti" : null
  return formatOfMarks(head)
}

function formatOfMarks(head: Uint8Array): ImageFormat | null {
  const text = Buffer.from(head.subarray(0, 512)).toString("latin1")
  const marked = MARKS.find(([at, mark]) => text.startsWith(mark, at))
  if (marked !== undefined) return marked[2]
  // Two letters would be few: what is always 0 must be, too.
  if (text.startsWith("BM") && text.startsWith("\0\0\0\0", 6)) return "bmp"
  return /^\s*(?:Comment\s*=.*\s+)?(?:ObjectType|NDims)\s*=/.test(text) ? "metaimage" : null
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1).toLowerCase()
}
