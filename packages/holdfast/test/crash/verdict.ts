/** What a report of crash rounds must say, and how people read it. */
import { FAIL_POINTS } from "../../src/stores/embedded/fail-point.ts"
import type { CrashReport } from "./harness.ts"
import type { Percentiles } from "./recovery.ts"
import { FAULTS } from "./words.ts"

/** Every point is hit at least once in so many rounds. */
const ROUNDS_A_HIT = 50

/** What is missing or wrong; nothing where all is well. */
export function shortcomings(report: CrashReport, rounds: number): readonly string[] {
  const leastHits = Math.floor(rounds / ROUNDS_A_HIT)
  return [
    ...report.accusations,
    ...(report.rounds < rounds ? [`only ${String(report.rounds)} of ${String(rounds)} rounds were played`] : []),
    ...(report.keeperRounds * 3 < report.rounds
      ? [
          `the keeper was a victim in ${String(report.keeperRounds)} rounds of ${String(report.rounds)}, less than a third`,
        ]
      : []),
    ...FAIL_POINTS.filter((point) => report.hits[point] < leastHits).map(
      (point) => `${point} was hit ${String(report.hits[point])} times, not ${String(leastHits)}`,
    ),
  ]
}

export function describeReport(report: CrashReport): string {
  const { totals, recoveries, hits, faults, strikes } = report
  const done = `${String(totals.writes)} writes, ${String(totals.grants)} grants, ${String(totals.runs)} runs`
  return [
    `seed ${String(report.seed)}: ${String(report.rounds)} rounds, ${String(report.deaths)} deaths, the keeper a victim in ${String(report.keeperRounds)}`,
    `acknowledged: ${done}`,
    ...FAULTS.map((fault) => `  ${fault}: ${String(faults[fault])}`),
    "points hit:",
    ...FAIL_POINTS.map((point) => `  ${point}: ${String(hits[point])}`),
    "strikes:",
    ...Object.entries(strikes).map(([name, count]) => `  ${name}: ${String(count)}`),
    "recovery, in milliseconds:",
    `  from the keeper's death to the next request served: ${describePercentiles(recoveries.keeper)}`,
    `  from a holder's death to the next grant: ${describePercentiles(recoveries.holder)}`,
    `  from a worker's death to the run's next attempt: ${describePercentiles(recoveries.worker)}`,
  ].join("\n")
}

function describePercentiles({ count, p50, p90, p99, max }: Percentiles): string {
  const [half = "", most = "", nearly = "", worst = ""] = [p50, p90, p99, max].map((ms) => ms.toFixed(1))
  return `p50 ${half}, p90 ${most}, p99 ${nearly}, max ${worst} (${String(count)})`
}
