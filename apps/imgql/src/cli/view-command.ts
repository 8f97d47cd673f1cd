/** `imgql view FILE`: an image file as a picture that any program shows, its slices hung as a radiologist hangs them. */
import { basename, dirname, resolve } from "node:path"
import { readImage } from "../files/read.ts"
import { type MosaicOptions, renderMosaic, renderPlanes } from "../files/view.ts"
import { writeFileAt } from "../files/write-file.ts"
import type { Console } from "./console.ts"
import { CommandError } from "./command-error.ts"
import { MAX_IMAGE_BYTES } from "./execute.ts"

export interface ViewCommand {
  readonly file: string
  /** Null for the name of the file with `.png` behind it, in the folder where imgql runs. */
  readonly output: string | null
  readonly mask: string | null
  /** So many slices from bottom to top; null for the three planes through the middle. */
  readonly slices: number | null
  readonly window: { readonly low: number; readonly high: number } | null
  readonly pixels: number | null
}

/** @throws FileError where the image cannot be read, or the picture cannot be written */
export async function viewImage(command: ViewCommand, console: Console): Promise<void> {
  const { file, mask, slices, window, pixels } = command
  const { folder } = console
  const signal = console.untilStopped()
  const output = command.output ?? `${basename(file)}.png`
  if (!output.endsWith(".png")) {
    throw new CommandError("E_USAGE", `--output takes a file that ends in .png, found ${JSON.stringify(output)}`)
  }
  const read = async (path: string): ReturnType<typeof readImage> =>
    await readImage(resolve(folder, path), { signal, maxBytes: MAX_IMAGE_BYTES })
  const image = await read(file)
  const options: MosaicOptions = {
    ...(mask === null ? {} : { mask: await read(mask) }),
    ...(window === null ? {} : { window }),
    ...(pixels === null ? {} : { panelPixels: pixels }),
  }
  const png = slices === null ? await renderPlanes(image, options) : await renderMosaic(image, { ...options, slices })
  const place = resolve(folder, output)
  const { path, bytes } = await writeFileAt({ root: dirname(place), name: basename(place) }, [png], signal)
  console.out.write(`saved ${path} (${bytes.toLocaleString("en-US")} bytes)\n`)
}
