/**
 * Outcomes kept until their clients have acknowledged them, so that a request that comes again gets its first one (S4).
 *
 *     kept with its effect: in the journal where rows changed, in the live log where only live state did
 *       └──acknowledged, or the client is gone──▶ dropped there too, with the next that is written
 *
 *     restored: absent ──its client connects──▶ kept, as above
 *                  └──its client is dead──▶ dropped
 *
 * 1. A client asks again for as long as it lives, and no longer: what is kept for one that is not connected goes when it
 *    is known to be dead, and not before.
 */
import type { StoreOutcome } from "../../../store/index.ts"
import { type LogChange, replyKey } from "./live-lines.ts"

interface Kept {
  readonly outcome: StoreOutcome
  readonly isLogged: boolean
}

/** Clients whose sign of life is looked at in one go: some milliseconds, in which nobody is served. */
const LOOKED_AT = 64

/** Clients whose outcomes go with one batch: it takes well under a millisecond longer by that. */
const DROPPED_AT_ONCE = 64

export class Replies {
  readonly #clients = new Map<string, Map<number, Kept>>()
  /** Clients of before this keeper, until they are back or known to be dead. */
  readonly #absent = new Set<string>()
  /** What the journal is still to drop. */
  #acknowledged = new Map<string, number>()
  #gone: string[] = []
  /** What the live log is still to drop. */
  #dropped: LogChange[] = []

  keep(client: string, sequence: number, kept: Kept): void {
    const replies = this.#clients.get(client) ?? new Map<number, Kept>()
    this.#clients.set(client, replies.set(sequence, kept))
  }

  /** It was kept by an earlier keeper. */
  restore(client: string, sequence: number, kept: Kept): void {
    this.keep(client, sequence, kept)
    this.#absent.add(client)
  }

  /** The client is back. */
  connected(client: string): void {
    this.#absent.delete(client)
  }

  /** Clients that are neither back nor known to be dead. */
  get absentCount(): number {
    return this.#absent.size
  }

  /** Forgets those that are dead among some that are absent; the others are looked at the next time. */
  forgetDead(isAlive: (client: string) => boolean): void {
    let left = Math.min(LOOKED_AT, this.#absent.size)
    for (const client of this.#absent) {
      if (left === 0) break
      left -= 1
      // Those that live go to the end, where they come up again after all others.
      this.#absent.delete(client)
      if (isAlive(client)) this.#absent.add(client)
      else this.forget(client)
    }
  }

  find(client: string, sequence: number): StoreOutcome | undefined {
    return this.#clients.get(client)?.get(sequence)?.outcome
  }

  /** Every outcome up to this one was received. */
  acknowledge(client: string, through: number): void {
    const replies = this.#clients.get(client)
    if (replies === undefined) return
    for (const [sequence, { isLogged }] of replies) {
      if (sequence > through) continue
      replies.delete(sequence)
      if (isLogged) this.#dropped.push({ key: replyKey(client, sequence), entry: null, batch: 0 })
      else this.#acknowledged.set(client, through)
    }
    if (replies.size === 0) this.#clients.delete(client)
  }

  /** The client will ask no more. */
  forget(client: string): void {
    // What it acknowledged last is still in the journal.
    let isStored = this.#acknowledged.delete(client)
    for (const [sequence, { isLogged }] of this.#clients.get(client) ?? []) {
      if (isLogged) this.#dropped.push({ key: replyKey(client, sequence), entry: null, batch: 0 })
      else isStored = true
    }
    this.#clients.delete(client)
    this.#absent.delete(client)
    if (isStored) this.#gone.push(client)
  }

  clear(): void {
    this.#clients.clear()
    this.#absent.clear()
    this.#acknowledged.clear()
    this.#gone = []
  }

  /** What the journal drops with its next batch. */
  takeForJournal(): {
    readonly drop: readonly { readonly client: string; readonly through: number }[]
    readonly dropClients: readonly string[]
  } {
    const drop = [...this.#acknowledged].map(([client, through]) => ({ client, through }))
    const dropClients = this.#gone.splice(0, DROPPED_AT_ONCE)
    this.#acknowledged = new Map()
    return { drop, dropClients }
  }

  /** What the live log drops with what it is to write next. */
  takeForLog(): readonly LogChange[] {
    const dropped = this.#dropped
    this.#dropped = []
    return dropped
  }
}
