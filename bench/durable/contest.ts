/** Contests between processes: each contender's round is asked for in turn, and a figure is the median of its rounds. */
import { type Effort, medianOf } from "../measure.ts"
import type { Row } from "../report.ts"

export interface Contestant {
  readonly name: string
  /** The row the others are divided by. */
  readonly isReference?: boolean
  /** One round; gives nanoseconds an operation. */
  readonly round: () => Promise<number>
  /** The most rounds it is asked for, where each takes it seconds. */
  readonly maxRounds?: number
}

/**
 * Each is warmed up first, in rounds that do not count: a process that has just started spends most of its time on being
 * compiled, and what is measured is a long-running program. A contender that fails is told about and not asked again.
 */
export async function contest(contestants: readonly Contestant[], { rounds, warmUpMs }: Effort): Promise<Row[]> {
  const entries = contestants.map((contestant) => ({
    contestant,
    samples: [] as number[],
    failure: null as string | null,
  }))
  for (let round = -1; round < rounds; round += 1) {
    for (const entry of entries) {
      const { contestant } = entry
      if (entry.failure !== null || round >= (contestant.maxRounds ?? rounds)) continue
      try {
        if (round < 0) await warmUp(contestant, warmUpMs)
        else entry.samples.push(await contestant.round())
      } catch (error) {
        entry.failure = reasonOf(error)
      }
    }
  }
  return entries.map(({ contestant: { name, isReference = false }, samples, failure }) => ({
    name,
    nsPerOp: failure === null ? medianOf(samples) : null,
    note: failure,
    isReference,
  }))
}

/** One round where a round takes seconds. */
async function warmUp({ round, maxRounds }: Contestant, warmUpMs: number): Promise<void> {
  const warmAt = performance.now() + (maxRounds === undefined ? warmUpMs : 0)
  do await round()
  while (performance.now() < warmAt)
}

/** A row from times in milliseconds: their median, with the rest of their distribution beside it. */
export function rowOfTimes(name: string, timesMs: readonly number[], isReference: boolean): Row {
  const [p99, worst] = [formatMs(quantileOf(timesMs, 0.99)), formatMs(quantileOf(timesMs, 1))]
  const count = timesMs.length.toLocaleString("en-US")
  // A thousandth of a few is nothing that could be told.
  const p999 = timesMs.length < 1_000 ? "" : `, p99.9 ${formatMs(quantileOf(timesMs, 0.999))}`
  return { name, nsPerOp: medianOf(timesMs) * 1e6, note: `p99 ${p99}${p999}, worst ${worst}, of ${count}`, isReference }
}

export function rowOfFailure(name: string, reason: string): Row {
  return { name, nsPerOp: null, note: reason, isReference: false }
}

/** A row, or why there is none. */
export async function tryRow(name: string, measure: () => Promise<Row>): Promise<Row> {
  try {
    return await measure()
  } catch (error) {
    return rowOfFailure(name, reasonOf(error))
  }
}

export function formatMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms).toLocaleString("en-US")} ms`
}

function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))]
  if (value === undefined) throw new Error("expected at least one sample, found none")
  return value
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message.split("\n")[0] : undefined) ?? String(error)
}
