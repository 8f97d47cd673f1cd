/**
 * Which run goes to which executor next.
 *
 * An open, unclaimed run stands in exactly one place:
 *
 *     delayed ──its time comes──▶ ready ◀──a key's slot comes free── blocked (its key's slots are taken)
 *        ▲                          │
 *        └──retry with backoff──  claimed ──▶ (run table)            paused: in none
 *
 * 1. A run in `ready` lacks nothing but an executor or a slot of its operation; it is in `wanted` too if and only if a
 *    waiter of it can execute. One whose key filled up meanwhile is put aside when it comes to the top, not before.
 * 2. After every command no run is ready that could be assigned: no free slot of the operation stands beside both a ready
 *    run and a taker, or a wanted run.
 * 3. Limits count live claims; a worker's slots count bodies, so a canceled body keeps its worker's slot until it ends.
 */
import { assertInvariant } from "./assert.ts"
import type { Context } from "./context.ts"
import { Heap } from "./heap.ts"
import type { Claim, KeySlot, OperationQueue, Run, RunWait, Taker, Worker } from "./state.ts"

/** Hands a run to a waiter or a taker. */
type Assign = (run: Run, to: RunWait | Taker) => void

export class RunQueues {
  readonly #context: Context
  readonly #assign: Assign
  /** Never shrinks: there are as many as operations in the program. */
  readonly #queues = new Map<string, OperationQueue>()
  #isGathering = false

  constructor(context: Context, assign: Assign) {
    this.#context = context
    this.#assign = assign
  }

  queue(operation: string, version: number): OperationQueue {
    const key = `${String(version)} ${operation}`
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      queue = {
        operation,
        version,
        isGathering: this.#isGathering,
        concurrency: null,
        live: new Set(),
        keys: new Map(),
        workers: new Set(),
        takers: new Set(),
        ready: new Heap({ before: isBefore, placeOf: (run) => run.ready }),
        wanted: new Heap({ before: isBefore, placeOf: (run) => run.wanted }),
      }
      this.#queues.set(key, queue)
    }
    return queue
  }

  queues(): IterableIterator<OperationQueue> {
    return this.#queues.values()
  }

  /** Whether sessions that may take runs are still on their way back. */
  gather(isGathering: boolean): void {
    this.#isGathering = isGathering
    for (const queue of this.#queues.values()) queue.isGathering = isGathering
  }

  /** Puts the run where its state says it belongs; called after every change of that state. */
  place(run: Run): void {
    this.unplace(run)
    const { row, queue } = run
    if (row.status !== "pending" || row.paused) return
    if (row.notBefore > this.#context.now) {
      run.deadline = this.#context.schedule(row.notBefore, { kind: "ready", run })
      return
    }
    const slot = this.#fullSlot(run)
    if (slot !== undefined) {
      block(run, slot)
      return
    }
    queue.ready.add(run)
    if (executorOf(run) !== undefined) queue.wanted.add(run)
  }

  /** Takes the run out of wherever it stands, and lets another run of its key have the way it was keeping. */
  unplace(run: Run): void {
    const { queue, row } = run
    const wasReady = queue.ready.has(run)
    queue.ready.remove(run)
    queue.wanted.remove(run)
    if (row.keyed !== null) {
      const slot = queue.keys.get(row.keyed.key)
      slot?.blocked.remove(run)
      slot?.wanted.remove(run)
      if (wasReady) this.#wakeKey(queue, row.keyed.key)
    }
    if (run.deadline?.kind === "ready") {
      this.#context.cancel(run.deadline)
      run.deadline = null
    }
  }

  /** True when the run could be claimed this moment. */
  canStart(run: Run): boolean {
    return run.queue.ready.has(run) && hasSlot(run.queue) && this.#fullSlot(run) === undefined
  }

  /** Assigns as long as there is a run, a slot and an executor. */
  dispatch(queue: OperationQueue): void {
    while (hasSlot(queue)) {
      const run = this.#best(queue.takers.size > 0 ? queue.ready : queue.wanted)
      if (run === undefined) return
      const to = executorOf(run) ?? queue.takers.values().next().value
      assertInvariant(to !== undefined, "O6", "a run is dispatched without an executor")
      this.#assign(run, to)
    }
  }

  /** The best run a free slot of this worker could take now. */
  bestFor(worker: Worker): Run | undefined {
    let best: Run | undefined
    for (const queue of worker.queues) {
      const run = hasSlot(queue) ? this.#best(queue.ready) : undefined
      if (run !== undefined && (best === undefined || isBefore(run, best))) best = run
    }
    return best
  }

  /** Counts a new live claim against the limits. */
  occupy(claim: Claim): void {
    const { queue, row } = claim.run
    queue.live.add(claim)
    if (row.keyed === null) return
    const slot = queue.keys.get(row.keyed.key) ?? this.#openSlot(queue, row.keyed.key)
    slot.live += 1
  }

  /** Gives back what a claim counted, and lets the next in line of its key be ready. */
  vacate(claim: Claim): void {
    const { queue, row } = claim.run
    queue.live.delete(claim)
    if (row.keyed === null) return
    const slot = queue.keys.get(row.keyed.key)
    assertInvariant(slot !== undefined && slot.live > 0, "O1", "a claim's key counts no live claims")
    slot.live -= 1
    this.#wakeKey(queue, row.keyed.key)
    if (slot.live === 0 && slot.blocked.size === 0) queue.keys.delete(row.keyed.key)
  }

  /** Asserts where every run stands; see the header. */
  check(runs: Iterable<Run>): void {
    for (const run of runs) {
      const open = run.row.status === "pending" && !run.row.paused
      const delayed = run.deadline?.kind === "ready"
      const blocked = run.row.keyed !== null && run.queue.keys.get(run.row.keyed.key)?.blocked.has(run) === true
      const places = Number(delayed) + Number(blocked) + Number(run.queue.ready.has(run))
      assertInvariant(places === (open ? 1 : 0), "O1", `a ${run.row.status} run stands in ${String(places)} places`)
      const wanted = run.queue.ready.has(run) && executorOf(run) !== undefined
      assertInvariant(
        run.queue.wanted.has(run) === wanted,
        "O6",
        "a run is wanted without a waiter to execute it, or the reverse",
      )
    }
    for (const queue of this.#queues.values()) this.#checkQueue(queue)
  }

  #checkQueue(queue: OperationQueue): void {
    for (const [key, slot] of queue.keys) {
      const live = [...queue.live].filter((claim) => claim.run.row.keyed?.key === key).length
      assertInvariant(
        live === slot.live,
        "O1",
        `key "${key}" counts ${String(slot.live)} live claims, has ${String(live)}`,
      )
      const moving = live > 0 || [...queue.ready.values()].some((run) => run.row.keyed?.key === key)
      assertInvariant(slot.blocked.size === 0 || moving, "O6", `runs of key "${key}" wait for a slot that nobody has`)
      for (const run of slot.blocked.values()) {
        assertInvariant(
          slot.wanted.has(run) === (executorOf(run) !== undefined),
          "O6",
          "a blocked run is wanted wrongly",
        )
        const isWaitedFor = hasSlot(queue) && (queue.takers.size > 0 || executorOf(run) !== undefined)
        assertInvariant(live >= keyCount(run) || !isWaitedFor, "O6", `a run of key "${key}" is kept from its executor`)
      }
    }
    if (!hasSlot(queue)) return
    for (const run of queue.ready.values()) {
      if (this.#fullSlot(run) !== undefined) continue
      assertInvariant(
        queue.takers.size === 0 && executorOf(run) === undefined,
        "O6",
        "a run and its executor both wait",
      )
    }
  }

  /** The first run of the heap whose key has a slot; those without one are put aside until it has. */
  #best(heap: Heap<Run>): Run | undefined {
    for (let run = heap.top; run !== undefined; run = heap.top) {
      const slot = this.#fullSlot(run)
      if (slot === undefined) return run
      run.queue.ready.remove(run)
      run.queue.wanted.remove(run)
      block(run, slot)
    }
    return undefined
  }

  /** The next in line of the key, and the next that has an executor: nobody may come for the first. */
  #wakeKey(queue: OperationQueue, key: string): void {
    const slot = queue.keys.get(key)
    if (slot?.blocked.top !== undefined) this.place(slot.blocked.top)
    if (slot?.wanted.top !== undefined) this.place(slot.wanted.top)
  }

  /** The slots of the run's key, where all it may use are taken. */
  #fullSlot(run: Run): KeySlot | undefined {
    const { keyed } = run.row
    if (keyed === null) return undefined
    const slot = run.queue.keys.get(keyed.key)
    return slot !== undefined && slot.live >= keyed.count ? slot : undefined
  }

  #openSlot(queue: OperationQueue, key: string): KeySlot {
    const slot: KeySlot = {
      live: 0,
      blocked: new Heap({ before: isNextOfKey, placeOf: (run) => run.blocked }),
      wanted: new Heap({ before: isNextOfKey, placeOf: (run) => run.wanted }),
    }
    queue.keys.set(key, slot)
    return slot
  }
}

/** Higher priority first, then order of arrival. */
function isBefore(a: Run, b: Run): boolean {
  return a.row.priority > b.row.priority || (a.row.priority === b.row.priority && a.row.arrival < b.row.arrival)
}

/** Runs that may use more slots of the key come first: when one of a smaller count can go on, so can they. */
function isNextOfKey(a: Run, b: Run): boolean {
  const [countA, countB] = [keyCount(a), keyCount(b)]
  return countA > countB || (countA === countB && isBefore(a, b))
}

function keyCount(run: Run): number {
  assertInvariant(run.row.keyed !== null, "O1", "a run without a key waits for a key's slot")
  return run.row.keyed.count
}

/** Puts a run aside until a slot of its key comes free. */
function block(run: Run, slot: KeySlot): void {
  slot.blocked.add(run)
  if (executorOf(run) !== undefined) slot.wanted.add(run)
}

function hasSlot(queue: OperationQueue): boolean {
  return queue.concurrency === null || queue.live.size < queue.concurrency
}

/** The first waiter whose session can execute the run. */
export function executorOf(run: Run): RunWait | undefined {
  for (const waiter of run.waiters) if (waiter.execute) return waiter
  return undefined
}
