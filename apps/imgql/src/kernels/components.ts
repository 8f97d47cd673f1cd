/**
 * Connected components, found from runs of set voxels along x.
 *
 * 1. Every part lists the runs of its rows and joins those that touch within it, in a forest of run numbers that grow in
 *    raster order. A root is the smallest number of its tree, so it is the first run of its component.
 * 2. One thread joins across the borders of parts and gives every root its label: 1, 2, and so on in raster order.
 * 3. Every part paints the runs of its rows.
 */
import type { Image, VoxelType } from "../image/image.ts"
import { packRows, wordsOf } from "./bits.ts"
import type { Kernel, NoParameters, Phase, Share } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { makeImage, requireSameSize, requireScalar, requireThat, shapeOf } from "./shape.ts"
import { makeInts } from "./memory.ts"

interface Memory {
  readonly shape: Shape
  readonly input: Image
  /** Where through() looks for components to keep. */
  readonly seed: Image | null
  /** Do voxels that only share an edge or a corner touch? */
  readonly isFullyConnected: boolean
  /** First and past-the-last x of each run. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** The forest: a smaller or the same run of the same component. Later the label of each run. */
  readonly parents: Int32Array
  /** Where the runs of each row begin, and one past the last row of each part. */
  readonly firsts: Int32Array
  readonly lasts: Int32Array
  /** By root, then by label: voxels, or whether a seed is in it. None for labels. */
  readonly weights: Int32Array
  /** By label: what its voxels become in a mask. */
  readonly paints: Int32Array
  /** [0]: how many components there are. */
  readonly counts: Int32Array
  readonly parts: number
  readonly output: Image
}

interface Settings {
  readonly isFullyConnected: boolean
  readonly type: VoxelType
  readonly seed: Image | null
}

function prepareComponents(input: Image, { isFullyConnected, type, seed }: Settings, parts: number): Memory {
  // Labels are what they are; masks are painted by what is in a component.
  const isWeighed = type === "uint8"
  const shape = shapeOf(input)
  // A row has at most one run for every two voxels.
  const capacity = shape.rows * ((shape.nx + 1) >>> 1)
  requireThat("lcc", input.voxels.length < 2 ** 31, "an image of fewer than 2^31 voxels", input.size)
  return {
    shape,
    input,
    seed,
    isFullyConnected,
    starts: makeInts(capacity),
    ends: makeInts(capacity),
    parents: makeInts(capacity),
    firsts: makeInts(shape.rows),
    lasts: makeInts(shape.rows),
    weights: makeInts(isWeighed ? capacity : 0),
    paints: makeInts(isWeighed ? capacity + 1 : 0),
    counts: makeInts(1),
    parts,
    output: makeImage(input, type),
  }
}

/** How many rows are looked at at once. */
const ROWS_AT_ONCE = 64

/** Step 1, and what through() and maxvol() weigh components by. */
function findPart(memory: Memory, part: number, parts: number): void {
  const { shape, input, seed, firsts, lasts, parents, weights } = memory
  const { nx } = shape
  const words = wordsOf(shape)
  const { from, to } = shareOf(shape.rows, part, parts)
  const bits = new Int32Array(ROWS_AT_ONCE * words)
  const seeds = new Int32Array(ROWS_AT_ONCE * words)
  let next = from * ((nx + 1) >>> 1)
  for (let start = from; start < to; start += ROWS_AT_ONCE) {
    const end = Math.min(start + ROWS_AT_ONCE, to)
    packSet(input, bits, { from: start, to: end, nx, words })
    if (seed !== null) packSet(seed, seeds, { from: start, to: end, nx, words })
    for (let row = start; row < end; row += 1) {
      const first = next
      next = listRuns(memory, bits, (row - start) * words, next)
      firsts[row] = first
      lasts[row] = next
      for (let run = first; run < next; run += 1) parents[run] = run
      joinBefore(memory, row, from)
      if (weights.length > 0) weigh(memory, seeds, (row - start) * words, first, next)
    }
  }
}

interface Rows extends Share {
  readonly nx: number
  readonly words: number
}

/** Sets the bits of values that are not 0, from the beginning of `bits` on. */
function packSet({ voxels }: Image, bits: Int32Array, { from, to, nx, words }: Rows): void {
  const chunk = voxels.subarray(from * nx, to * nx)
  const bytes = chunk instanceof Uint8Array ? chunk : Uint8Array.from(chunk, (value) => (value === 0 ? 0 : 1))
  packRows(bytes, bits, { from: 0, to: to - from, nx, words, value: 0, isInverted: true })
}

/** Lists the runs of a row, whose bits begin at `word`, from run `first` on; returns where the next one goes. */
function listRuns({ shape, starts, ends }: Memory, bits: Int32Array, word: number, first: number): number {
  const words = wordsOf(shape)
  let next = first
  let isOpen = false
  for (let at = 0; at < words; at += 1) {
    const set = bits[word + at]!
    // A bit of each voxel that is not as the one before it.
    let changes = set ^ ((set << 1) | (isOpen ? 1 : 0))
    while (changes !== 0) {
      const x = (at << 5) + 31 - Math.clz32(changes & -changes)
      changes &= changes - 1
      if (isOpen) {
        ends[next] = x
        next += 1
      } else {
        starts[next] = x
      }
      isOpen = !isOpen
    }
  }
  if (isOpen) {
    ends[next] = shape.nx
    next += 1
  }
  return next
}

/** Joins the runs of a row with those of the rows before it that can touch, down to the row `from`. */
function joinBefore(memory: Memory, row: number, from: number): void {
  const { ny } = memory.shape
  const y = row % ny
  if (y > 0 && row - 1 >= from) joinRows(memory, row, row - 1)
  joinSlice(memory, row, from)
}

/** Joins the runs of a row with those of the slice before it. */
function joinSlice(memory: Memory, row: number, from: number): void {
  const { ny } = memory.shape
  const y = row % ny
  const below = row - ny
  if (below < 0) return
  if (below >= from) joinRows(memory, row, below)
  if (!memory.isFullyConnected) return
  if (y > 0 && below - 1 >= from) joinRows(memory, row, below - 1)
  if (y < ny - 1 && below + 1 >= from) joinRows(memory, row, below + 1)
}

/** Joins the runs of two rows that touch: both lists are in order, so one walk over both finds all. */
function joinRows(memory: Memory, row: number, other: number): void {
  const { starts, ends, parents, firsts, lasts, isFullyConnected } = memory
  const reach = isFullyConnected ? 1 : 0
  const last = lasts[row]!
  const otherLast = lasts[other]!
  let run = firsts[row]!
  let otherRun = firsts[other]!
  if (run === last || otherRun === otherLast) return
  let start = starts[run]! - reach
  let end = ends[run]!
  let otherStart = starts[otherRun]! - reach
  let otherEnd = ends[otherRun]!
  for (;;) {
    // Most that touch are known to be of one tree: then they have one parent by now.
    if (start < otherEnd && otherStart < end && parents[run] !== parents[otherRun]) join(parents, run, otherRun)
    if (end < otherEnd) {
      run += 1
      if (run === last) return
      start = starts[run]! - reach
      end = ends[run]!
    } else {
      otherRun += 1
      if (otherRun === otherLast) return
      otherStart = starts[otherRun]! - reach
      otherEnd = ends[otherRun]!
    }
  }
}

function join(parents: Int32Array, run: number, other: number): void {
  const root = findRoot(parents, run)
  const otherRoot = findRoot(parents, other)
  if (root < otherRoot) parents[otherRoot] = root
  else if (otherRoot < root) parents[root] = otherRoot
}

/** Halves the way it goes, so that the next one is shorter. */
function findRoot(parents: Int32Array, run: number): number {
  let at = run
  let parent = parents[at]!
  while (parent !== at) {
    const above = parents[parent]!
    parents[at] = above
    at = above
    parent = parents[at]!
  }
  return at
}

/** What each run alone adds to its component: its voxels, or whether a seed is in it. */
function weigh(
  { seed, starts, ends, weights }: Memory,
  seeds: Int32Array,
  word: number,
  first: number,
  last: number,
): void {
  for (let run = first; run < last; run += 1) {
    const [start, end] = [starts[run]!, ends[run]!]
    weights[run] = seed === null ? end - start : isAnySet(seeds, word, start, end) ? 1 : 0
  }
}

function isAnySet(bits: Int32Array, word: number, from: number, to: number): boolean {
  const last = (to - 1) >>> 5
  let mask = -1 << (from & 31)
  for (let at = from >>> 5; at < last; at += 1) {
    if ((bits[word + at]! & mask) !== 0) return true
    mask = -1
  }
  return (bits[word + last]! & mask & (-1 >>> (31 - ((to - 1) & 31)))) !== 0
}

/** Step 2. Afterwards `parents` holds labels, and `weights` is by label, from 1 on. */
function labelAll(memory: Memory): void {
  const { shape, parents, firsts, lasts, weights, counts } = memory
  joinParts(memory)
  const { rows } = shape
  let components = 0
  for (let row = 0; row < rows; row += 1) {
    const last = lasts[row]!
    for (let run = firsts[row]!; run < last; run += 1) {
      const parent = parents[run]!
      // A run before this one has its label already; a label is never larger than the number of its run and 1.
      const label = parent === run ? (components += 1) : parents[parent]!
      parents[run] = label
      if (weights.length === 0) continue
      const weight = weights[run]!
      if (parent === run) weights[label - 1] = weight
      else weights[label - 1]! += weight
    }
  }
  counts[0] = components
}

function joinParts(memory: Memory): void {
  const { shape, parts } = memory
  const { rows, ny } = shape
  for (let part = 1; part < parts; part += 1) {
    const { from, to } = shareOf(rows, part, parts)
    if (from === to) continue
    // Rows of an earlier part can only touch the first rows: those within one slice and one row.
    for (let row = from; row < Math.min(to, from + ny + 1); row += 1) joinBefore(memory, row, 0)
  }
}

/** Step 3. */
function paintPart(memory: Memory, part: number, parts: number): void {
  const { voxels } = memory.output
  const share = shareOf(memory.shape.rows, part, parts)
  // Each type has its loop, which knows of no other type.
  if (voxels instanceof Uint8Array) paintBytes(memory, voxels, share)
  else if (voxels instanceof Float32Array) paintFloats(memory, voxels, share)
  else if (voxels instanceof Uint32Array) paintNumbers(memory, voxels, share)
}

function paintBytes(memory: Memory, voxels: Uint8Array, { from, to }: Share): void {
  const { shape, starts, ends, parents, firsts, lasts, paints } = memory
  for (let row = from; row < to; row += 1) {
    const start = row * shape.nx
    const last = lasts[row]!
    for (let run = firsts[row]!; run < last; run += 1) {
      const paint = paints[parents[run]!]!
      const end = start + ends[run]!
      if (paint !== 0) for (let at = start + starts[run]!; at < end; at += 1) voxels[at] = paint
    }
  }
}

function paintFloats(memory: Memory, voxels: Float32Array, { from, to }: Share): void {
  const { shape, starts, ends, parents, firsts, lasts } = memory
  for (let row = from; row < to; row += 1) {
    const start = row * shape.nx
    const last = lasts[row]!
    for (let run = firsts[row]!; run < last; run += 1) {
      const label = parents[run]!
      const end = start + ends[run]!
      for (let at = start + starts[run]!; at < end; at += 1) voxels[at] = label
    }
  }
}

function paintNumbers(memory: Memory, voxels: Uint32Array, { from, to }: Share): void {
  const { shape, starts, ends, parents, firsts, lasts } = memory
  for (let row = from; row < to; row += 1) {
    const start = row * shape.nx
    const last = lasts[row]!
    for (let run = firsts[row]!; run < last; run += 1) {
      const label = parents[run]!
      const end = start + ends[run]!
      for (let at = start + starts[run]!; at < end; at += 1) voxels[at] = label
    }
  }
}

const LABELING: readonly Phase<Memory>[] = [{ run: findPart }, { isSerial: true, run: labelAll }, { run: paintPart }]

function phasesWith(choosePaints: (memory: Memory) => void): readonly Phase<Memory>[] {
  return [
    { run: findPart },
    {
      isSerial: true,
      run: (memory) => {
        labelAll(memory)
        choosePaints(memory)
      },
    },
    { run: paintPart },
  ]
}

function paintSeeded({ paints, weights, counts }: Memory): void {
  for (let label = 1; label <= counts[0]!; label += 1) paints[label] = weights[label - 1]! > 0 ? 1 : 0
}

function paintLargest({ paints, weights, counts }: Memory): void {
  let most = 0
  for (let label = 1; label <= counts[0]!; label += 1) most = Math.max(most, weights[label - 1]!)
  for (let label = 1; label <= counts[0]!; label += 1) paints[label] = weights[label - 1] === most ? 1 : 0
}

/** The number of each voxel's component, from 1 in raster order of their first voxels; 0 outside. Corners connect. */
export const lcc: Kernel<NoParameters, Memory, Image> = {
  name: "lcc",
  prepare: (inputs, _, parts) => {
    const input = requireScalar("lcc", inputs)
    return prepareComponents(input, { isFullyConnected: true, type: "float32", seed: null }, parts)
  },
  phases: LABELING,
  finish: ({ output }) => output,
}

/** The components of the second mask that have a voxel of the first. */
export const through: Kernel<NoParameters, Memory, Image> = {
  name: "through",
  prepare: (inputs, _, parts) => {
    const seed = requireScalar("through", inputs, 0)
    const input = requireScalar("through", inputs, 1)
    requireSameSize("through", seed, input)
    return prepareComponents(input, { isFullyConnected: true, type: "uint8", seed }, parts)
  },
  phases: phasesWith(paintSeeded),
  finish: ({ output }) => output,
}

/** The components with the most voxels: all of them if several have as many. */
export const maxvol: Kernel<NoParameters, Memory, Image> = {
  name: "maxvol",
  prepare: (inputs, _, parts) => {
    const input = requireScalar("maxvol", inputs)
    return prepareComponents(input, { isFullyConnected: true, type: "uint8", seed: null }, parts)
  },
  phases: phasesWith(paintLargest),
  finish: ({ output }) => output,
}

/** The number of each voxel's component as {@link lcc}, as whole numbers; whether corners connect is up to the caller. */
export const connectedComponent: Kernel<{ readonly isFullyConnected: boolean }, Memory, Image> = {
  name: "ConnectedComponent",
  prepare: (inputs, { isFullyConnected }, parts) => {
    const input = requireScalar("ConnectedComponent", inputs)
    return prepareComponents(input, { isFullyConnected, type: "uint32", seed: null }, parts)
  },
  phases: LABELING,
  finish: ({ output }) => output,
}
