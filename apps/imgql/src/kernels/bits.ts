/**
 * Masks as bits: 32 voxels a word, every row of voxels beginning with a word of its own. Dilation by a box or a ball is then a
 * few shifts within rows and an OR across rows, 32 voxels at once.
 *
 * In all the loops of kernels, `!` marks an index that the loop keeps inside its array.
 */
import type { Share } from "./kernel.ts"
import { makeInts } from "./memory.ts"
import type { Shape } from "./shape.ts"
import { layOut } from "./simd.ts"

/** Words a row. */
export function wordsOf({ nx }: Shape): number {
  return (nx + 31) >>> 5
}

/** A plane of bits for all rows, all 0. */
export function makeBits(shape: Shape): Int32Array {
  return makeInts(shape.rows * wordsOf(shape))
}

export interface Packing extends Share {
  readonly nx: number
  readonly words: number
  /** The bits of bytes that are this are set, or, inverted, those of all others. */
  readonly value: number
  readonly isInverted: boolean
}

/** How many bytes are packed at once: they stay in the nearest caches. */
const PACKED_AT_ONCE = 32_768

/** Sets the bits of rows of bytes, from the beginning of `bits` plus `words` times the number of the row. */
export function packRows(voxels: Uint8Array, bits: Int32Array, packing: Packing): void {
  const { from, to, nx, words, value, isInverted } = packing
  const height = Math.max(1, Math.floor(PACKED_AT_ONCE / nx))
  const workspace = layOut(height * nx, height * words * 4)
  const [bytesAt, bitsAt] = [workspace.places[0]!, workspace.places[1]!]
  for (let row = from; row < to; row += height) {
    const rows = Math.min(height, to - row)
    workspace.bytes.set(voxels.subarray(row * nx, (row + rows) * nx), bytesAt)
    workspace.loops.packRows(bytesAt, bitsAt, nx, words, rows, value, isInverted ? 1 : 0)
    bits.set(workspace.words.subarray(bitsAt / 4, bitsAt / 4 + rows * words), row * words)
  }
}

/** Sets the bits of the values that are `value`, from bit `x` of a row on. */
export function packRow(
  line: Float64Array,
  value: number,
  bits: Int32Array,
  { word, x }: { readonly word: number; readonly x: number },
): void {
  for (let at = 0; at < line.length; at += 1) if (line[at] === value) setBit(bits, word, x + at)
}

export interface WidenOptions extends Share {
  readonly nx: number
  readonly words: number
  readonly reach: number
  /** Are the bits that are not set meant? */
  readonly isInverted: boolean
  /** Do the voxels beyond both ends count as set? */
  readonly isOutsideSet: boolean
}

/**
 * Widens the set bits of rows by `reach` voxels to both sides along x. Bits past the end of a row may be set, as if the row went on.
 */
export function widenRows(bits: Int32Array, wide: Int32Array, options: WidenOptions): void {
  const { nx, words, from, to, reach, isInverted, isOutsideSet } = options
  const flip = isInverted ? -1 : 0
  const tail = maskTail(nx)
  const line = new Int32Array(words)
  for (let row = from; row < to; row += 1) {
    const start = row * words
    for (let word = 0; word < words; word += 1) wide[start + word] = bits[start + word]! ^ flip
    wide[start + words - 1]! &= tail
    // A step may be as long as what is reached to one side and one voxel more: at the edge of a row there is no other side.
    for (let reached = 0; reached < reach;) {
      const step = Math.min(reached + 1, reach - reached, 31)
      for (let word = 0; word < words; word += 1) line[word] = wide[start + word]!
      for (let word = 0; word < words; word += 1) {
        const middle = line[word]!
        const before = word === 0 ? 0 : line[word - 1]! >>> (32 - step)
        const after = word + 1 === words ? 0 : line[word + 1]! << (32 - step)
        wide[start + word] = middle | (middle << step) | before | (middle >>> step) | after
      }
      reached += step
    }
    if (isOutsideSet) {
      for (let x = 0; x < Math.min(reach, nx); x += 1) setBit(wide, start, x)
      for (let x = Math.max(0, nx - reach); x < nx; x += 1) setBit(wide, start, x)
    }
  }
}

/** The bits of a row's last word that are voxels. */
export function maskTail(nx: number): number {
  const count = ((nx - 1) & 31) + 1
  return count === 32 ? -1 : (1 << count) - 1
}

function setBit(bits: Int32Array, word: number, x: number): void {
  bits[word + (x >>> 5)]! |= 1 << (x & 31)
}

/**
 * What a structuring element covers, as stretches along x: at `y` rows and `z` slices from its center, `reaches[stretch]` voxels to both sides.
 */
export interface Element {
  /** All half-lengths that occur, each once. */
  readonly reaches: readonly number[]
  /** For each stretch: y, z, and the index of its half-length. */
  readonly stretches: readonly (readonly [number, number, number])[]
}

export type ElementShape = "box" | "ball" | "cross"

/** The element of that shape and of that radius along each axis. As in ITK, a ball fills an ellipsoid half a voxel wider. */
export function makeElement(shape: ElementShape, [x = 0, y = 0, z = 0]: readonly number[]): Element {
  const reaches: number[] = []
  const stretches: [number, number, number][] = []
  for (let dz = -z; dz <= z; dz += 1) {
    for (let dy = -y; dy <= y; dy += 1) {
      const reach = reachAt(shape, [x, y, z], dy, dz)
      if (reach < 0) continue
      if (!reaches.includes(reach)) reaches.push(reach)
      stretches.push([dy, dz, reaches.indexOf(reach)])
    }
  }
  return { reaches, stretches }
}

/** How far the element reaches along x, that far from its center; -1 if it is not there at all. */
function reachAt(shape: ElementShape, [x, y, z]: readonly [number, number, number], dy: number, dz: number): number {
  switch (shape) {
    case "box":
      return x
    case "cross":
      return dy === 0 && dz === 0 ? x : dy === 0 || dz === 0 ? 0 : -1
    case "ball": {
      const rest = (dy / (y + 0.5)) ** 2 + (dz / (z + 0.5)) ** 2
      let reach = x
      while (reach >= 0 && (reach / (x + 0.5)) ** 2 + rest > 1) reach -= 1
      return reach
    }
  }
}

export interface JoinOptions {
  readonly ny: number
  readonly nz: number
  readonly words: number
  readonly element: Element
  readonly isOutsideSet: boolean
}

/**
 * One row of the dilation, to `into` from word `at` on: the OR of the widened rows that the element reaches. `wide` has one plane a
 * half-length.
 */
export function joinRows(
  wide: readonly Int32Array[],
  into: Int32Array,
  at: number,
  row: number,
  options: JoinOptions,
): void {
  const { ny, nz, words, element, isOutsideSet } = options
  const y = row % ny
  const z = (row - y) / ny
  into.fill(0, at, at + words)
  for (const [dy, dz, reach] of element.stretches) {
    const isInside = y + dy >= 0 && y + dy < ny && z + dz >= 0 && z + dz < nz
    if (isInside) {
      const plane = wide[reach]!
      const start = (row + dz * ny + dy) * words
      for (let word = 0; word < words; word += 1) into[at + word]! |= plane[start + word]!
    } else if (isOutsideSet) {
      into.fill(-1, at, at + words)
      return
    }
  }
}
