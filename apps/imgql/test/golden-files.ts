/**
 * Image files that one side wrote and the other reads: `goldens/files/itk` by ITK and `goldens/files/imgql` by imgql. A file is
 * called after the input that is in it: `A-turned-float32-x3.nii` has three values a voxel.
 */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { VoxelType } from "../src/image/image.ts"
import type { NamedInput } from "./golden-inputs.ts"

export const BY_ITK: string = fileURLToPath(new URL("goldens/files/itk", import.meta.url))
export const BY_IMGQL: string = fileURLToPath(new URL("goldens/files/imgql", import.meta.url))

/** Files that are named by others, and no images by themselves. */
const PART = /\.z?raw$/

export function listImageFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !PART.test(name))
    .toSorted()
}

/** The input that a file is called after. */
export function inputOf(name: string): NamedInput {
  const [, image = "", grid = "", type = "", components = "1"] =
    /^([^-]+)-(.+)-((?:u?int|float)\d+)(?:-x(\d+))?\./.exec(name) ?? []
  // Of a name that is none of these, no input is made.
  return { image, grid, type: type as VoxelType, components: Number(components) }
}

const VOLUMES = [
  "A-turned-float32",
  "W-turned-int16",
  "half-2d-uint8",
  "wild-voxel-float64",
  "W-3d-uint8-x3",
  "half-voxel-uint8",
]
const TYPES = [
  "W-3d-uint8",
  "W-3d-int8",
  "W-3d-uint16",
  "W-3d-uint32",
  "W-3d-int32",
  "wild-2d-float64",
  "W-2d-float32-x2",
]
const PICTURES = ["W-2d-uint8", "W-dot-uint8", "W-fine-2d-uint8-x3"]

/** What imgql writes, by the names of the files. */
export const WRITTEN: readonly string[] = [
  ...[".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"].flatMap((suffix) => VOLUMES.map((name) => name + suffix)),
  ...[".nii", ".nrrd", ".mha"].flatMap((suffix) => TYPES.map((name) => name + suffix)),
  ...["A-fine-float32", "W-3d-int16", "half-2d-uint8"].map((name) => `${name}.vtk`),
  ...["W-turned-uint16", "W-3d-uint8"].map((name) => `${name}.dcm`),
  ...[".png", ".tif", ".jpg"].flatMap((suffix) => PICTURES.map((name) => name + suffix)),
  "W-2d-uint8-x4.png",
  "W-2d-uint8-x3.bmp",
]
