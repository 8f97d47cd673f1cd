/**
 * Every order that anybody can tell from another, and of those that nobody can, few more than one: dynamic partial-order
 * reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson and Sagonas, "Optimal Dynamic Partial Order
 * Reduction", 2014; Flanagan and Godefroid, 2005).
 *
 *     node ──event──▶ node ──event──▶ node …      one node a choice, the path of the schedule that runs
 *
 * An event is taken, and what it touched is learned when all has settled. Two events race when they conflict and nothing
 * between them makes one wait for the other. For every race, the node before the first event must also try an event with
 * which the second can come first (its backtrack set); an event that was tried from a node sleeps in the branches after
 * it until something conflicts with it, for until then it would only repeat what was seen.
 *
 * 1. An event, once possible, stays possible until it happens or its actor is killed, which conflicts with everything.
 * 2. Events of one branch of an actor are ordered, and an event comes after the one during which it became possible. What
 *    another actor wakes is taken to come after all that its own actor did before.
 * 3. Optional events and values are tried at every node that has them: no race leads to what need not happen.
 */
import { type Access, ANY_ACCESS, conflict } from "../access.ts"
import { type Candidate, checkCandidates, checkRepeated, type Chooser, nameOf, type SeenEvent } from "./chooser.ts"

/** An event that was tried, as far as it matters for what may sleep. */
interface Tried {
  readonly actor: string
  readonly accesses: readonly Access[]
}

interface Node {
  readonly candidates: readonly Candidate[]
  /** What was tried from earlier nodes, by id, and would only be repeated here. */
  readonly sleep: ReadonlyMap<string, Tried>
  /** Ids to be tried here. */
  readonly backtrack: Set<string>
  readonly done: Map<string, Tried>
  taken: number
  /** How many events come before the one taken here; null for a value. */
  readonly number: number | null
  /** Whether values were picked during the event: what it touches depends on them. */
  picksValues: boolean
}

interface OrderedEvent {
  readonly event: SeenEvent
  /** Which earlier events come before this one in every equivalent schedule: a bit for each number. */
  readonly before: Bits
}

/** Creates the chooser of a reduced exploration. Sound where every event tells all that it touches. */
export function createReducedOrder(): Chooser {
  return new ReducedOrder()
}

class ReducedOrder implements Chooser {
  readonly #path: Node[] = []
  /** The events along the path; those of the part that is repeated are known before they are seen again. */
  readonly #events: OrderedEvent[] = []
  #depth = 0
  #seen = 0

  choose(candidates: readonly Candidate[]): number | null {
    const known = this.#path[this.#depth]
    if (known !== undefined) {
      checkCandidates(known.candidates, candidates)
      this.#depth += 1
      return known.taken
    }
    const node = candidates[0]?.kind === "value" ? this.#createValueNode(candidates) : this.#createNode(candidates)
    if (node === null) return null
    this.#path.push(node)
    this.#depth += 1
    return node.taken
  }

  observe(event: SeenEvent): void {
    const number = this.#seen
    this.#seen += 1
    if (number < this.#events.length) return
    const before = this.#orderAfter(event, number)
    this.#events.push({ event, before })
  }

  checkEnded(): void {
    if (this.#depth < this.#path.length) {
      checkRepeated(this.#path[this.#depth]?.candidates.map(nameOf) ?? [], ["the end of the scenario"])
    }
  }

  startNext(): boolean {
    this.#depth = 0
    this.#seen = 0
    for (let last = this.#path.at(-1); last !== undefined; last = this.#path.at(-1)) {
      const next = this.#nextOf(last)
      if (next >= 0) {
        last.taken = next
        // Everything before this choice is repeated; its own event, or that during which a value is picked, is another.
        this.#events.length = last.number ?? Math.max(0, this.#countEvents(this.#path.length - 1) - 1)
        return true
      }
      this.#path.pop()
    }
    return false
  }

  /** The next candidate to try at the last node of the path, or -1. */
  #nextOf(node: Node): number {
    if (node.number === null) return node.taken + 1 < node.candidates.length ? node.taken + 1 : -1
    const taken = node.candidates[node.taken]
    if (taken !== undefined) node.done.set(taken.id, { actor: taken.actor, accesses: this.#accessesOf(node) })
    return node.candidates.findIndex(({ id }) => node.backtrack.has(id) && !node.done.has(id) && !node.sleep.has(id))
  }

  #accessesOf(node: Node): readonly Access[] {
    const seen = node.number === null ? undefined : this.#events[node.number]
    // What was never seen to the end may have touched anything.
    return seen === undefined || node.picksValues ? [ANY_ACCESS] : seen.event.accesses
  }

  #createNode(candidates: readonly Candidate[]): Node | null {
    const previous = this.#path.findLast(({ number }) => number !== null)
    const sleep = previous === undefined ? new Map<string, Tried>() : this.#sleepAfter(previous)
    const taken = candidates.findIndex(({ id }) => !sleep.has(id))
    const first = candidates[taken]
    // Whatever could happen now happened from an earlier node, with the same outcome.
    if (first === undefined) return null
    const backtrack = new Set([first.id])
    for (const { id, isOptional } of candidates) if (isOptional) backtrack.add(id)
    const number = this.#countEvents(this.#path.length)
    return { candidates, sleep, backtrack, done: new Map(), taken, number, picksValues: false }
  }

  #createValueNode(candidates: readonly Candidate[]): Node {
    const during = this.#path.findLast(({ number }) => number !== null)
    if (during !== undefined) during.picksValues = true
    const nothing = new Map<string, Tried>()
    return {
      candidates,
      sleep: nothing,
      backtrack: new Set(),
      done: new Map(),
      taken: 0,
      number: null,
      picksValues: false,
    }
  }

  #countEvents(length: number): number {
    let count = 0
    for (let index = 0; index < length; index++) if (this.#path[index]?.number !== null) count += 1
    return count
  }

  /** What need not be tried after the event of `node`: it was tried there, and the event does not touch what it touched. */
  #sleepAfter(node: Node): Map<string, Tried> {
    const taken = node.candidates[node.taken]
    const accesses = this.#accessesOf(node)
    const sleep = new Map<string, Tried>()
    const keep = (id: string, tried: Tried): void => {
      if (tried.actor !== taken?.actor && !conflict(tried.accesses, accesses)) sleep.set(id, tried)
    }
    for (const [id, tried] of node.sleep) keep(id, tried)
    for (const [id, tried] of node.done) keep(id, tried)
    return sleep
  }

  /** Finds what comes before the event, and asks for the reversal of every race it is in. */
  #orderAfter(event: SeenEvent, number: number): Bits {
    const before = createBits(number)
    if (event.isBarrier) {
      for (let earlier = 0; earlier < number; earlier++) addBit(before, earlier)
      return before
    }
    const parent = this.#events[event.parent]
    if (parent !== undefined) {
      addBits(before, parent.before)
      addBit(before, event.parent)
    }
    // From the latest on: whatever is already before the event is so by one in between, and races with it no more.
    for (let earlier = number - 1; earlier >= 0; earlier--) {
      const other = this.#events[earlier]
      if (other === undefined || hasBit(before, earlier)) continue
      if (other.event.actor !== event.actor || this.#isOtherBranch(earlier, event)) {
        if (!conflict(other.event.accesses, event.accesses)) continue
        this.#askForReversal(earlier, { event, before: new Uint32Array(before) })
      }
      addBits(before, other.before)
      addBit(before, earlier)
    }
    return before
  }

  /** Whether `earlier`, of the same actor and no cause of `event`, belongs to another of its branches. */
  #isOtherBranch(earlier: number, { actor, parent }: SeenEvent): boolean {
    // Both were possible at once, or the step before this one in its branch is known and does not come after `earlier`.
    return parent < earlier || this.#events[parent]?.event.actor === actor
  }

  /** Lets the node before `earlier` also try an event with which `later` can come first. */
  #askForReversal(earlier: number, later: OrderedEvent): void {
    const node = this.#path.find(({ number }) => number === earlier)
    if (node === undefined) return
    const between: OrderedEvent[] = []
    const numbers: number[] = []
    for (let number = earlier + 1; number < this.#events.length; number++) {
      const each = this.#events[number]
      if (each === undefined || hasBit(each.before, earlier)) continue
      between.push(each)
      numbers.push(number)
    }
    const isInitial = (each: OrderedEvent): boolean => !numbers.some((number) => hasBit(each.before, number))
    const initials = between.filter(isInitial)
    if (isInitial(later)) initials.unshift(later)
    if (initials.some(({ event }) => node.backtrack.has(event.id))) return
    const chosen = initials.find(({ event }) => node.candidates.some(({ id }) => id === event.id))
    // Without one, the orders this race has are not understood, and all are tried.
    if (chosen === undefined) for (const { id } of node.candidates) node.backtrack.add(id)
    else node.backtrack.add(chosen.event.id)
  }
}

/** A set of small numbers. */
type Bits = Uint32Array

function createBits(size: number): Bits {
  return new Uint32Array((size >> 5) + 1)
}

function hasBit(bits: Bits, bit: number): boolean {
  return (((bits[bit >> 5] ?? 0) >>> (bit & 31)) & 1) === 1
}

function addBit(bits: Bits, bit: number): void {
  bits[bit >> 5] = (bits[bit >> 5] ?? 0) | (1 << (bit & 31))
}

function addBits(bits: Bits, others: Bits): void {
  for (let word = 0; word < others.length; word++) bits[word] = (bits[word] ?? 0) | (others[word] ?? 0)
}
