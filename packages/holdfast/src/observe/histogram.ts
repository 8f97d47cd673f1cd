/** A histogram of durations that costs one increment an observation: bounds are fixed, counts are an inline array. */

/** Upper bounds of the buckets in seconds: 10 us to 60 s, about a third of a decade apart. */
export const BUCKET_BOUNDS_SECONDS: readonly number[] = [
  0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60,
]

/** What a histogram has seen; `counts[i]` are observations up to `BUCKET_BOUNDS_SECONDS[i]`, the last one all above. */
export interface HistogramSnapshot {
  readonly counts: readonly number[]
  readonly sumSeconds: number
  readonly count: number
}

export class Histogram {
  readonly #counts = new Float64Array(BUCKET_BOUNDS_SECONDS.length + 1)
  #sumMs = 0

  /** Counts one duration in milliseconds. */
  observe(ms: number): void {
    this.#sumMs += ms
    const seconds = ms / 1000
    let bucket = 0
    // A linear walk over fifteen bounds; most durations end it within the first few.
    for (const bound of BUCKET_BOUNDS_SECONDS) {
      if (seconds <= bound) break
      bucket += 1
    }
    const count = this.#counts[bucket]
    if (count !== undefined) this.#counts[bucket] = count + 1
  }

  snapshot(): HistogramSnapshot {
    const counts = [...this.#counts]
    return { counts, sumSeconds: this.#sumMs / 1000, count: counts.reduce((sum, count) => sum + count, 0) }
  }
}
