/**
 * What earlier keepers left, as the kernel is restored from it: rows in the journal, live state in the live log.
 *
 * 1. A token that was handed out is not handed out again (L2): those of grants and claims that are there count, too.
 * 2. Of a run that is in both, the newer state is true: a run that was handed out, or completed, and had not reached the
 *    journal is as the log says (O1, O3, O5).
 */
import type { LiveKey, LiveRow, RunRow, SessionId } from "../../../kernel/index.ts"
import type { KeeperJournal } from "./journal-port.ts"
import type { CompletedClaim, LogEntry, LogKey } from "./live-lines.ts"

export interface Remains {
  readonly live: readonly LiveRow[]
  /** Sessions and whose they were. */
  readonly sessions: readonly { readonly session: SessionId; readonly client: string }[]
  /** Locks that somebody holds or waits for. */
  readonly names: ReadonlySet<string>
  readonly lastToken: number
  readonly lastArrival: number
  readonly runs: readonly RunRow[]
  /** Runs that were handed out and had not reached the journal. */
  readonly claimed: readonly RunRow[]
  /** By the key of the claim that completed each. */
  readonly completed: ReadonlyMap<LiveKey, CompletedClaim>
}

/** `reserved` is the last token that may have been handed out, as far as the journal knows. */
export function readRemains(entries: ReadonlyMap<LogKey, LogEntry>, journal: KeeperJournal, reserved: number): Remains {
  // A grant may have been written before the reservation that covers it, and then was told to nobody.
  let lastToken = reserved
  const live: LiveRow[] = []
  const sessions: { session: SessionId; client: string }[] = []
  const names = new Set<string>()
  let { lastArrival } = journal
  const completed = new Map<LiveKey, CompletedClaim>()
  for (const [key, entry] of entries) {
    if (entry.kind === "reply") continue
    if (entry.kind === "completed") {
      // A reply's key is none of these.
      completed.set(key as LiveKey, entry)
      lastArrival = Math.max(lastArrival, entry.run.arrival)
      continue
    }
    const { client, row } = entry
    live.push(row)
    if (row.kind === "session") sessions.push({ session: row.session, client })
    if (row.kind === "grant" || row.kind === "claim") lastToken = Math.max(lastToken, row.token)
    if (row.kind === "grant") for (const name of row.names) names.add(name)
    if (row.kind !== "ticket") continue
    for (const name of row.command.names) names.add(name)
    lastArrival = Math.max(lastArrival, row.arrival)
  }
  const { claimed, lastClaimed } = readClaimed(entries, journal)
  const isCompleted = new Set([...completed.values()].map(({ run }) => run.identity))
  const runs = [...journal.openRuns()].filter(({ identity }) => !isCompleted.has(identity))
  return {
    live,
    sessions,
    names,
    lastToken,
    lastArrival: Math.max(lastArrival, lastClaimed),
    runs,
    claimed,
    completed,
  }
}

/** Runs that were handed out and had not reached the journal. */
function readClaimed(
  entries: ReadonlyMap<LogKey, LogEntry>,
  journal: KeeperJournal,
): { readonly claimed: readonly RunRow[]; readonly lastClaimed: number } {
  const claimed: RunRow[] = []
  let lastClaimed = 0
  for (const entry of entries.values()) {
    const run = entry.kind === "live" ? entry.run : null
    if (run === null) continue
    lastClaimed = Math.max(lastClaimed, run.arrival)
    const [stored] = journal.load([`run:${run.identity}`])
    // The row stored under a run's key is a run's.
    const known = (stored?.row ?? null) as RunRow | null
    if (known === null || isOlder(known, run)) claimed.push(run)
  }
  return { claimed, lastClaimed }
}

/** Every claim counts an attempt, so what was stored before a run was handed out has seen fewer. */
function isOlder(stored: RunRow, handed: RunRow): boolean {
  return (
    stored.generation < handed.generation ||
    (stored.generation === handed.generation && stored.attempt < handed.attempt)
  )
}
