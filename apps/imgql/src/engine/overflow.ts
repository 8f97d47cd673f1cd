/**
 * Where a run that leaves nothing behind puts images there is no room for in memory: files in a folder of its own, which is gone
 * when the run is over. Each is named by what names the image in the store.
 */
import { createReadStream, mkdtempSync, rmSync } from "node:fs"
import { open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { encodeValue } from "../files/encode.ts"
import { explainWriting } from "../files/write-file.ts"
import type { Image } from "../image/image.ts"

export class Overflow {
  #folder: string | null

  private constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * With its folder made at once: where none can be, a run would pass its bound for memory, and nobody would know why.
   *
   * @throws FileError FILE_NOT_WRITABLE
   */
  static open(): Overflow {
    try {
      return new Overflow(mkdtempSync(join(tmpdir(), "imgql-")))
    } catch (error) {
      throw explainWriting(join(tmpdir(), "imgql-…"), error)
    }
  }

  /** Answers once it can be read. */
  async write(id: string, image: Image): Promise<void> {
    const path = this.#pathOf(id)
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
    return createReadStream(this.#pathOf(id), { highWaterMark: 1 << 20 })
  }

  /** Nobody writes or reads any more. Idempotent. */
  close(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = null
  }

  #pathOf(id: string): string {
    if (this.#folder === null) throw new Error("the run is over, and what it had put away is gone")
    return join(this.#folder, id)
  }
}
