/** The formats of image files, and which of them a name asks for. The longest suffix wins: `a.nii.gz` is no `.gz`. */

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

/** What a file's first bytes tell, for names that tell nothing (DICOM files often have no suffix). */
export function formatOfContent(head: Uint8Array): ImageFormat | null {
  const text = (at: number, length: number): string => String.fromCharCode(...head.subarray(at, at + length))
  if (text(128, 4) === "DICM") return "dicom"
  if (text(0, 4) === "NRRD") return "nrrd"
  if (text(1, 3) === "PNG") return "png"
  if (text(0, 14) === "# vtk DataFile") return "vtk"
  if (text(344, 4) === "n+1\0") return "nifti"
  return null
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1).toLowerCase()
}
