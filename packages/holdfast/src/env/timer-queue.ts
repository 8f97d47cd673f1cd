/**
 * The pending timers of a simulation, soonest first, equal times in arrival order. A binary heap in which every entry
 * knows its place, so that canceling is O(log n): most timers are bounds on waits, armed by the million and canceled.
 */

/** A pending timer. */
export class QueuedTimer {
  readonly dueAtMs: number
  readonly arrival: number
  readonly keepAlive: boolean
  readonly callback: () => void
  /** Where the heap has it; -1 when it is in no queue. Written by the queue only. */
  position = -1

  constructor(dueAtMs: number, arrival: number, keepAlive: boolean, callback: () => void) {
    this.dueAtMs = dueAtMs
    this.arrival = arrival
    this.keepAlive = keepAlive
    this.callback = callback
  }
}

/** Timers in the order they are due. */
export class TimerQueue {
  readonly #heap: QueuedTimer[] = []

  /** The timer due next. */
  get first(): QueuedTimer | undefined {
    return this.#heap[0]
  }

  get size(): number {
    return this.#heap.length
  }

  /** Every pending timer, in the order they are due. */
  list(): QueuedTimer[] {
    return this.#heap.toSorted((left, right) => (isBefore(left, right) ? -1 : 1))
  }

  add(timer: QueuedTimer): void {
    this.#rise(timer, this.#heap.length)
  }

  /** Takes the timer out; false when it was not in. */
  remove(timer: QueuedTimer): boolean {
    const position = timer.position
    if (position === -1) return false
    timer.position = -1
    const last = this.#heap.pop()
    if (last === undefined || last === timer) return true
    const parent = this.#heap[(position - 1) >> 1]
    if (position > 0 && parent !== undefined && isBefore(last, parent)) this.#rise(last, position)
    else this.#sink(last, position)
    return true
  }

  #rise(timer: QueuedTimer, from: number): void {
    let position = from
    while (position > 0) {
      const parentPosition = (position - 1) >> 1
      const parent = this.#heap[parentPosition]
      if (parent === undefined || !isBefore(timer, parent)) break
      this.#put(parent, position)
      position = parentPosition
    }
    this.#put(timer, position)
  }

  #sink(timer: QueuedTimer, from: number): void {
    let position = from
    for (;;) {
      let childPosition = 2 * position + 1
      let child = this.#heap[childPosition]
      if (child === undefined) break
      const sibling = this.#heap[childPosition + 1]
      if (sibling !== undefined && isBefore(sibling, child)) {
        child = sibling
        childPosition += 1
      }
      if (!isBefore(child, timer)) break
      this.#put(child, position)
      position = childPosition
    }
    this.#put(timer, position)
  }

  #put(timer: QueuedTimer, position: number): void {
    this.#heap[position] = timer
    timer.position = position
  }
}

function isBefore(left: QueuedTimer, right: QueuedTimer): boolean {
  return left.dueAtMs === right.dueAtMs ? left.arrival < right.arrival : left.dueAtMs < right.dueAtMs
}
