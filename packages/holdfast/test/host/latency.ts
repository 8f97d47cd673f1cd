/** Percentiles of measured times. */

export interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export function percentilesOf(timesMs: readonly number[]): Percentiles {
  const sorted = timesMs.toSorted((a, b) => a - b)
  // Never beyond the end: a share is below 1.
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Number.NaN
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) ?? Number.NaN }
}

export function describeLatency(what: string, { count, p50, p99, p999, max }: Percentiles): string {
  const [median, high, highest, worst] = [p50, p99, p999, max].map((ms) => ms.toFixed(2))
  return `${what}: ${String(count)} times, p50 ${String(median)} ms, p99 ${String(high)} ms, p99.9 ${String(highest)} ms, max ${String(worst)} ms`
}
