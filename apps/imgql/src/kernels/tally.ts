/**
 * All values of an image in order: which there are, how often, and the one in the middle.
 *
 * Values are put into buckets by the high halves of the doubles that they are, which have the same order, and each bucket is
 * sorted by itself: by whoever is free, in memory that caches hold.
 */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles, makeInts } from "./memory.ts"
import { CHUNK, readDoubles, requireScalar } from "./shape.ts"

export interface Tally {
  readonly median: number
  /** How many different values there are; all NaN are one. */
  readonly distinct: number
  /** The lowest of them and how often each occurs, up to {@link MAX_LISTED}. */
  readonly values: readonly number[]
  readonly counts: readonly number[]
}

export const MAX_LISTED = 65_536

const BUCKET_BITS = 12
const BUCKETS = 2 ** BUCKET_BITS
/** Of the two halves of a double in memory, the one with its sign and exponent. */
const HIGH = 1

interface Memory {
  readonly image: Image
  /** The least and the greatest key, a pair a part. */
  readonly ends: Int32Array
  /** By part and bucket, how many there are; then where the part's next one goes. */
  readonly tables: Int32Array
  readonly sorted: Float64Array
  /** By bucket, how many different values there are. */
  readonly distinct: Int32Array
  readonly values: Float64Array
  readonly counts: Float64Array
  /** How many are different, and the median. */
  readonly summary: Float64Array
}

export const tally: Kernel<NoParameters, Memory, Tally> = {
  name: "tally",
  prepare: (inputs, _, parts) => {
    const image = requireScalar("tally", inputs)
    const listed = Math.min(MAX_LISTED, image.voxels.length)
    return {
      image,
      ends: makeInts(2 * parts),
      tables: makeInts(parts * BUCKETS),
      sorted: makeDoubles(image.voxels.length),
      distinct: makeInts(BUCKETS),
      values: makeDoubles(listed),
      counts: makeDoubles(listed),
      summary: makeDoubles(2),
    }
  },
  phases: [
    { run: findEnds },
    { run: countBuckets },
    { isSerial: true, run: (memory, _, parts) => arrange(memory, parts) },
    { run: fillBuckets },
    { run: sortBuckets },
    { isSerial: true, run: list },
  ],
  finish: ({ values, counts, summary }) => {
    const [distinct = 0, median = Number.NaN] = summary
    const listed = Math.min(distinct, values.length)
    return { median, distinct, values: [...values.subarray(0, listed)], counts: [...counts.subarray(0, listed)] }
  },
}

/** Goes through a share of the voxels, with the keys of each piece. Both zeros are one value, and so are all NaN. */
function forKeys(
  { image }: Memory,
  [part, parts]: readonly [number, number],
  visit: (keys: Int32Array, values: Float64Array, count: number) => void,
): void {
  const values = new Float64Array(CHUNK)
  const halves = new Int32Array(values.buffer)
  const keys = new Int32Array(CHUNK)
  const { from, to } = shareOf(image.voxels.length, part, parts)
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    readDoubles(image.voxels, start, start + count, values)
    for (let at = 0; at < count; at += 1) {
      const value = values[at]! + 0
      values[at] = Number.isNaN(value) ? Number.NaN : value
      const high = halves[2 * at + HIGH]!
      const sign = high >> 31
      keys[at] = ((high & 0x7fffffff) ^ sign) - sign
    }
    visit(keys, values, count)
  }
}

function findEnds(memory: Memory, part: number, parts: number): void {
  let [least, most] = [0x7fffffff, -0x80000000]
  forKeys(memory, [part, parts], (keys, _, count) => {
    for (let at = 0; at < count; at += 1) {
      if (keys[at]! < least) least = keys[at]!
      if (keys[at]! > most) most = keys[at]!
    }
  })
  memory.ends.set([least, most], 2 * part)
}

/** Which bucket a key is in: `(key - least) >>> shift`. */
function readScale({ ends }: Memory): { readonly least: number; readonly shift: number } {
  let [least, most] = [0x7fffffff, -0x80000000]
  for (let at = 0; at < ends.length; at += 2) {
    least = Math.min(least, ends[at]!)
    most = Math.max(most, ends[at + 1]!)
  }
  return { least, shift: Math.max(0, 32 - Math.clz32(Math.max(0, most - least)) - BUCKET_BITS) }
}

function countBuckets(memory: Memory, part: number, parts: number): void {
  const { least, shift } = readScale(memory)
  const table = memory.tables.subarray(part * BUCKETS, (part + 1) * BUCKETS)
  forKeys(memory, [part, parts], (keys, _, count) => {
    for (let at = 0; at < count; at += 1) table[(keys[at]! - least) >>> shift]! += 1
  })
}

/** From counts to where every part puts its values of each bucket. */
function arrange({ tables }: Memory, parts: number): void {
  let before = 0
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    for (let at = bucket; at < parts * BUCKETS; at += BUCKETS) {
      const count = tables[at]!
      tables[at] = before
      before += count
    }
  }
}

function fillBuckets(memory: Memory, part: number, parts: number): void {
  const { least, shift } = readScale(memory)
  const { sorted, tables } = memory
  const nexts = tables.subarray(part * BUCKETS, (part + 1) * BUCKETS)
  forKeys(memory, [part, parts], (keys, values, count) => {
    for (let at = 0; at < count; at += 1) {
      const bucket = (keys[at]! - least) >>> shift
      sorted[nexts[bucket]!] = values[at]!
      nexts[bucket]! += 1
    }
  })
}

/** Where a bucket ends: where the last part has put its last. */
function endOf({ tables }: Memory, bucket: number): number {
  return bucket < 0 ? 0 : tables[tables.length - BUCKETS + bucket]!
}

/** Sorts the buckets that end in this part's share, and counts what is different in them. */
function sortBuckets(memory: Memory, part: number, parts: number): void {
  const { sorted, distinct } = memory
  const share = shareOf(sorted.length, part, parts)
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const [from, to] = [endOf(memory, bucket - 1), endOf(memory, bucket)]
    if (to <= share.from || to > share.to || from === to) continue
    const values = sorted.subarray(from, to)
    if (values.some((value) => !isSame(value, values[0]!))) values.sort()
    let count = 1
    for (let at = 1; at < values.length; at += 1) if (!isSame(values[at]!, values[at - 1]!)) count += 1
    distinct[bucket] = count
  }
}

/** The lowest values with their counts, as many as are listed, and the median. */
function list(memory: Memory): void {
  const { sorted, distinct, values, counts, summary } = memory
  let listed = 0
  let all = 0
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    all += distinct[bucket]!
    const end = endOf(memory, bucket)
    for (let start = endOf(memory, bucket - 1); start < end && listed < values.length; listed += 1) {
      let next = distinct[bucket] === 1 ? end : start + 1
      while (next < end && isSame(sorted[next]!, sorted[start]!)) next += 1
      values[listed] = sorted[start]!
      counts[listed] = next - start
      start = next
    }
  }
  const half = sorted.length / 2
  summary.set([all, (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2])
}

function isSame(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b))
}
