/** Finding classes in bytes and floats: the inner loops of `sweep.ts`. */
import type { Image } from "../image/image.ts"
import type { Share } from "./kernel.ts"
import { lookUpBytes, lookUpWide } from "./look-up.ts"
import { layOut, VECTOR_CHUNK } from "./simd.ts"
import { floatFrom } from "./threshold.ts"

/** With so many limits at most, each is held against all values by itself, and masks are looked up from sixteen classes. */
export const MOST_FEW = 14

interface Bytes {
  /** The class of every byte. */
  readonly table: Uint16Array
  readonly classes: Image | null
}

/** Adds to `counted`, by class, and writes classes if there is an image for them; so do all of these. */
export function classifyBytes({ table, classes }: Bytes, voxels: Uint8Array, counted: Int32Array, share: Share): void {
  const { loops, bytes, words, places } = layOut(VECTOR_CHUNK, 4 * 1024)
  const [valuesAt, countsAt] = [places[0]!, places[1]! / 4]
  words.fill(0, countsAt, countsAt + 1024)
  for (let start = share.from; start < share.to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, share.to)
    bytes.set(voxels.subarray(start, end), valuesAt)
    loops.countBytes(valuesAt, end - start, countsAt * 4)
  }
  for (let at = 0; at < 1024; at += 1) counted[table[at & 255]!]! += words[countsAt + at]!
  if (classes?.voxels instanceof Uint8Array) lookUpBytes(voxels, Uint8Array.from(table), classes.voxels, share)
  else if (classes?.voxels instanceof Uint16Array) lookUpWide(voxels, table, classes.voxels, share)
}

interface Floats {
  readonly limits: Float64Array
  readonly classes: Image | null
}

export function classifyByFew(
  { limits, classes }: Floats,
  voxels: Float32Array,
  counted: Int32Array,
  { from, to }: Share,
): void {
  const count = limits.length
  const workspace = layOut(VECTOR_CHUNK * 4, VECTOR_CHUNK, count * 4, (count + 1) * 4)
  const { loops, bytes, words, floats, places } = workspace
  const [valuesAt, classesAt, limitsAt, reachedAt] = [places[0]!, places[1]!, places[2]!, places[3]!]
  floats.set(limits.map(floatFrom), limitsAt / 4)
  words.fill(0, reachedAt / 4, reachedAt / 4 + count + 1)
  for (let start = from; start < to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, to)
    floats.set(voxels.subarray(start, end), valuesAt / 4)
    loops.classifyByFew(valuesAt, classesAt, end - start, limitsAt, reachedAt, count)
    classes?.voxels.set(bytes.subarray(classesAt, classesAt + end - start), start)
  }
  // Whoever has reached a limit has reached all before it; the last class is that of NaN.
  let before = words[reachedAt / 4 + count]!
  counted[count + 1] = to - from - before
  for (let limit = 0; limit <= count; limit += 1) {
    const reached = limit < count ? words[reachedAt / 4 + limit]! : 0
    counted[limit] = before - reached
    before = reached
  }
}

interface ManyFloats extends Floats {
  readonly guide: Int32Array
  readonly cells: number
  readonly scale: number
}

export function classifyFloats(
  { limits, guide, classes, cells, scale }: ManyFloats,
  voxels: Float32Array,
  counted: Int32Array,
  { from, to }: Share,
): void {
  const sizes = [limits.byteLength, guide.byteLength, counted.byteLength]
  const workspace = layOut(VECTOR_CHUNK * 4, VECTOR_CHUNK * 2, ...sizes)
  const { loops, shorts, words, floats, doubles, places } = workspace
  const [valuesAt, classesAt, limitsAt, guideAt, countsAt] = places as unknown as Places
  doubles.set(limits, limitsAt / 8)
  words.set(guide, guideAt / 4)
  words.fill(0, countsAt / 4, countsAt / 4 + counted.length)
  for (let start = from; start < to; start += VECTOR_CHUNK) {
    const count = Math.min(VECTOR_CHUNK, to - start)
    floats.set(voxels.subarray(start, start + count), valuesAt / 4)
    loops.classifyFloats(valuesAt, classesAt, count, limitsAt, guideAt, countsAt, limits.length, cells, scale)
    classes?.voxels.set(shorts.subarray(classesAt / 2, classesAt / 2 + count), start)
  }
  counted.set(words.subarray(countsAt / 4, countsAt / 4 + counted.length))
}

// One for every size that is asked for.
type Places = readonly [number, number, number, number, number]

/** {@link lookUpBytes} for a table of at most sixteen entries, and bytes below their count. */
export function lookUpFew(voxels: Uint8Array, table: Uint8Array, output: Uint8Array, { from, to }: Share): void {
  const { loops, bytes, places } = layOut(VECTOR_CHUNK, VECTOR_CHUNK, 16)
  const [valuesAt, outputAt, tableAt] = [places[0]!, places[1]!, places[2]!]
  bytes.set(table, tableAt)
  for (let start = from; start < to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, to)
    bytes.set(voxels.subarray(start, end), valuesAt)
    loops.lookUpSixteen(valuesAt, tableAt, outputAt, end - start)
    output.set(bytes.subarray(outputAt, outputAt + end - start), start)
  }
}
