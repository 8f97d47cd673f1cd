/** The kernel's state as plain data, for comparing states and for looking at them. */
import type { Context } from "./context.ts"
import type {
  CellRow,
  Claim,
  Deadline,
  Grant,
  Lock,
  OperationQueue,
  Registration,
  Run,
  RunRow,
  Session,
} from "./state.ts"
import type { WorkingSet } from "./working-set.ts"

/** Tokens stand in fields named `token`, `generation` and `holding`, arrivals in `arrival`, so that they can be relabeled. */
export interface KernelSnapshot {
  readonly now: number
  readonly lastToken: number
  readonly lastArrival: number
  readonly sessions: readonly unknown[]
  readonly locks: readonly unknown[]
  readonly runs: readonly unknown[]
  readonly queues: readonly unknown[]
  readonly cells: readonly unknown[]
  readonly limits: readonly unknown[]
  readonly deadlines: readonly unknown[]
}

interface KernelParts {
  readonly context: Context
  readonly sessions: Iterable<Session>
  readonly locks: Iterable<Lock>
  readonly queues: Iterable<OperationQueue>
  readonly runs: WorkingSet<Run>
  readonly cells: WorkingSet<CellRow>
  readonly limits: WorkingSet<number>
}

export function takeSnapshot(parts: KernelParts): KernelSnapshot {
  const { context } = parts
  const deadlines = [...context.deadlines.values(), ...context.expiries.values()].toSorted(
    (a, b) => a.at - b.at || a.order - b.order,
  )
  return {
    now: context.now,
    lastToken: context.lastToken,
    lastArrival: context.lastArrival,
    sessions: sorted([...parts.sessions].map(describeSession)),
    locks: sorted([...parts.locks].map(describeLock)),
    runs: sorted([...parts.runs.values()].map(describeRun)),
    queues: sorted([...parts.queues].filter(isUsed).map(describeQueue)),
    cells: sorted([...parts.cells.entries()].map(([name, row]) => ({ name, ...row }))),
    limits: sorted([...parts.limits.entries()].map(([name, limit]) => ({ name, limit }))),
    deadlines: deadlines.map(describeDeadline),
  }
}

/** Tables have no order of their own; whatever order they were filled in must not show. */
function sorted<Entry>(entries: Entry[]): Entry[] {
  return entries
    .map((entry) => ({ entry, text: JSON.stringify(entry) }))
    .toSorted((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ entry }) => entry)
}

function describeSession(session: Session) {
  return {
    id: session.id,
    label: session.label,
    grants: sorted([...session.grants.values()].map((grant) => ({ token: grant.token }))),
    claims: [...session.claims.values()].map(describeClaim),
    requests: sorted([...session.requests.values()].map(describeRegistration)),
    workers: [...session.workers.values()].map((worker) => ({
      id: worker.id,
      operations: worker.queues.map((queue) => [queue.operation, queue.version]),
      slots: worker.slots,
    })),
  }
}

function describeRegistration(registration: Registration) {
  switch (registration.kind) {
    case "lock": {
      const { command, arrival, since, holders } = registration
      return { ...command, kind: "lock", session: null, arrival, since, holding: holders.map((holder) => holder.token) }
    }
    case "run": {
      const { request, run, since, execute, holders } = registration
      return {
        kind: "run",
        request,
        run: run.row.identity,
        since,
        execute,
        holding: holders.map((holder) => holder.token),
      }
    }
    case "taker":
      return { kind: "taker", request: registration.request, worker: registration.worker.id }
    case "cellWatch":
      return { kind: "cellWatch", request: registration.request, pattern: registration.pattern }
    case "runWatch":
      return { kind: "runWatch", request: registration.request, generation: registration.run.row.generation }
  }
}

function describeLock(lock: Lock) {
  const holders = lock.exclusive === null ? [...(lock.shared ?? [])] : [lock.exclusive]
  const queue = []
  for (let ticket = lock.head; ticket !== null; ticket = ticket.next) {
    queue.push({ session: ticket.request.session.id, request: ticket.request.command.request })
  }
  return { name: lock.name, limit: lock.limit, shrunk: lock.shrunk, holders: holders.map(describeGrant), queue }
}

function describeGrant(grant: Grant) {
  return { token: grant.token, session: grant.session.id, mode: grant.mode, permits: grant.permits, at: grant.at }
}

function describeClaim(claim: Claim) {
  return {
    token: claim.token,
    run: claim.run.row.identity,
    generation: claim.run.row.generation,
    attempt: claim.attempt,
    at: claim.at,
    worker: claim.worker?.id ?? null,
    live: claim.live,
  }
}

function describeRun(run: Run): unknown {
  const row: RunRow = run.row
  return {
    ...row,
    claim: run.claim === null ? null : { token: run.claim.token },
    waiters: [...run.waiters].map((waiter) => ({ session: waiter.session.id, request: waiter.request })),
    watches: [...run.watches].map((watch) => ({ session: watch.session.id, request: watch.request })),
  }
}

function isUsed(queue: OperationQueue): boolean {
  return queue.concurrency !== null || queue.live.size > 0 || queue.workers.size > 0
}

function describeQueue(queue: OperationQueue) {
  return {
    operation: queue.operation,
    version: queue.version,
    concurrency: queue.concurrency,
    takers: [...queue.takers].map((taker) => ({ session: taker.session.id, request: taker.request })),
  }
}

function describeDeadline(deadline: Deadline) {
  switch (deadline.kind) {
    case "lease":
      return { kind: deadline.kind, at: deadline.at, token: deadline.grant.token }
    case "attempt":
      return { kind: deadline.kind, at: deadline.at, token: deadline.claim.token }
    case "ready":
    case "expiry":
      return { kind: deadline.kind, at: deadline.at, run: deadline.run.row.identity }
  }
}
