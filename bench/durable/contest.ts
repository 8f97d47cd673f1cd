/** Contests between processes: each contender's round is asked for in turn, and a figure is the median of its rounds. */
import { medianOf } from "../measure.ts"
import type { Row } from "../report.ts"

export interface Contestant {
  readonly name: string
  /** The row the others are divided by. */
  readonly isReference?: boolean
  /** One round; gives nanoseconds an operation. */
  readonly round: () => Promise<number>
  /** What to say beside the figure, once all rounds are over. */
  readonly note?: () => string
}

/** The first round of each warms it up and does not count. A contender that fails is told about and not asked again. */
export async function contest(contestants: readonly Contestant[], rounds: number): Promise<Row[]> {
  const entries = contestants.map((contestant) => ({
    contestant,
    samples: [] as number[],
    failure: null as string | null,
  }))
  for (let round = -1; round < rounds; round += 1) {
    for (const entry of entries) {
      if (entry.failure !== null) continue
      try {
        const sample = await entry.contestant.round()
        if (round >= 0) entry.samples.push(sample)
      } catch (error) {
        entry.failure = error instanceof Error ? (error.message.split("\n")[0] ?? "failed") : String(error)
      }
    }
  }
  return entries.map(({ contestant: { name, isReference = false, note }, samples, failure }) => ({
    name,
    nsPerOp: failure === null ? medianOf(samples) : null,
    note: failure ?? note?.() ?? null,
    isReference,
  }))
}

/** A row from times in milliseconds: their median, with the rest of their distribution beside it. */
export function rowOfTimes(name: string, timesMs: readonly number[], isReference: boolean): Row {
  const note = `p99 ${formatMs(quantileOf(timesMs, 0.99))}, worst ${formatMs(quantileOf(timesMs, 1))}, of ${timesMs.length.toLocaleString("en-US")}`
  return { name, nsPerOp: medianOf(timesMs) * 1e6, note, isReference }
}

export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))]
  if (value === undefined) throw new Error("expected at least one sample, found none")
  return value
}

export function formatMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${ms.toFixed(0)} ms`
}
