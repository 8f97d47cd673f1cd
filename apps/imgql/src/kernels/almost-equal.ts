/**
 * When ITK takes two values of a type for one (itk::Math::AlmostEquals): floats that are at most a tenth of the type's
 * epsilon apart, or of one sign with at most three values of the type between them. Whole numbers are equal or not.
 */
import type { VoxelType } from "../image/image.ts"

const STEPS = 4

const float = new Float32Array(2)
const floatBits = new Int32Array(float.buffer)
const double = new Float64Array(2)
const doubleBits = new BigInt64Array(double.buffer)

export function areAlmostEqual(type: VoxelType, a: number, b: number): boolean {
  if (a === b) return true
  switch (type) {
    case "float32": {
      if (Math.abs(a - b) <= Math.fround(0.1 * 2 ** -23)) return true
      float.set([a, b])
      return Math.sign(a) === Math.sign(b) && Math.abs(floatBits[0]! - floatBits[1]!) <= STEPS
    }
    case "float64": {
      if (Math.abs(a - b) <= 0.1 * Number.EPSILON) return true
      double.set([a, b])
      const steps = doubleBits[0]! - doubleBits[1]!
      return Math.sign(a) === Math.sign(b) && steps >= -BigInt(STEPS) && steps <= BigInt(STEPS)
    }
    default:
      return false
  }
}
