/** What every table of the kernel shares during one command: the time, the two sequences, and where news goes. */
import type { StoreEvent, Transition } from "./event.ts"
import { Heap } from "./heap.ts"
import type { Token } from "./ids.ts"
import { LiveChanges } from "./live-state.ts"
import type { Deadline, Holder } from "./state.ts"
import { TokenTable } from "./token-table.ts"

/** A deadline without what the context adds. */
type DeadlineTarget = Deadline extends infer D
  ? D extends Deadline
    ? Omit<D, "order" | "place" | "at">
    : never
  : never

const NO_HOLDERS: readonly Holder[] = []

export class Context {
  /** Milliseconds since the epoch, never going back. */
  now = 0
  /** The last token handed out; every token of the store comes from here (L2). */
  lastToken = 0
  /** The last arrival number handed out (L3). */
  lastArrival = 0
  #lastDeadline = 0
  events: StoreEvent[] = []
  /** What a store writes down for the kernel after this one; null where that one would have no sessions left. */
  readonly live: LiveChanges | null
  /** Set while somebody observes transitions; null costs nothing. */
  observe: ((transition: Transition) => void) | null = null
  /** Every live grant and claim by its token. */
  readonly holders: TokenTable<Holder> = new TokenTable()
  /** What somebody may be waiting for: leases, delays, attempts. */
  readonly deadlines: Heap<Deadline> = new Heap({ before: isDueBefore, placeOf: (deadline) => deadline.place })
  /** What only tidies up: settled runs kept for a while. Apart, so that a store need not stay awake for it. */
  readonly expiries: Heap<Deadline> = new Heap({ before: isDueBefore, placeOf: (deadline) => deadline.place })

  constructor(options: { readonly backed: boolean }) {
    this.live = options.backed ? new LiveChanges() : null
  }

  nextToken(): Token {
    this.lastToken += 1
    return this.lastToken as Token // Brand constructor.
  }

  nextArrival(): number {
    this.lastArrival += 1
    return this.lastArrival
  }

  /**
   * Grants and claims of a scope chain that are still live; a lost one blocks nobody any more. They may be of several
   * sessions: a program that opened a store twice nests their scopes.
   */
  resolve(holding: readonly Token[]): readonly Holder[] {
    if (holding.length === 0) return NO_HOLDERS
    const holders: Holder[] = []
    for (const token of holding) {
      const holder = this.holders.get(token)
      if (holder !== undefined) holders.push(holder)
    }
    return holders
  }

  emit(event: StoreEvent): void {
    this.events.push(event)
  }

  /** Sets a deadline; ties fire in the order they were set. */
  schedule(at: number, target: DeadlineTarget): Deadline {
    this.#lastDeadline += 1
    const deadline: Deadline = { ...target, at, order: this.#lastDeadline, place: { index: -1 } }
    this.#heapOf(deadline).add(deadline)
    return deadline
  }

  cancel(deadline: Deadline | null): void {
    if (deadline !== null) this.#heapOf(deadline).remove(deadline)
  }

  /** Takes the next thing that is due by now. */
  takeDue(): Deadline | undefined {
    const due = this.deadlines.top ?? this.expiries.top
    const other = this.expiries.top
    const next = due !== undefined && other !== undefined && isDueBefore(other, due) ? other : due
    const chosen = next !== undefined && next.at > this.now ? undefined : next
    if (chosen !== undefined) this.#heapOf(chosen).remove(chosen)
    return chosen
  }

  #heapOf(deadline: Deadline): Heap<Deadline> {
    return deadline.kind === "expiry" ? this.expiries : this.deadlines
  }
}

function isDueBefore(a: Deadline, b: Deadline): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
