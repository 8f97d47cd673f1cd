/**
 * Outcomes kept until their clients have acknowledged them, so that a request that comes again gets its first one (S4).
 *
 *     kept with its effect: in the journal where rows changed, in the live log where only live state did
 *       └──acknowledged, or the client is gone──▶ dropped there too, with the next that is written
 */
import type { StoreOutcome } from "../../../store/index.ts"
import { type LogChange, replyKey } from "./live-lines.ts"

interface Kept {
  readonly outcome: StoreOutcome
  readonly isLogged: boolean
}

export class Replies {
  readonly #clients = new Map<string, Map<number, Kept>>()
  /** What the journal is still to drop. */
  #acknowledged = new Map<string, number>()
  #gone: string[] = []
  /** What the live log is still to drop. */
  #dropped: LogChange[] = []

  keep(client: string, sequence: number, kept: Kept): void {
    const replies = this.#clients.get(client) ?? new Map<number, Kept>()
    this.#clients.set(client, replies.set(sequence, kept))
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
    const replies = this.#clients.get(client)
    this.#acknowledged.delete(client)
    if (replies === undefined) return
    this.#clients.delete(client)
    for (const [sequence, { isLogged }] of replies) {
      if (isLogged) this.#dropped.push({ key: replyKey(client, sequence), entry: null, batch: 0 })
    }
    if ([...replies.values()].some(({ isLogged }) => !isLogged)) this.#gone.push(client)
  }

  clear(): void {
    this.#clients.clear()
    this.#acknowledged.clear()
    this.#gone = []
  }

  /** What the journal drops with its next batch. */
  takeForJournal(): {
    readonly drop: readonly { readonly client: string; readonly through: number }[]
    readonly dropClients: readonly string[]
  } {
    const drop = [...this.#acknowledged].map(([client, through]) => ({ client, through }))
    const dropClients = this.#gone
    this.#acknowledged = new Map()
    this.#gone = []
    return { drop, dropClients }
  }

  /** What the live log drops with what it is to write next. */
  takeForLog(): readonly LogChange[] {
    const dropped = this.#dropped
    this.#dropped = []
    return dropped
  }
}
