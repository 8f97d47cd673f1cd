/** `holdfast inspect DIR`. */
import { systemEnv } from "../env/index.ts"
import { KeeperLine, reportStore } from "../stores/embedded/index.ts"
import { type Console, print } from "./console.ts"
import { drawPicture } from "./picture.ts"
import { watchStore } from "./watch.ts"

export interface InspectOptions {
  readonly json: boolean
  readonly watch: boolean
}

/** Rows a table has where nobody has to scroll past it. */
const ROWS = 50

export async function inspect(console: Console, dir: string, { json, watch }: InspectOptions): Promise<void> {
  const line = await KeeperLine.open(dir, systemEnv)
  try {
    if (watch) {
      await watchStore(console, line, { json })
      return
    }
    const picture = await reportStore(line, null)
    await print(console.out, `${json ? JSON.stringify(picture) : drawPicture(picture, { width: null, rows: ROWS })}\n`)
  } finally {
    await line.close()
  }
}
