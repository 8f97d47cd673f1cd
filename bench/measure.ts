/**
 * Timing. Contenders take turns, round after round, so that whatever else the machine does hits all of them; a
 * contender's figure is the median of its rounds.
 */
import { measure } from "mitata"
import { collectGarbage } from "./heap.ts"
import type { Row } from "./report.ts"

export interface Contender {
  readonly name: string
  /** Holdfast's row that the others are divided by. */
  readonly isReference?: boolean
  /** One call; what it returns is awaited. */
  readonly run: () => Promise<unknown>
  /** How many operations one call is; 1 unless told. */
  readonly opCount?: number
}

export interface Effort {
  readonly rounds: number
  readonly roundMs: number
  /** Rounds of crowds, each in a process of its own. */
  readonly crowdRounds: number
  /** For how long a process of its own is warmed up, where not by a number of calls. */
  readonly warmUpMs: number
}

/** A minute or so a section without crowds; a round is long against a garbage collection. */
export const NORMAL_EFFORT: Effort = { rounds: 7, roundMs: 150, crowdRounds: 3, warmUpMs: 4_000 }
export const QUICK_EFFORT: Effort = { rounds: 3, roundMs: 30, crowdRounds: 1, warmUpMs: 300 }

/** Enough for the compiler to have seen every path before anything is timed: what is measured is a long-running program. */
const WARM_UP_OPS = 30_000

/** Times calls that follow each other, each awaited before the next. */
export async function compare(contenders: readonly Contender[], effort: Effort): Promise<Row[]> {
  const samples = contenders.map((): number[] => [])
  for (const { run, opCount = 1 } of contenders) {
    for (let i = 0; i < WARM_UP_OPS / opCount; i += 1) await run()
  }
  for (let round = 0; round < effort.rounds; round += 1) {
    for (const [i, { run, opCount = 1 }] of contenders.entries()) {
      // mitata compiles a loop of its own for every measurement, so contenders do not share inline caches.
      const { avg } = await measure(() => run(), {
        gc: collectGarbage,
        min_cpu_time: effort.roundMs * 1e6,
        batch_samples: 512,
      })
      samples[i]?.push(avg / opCount)
    }
  }
  return contenders.map(({ name, isReference = false }, i) => ({
    name,
    nsPerOp: medianOf(samples[i] ?? []),
    note: null,
    isReference,
  }))
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) {
    throw new Error("expected at least one sample, found none")
  }
  return middle
}
