/** Masks, one bit a voxel: bit k of byte n is voxel 8n + k. Bits after the last voxel are 0. */
import { layOut, VECTOR_CHUNK } from "../kernels/simd.ts"

/** Four bits as four bytes, the lowest first. */
const SPREAD: Uint32Array = Uint32Array.from({ length: 16 }, (_, bits) => {
  return (bits & 1) | ((bits & 2) << 7) | ((bits & 4) << 14) | ((bits & 8) << 21)
})

export function packedBytes(voxelCount: number): number {
  return Math.ceil(voxelCount / 8)
}

/** The bits of a mask; null for bytes of which any is neither 0 nor 1. */
export function packMask(mask: Uint8Array): Uint8Array | null {
  const packed = new Uint8Array(packedBytes(mask.length))
  const { loops, bytes, places } = layOut(VECTOR_CHUNK, VECTOR_CHUNK / 8)
  const [bytesAt, bitsAt] = [places[0]!, places[1]!]
  for (let start = 0; start < mask.length; start += VECTOR_CHUNK) {
    const count = Math.min(VECTOR_CHUNK, mask.length - start)
    bytes.set(mask.subarray(start, start + count), bytesAt)
    // Bits after the last voxel are 0: sixteen are made at once.
    bytes.fill(0, bytesAt + count, bytesAt + count + 16)
    if (loops.packBits(bytesAt, bitsAt, count) !== 0) return null
    packed.set(bytes.subarray(bitsAt, bitsAt + packedBytes(count)), start / 8)
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
