/** What must hold of every run at every moment: O1 to O6, asserted over the whole table. */
import { assertInvariant } from "./assert.ts"
import type { Context } from "./context.ts"
import type { RunQueues } from "./run-queue.ts"
import { isOpen } from "./run-view.ts"
import type { Run, Session, Worker } from "./state.ts"
import type { WorkingSet } from "./working-set.ts"

/** A run whose executors died this often in a row fails: a poison run does not kill the fleet (O6). */
export const MAX_CRASHES = 3

interface RunParts {
  readonly context: Context
  readonly runs: WorkingSet<Run>
  readonly queues: RunQueues
  readonly sessions: Iterable<Session>
}

export function checkRuns({ context, runs, queues, sessions }: RunParts): void {
  for (const run of runs.values()) checkRun(context, run)
  queues.check(runs.values())
  for (const queue of queues.queues()) {
    for (const claim of queue.live) {
      assertInvariant(claim.run.claim === claim, "O1", "a live claim is not its run's claim")
    }
  }
  for (const session of sessions) {
    for (const claim of session.claims.values()) {
      assertInvariant(claim.live === (claim.run.claim === claim), "O5", "a claim is live beside its run's")
    }
    for (const worker of session.workers.values()) checkWorker(worker)
    for (const registration of session.requests.values()) {
      if (registration.kind !== "run") continue
      const { run } = registration
      assertInvariant(run.waiters.has(registration), "O4", "a waiter is registered but its run does not know it")
      assertInvariant(runs.get(run.row.identity) === run, "O4", "a waiter waits for a run that is gone")
    }
  }
}

function checkWorker(worker: Worker): void {
  for (const claim of worker.busy) {
    assertInvariant(worker.session.claims.get(claim.token) === claim, "O6", "a slot is busy with a body that has ended")
  }
  for (const taker of worker.takers) {
    assertInvariant(worker.session.requests.get(taker.request) === taker, "O4", "a slot asks that was withdrawn")
    for (const queue of worker.queues) assertInvariant(queue.takers.has(taker), "O6", "a slot asks, unknown to a queue")
  }
  for (const queue of worker.queues)
    assertInvariant(queue.workers.has(worker), "L7", "a queue does not know its worker")
}

function checkRun(context: Context, run: Run): void {
  const { row, claim } = run
  assertInvariant(
    (row.status === "running") === (claim !== null),
    "O1",
    `a ${row.status} run has ${claim === null ? "no" : "a"} claim`,
  )
  if (claim !== null) {
    assertInvariant(
      claim.live && context.holders.get(claim.token) === claim,
      "O5",
      "the claim of a running run is not live",
    )
    assertInvariant(
      claim.session.claims.get(claim.token) === claim,
      "O6",
      "a live claim is not among its session's claims",
    )
    assertInvariant(claim.attempt === row.attempt, "O5", "a live claim is not the newest attempt")
    assertInvariant(claim.token > row.generation, "L2", "a claim is older than its generation")
  }
  assertInvariant(isOpen(row) || run.waiters.size === 0, "O4", `a ${row.status} run has waiters`)
  assertInvariant(
    (row.status === "completed") === (row.result !== null),
    "O2",
    `a ${row.status} run has ${row.result === null ? "no" : "a"} result`,
  )
  assertInvariant(row.crashes < MAX_CRASHES || row.status === "failed", "O6", "a run goes on after three crashes")
  for (const waiter of run.waiters) {
    assertInvariant(waiter.session.requests.get(waiter.request) === waiter, "O4", "a run has a waiter that withdrew")
  }
}
