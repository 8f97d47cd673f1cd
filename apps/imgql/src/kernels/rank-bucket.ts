/** Sorts one bucket of voxels by their keys and writes the rank of each: the inner half of `percentiles.ts`. */

/** Below this, sorting by insertion is faster than counting digits. */
const SMALL = 40
const DIGIT_BITS = 10
const DIGITS: number = 2 ** DIGIT_BITS

export interface Bucket {
  readonly keys: Uint32Array
  readonly places: Uint32Array
  readonly from: number
  readonly to: number
  /** How many of the lowest bits of keys differ within the bucket. */
  readonly bits: number
}

export interface Ranking {
  readonly output: Float32Array
  readonly correction: number
  readonly members: number
}

/** A function that ranks buckets one after the other, with the same working memory. */
export function makeSorter({ output, correction, members }: Ranking): (bucket: Bucket) => void {
  const counts = new Int32Array(DIGITS)
  let spareKeys = new Uint32Array(SMALL)
  let sparePlaces = new Uint32Array(SMALL)
  return (bucket) => {
    const { keys, places, from, to, bits } = bucket
    const length = to - from
    if (length > SMALL && length > spareKeys.length) {
      spareKeys = new Uint32Array(length * 2)
      sparePlaces = new Uint32Array(length * 2)
    }
    if (length <= SMALL) {
      sortSmall(keys, places, from, to)
    } else {
      for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
        passDigit({ keys, places, from, to, shift, counts, spareKeys, sparePlaces })
      }
    }
    for (let start = from; start < to;) {
      const key = keys[start]!
      let end = start + 1
      while (end < to && keys[end] === key) end += 1
      const rank = (start + correction * (end - start)) / members
      for (let at = start; at < end; at += 1) output[places[at]!] = rank
      start = end
    }
  }
}

function sortSmall(keys: Uint32Array, places: Uint32Array, from: number, to: number): void {
  for (let next = from + 1; next < to; next += 1) {
    const key = keys[next]!
    const place = places[next]!
    let at = next
    for (; at > from && keys[at - 1]! > key; at -= 1) {
      keys[at] = keys[at - 1]!
      places[at] = places[at - 1]!
    }
    keys[at] = key
    places[at] = place
  }
}

interface Pass {
  readonly keys: Uint32Array
  readonly places: Uint32Array
  readonly from: number
  readonly to: number
  readonly shift: number
  readonly counts: Int32Array
  readonly spareKeys: Uint32Array
  readonly sparePlaces: Uint32Array
}

/** One stable pass of a radix sort, to the spare arrays and back. */
function passDigit({ keys, places, from, to, shift, counts, spareKeys, sparePlaces }: Pass): void {
  counts.fill(0)
  for (let at = from; at < to; at += 1) counts[(keys[at]! >>> shift) & (DIGITS - 1)]! += 1
  if (counts[(keys[from]! >>> shift) & (DIGITS - 1)] === to - from) return
  let before = 0
  for (let digit = 0; digit < DIGITS; digit += 1) {
    const count = counts[digit]!
    counts[digit] = before
    before += count
  }
  for (let at = from; at < to; at += 1) {
    const key = keys[at]!
    const digit = (key >>> shift) & (DIGITS - 1)
    const next = counts[digit]!
    counts[digit] = next + 1
    spareKeys[next] = key
    sparePlaces[next] = places[at]!
  }
  const length = to - from
  for (let at = 0; at < length; at += 1) {
    keys[from + at] = spareKeys[at]!
    places[from + at] = sparePlaces[at]!
  }
}
