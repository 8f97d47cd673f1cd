/**
 * How much work there is, learned from what was done: operations cost what others that apply the same have cost.
 *
 * Of those that run at once each has its share of the time. So costs add up to time on the clock, however many threads there
 * are and however many operations one pass brings, and what is left of them is how long the rest takes.
 */
import type { OperationStage } from "../engine/observer.ts"

/** Operations that apply the same. */
interface Kind {
  /** Wanted, and nothing has become of them yet. */
  open: number
  ran: number
  ms: number
}

interface Running {
  readonly kind: Kind
  readonly since: number
}

export class Work {
  readonly #kinds = new Map<string, Kind>()
  readonly #running = new Map<string, Running>()
  /** The time that one of those that run has had. */
  #clock = 0
  #atMs: number
  #ran = 0
  #ms = 0

  constructor(nowMs: number) {
    this.#atMs = nowMs
  }

  /** What an operation that applies `name` tells of itself. */
  tell(stage: OperationStage, id: string, name: string, nowMs: number): void {
    const kind = this.#kindOf(name)
    switch (stage) {
      case "wanted":
        kind.open += 1
        return
      case "stored":
      case "joined":
      case "failed":
        close(kind)
        return
      case "shared":
        return
      case "started":
        this.#advance(nowMs)
        this.#running.set(id, { kind, since: this.#clock })
        return
      case "stopped":
        this.#advance(nowMs)
        this.#running.delete(id)
        return
      case "ran":
        this.#advance(nowMs)
        this.#settle(id, kind)
    }
  }

  /** The time it has taken so far, and that it will still take as far as is known; null before anything ran. */
  measure(nowMs: number): { readonly doneMs: number; readonly leftMs: number } | null {
    if (this.#ms === 0) return null
    this.#advance(nowMs)
    let leftMs = 0
    for (const kind of this.#kinds.values()) leftMs += kind.open * this.#costOf(kind)
    let doneMs = this.#ms
    for (const { kind, since } of this.#running.values()) {
      const spent = Math.min(this.#clock - since, this.#costOf(kind))
      doneMs += spent
      leftMs -= spent
    }
    return { doneMs, leftMs: Math.max(0, leftMs) }
  }

  #settle(id: string, kind: Kind): void {
    const since = this.#running.get(id)?.since ?? this.#clock
    this.#running.delete(id)
    close(kind)
    kind.ran += 1
    kind.ms += this.#clock - since
    this.#ran += 1
    this.#ms += this.#clock - since
  }

  #costOf({ ran, ms }: Kind): number {
    return ran === 0 ? this.#ms / this.#ran : ms / ran
  }

  #advance(nowMs: number): void {
    if (this.#running.size > 0) this.#clock += Math.max(0, nowMs - this.#atMs) / this.#running.size
    this.#atMs = nowMs
  }

  #kindOf(name: string): Kind {
    const known = this.#kinds.get(name)
    if (known !== undefined) return known
    const kind = { open: 0, ran: 0, ms: 0 }
    this.#kinds.set(name, kind)
    return kind
  }
}

/** What the store has evicted runs again without being wanted again. */
function close(kind: Kind): void {
  kind.open = Math.max(0, kind.open - 1)
}
