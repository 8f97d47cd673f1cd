/**
 * Where each voxel of a mask stands among all of them, by rank.
 *
 * Values are taken as the whole numbers that float32 numbers are stored as, which have the same order: keys. Where few keys can
 * occur, as in scans of whole numbers, they are counted in tables. Otherwise voxels are put into buckets by the highest bits of
 * their keys, and each bucket is sorted by the rest (`rank-bucket.ts`).
 */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeSorter } from "./rank-bucket.ts"
import { floatsOf, makeImage, requireSameSize, requireScalar, requireThat } from "./shape.ts"
import { makeBytes, makeFloats, makeInts, makeNumbers } from "./memory.ts"

/** Every part has a table of its own, so it must not be larger than caches are. */
const TABLE_SIZE: number = 2 ** 20
const BUCKETS = 4096

export interface PercentilesParameters {
  /** How much of its own tie a voxel has below it, from 0 to 1. */
  readonly correction: number
}

interface Memory {
  readonly image: Image
  /** The image as float32: the image itself, or yet to be filled. */
  readonly values: Float32Array
  readonly mask: Image
  /** Not 0 for members, those in the mask: the mask itself, or yet to be filled. */
  readonly members: Uint8Array
  readonly correction: number
  /** By part: how many members, the OR of their keys, the smallest and the largest key. */
  readonly found: Int32Array
  /** See {@link Decision}. */
  readonly decided: Int32Array
  /** By part: how often each small key occurs; or where the part's next voxel of each bucket goes. */
  readonly tables: Int32Array
  /** By small key, in tables: what its voxels become. */
  readonly ranks: Float32Array
  /** Bucket after bucket: the small keys and the places of members. */
  readonly keys: Uint32Array
  readonly places: Uint32Array
  readonly output: Image
}

/** A small key is `(key >> shift) - least`: no bit is lost, and the smallest one is 0. */
interface Decision {
  readonly members: number
  readonly shift: number
  readonly least: number
  /** Small keys are below this. */
  readonly range: number
  readonly isTable: boolean
  /** What of a small key its bucket does not tell. */
  readonly bucketShift: number
}

function readDecision({ decided }: Memory): Decision {
  const [members, shift, least, range] = [decided[0]!, decided[1]!, decided[2]!, decided[3]! >>> 0]
  const bits = 32 - Math.clz32(range)
  return { members, shift, least, range, isTable: range < TABLE_SIZE, bucketShift: Math.max(0, bits - 12) }
}

/** The key of a float32 number stored as `bits`; both zeros have the same. */
function keyOf(bits: number): number {
  const sign = bits >> 31
  return ((bits & 0x7fffffff) ^ sign) - sign
}

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length)
}

function findPart(memory: Memory, part: number, parts: number): void {
  const { image, values, mask, members, found } = memory
  const { from, to } = shareOf(values.length, part, parts)
  if (image.voxels !== values) values.set(image.voxels.subarray(from, to), from)
  if (mask.voxels !== members) markMembers(mask, members, from, to)
  floatsOf(memory.output).fill(-1, from, to)
  const bits = bitsOf(values)
  const fours = foursOf(members)
  let count = 0
  let union = 0
  let least = 0x7fffffff
  let most = -0x80000000
  for (let at = nextMember(members, fours, from, to); at < to; at = nextMember(members, fours, at + 1, to)) {
    const key = keyOf(bits[at]!)
    count += 1
    union |= key
    if (key < least) least = key
    if (key > most) most = key
  }
  found.set([count, union, least, most], part * 4)
}

/** Four members at once; none where they do not lie so that they can be looked at like that. */
function foursOf({ buffer, byteOffset, length }: Uint8Array): Int32Array {
  return byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, length >> 2) : new Int32Array(0)
}

/** The next member from `at` on, or `to`. Most voxels of a head are none. */
function nextMember(members: Uint8Array, fours: Int32Array, at: number, to: number): number {
  let next = at
  while (next < to && members[next] === 0) next += (next & 3) === 0 && fours[next >> 2] === 0 ? 4 : 1
  return Math.min(next, to)
}

function markMembers({ voxels }: Image, members: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; at += 1) members[at] = voxels[at] === 0 ? 0 : 1
}

function decide({ found, decided }: Memory, parts: number): void {
  let [count, union, least, most] = [0, 0, 0x7fffffff, -0x80000000]
  for (let part = 0; part < parts; part += 1) {
    count += found[part * 4]!
    union |= found[part * 4 + 1]!
    least = Math.min(least, found[part * 4 + 2]!)
    most = Math.max(most, found[part * 4 + 3]!)
  }
  const shift = union === 0 ? 0 : 31 - Math.clz32(union & -union)
  const range = count === 0 ? 0 : (most >> shift) - (least >> shift) + 1
  decided.set([count, shift, least >> shift, range])
}

/** Counts small keys, or buckets. */
function countPart(memory: Memory, part: number, parts: number): void {
  const { values, members, tables } = memory
  const { shift, least, range, isTable, bucketShift } = readDecision(memory)
  const { from, to } = shareOf(values.length, part, parts)
  const bits = bitsOf(values)
  const size = isTable ? range : BUCKETS + 1
  const table = tables.subarray(part * size, (part + 1) * size)
  const drop = isTable ? 0 : bucketShift
  const fours = foursOf(members)
  for (let at = nextMember(members, fours, from, to); at < to; at = nextMember(members, fours, at + 1, to)) {
    table[(((keyOf(bits[at]!) >> shift) - least) >>> drop) & 0x7fffffff]! += 1
  }
}

/** From counts to ranks, or to where every part puts its voxels of each bucket. */
function arrange(memory: Memory, parts: number): void {
  const { tables, ranks, correction } = memory
  const { members, range, isTable } = readDecision(memory)
  let before = 0
  if (isTable) {
    for (let key = 0; key < range; key += 1) {
      let ties = 0
      for (let part = 0; part < parts; part += 1) ties += tables[part * range + key]!
      if (ties === 0) continue
      ranks[key] = (before + correction * ties) / members
      before += ties
    }
    return
  }
  for (let bucket = 0; bucket <= BUCKETS; bucket += 1) {
    for (let part = 0; part < parts; part += 1) {
      const at = part * (BUCKETS + 1) + bucket
      const count = tables[at]!
      tables[at] = before
      before += count
    }
  }
}

/** Writes ranks from the table, or puts voxels into buckets. */
function placePart(memory: Memory, part: number, parts: number): void {
  const { values, members, tables, ranks, keys, places } = memory
  const { shift, least, isTable, bucketShift } = readDecision(memory)
  const { from, to } = shareOf(values.length, part, parts)
  const bits = bitsOf(values)
  const output = floatsOf(memory.output)
  const fours = foursOf(members)
  if (isTable) {
    for (let at = nextMember(members, fours, from, to); at < to; at = nextMember(members, fours, at + 1, to)) {
      output[at] = ranks[(keyOf(bits[at]!) >> shift) - least]!
    }
    return
  }
  const nexts = tables.subarray(part * (BUCKETS + 1), (part + 1) * (BUCKETS + 1))
  for (let at = nextMember(members, fours, from, to); at < to; at = nextMember(members, fours, at + 1, to)) {
    const key = (keyOf(bits[at]!) >> shift) - least
    const bucket = key >>> bucketShift
    const place = nexts[bucket]!
    nexts[bucket] = place + 1
    keys[place] = key
    places[place] = at
  }
}

/** Sorts the buckets that end in this part's share of all members, and writes their ranks. */
function rankPart(memory: Memory, part: number, parts: number): void {
  const decision = readDecision(memory)
  if (decision.isTable) return
  const { tables, keys, places, correction } = memory
  const share = shareOf(decision.members, part, parts)
  const sorter = makeSorter({ output: floatsOf(memory.output), correction, members: decision.members })
  // Where the last part's voxels of a bucket end, the bucket ends.
  const ends = tables.subarray((parts - 1) * (BUCKETS + 1), parts * (BUCKETS + 1))
  let from = 0
  for (let bucket = 0; bucket <= BUCKETS; bucket += 1) {
    const to = ends[bucket]!
    if (to > share.from && to <= share.to && to > from) sorter({ keys, places, from, to, bits: decision.bucketShift })
    from = to
  }
}

/**
 * For a voxel of the mask, (voxels of the mask below it + correction * voxels tied with it, itself included) / voxels of the mask,
 * by their values in the image as float32; -1 outside.
 */
export const percentiles: Kernel<PercentilesParameters, Memory, Image> = {
  name: "percentiles",
  prepare: (inputs, { correction }, parts) => {
    const image = requireScalar("percentiles", inputs, 0)
    const mask = requireScalar("percentiles", inputs, 1)
    requireSameSize("percentiles", image, mask)
    requireThat("percentiles", Number.isFinite(correction), "a finite correction", correction)
    const { voxels } = image
    return {
      image,
      values: voxels instanceof Float32Array ? voxels : makeFloats(voxels.length),
      mask,
      members: mask.voxels instanceof Uint8Array ? mask.voxels : makeBytes(voxels.length),
      correction,
      found: makeInts(parts * 4),
      decided: makeInts(4),
      tables: makeInts(parts * TABLE_SIZE),
      ranks: makeFloats(TABLE_SIZE),
      keys: makeNumbers(voxels.length),
      places: makeNumbers(voxels.length),
      output: makeImage(image, "float32"),
    }
  },
  phases: [
    { run: findPart },
    { isSerial: true, run: (memory, _, parts) => decide(memory, parts) },
    { run: countPart },
    { isSerial: true, run: (memory, _, parts) => arrange(memory, parts) },
    { run: placePart },
    { run: rankPart },
  ],
  finish: ({ output }) => output,
}
