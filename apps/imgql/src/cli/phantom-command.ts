/** `imgql phantom FOLDER`: a head with a lesion to try programs on, and the mask of that lesion. */
import { mkdir } from "node:fs/promises"
import { resolve } from "node:path"
import { savePhantom } from "../files/phantom.ts"

export interface PhantomCommand {
  readonly folder: string
  readonly size: readonly [number, number, number]
  /** Other seeds are other folds, noise and outlines; null for the usual. */
  readonly seed: number | null
  readonly print: (line: string) => void
}

/** Writes `head-flair.nii.gz` and `head-lesion.nii.gz`. */
export async function writePhantom({ folder, size, seed, print }: PhantomCommand): Promise<void> {
  const root = resolve(folder)
  await mkdir(root, { recursive: true })
  const saved = await savePhantom({ size, root, name: "head", ...(seed === null ? {} : { seed }) })
  for (const { path, bytes } of [saved.flair, saved.lesion]) {
    print(`saved ${path} (${bytes.toLocaleString("en-US")} bytes)`)
  }
}
