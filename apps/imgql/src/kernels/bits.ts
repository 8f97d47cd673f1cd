/**
 * Masks as bits: 32 voxels a word, every row of voxels beginning with a word of its own. Dilation by a box or a ball is then a
 * few shifts within rows and an OR across rows, 32 voxels at once.
 *
 * In all the loops of kernels, `!` marks an index that the loop keeps inside its array.
 */
import type { Share } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { makeInts } from "./memory.ts"

/** Words a row. */
export function wordsOf({ nx }: Shape): number {
  return (nx + 31) >>> 5
}

/** A plane of bits for all rows, all 0. */
export function makeBits(shape: Shape): Int32Array {
  return makeInts(shape.rows * wordsOf(shape))
}

/** Sets the bits of the voxels that are `value`, or, with `isInverted`, of those that are not. */
export function packRows(
  voxels: Uint8Array,
  bits: Int32Array,
  { nx, words, from, to, value, isInverted }: PackOptions,
): void {
  const flip = isInverted ? 1 : 0
  for (let row = from; row < to; row += 1) {
    const start = row * nx
    for (let word = 0; word < words; word += 1) {
      const first = start + word * 32
      const count = Math.min(32, nx - word * 32)
      let packed = 0
      for (let bit = 0; bit < count; bit += 1) packed |= ((voxels[first + bit] === value ? 1 : 0) ^ flip) << bit
      bits[row * words + word] = packed
    }
  }
}

export interface PackOptions extends Share {
  readonly nx: number
  readonly words: number
  readonly value: number
  readonly isInverted: boolean
}

/**
 * Widens the set bits of rows by `reach` voxels to both sides along x. Bits past the end of a row may be set, as if the row went on.
 * Where `isOutsideSet`, the voxels beyond both ends count as set ones.
 */
export function widenRows(
  bits: Int32Array,
  wide: Int32Array,
  { nx, words, from, to, reach, isOutsideSet }: WidenOptions,
): void {
  for (let at = from * words; at < to * words; at += 1) wide[at] = bits[at]!
  const line = new Int32Array(words)
  for (let row = from; row < to; row += 1) {
    const start = row * words
    // Every step may be as long as what is already reached and one voxel more, and leaves no gap.
    for (let reached = 0; reached < reach;) {
      const step = Math.min(2 * reached + 1, reach - reached, 31)
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

export interface WidenOptions extends Share {
  readonly nx: number
  readonly words: number
  readonly reach: number
  readonly isOutsideSet: boolean
}

function setBit(bits: Int32Array, start: number, x: number): void {
  bits[start + (x >>> 5)]! |= 1 << (x & 31)
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

/** The box of that radius along each axis. */
export function boxElement([x = 0, y = 0, z = 0]: readonly number[]): Element {
  const stretches: [number, number, number][] = []
  for (let dz = -z; dz <= z; dz += 1) for (let dy = -y; dy <= y; dy += 1) stretches.push([dy, dz, 0])
  return { reaches: [x], stretches }
}

/** One row of the dilation: the OR of the widened rows that the element reaches. `wide` has one plane a half-length. */
export function joinRows(wide: readonly Int32Array[], into: Int32Array, row: number, options: JoinOptions): void {
  const { ny, nz, words, element, isOutsideSet } = options
  const y = row % ny
  const z = (row - y) / ny
  into.fill(0)
  for (const [dy, dz, reach] of element.stretches) {
    const isInside = y + dy >= 0 && y + dy < ny && z + dz >= 0 && z + dz < nz
    if (isInside) {
      const plane = wide[reach]!
      const start = (row + dz * ny + dy) * words
      for (let word = 0; word < words; word += 1) into[word]! |= plane[start + word]!
    } else if (isOutsideSet) {
      into.fill(-1)
      return
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
