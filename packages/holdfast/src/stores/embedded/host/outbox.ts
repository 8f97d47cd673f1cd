/**
 * What the keeper said to one client and has not sent yet: within a tick everything, and while the client does not read
 * what it was sent, as much as it may ever need.
 *
 *     say ──end of the tick──▶ sent
 *      └──the client does not read──▶ held, of each watch the newest only ──it reads again──▶ sent
 *
 * 1. Messages leave in the order they were said; of two changes of one watched cell or run the older may be left out (C4).
 * 2. Held messages are bounded by what the client asked for itself, as nothing more is read from it meanwhile: its
 *    outcomes, its waits, its claims, one change a watched cell or run, and so many transitions.
 */
import type { KeeperMessage } from "../keeper/peer.ts"

/** Some megabytes. Transitions are for looking on: who does not look misses the oldest. */
const HELD_TRANSITIONS = 10_000

export class Outbox {
  readonly #messages = new Map<number, KeeperMessage>()
  /** Where the newest change of each watch stands. */
  readonly #changes = new Map<string, number>()
  /** Where the transitions stand, oldest first. */
  readonly #transitions = new Set<number>()
  #next = 0
  #isHolding = false

  get size(): number {
    return this.#messages.size
  }

  say(message: KeeperMessage): void {
    const place = this.#next
    this.#next += 1
    this.#messages.set(place, message)
    if (this.#isHolding) this.#thin(place, message)
  }

  /** The client does not read: what was said stays, and newer changes take the place of older ones. */
  hold(): void {
    if (this.#isHolding) return
    this.#isHolding = true
    for (const [place, message] of this.#messages) this.#thin(place, message)
  }

  /** Everything, in order. */
  take(): KeeperMessage[] {
    const messages = [...this.#messages.values()]
    this.#messages.clear()
    this.#changes.clear()
    this.#transitions.clear()
    this.#isHolding = false
    return messages
  }

  /** Leaves out what the message that stands here makes superfluous. */
  #thin(place: number, message: KeeperMessage): void {
    if (message.kind === "transition") {
      this.#transitions.add(place)
      if (this.#transitions.size <= HELD_TRANSITIONS) return
      const [oldest = place] = this.#transitions
      this.#transitions.delete(oldest)
      this.#messages.delete(oldest)
      return
    }
    const watch = watchOf(message)
    if (watch === null) return
    const older = this.#changes.get(watch)
    if (older !== undefined) this.#messages.delete(older)
    this.#changes.set(watch, place)
  }
}

/** What a change is told of, and to whom; null for what must be heard. */
function watchOf(message: KeeperMessage): string | null {
  if (message.kind !== "event") return null
  const { event } = message
  if (event.kind === "cellChanged") return `${event.session} ${String(event.request)} ${event.cell.name}`
  return event.kind === "runChanged" ? `${event.session} ${String(event.request)}` : null
}
