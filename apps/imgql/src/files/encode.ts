/**
 * The portable bytes of a value: what the result store keeps, and what `save "name.bin"` writes. No code in them, nothing of
 * one machine, and one encoding a value: equal values have equal bytes, so that bytes may stand for values.
 *
 * ```
 * "IMGQL-1\n"                       8 bytes
 * value:
 *   0 | 1 | 2                       null, false, true
 *   3 float64                       a number; every NaN is 0x7ff8000000000000
 *   4 length:uint32 utf8            a string
 *   5 count:uint32 value...         a list
 *   6 image
 * image:
 *   type:uint8 packing:uint8 axes:uint8 0:uint8 components:uint32
 *   size:uint32 x axes, spacing:float64 x axes, origin:float64 x axes, direction:float64 x axes^2
 *   0:uint8...                      up to a multiple of 8 from the start
 *   voxels                          packing 0: as they lie in memory, x fastest
 *                                   packing 1: a mask, one bit a voxel, the lowest bit first; every uint8 image of only 0 and 1
 * ```
 *
 * All little-endian. What is said of voxels comes before them, so that a reader can take memory once and fill it as they
 * come; and a writer is handed the voxels where they are, without a copy.
 */
import type { Image, VoxelType } from "../image/image.ts"
import { FileError } from "./file-error.ts"
import { packMask } from "./mask-bits.ts"
import { DEPTH_LIMIT, isImage, isList, type Value } from "./value.ts"

export const MAGIC = "IMGQL-1\n"

export const TAGS = { null: 0, false: 1, true: 2, number: 3, string: 4, list: 5, image: 6 } as const

/** A type's place here is its code. Append only. */
export const TYPE_ORDER: readonly VoxelType[] = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "float64",
]

export const PACKINGS = { raw: 0, bits: 1 } as const

/** A value's bytes, in order. Those of voxels are views on the image's own memory. */
export interface Encoded {
  readonly byteLength: number
  readonly parts: readonly Uint8Array[]
}

/** @throws FileError VALUE_NOT_SAVABLE where lists nest beyond {@link DEPTH_LIMIT}, or a string is no Unicode text */
export function encodeValue(value: Value): Encoded {
  const writer = new Writer()
  writer.text(MAGIC)
  write(writer, value, 0)
  return writer.finish()
}

/** All bytes in one array. */
export function joinParts({ parts, byteLength }: Encoded): Uint8Array {
  const joined = new Uint8Array(byteLength)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function write(writer: Writer, value: Value, depth: number): void {
  if (value === null) return writer.uint8(TAGS.null)
  if (typeof value === "boolean") return writer.uint8(value ? TAGS.true : TAGS.false)
  if (typeof value === "number") {
    writer.uint8(TAGS.number)
    return writer.float64(value)
  }
  if (typeof value === "string") return writeString(writer, value)
  if (isImage(value)) return writeImage(writer, value)
  if (isList(value)) return writeList(writer, value, depth)
  throw new FileError(
    "VALUE_NOT_SAVABLE",
    `expected a number, truth value, string, image or list, found ${typeof value}`,
  )
}

function writeString(writer: Writer, value: string): void {
  if (/\p{Surrogate}/u.test(value)) {
    throw new FileError(
      "VALUE_NOT_SAVABLE",
      `expected Unicode text, found half of a character in ${JSON.stringify(value)}`,
    )
  }
  const bytes = Buffer.from(value)
  writer.uint8(TAGS.string)
  writer.uint32(bytes.length)
  writer.bytes(bytes)
}

function writeList(writer: Writer, value: readonly Value[], depth: number): void {
  if (depth >= DEPTH_LIMIT) {
    throw new FileError("VALUE_NOT_SAVABLE", `expected at most ${DEPTH_LIMIT} lists in each other, found more`)
  }
  writer.uint8(TAGS.list)
  writer.uint32(value.length)
  for (const each of value) write(writer, each, depth + 1)
}

function writeImage(writer: Writer, image: Image): void {
  const { size, spacing, origin, direction, components, type, voxels } = image
  const bytes = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength)
  const packed = type === "uint8" ? packMask(bytes) : null
  writer.uint8(TAGS.image)
  writer.uint8(TYPE_ORDER.indexOf(type))
  writer.uint8(packed === null ? PACKINGS.raw : PACKINGS.bits)
  writer.uint8(size.length)
  writer.uint8(0)
  writer.uint32(components)
  for (const count of size) writer.uint32(count)
  // Added to 0, a negative zero is none: it would tell apart what is the same.
  for (const each of [...spacing, ...origin, ...direction]) writer.float64(each + 0)
  writer.align()
  writer.view(packed ?? bytes)
}

/** Gathers small things in one array, and passes large ones on as they are. */
class Writer {
  readonly #parts: Uint8Array[] = []
  #buffer: Buffer = Buffer.alloc(256)
  #used = 0
  #passed = 0

  uint8(value: number): void {
    this.#reserve(1)
    this.#used = this.#buffer.writeUInt8(value, this.#used)
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#used = this.#buffer.writeUInt32LE(value, this.#used)
  }

  float64(value: number): void {
    this.#reserve(8)
    if (Number.isNaN(value)) {
      this.#used = this.#buffer.writeBigUInt64LE(0x7ff8000000000000n, this.#used)
    } else {
      this.#used = this.#buffer.writeDoubleLE(value, this.#used)
    }
  }

  text(value: string): void {
    this.bytes(Buffer.from(value))
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#buffer.set(value, this.#used)
    this.#used += value.length
  }

  align(): void {
    while ((this.#passed + this.#used) % 8 !== 0) this.uint8(0)
  }

  view(value: Uint8Array): void {
    this.#pass()
    this.#parts.push(value)
    this.#passed += value.length
  }

  finish(): Encoded {
    this.#pass()
    return { byteLength: this.#passed, parts: this.#parts }
  }

  #pass(): void {
    if (this.#used === 0) return
    this.#parts.push(this.#buffer.subarray(0, this.#used))
    this.#passed += this.#used
    this.#buffer = Buffer.alloc(256)
    this.#used = 0
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#buffer.length) return
    const larger = Buffer.alloc(Math.max(this.#buffer.length * 2, this.#used + count))
    larger.set(this.#buffer.subarray(0, this.#used))
    this.#buffer = larger
  }
}
