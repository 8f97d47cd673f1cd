/**
 * A small deterministic generator for simulations: xoshiro128** (Blackman and Vigna, 2018), its state filled by
 * SplitMix32 so that neighboring seeds give unrelated sequences. Not for secrets.
 */
import { HoldfastError } from "../kernel/errors.ts"

/** A sequence of pseudo-random numbers that its seed determines entirely. */
export interface Prng {
  /** An integer in [0, 2^32). */
  nextUint32(): number
  /** A number in [0, 1) with 53 random bits. */
  nextUnit(): number
  /** An integer in [0, limit). */
  nextBelow(limit: number): number
}

/** Four words of 32 bits, not all zero. */
export type PrngState = readonly [number, number, number, number]

/**
 * Starts the sequence of `seed`, any safe integer.
 *
 * @throws HoldfastError ARGUMENT_INVALID when the seed is not a safe integer
 */
export function createPrng(seed: number): Prng {
  return createPrngFromState(expandSeed(seed))
}

/** Starts a sequence from a known state, as the generator's published test vectors do. */
export function createPrngFromState(state: PrngState): Prng {
  let [a, b, c, d] = state
  function nextUint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotateLeft(d, 11)
    return result
  }
  function nextUnit(): number {
    return ((nextUint32() >>> 5) * 2 ** 26 + (nextUint32() >>> 6)) / 2 ** 53
  }
  return { nextUint32, nextUnit, nextBelow: (limit) => Math.floor(nextUnit() * limit) }
}

function expandSeed(seed: number): PrngState {
  if (!Number.isSafeInteger(seed)) {
    throw new HoldfastError("ARGUMENT_INVALID", `a seed must be a safe integer, but is "${String(seed)}"`)
  }
  let state = seed | 0
  function next(): number {
    state = (state + 0x9e3779b9) | 0
    let word = state
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return word ^ (word >>> 16)
  }
  const first = next()
  // Both halves of the seed enter, each by a bijection, so that no two seeds share a state.
  state ^= Math.floor(seed / 2 ** 32)
  return [first, next(), next(), next()]
}

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count))
}
