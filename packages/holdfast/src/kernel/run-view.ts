/** Runs and claims as the outside sees them: plain data, made from the records. */
import { assertInvariant } from "./assert.ts"
import type { RunFilter, RunStatus } from "./command.ts"
import type { ClaimView, Outcome, RunView, Settlement, StoreView } from "./outcome.ts"
import type { Claim, OperationQueue, Run, RunRow } from "./state.ts"
import { runIdOf } from "./state.ts"

/** How many open runs a store view lists; the counts are complete. */
const LISTED_RUNS = 100

/** Pending or running: the generation has not ended. */
export function isOpen(row: RunRow): boolean {
  return row.status === "pending" || row.status === "running"
}

/** True where asking the identity is answered from what is stored, without a run. */
export function isServed(row: RunRow): boolean {
  return row.status === "completed" || row.status === "interrupted"
}

/** True where the run may be forgotten to make room: asked again, it is computed again, and nobody has pinned it (O9). */
export function isEvictable(row: RunRow): boolean {
  return row.status === "completed" && row.effects === "pure" && !row.pinned
}

/** The outcome for whoever asks a run that has ended. */
export function settled(row: RunRow): Outcome {
  return { kind: "settled", run: runIdOf(row), settlement: settlementOf(row) }
}

/** How a run ended, as its waiters are told. */
export function settlementOf(row: RunRow): Settlement {
  const { status } = row
  assertInvariant(status !== "pending" && status !== "running", "O2", `a ${status} run is told as settled`)
  switch (status) {
    case "completed":
      assertInvariant(row.result !== null, "O2", "a completed run has no result")
      return { kind: "completed", result: row.result }
    case "failed":
      assertInvariant(row.failure !== null, "O2", "a failed run has no failure")
      return { kind: "failed", failure: row.failure }
    case "canceled":
      return { kind: "canceled" }
    case "interrupted":
      return { kind: "interrupted", attempt: row.attempt }
  }
}

/** Whether a listing asks for this run. */
export function matches(row: RunRow, filter: RunFilter): boolean {
  if (filter.operation !== null && row.operation !== filter.operation) return false
  return filter.statuses === null || filter.statuses.includes(row.status)
}

/** A claim as its executor receives it. */
export function viewClaim(claim: Claim): ClaimView {
  const { row } = claim.run
  return {
    run: runIdOf(row),
    identity: row.identity,
    operation: row.operation,
    version: row.version,
    args: row.args,
    token: claim.token,
    attempt: claim.attempt,
    steps: row.steps,
    paused: row.paused,
  }
}

/** A run as anyone may see it. */
export function viewRun({ row, waiters }: Run): RunView {
  return viewRow(row, waiters.size)
}

/** A stored run as anyone may see it, `waiters` of whom wait for it. */
export function viewRow(row: RunRow, waiters: number): RunView {
  return {
    run: runIdOf(row),
    identity: row.identity,
    operation: row.operation,
    version: row.version,
    key: row.key,
    args: row.args,
    effects: row.effects,
    status: row.status,
    paused: row.paused,
    pinned: row.pinned,
    attempt: row.attempt,
    priority: row.priority,
    progress: row.progress,
    result: row.result,
    failure: row.failure,
    createdAt: row.createdAt,
    notBefore: row.notBefore,
    startedAt: row.startedAt,
    settledAt: row.settledAt,
    waiters,
  }
}

/** How many runs stand where. */
export function countByStatus(runs: readonly Run[]): Record<RunStatus, number> {
  const counts = { pending: 0, running: 0, completed: 0, failed: 0, canceled: 0, interrupted: 0 }
  for (const run of runs) counts[run.row.status] += 1
  return counts
}

/** The oldest open runs, by arrival: the order of the table depends on what was evicted and loaded again. */
export function viewOpen(runs: readonly Run[]): RunView[] {
  const open = runs.filter((run) => isOpen(run.row))
  open.sort((a, b) => a.row.arrival - b.row.arrival)
  return open.slice(0, LISTED_RUNS).map(viewRun)
}

/** How many runs of each operation wait and execute, by name and version. */
export function viewQueues(runs: readonly Run[]): StoreView["queues"] {
  const views = new Map<OperationQueue, { operation: string; version: number; pending: number; running: number }>()
  for (const run of runs) {
    if (!isOpen(run.row)) continue
    const { operation, version } = run.queue
    const view = views.get(run.queue) ?? { operation, version, pending: 0, running: 0 }
    views.set(run.queue, view)
    if (run.claim === null) view.pending += 1
    else view.running += 1
  }
  return [...views.values()].toSorted((a, b) =>
    a.operation === b.operation ? a.version - b.version : a.operation < b.operation ? -1 : 1,
  )
}
