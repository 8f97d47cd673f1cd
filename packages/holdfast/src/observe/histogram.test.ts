/** Durations in buckets. */
import { describe, expect, it } from "vitest"
import { BUCKET_BOUNDS_SECONDS, Histogram } from "./index.ts"

describe("a histogram", () => {
  it("counts a duration in the first bucket whose bound it does not pass, its bound included", () => {
    for (const [at, bound] of BUCKET_BOUNDS_SECONDS.entries()) {
      const histogram = new Histogram()
      histogram.observe(bound * 1_000)
      expect(histogram.snapshot().counts.indexOf(1)).toBe(at)
      histogram.observe(bound * 1_000 * 1.001)
      expect(histogram.snapshot().counts[at + 1]).toBe(1)
    }
  })

  it("counts what is longer than every bound in a bucket of its own", () => {
    const histogram = new Histogram()
    histogram.observe(60_001)
    expect(histogram.snapshot().counts).toHaveLength(BUCKET_BOUNDS_SECONDS.length + 1)
    expect(histogram.snapshot().counts.at(-1)).toBe(1)
  })

  it("sums in seconds and counts in all", () => {
    const histogram = new Histogram()
    for (const ms of [0, 250, 750]) histogram.observe(ms)
    expect(histogram.snapshot()).toMatchObject({ sumSeconds: 1, count: 3 })
  })

  it("gives snapshots that do not change afterwards", () => {
    const histogram = new Histogram()
    const before = histogram.snapshot()
    histogram.observe(1)
    expect(before).toEqual({ counts: Array.from({ length: 16 }, () => 0), sumSeconds: 0, count: 0 })
  })

  it("has bounds that increase, from microseconds to a minute", () => {
    expect(BUCKET_BOUNDS_SECONDS.toSorted((left, right) => left - right)).toEqual(BUCKET_BOUNDS_SECONDS)
    expect([BUCKET_BOUNDS_SECONDS[0], BUCKET_BOUNDS_SECONDS.at(-1)]).toEqual([0.00001, 60])
  })
})
