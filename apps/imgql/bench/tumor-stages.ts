/** `examples/tumor.imgql` stage by stage: what the program makes is held against what ITK makes, `itk/recipe.cxx`, bit by bit. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Image } from "../src/image/image.ts"
import { savePhantom } from "../src/files/phantom.ts"

const EXAMPLES = fileURLToPath(new URL("../examples", import.meta.url))

/** What stages are called, in the recipe of ITK and in files, and in the program. */
export const STAGES: Readonly<Record<string, string>> = {
  flair: "flair",
  background: "backgroundOf(flair)",
  brain: "brain",
  share: "share",
  hyperIntense: "hyperIntense",
  veryIntense: "veryIntense",
  grown: "grown",
  similar: "similarTo(grown)",
  tumor: "tumor",
}

/** The example and its sample, a phantom of that size, in a folder. */
export async function layOutTumor(folder: string, size: readonly [number, number, number]): Promise<void> {
  for (const file of readdirSync(EXAMPLES)) {
    if (file.endsWith(".imgql")) copyFileSync(join(EXAMPLES, file), join(folder, file))
  }
  for (const name of ["sample", "output", "stages"]) mkdirSync(join(folder, name))
  await savePhantom({ size, root: join(folder, "sample"), name: "head" })
}

/** The program without its pictures: the recipe, what is printed of it, and the tumor saved. */
export function tumorAlone(): string {
  const lines = readFileSync(join(EXAMPLES, "tumor.imgql"), "utf8").split("\n")
  return lines.filter((line) => !line.includes('.png"')).join("\n")
}

/** The same, which saves each stage as well. */
export function tumorWithStages(): string {
  const saves = Object.entries(STAGES).map(([name, expression]) => `save "stages/${name}.nii" ${expression}`)
  return `${tumorAlone()}\n${saves.join("\n")}\n`
}

export interface Stage {
  /** Voxels that are not 0. */
  readonly voxels: number
  /** FNV-1a of all values as they lie in memory. */
  readonly digest: string
}

export function stageOf({ voxels }: Image): Stage {
  let digest = 2_166_136_261
  for (const byte of new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength)) {
    digest = Math.imul(digest ^ byte, 16_777_619)
  }
  let count = 0
  for (const value of voxels) if (value !== 0) count += 1
  return { voxels: count, digest: (digest >>> 0).toString(16).padStart(8, "0") }
}
