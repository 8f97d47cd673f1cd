/** The voxels of plain NIfTI files, straight from the file (and through gunzip) into shared memory. */
import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGunzip } from "node:zlib"
import { bytesPerValue, makeVoxels, voxelCount, voxelsOn, type Image } from "../image/image.ts"
import { quote, tooLarge, type Content, type ReadLimits } from "./content.ts"
import { FileError, showBytes } from "./file-error.ts"
import { HEAD_BYTES } from "./formats.ts"
import { isGzip, unpackHead } from "./gzip.ts"
import { parseHeader, storedBytes, type NiftiHeader } from "./nifti.ts"

/** Deflate makes at most 1032 bytes of one. */
const DEFLATE_RATIO = 1032
/** How much may follow the voxels in a compressed file; some writers pad. */
const TRAILING_BYTES = 1 << 20

export interface PlainNifti {
  readonly image: Image
  /** SHA-256 of the file's bytes. */
  readonly digest: string
}

/** Null for a file that is not of the plain kind. @throws FileError FILE_DAMAGED, FILE_TOO_LARGE, FILE_CHANGED */
export async function readPlainNifti(content: Content, options: ReadLimits): Promise<PlainNifti | null> {
  const start = await content.head(HEAD_BYTES)
  const isCompressed = isGzip(start)
  const header = parseHeader(isCompressed ? unpackHead(start) : start)
  if (header === null) return null
  const bytes = checkSize(content, header, isCompressed, options.maxBytes)
  await options.admit?.(bytes)
  const stored = makeVoxels(header.storedType, voxelCount(header))
  const sink = new VoxelSink(content.path, header, new Uint8Array(stored.buffer))
  const hash = createHash("sha256")
  const source = hashing(content.chunks(options.signal), hash)
  if (isCompressed) {
    const gunzip = createGunzip({ chunkSize: 1 << 20 })
    const feeding = pipeline(Readable.from(source, { objectMode: true }), gunzip)
    // Whatever goes wrong on the way is thrown by the loop; one that the loop itself ends is no news.
    feeding.catch(() => undefined)
    for await (const chunk of gunzip as AsyncIterable<Buffer>) sink.take(chunk)
    await feeding
  } else {
    for await (const chunk of source) sink.take(chunk)
  }
  sink.finish()
  return { image: makeImage(header, stored), digest: hash.digest("hex") }
}

function checkSize({ path, stamp }: Content, header: NiftiHeader, isCompressed: boolean, maxBytes: number): number {
  const storedCount = storedBytes(header)
  const scaledCount = header.scale === null ? 0 : voxelCount(header) * bytesPerValue(header.type)
  if (storedCount + scaledCount > maxBytes) throw tooLarge(path, storedCount + scaledCount, maxBytes)
  const mostBytes = stamp.sizeBytes * (isCompressed ? DEFLATE_RATIO : 1)
  if (header.offsetBytes + storedCount > mostBytes) throw cutShort(path, header.offsetBytes + storedCount, mostBytes)
  return storedCount + scaledCount
}

function cutShort(path: string, expectedBytes: number, foundBytes: number): FileError {
  const message =
    `${quote(path)}: expected ${showBytes(expectedBytes)}, as its header says, found at most ${showBytes(foundBytes)}; ` +
    `it is cut short or altered, copy or make it again`
  return new FileError("FILE_DAMAGED", message, { path })
}

async function* hashing(
  chunks: AsyncIterable<Buffer>,
  hash: { update(chunk: Buffer): unknown },
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

/** Takes the file's bytes in order, and puts the voxels where they belong. */
class VoxelSink {
  readonly #path: string
  readonly #offset: number
  readonly #into: Uint8Array
  #position = 0

  constructor(path: string, header: NiftiHeader, into: Uint8Array) {
    this.#path = path
    this.#offset = header.offsetBytes
    this.#into = into
  }

  take(chunk: Uint8Array): void {
    const from = Math.max(0, this.#offset - this.#position)
    const at = this.#position + from - this.#offset
    this.#position += chunk.length
    const room = this.#into.length - at
    if (from < chunk.length && room > 0) this.#into.set(chunk.subarray(from, from + room), at)
    if (this.#position > this.#offset + this.#into.length + TRAILING_BYTES) {
      const expected = showBytes(this.#offset + this.#into.length)
      const message = `${quote(this.#path)}: expected ${expected}, as its header says, found far more; copy or make it again`
      throw new FileError("FILE_DAMAGED", message, { path: this.#path })
    }
  }

  finish(): void {
    const expected = this.#offset + this.#into.length
    if (this.#position < expected) throw cutShort(this.#path, expected, this.#position)
  }
}

function makeImage(header: NiftiHeader, stored: Image["voxels"]): Image {
  const { size, spacing, origin, direction, storedType, type, scale } = header
  const grid = { size, spacing, origin, direction, components: 1 }
  clean(stored)
  if (scale === null) return { ...grid, type: storedType, voxels: stored }
  const voxels = voxelsOn(type, new SharedArrayBuffer(stored.length * bytesPerValue(type)))
  for (let at = 0; at < stored.length; at += 1) voxels[at] = (stored[at] ?? 0) * scale.slope + scale.intercept
  return { ...grid, type, voxels }
}

/** What is no number, or has no end, is 0 in a NIfTI file to ITK, and so to the original. */
function clean(voxels: Image["voxels"]): void {
  if (!(voxels instanceof Float32Array || voxels instanceof Float64Array)) return
  for (let at = 0; at < voxels.length; at += 1) if (!Number.isFinite(voxels[at])) voxels[at] = 0
}
