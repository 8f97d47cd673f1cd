/**
 * Many thresholds over one image in one pass.
 *
 * All limits of all selections, in order, cut the values into classes: the class of a voxel is how many limits it has reached. A
 * selection gives every class one value, and so does what logic makes of selections. So one count of every class gives the
 * volume of every mask, and one image of classes gives any mask by a look at a table, from a byte a voxel. Counts and masks
 * are those of `BinaryThreshold`, `comparison` and `between`, and of `and`, `or`, `xor` and `not` on them, bit for bit.
 */
import type { Image } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { lookUpBytes, lookUpShorts } from "./look-up.ts"
import { makeDoubles, makeInts, makeShorts } from "./memory.ts"
import { bytesOf, CHUNK, makeImage, readDoubles, requireScalar, requireThat } from "./shape.ts"
import type { Selection } from "./selection.ts"
import { Classes, limitsOf } from "./selection.ts"
import { classifyByFew, classifyBytes, classifyFloats, lookUpFew, MOST_FEW } from "./sweep-vectors.ts"

export interface SweepParameters {
  readonly selections: readonly Selection[]
  /** Is the image of classes wanted, for {@link sweepMask}? */
  readonly areClassesKept: boolean
}

export interface SweepResult {
  /** For each selection, how many voxels of its mask are not 0. */
  readonly counts: readonly number[]
  /** The values that the mask of a selection, by its place in the list, has in each class. */
  readonly tableOf: (at: number) => Uint8Array
  readonly classes: Image | null
}

interface Memory {
  readonly image: Image
  /** Rising; a voxel has reached those that are not above its value. */
  readonly limits: Float64Array
  /** By cell: how many limits lie in cells before it. One more than there are cells. */
  readonly guide: Int32Array
  /** The class of each value of a type of eight or sixteen bits, from its least value on; empty for other types. */
  readonly table: Uint16Array
  readonly least: number
  /** By part, how many voxels each class has. The last class is that of NaN. */
  readonly counts: Int32Array
  readonly selections: readonly Selection[]
  readonly classes: Image | null
}

/** Even parts of the way from the first limit to the last. */
const CELLS = 4096

const LEAST_VALUES: Readonly<Partial<Record<Image["type"], readonly [number, number]>>> = {
  uint8: [0, 256],
  int8: [-128, 256],
  uint16: [0, 65_536],
  int16: [-32_768, 65_536],
}

function classifyPart(memory: Memory, part: number, parts: number): void {
  const { image, classes, counts, limits } = memory
  const { voxels } = image
  const counted = counts.subarray(part * (limits.length + 2), (part + 1) * (limits.length + 2))
  const share = shareOf(voxels.length, part, parts)
  if (voxels instanceof Uint8Array) return classifyBytes(memory, voxels, counted, share)
  if (voxels instanceof Float32Array) {
    if (limits.length <= MOST_FEW) return classifyByFew(memory, voxels, counted, share)
    return classifyFloats({ ...memory, cells: CELLS, scale: scaleOf(limits) }, voxels, counted, share)
  }
  const chunk = new Float64Array(CHUNK)
  const found = new Uint16Array(CHUNK)
  const { from, to } = share
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    readDoubles(voxels, start, start + count, chunk)
    if (memory.table.length > 0) lookUp(memory, chunk, found, count)
    else search(memory, chunk, found, count)
    for (let at = 0; at < count; at += 1) counted[found[at]!]! += 1
    if (classes !== null) classes.voxels.set(count === CHUNK ? found : found.subarray(0, count), start)
  }
}

function lookUp({ table, least }: Memory, chunk: Float64Array, found: Uint16Array, count: number): void {
  for (let at = 0; at < count; at += 1) found[at] = table[chunk[at]! - least]!
}

function search({ limits, guide }: Memory, chunk: Float64Array, found: Uint16Array, count: number): void {
  const first = limits[0] ?? 0
  const scale = scaleOf(limits)
  for (let at = 0; at < count; at += 1) {
    const value = chunk[at]!
    if (value !== value) {
      found[at] = limits.length + 1
      continue
    }
    const cell = cellOf(value, first, scale)
    const end = guide[cell + 1]!
    let reached = guide[cell]!
    while (reached < end && value >= limits[reached]!) reached += 1
    found[at] = reached
  }
}

function scaleOf(limits: Float64Array): number {
  const scale = CELLS / ((limits.at(-1) ?? 0) - (limits[0] ?? 0))
  return Number.isFinite(scale) ? scale : 0
}

/** Never falls as the value rises, which is all that the search needs of it. */
function cellOf(value: number, first: number, scale: number): number {
  const cell = (value - first) * scale
  // Also true of NaN, which an infinite value times 0 gives.
  if (!(cell > 0)) return 0
  return cell >= CELLS - 1 ? CELLS - 1 : Math.trunc(cell)
}

function countTable(table: Uint8Array, totals: readonly number[]): number {
  let count = 0
  for (const [at, value] of table.entries()) if (value !== 0) count += totals[at]!
  return count
}

function prepareSweep(image: Image, { selections, areClassesKept }: SweepParameters, parts: number): Memory {
  const list = limitsOf(image.type, selections)
  requireThat("sweep", list.length < 65_534, "at most 32766 selections", selections.length)
  const limits = makeDoubles(list.length)
  limits.set(list)
  const classes = areClassesKept ? makeImage(image, list.length + 2 <= 256 ? "uint8" : "uint16") : null
  const [least, count] = LEAST_VALUES[image.type] ?? [0, 0]
  const table = makeShorts(count)
  const memory: Memory = {
    image,
    limits,
    guide: makeGuide(limits),
    table,
    least,
    counts: makeInts(parts * (list.length + 2)),
    selections,
    classes,
  }
  // Only a small type has a table: each of its values is searched once.
  const values = new Float64Array(CHUNK)
  for (let start = 0; start < count; start += CHUNK) {
    const length = Math.min(CHUNK, count - start)
    for (let at = 0; at < length; at += 1) values[at] = least + start + at
    search(memory, values, table.subarray(start), length)
  }
  return memory
}

function makeGuide(limits: Float64Array): Int32Array {
  const guide = makeInts(CELLS + 1)
  const scale = scaleOf(limits)
  for (const limit of limits) guide[cellOf(limit, limits[0]!, scale) + 1]! += 1
  for (let cell = 1; cell <= CELLS; cell += 1) guide[cell]! += guide[cell - 1]!
  return guide
}

/** What many selections count, and the classes that all their masks can be made from. */
export const sweep: Kernel<SweepParameters, Memory, SweepResult> = {
  name: "sweep",
  prepare: (inputs, parameters, parts) => prepareSweep(requireScalar("sweep", inputs), parameters, parts),
  phases: [{ run: classifyPart }],
  finish: ({ image, counts, limits, selections, classes }) => {
    const size = limits.length + 2
    const totals = Array.from({ length: size }, () => 0)
    for (const [at, count] of counts.entries()) totals[at % size]! += count
    const classesOf = new Classes(image.type, limits)
    const tableOf = (at: number): Uint8Array => classesOf.tableOf(selections[at]!)
    return { counts: selections.map((_, at) => countTable(tableOf(at), totals)), tableOf, classes }
  },
}

interface MaskMemory {
  readonly classes: Image
  readonly table: Uint8Array
  readonly output: Image
}

/** The mask of one selection, by its table and the classes of a {@link sweep}. */
export const sweepMask: Kernel<Uint8Array, MaskMemory, Image> = {
  name: "sweepMask",
  prepare: (inputs, table) => {
    const classes = requireScalar("sweepMask", inputs)
    return { classes, table, output: makeImage(classes, "uint8") }
  },
  phases: [
    {
      run: ({ classes: { voxels }, table, output }, part, parts) => {
        const share = shareOf(voxels.length, part, parts)
        const bytes = bytesOf(output)
        if (voxels instanceof Uint8Array && table.length <= MOST_FEW + 2) lookUpFew(voxels, table, bytes, share)
        else if (voxels instanceof Uint8Array) lookUpBytes(voxels, table, bytes, share)
        else if (voxels instanceof Uint16Array) lookUpShorts(voxels, table, bytes, share)
      },
    },
  ],
  finish: ({ output }) => output,
}
