/**
 * Deadlock detection by graph reduction (L7; Holt, "Some Deadlock Properties of Computer Systems", 1972).
 *
 * Who can still finish? A scope (a grant or claim) finishes when every wait of it and of what it started is satisfied.
 * A lock request is satisfied when, in every queue it stands in, those in its way finish: the holders it is incompatible
 * with, and requests of several names ahead of it (a request of one name ahead brings nothing of its own: once granted,
 * its scope is fresh and runs). Permits and slots need enough of them free, not all: k of n. An awaited run settles when
 * its executor finishes, or, unclaimed, when a slot can come free.
 *
 * Before a new wait there was no deadlock, so if there is one now, the new wait is part of it: it is enough to ask whether
 * the new wait can be satisfied, over the part of the graph that can be reached from it. The least fixed point is taken:
 * what cannot be shown to finish does not. Other changes can take hope away too (a worker leaves, a run loses its
 * executor, a limit shrinks): the waits they touch are asked again, and one that is part of a cycle by now is refused.
 *
 * Outside what the graph sees (a delay, a pause, a worker that has not come yet) counts as able to go on. A body that
 * awaits a run gives its worker's slot up meanwhile, so a worker is stuck only where as many bodies are as it has slots.
 */
import { assertInvariant } from "./assert.ts"
import { describeMs } from "./duration.ts"
import { describeName } from "./names.ts"
import { type Claim, type Holder, holdersOf, type Lock, type LockRequest, type Ticket } from "./state.ts"
import type { OperationQueue, Run, RunWait, Wait, Worker } from "./state.ts"

/** One line of the picture a DEADLOCK gives. */
export interface CycleStep {
  readonly who: string
  readonly waitsFor: string
  readonly sinceMs: number
}

export interface Cycle {
  readonly message: string
  readonly steps: readonly CycleStep[]
}

type Node = Wait | Holder

/** The cycle that `wait` completes, or null when it can be satisfied. */
export function findDeadlock(wait: Wait, now: number): Cycle | null {
  const nodes = reach(wait)
  const finishing = reduce(nodes)
  return finishing.has(wait) ? null : describeCycle(wait, finishing, now)
}

/** The cycle that `wait`, parked earlier, is part of by now; null when it can be satisfied or only stands behind one. */
export function findStandingDeadlock(wait: Wait, now: number): Cycle | null {
  const finishing = reduce(reach(wait))
  if (finishing.has(wait)) return null
  const stuck = new Set<Node>([wait])
  for (const node of stuck) {
    for (const next of dependencies(node)) {
      if (next === wait) return describeCycle(wait, finishing, now)
      if (!finishing.has(next)) stuck.add(next)
    }
  }
  return null
}

/** Whether every wait given can be satisfied: what `check()` asserts over the whole store. */
export function allCanFinish(waits: Iterable<Wait>): boolean {
  const nodes = new Set<Node>()
  for (const wait of waits) for (const node of reach(wait)) nodes.add(node)
  const finishing = reduce(nodes)
  for (const node of nodes) if (!finishing.has(node)) return false
  return true
}

/** Everything `start` depends on, itself first, in order of discovery. */
function reach(start: Wait): Set<Node> {
  const nodes = new Set<Node>([start])
  // A Set visits what is added during the visit, so this walks the whole reachable graph without recursion.
  for (const node of nodes) for (const next of dependencies(node)) nodes.add(next)
  return nodes
}

function dependencies(node: Node): Iterable<Node> {
  switch (node.kind) {
    case "grant":
    case "claim":
      return node.waits ?? []
    case "lock":
      return node.tickets.flatMap((ticket) => [...holdersOf(ticket.lock), ...jointAhead(node, ticket.lock)])
    case "run":
      return executors(node.run)
  }
}

function reduce(nodes: Set<Node>): Set<Node> {
  const finishing = new Set<Node>()
  // What was discovered last is nearest to the leaves; going backwards resolves a chain in one pass.
  const order = [...nodes].toReversed()
  for (let before = -1; before !== finishing.size;) {
    before = finishing.size
    for (const node of order) if (!finishing.has(node) && canFinish(node, finishing)) finishing.add(node)
  }
  return finishing
}

function canFinish(node: Node, finishing: Set<Node>): boolean {
  switch (node.kind) {
    case "grant":
    case "claim": {
      for (const wait of node.waits ?? []) if (!finishing.has(wait)) return false
      return true
    }
    case "lock":
      return node.tickets.every((ticket) => canPass(node, ticket.lock, finishing))
    case "run":
      return canSettle(node.run, finishing)
  }
}

/** Whether the request can get through this one queue. */
function canPass(request: LockRequest, lock: Lock, finishing: Set<Node>): boolean {
  for (const ahead of jointAhead(request, lock)) if (!finishing.has(ahead)) return false
  const stuck = holdersOf(lock).filter((holder) => !finishing.has(holder))
  if (stuck.length === 0) return true
  if (lock.exclusive !== null) return false
  // Shared holders that never end are no obstacle to shared requests, unless an exclusive one stands in between or the
  // permits they keep leave too few for this request and for the largest ahead of it.
  const stuckPermits = stuck.reduce((sum, holder) => sum + holder.permits, 0)
  for (
    let ticket: Ticket | null | undefined = request.tickets.find((own) => own.lock === lock);
    ticket != null;
    ticket = ticket.previous
  ) {
    const { mode, permits } = ticket.request.command
    if (mode === "exclusive") return false
    if (lock.limit !== null && permits > lock.limit - stuckPermits) return false
  }
  return true
}

/** The nearest request of several names that stands ahead in this queue; it depends on those further ahead itself. */
function jointAhead(request: LockRequest, lock: Lock): LockRequest[] {
  let ahead: LockRequest | undefined
  // The set is in order of arrival, as the queue is.
  for (const other of lock.joint ?? []) {
    if (other.arrival >= request.arrival) break
    ahead = other
  }
  return ahead === undefined ? [] : [ahead]
}

/** Claims whose end would let the run go on. */
function executors(run: Run): Node[] {
  if (run.claim !== null) return [run.claim]
  const { queue, row } = run
  const nodes: Node[] = row.keyed === null ? [] : liveOf(queue, row.keyed.key)
  if (queue.concurrency !== null) nodes.push(...queue.live)
  for (const worker of queue.workers) nodes.push(...worker.busy)
  return nodes
}

function canSettle(run: Run, finishing: Set<Node>): boolean {
  if (run.claim !== null) return finishing.has(run.claim)
  if (run.row.paused) return true
  const { queue } = run
  // More than the limit may be live where it was lowered: as many must end as bring them below it.
  if (queue.concurrency !== null && countStuck(queue.live, finishing) >= queue.concurrency) return false
  const { keyed } = run.row
  if (keyed !== null && countStuck(liveOf(queue, keyed.key), finishing) >= keyed.count) return false
  // A waiter that can execute the run needs no worker; without any worker, one may still come.
  if (some(run.waiters, (waiter) => waiter.execute) || queue.workers.size === 0 || queue.isGathering) return true
  return some(queue.workers, (worker) => hasHope(worker, finishing))
}

/** Whether a slot of the worker is free or can come free. */
function hasHope(worker: Worker, finishing: Set<Node>): boolean {
  if (worker.takers.size > 0 || worker.busy.size === 0) return true
  let stuck = 0
  for (const claim of worker.busy) if (!awaitsRun(claim) && !finishing.has(claim)) stuck += 1
  return stuck < worker.slots
}

/** True while the body, or something it started, is parked on a run: it gives its worker's slot up meanwhile. */
export function awaitsRun(claim: Claim): boolean {
  return some(claim.waits ?? [], (wait) => wait.kind === "run")
}

/** Live claims of the operation that count against this key. */
function liveOf(queue: OperationQueue, key: string): Claim[] {
  return [...queue.live].filter((claim) => claim.run.row.keyed?.key === key)
}

function countStuck(claims: Iterable<Claim>, finishing: Set<Node>): number {
  let stuck = 0
  for (const claim of claims) if (!finishing.has(claim)) stuck += 1
  return stuck
}

function some<T>(items: Iterable<T>, test: (item: T) => boolean): boolean {
  for (const item of items) if (test(item)) return true
  return false
}

/** Follows, from the new wait, one thing that cannot finish to the next, until one comes up again. */
function describeCycle(start: Wait, finishing: Set<Node>, now: number): Cycle {
  const steps: CycleStep[] = []
  const seen = new Set<Node>()
  for (let node: Node = start; !seen.has(node);) {
    seen.add(node)
    const next: Node | undefined = [...dependencies(node)].find((candidate) => !finishing.has(candidate))
    assertInvariant(next !== undefined, "L7", "what cannot finish depends on nothing that cannot")
    if (node.kind === "lock" || node.kind === "run") steps.push(describeStep(node, next, now))
    node = next
  }
  const picture = steps.map((step) => `  ${step.who} waits for ${step.waitsFor} (${describeMs(step.sinceMs)})`)
  return { message: `waiting here would complete a deadlock:\n${picture.join("\n")}`, steps }
}

function describeStep(wait: Wait, next: Node, now: number): CycleStep {
  const what = wait.kind === "run" ? describeRun(wait) : wait.command.names.map(describeName).join(" and ")
  return { who: describeScope(wait, now), waitsFor: `${what}${describeWay(next, now)}`, sinceMs: now - wait.since }
}

function describeScope(wait: Wait, now: number): string {
  const held = wait.holders.filter(isLive).map((holder) => describeHolder(holder, now))
  return `session ${wait.session.label}${held.length === 0 ? "" : `, holding ${held.join(" and ")},`}`
}

/** A grant or claim that was lost meanwhile is still known to the requests made under it. */
function isLive(holder: Holder): boolean {
  return holder.kind === "claim" ? holder.live : holder.session.grants.get(holder.token) === holder
}

function describeHolder(holder: Holder, now: number): string {
  const since = `token ${String(holder.token)}, for ${describeMs(now - holder.at)}`
  if (holder.kind === "claim") return `a run of "${holder.run.row.operation}" (${since})`
  return `${holder.locks.map((lock) => describeName(lock.name)).join(" and ")} (${since})`
}

function describeWay(next: Node, now: number): string {
  if (next.kind === "grant" || next.kind === "claim") {
    return `, kept by session ${next.session.label} with ${describeHolder(next, now)}`
  }
  return ", behind a request for several names"
}

function describeRun(wait: RunWait): string {
  return `a run of "${wait.run.row.operation}"`
}
