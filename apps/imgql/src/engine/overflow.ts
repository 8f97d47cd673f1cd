/**
 * Where a run that leaves nothing behind puts images there is no room for in memory: files in a folder that is made with the first
 * of them, and gone when the run is over. Each is named by what names the image in the store.
 */
import { createReadStream, mkdtempSync, rmSync } from "node:fs"
import { open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { encodeValue } from "../files/encode.ts"
import type { Image } from "../image/image.ts"

export class Overflow {
  #folder: string | null = null

  /** Answers once it can be read. */
  async write(id: string, image: Image): Promise<void> {
    this.#folder ??= mkdtempSync(join(tmpdir(), "imgql-"))
    const path = join(this.#folder, id)
    try {
      const file = await open(path, "w")
      try {
        for (const part of encodeValue(image).parts) await file.writeFile(part)
      } finally {
        await file.close()
      }
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
  }

  /** The bytes of an image that was written. */
  read(id: string): AsyncIterable<Uint8Array> {
    return createReadStream(join(this.#folder ?? "", id), { highWaterMark: 1 << 20 })
  }

  /** Nobody writes or reads any more. Idempotent. */
  close(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = null
  }
}
