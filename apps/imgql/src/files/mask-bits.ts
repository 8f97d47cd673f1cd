/** Masks, one bit a voxel: bit k of byte n is voxel 8n + k. Bits after the last voxel are 0. */

/** Brings the lowest bits of four bytes together in the top four bits of a product, without a carry. */
const GATHER = 0x01020408
/** Four bits as four bytes, the lowest first. */
const SPREAD: Uint32Array = Uint32Array.from({ length: 16 }, (_, bits) => {
  return (bits & 1) | ((bits & 2) << 7) | ((bits & 4) << 14) | ((bits & 8) << 21)
})

export function packedBytes(voxelCount: number): number {
  return Math.ceil(voxelCount / 8)
}

/** `mask` holds only 0 and 1. */
export function packMask(mask: Uint8Array): Uint8Array {
  const packed = new Uint8Array(packedBytes(mask.length))
  const whole = mask.byteOffset % 4 === 0 ? Math.floor(mask.length / 8) : 0
  const words = new Uint32Array(mask.buffer, whole === 0 ? 0 : mask.byteOffset, whole * 2)
  for (let at = 0; at < whole; at += 1) {
    const low = Math.imul(words[2 * at] ?? 0, GATHER) >>> 24
    const high = Math.imul(words[2 * at + 1] ?? 0, GATHER) >>> 24
    packed[at] = (low & 15) | ((high & 15) << 4)
  }
  for (let at = whole * 8; at < mask.length; at += 1) {
    const byte = at >> 3
    packed[byte] = (packed[byte] ?? 0) | ((mask[at] ?? 0) << (at & 7))
  }
  return packed
}

/** Fills `mask`, whose buffer is its own, and answers whether the bits after the last voxel were 0. */
export function unpackMask(packed: Uint8Array, mask: Uint8Array): boolean {
  const whole = Math.floor(mask.length / 8)
  const words = new Uint32Array(mask.buffer, 0, whole * 2)
  for (let at = 0; at < whole; at += 1) {
    const bits = packed[at] ?? 0
    words[2 * at] = SPREAD[bits & 15] ?? 0
    words[2 * at + 1] = SPREAD[bits >> 4] ?? 0
  }
  const rest = packed[whole] ?? 0
  for (let at = whole * 8; at < mask.length; at += 1) mask[at] = (rest >> (at & 7)) & 1
  return rest >> (mask.length - whole * 8) === 0
}
