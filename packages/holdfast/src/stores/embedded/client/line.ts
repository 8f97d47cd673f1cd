/** A connection to a keeper, as the client uses it: over a socket, a message port, or a simulated network. */
import type { ClientMessage, KeeperMessage } from "../keeper/peer.ts"

export interface Line {
  /** Names the store behind it; every keeper of a store says the same. */
  readonly instance: string
  /** Who keeps the store, for messages people read. */
  readonly keeper: string
  send(messages: readonly ClientMessage[]): void
  /** Whether what is under way on it keeps the process alive. */
  keepAlive(isNeeded: boolean): void
  close(): void
}

export interface LineEvents {
  onMessages(messages: readonly KeeperMessage[]): void
  /** Told once, unless this end closed it. */
  onClosed(): void
}

/**
 * Finds the store's keeper, or has one elected, and connects to it.
 *
 * @throws HoldfastError STORE_UNAVAILABLE and what else keeps a store from being opened; the signal's reason
 */
export type Dial = (events: LineEvents, signal: AbortSignal) => Promise<Line>
