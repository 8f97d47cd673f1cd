/** The store's time, where it was written down. */
import type { LiveRow, RunRow } from "../../../kernel/index.ts"

/** The latest moment at which something of this has happened; what is planned for later does not count. */
export function lastMoment(runs: readonly RunRow[], live: readonly LiveRow[]): number {
  let last = -Infinity
  for (const { createdAt, startedAt } of runs) last = Math.max(last, createdAt, startedAt ?? createdAt)
  for (const row of live) {
    if (row.kind === "grant") last = Math.max(last, row.at)
    else if (row.kind === "ticket") last = Math.max(last, row.since)
  }
  return last
}
