/** `imgql phantom FOLDER`: a head with a lesion to try programs on, and the mask of that lesion. */
import { makeFolder } from "../files/make-folder.ts"
import { savePhantom } from "../files/phantom.ts"

export interface PhantomCommand {
  /** Absolute. */
  readonly folder: string
  readonly size: readonly [number, number, number]
  /** Other seeds are other folds, noise and outlines; null for the usual. */
  readonly seed: number | null
  readonly print: (line: string) => void
}

/** Writes `head-flair.nii.gz` and `head-lesion.nii.gz`. */
export async function writePhantom({ folder, size, seed, print }: PhantomCommand): Promise<void> {
  makeFolder(folder)
  const saved = await savePhantom({ size, root: folder, name: "head", ...(seed === null ? {} : { seed }) })
  for (const { path, bytes } of [saved.flair, saved.lesion]) {
    print(`saved ${path} (${bytes.toLocaleString("en-US")} bytes)`)
  }
}
