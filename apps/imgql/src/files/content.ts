/**
 * The bytes of one file, read so that the reader knows they are of one moment.
 *
 * The file is opened once, must be a regular file (a named pipe would never end), and is looked at before and after: if its
 * size, its times or its place on the disk differ, or fewer or more bytes came than it was said to have, it changed meanwhile.
 */
import { constants, type BigIntStats } from "node:fs"
import { open, type FileHandle } from "node:fs/promises"
import { FileError, reasonOf, showBytes, systemCode } from "./file-error.ts"

/** What the file system tells of a file without reading it. Equal stamps: the same content, unless somebody lies about times. */
export interface Stamp {
  readonly device: string
  readonly inode: string
  readonly sizeBytes: number
  readonly mtimeNs: string
  readonly ctimeNs: string
}

export interface ReadLimits {
  readonly signal?: AbortSignal | undefined
  /** No file above this is read, and no memory above this is taken for what it holds. */
  readonly maxBytes: number
  /** Waits until so much memory may be taken for voxels. */
  readonly admit?: ((bytes: number) => Promise<void>) | undefined
}

const CHUNK_BYTES = 1 << 20

/** A file that is open for reading. */
export class Content {
  readonly path: string
  readonly stamp: Stamp
  readonly #handle: FileHandle

  private constructor(path: string, handle: FileHandle, stamp: Stamp) {
    this.path = path
    this.stamp = stamp
    this.#handle = handle
  }

  /** @throws FileError FILE_MISSING, FILE_UNREADABLE, FILE_TOO_LARGE */
  static async open(path: string, { signal, maxBytes }: ReadLimits): Promise<Content> {
    signal?.throwIfAborted()
    if (path.includes("\0")) throw new FileError("FILE_MISSING", `expected a file name, found one with a NUL in it`)
    // Without O_NONBLOCK, opening a named pipe waits for a writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
      throw explainOpening(path, error)
    })
    try {
      const stats = await handle.stat({ bigint: true })
      if (!stats.isFile()) throw notAFile(path, stats)
      const stamp = stampOf(stats)
      if (stamp.sizeBytes > maxBytes) throw tooLarge(path, stamp.sizeBytes, maxBytes)
      return new Content(path, handle, stamp)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** The first bytes, as many as there are up to `count`. */
  async head(count: number): Promise<Buffer> {
    return await this.#read(count, 0)
  }

  /** All bytes in order. @throws FileError FILE_CHANGED, FILE_UNREADABLE */
  async *chunks(signal?: AbortSignal): AsyncGenerator<Buffer> {
    let position = 0
    while (true) {
      signal?.throwIfAborted()
      // One byte more than there should be, so that a file that grows without end is left at the first byte too many.
      const chunk = await this.#read(Math.min(CHUNK_BYTES, this.stamp.sizeBytes - position + 1), position)
      if (chunk.length === 0) break
      position += chunk.length
      if (position > this.stamp.sizeBytes) throw this.#changed("it grew")
      yield chunk
    }
    if (position < this.stamp.sizeBytes) throw this.#changed("it shrank")
    const after = stampOf(await this.#handle.stat({ bigint: true }))
    if (!isSameStamp(this.stamp, after)) throw this.#changed("its size or times moved")
  }

  /** All bytes at once, in shared memory. */
  async all(signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = new Uint8Array(new SharedArrayBuffer(this.stamp.sizeBytes))
    let at = 0
    for await (const chunk of this.chunks(signal)) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async #read(count: number, position: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(count)
    try {
      const { bytesRead } = await this.#handle.read(buffer, 0, count, position)
      return buffer.subarray(0, bytesRead)
    } catch (error) {
      const message = `cannot read ${quote(this.path)}: ${reasonOf(error)}`
      throw new FileError("FILE_UNREADABLE", message, { path: this.path, cause: error })
    }
  }

  #changed(how: string): FileError {
    const message = `${quote(this.path)} changed while it was read (${how}); wait until whoever writes it is done, and run again`
    return new FileError("FILE_CHANGED", message, { path: this.path })
  }
}

export function stampOf(stats: BigIntStats): Stamp {
  return {
    device: String(stats.dev),
    inode: String(stats.ino),
    sizeBytes: Number(stats.size),
    mtimeNs: String(stats.mtimeNs),
    ctimeNs: String(stats.ctimeNs),
  }
}

export function isSameStamp(one: Stamp, other: Stamp): boolean {
  return (
    one.device === other.device &&
    one.inode === other.inode &&
    one.sizeBytes === other.sizeBytes &&
    one.mtimeNs === other.mtimeNs &&
    one.ctimeNs === other.ctimeNs
  )
}

export function quote(path: string): string {
  return JSON.stringify(path)
}

export function tooLarge(path: string, foundBytes: number, maxBytes: number): FileError {
  const message =
    `${quote(path)}: expected at most ${showBytes(maxBytes)}, found ${showBytes(foundBytes)}; ` +
    `allow more memory, or make the image smaller`
  return new FileError("FILE_TOO_LARGE", message, { path })
}

function notAFile(path: string, stats: BigIntStats): FileError {
  const found = stats.isDirectory() ? "a folder" : "no regular file (a pipe, a socket or a device)"
  return new FileError("FILE_UNREADABLE", `${quote(path)}: expected a file, found ${found}; name one file in it`, {
    path,
  })
}

/** What a failed opening means to whoever named the file. */
export function explainOpening(path: string, error: unknown): FileError {
  const code = systemCode(error)
  if (code === "ENOENT" || code === "ENOTDIR") {
    const message = `expected a file ${quote(path)}, found none; check the name and the folder it is relative to`
    return new FileError("FILE_MISSING", message, { path, cause: error })
  }
  const why = code === "EACCES" || code === "EPERM" ? "permission denied; allow reading it" : reasonOf(error)
  return new FileError("FILE_UNREADABLE", `cannot open ${quote(path)}: ${why}`, { path, cause: error })
}
