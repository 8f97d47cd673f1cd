/**
 * The port: what every store is to the layers above it. Commands, outcomes and events are data (kernel/command.ts,
 * outcome.ts, event.ts), so one conformance suite and one model check cover every store.
 *
 * A `Store` is one connection. Events for a session go to the connection that opened it.
 */
import type { Binary, BlobReader, Command, Outcome, SessionId, StoreEvent, Transition } from "../kernel/index.ts"

/** An outcome as a store gives it: a store that knows at once costs no promise. `need` stays inside the store. */
export type StoreOutcome = Exclude<Outcome, { readonly kind: "need" }>

/** Large values beside the store, written and read piece by piece. */
export interface BlobStore extends BlobReader {
  /**
   * Stores the bytes as they come and holds them for the session until nobody has the handle any more.
   *
   * @throws HoldfastError STORE_FULL, STORE_UNAVAILABLE, CLOSED, and what the source throws; nothing is left then
   */
  write(session: SessionId, source: AsyncIterable<Uint8Array>): Promise<Binary>
}

export interface Store {
  /** The same for every connection to the same truth, different for any other: who holds what here holds it there. */
  readonly id: string
  /**
   * Applies one command. Commands of one connection take effect in the order they were given.
   *
   * @throws HoldfastError CLOSED after `close`, STORE_UNAVAILABLE where the store cannot be reached.
   */
  execute(command: Command): StoreOutcome | Promise<StoreOutcome>
  /** Sets the one handler of this connection's events. It must not throw. */
  onEvent(handler: (event: StoreEvent) => void): void
  /** Reports transitions of the whole store while a handler is set; null stops. */
  onTransition(handler: ((transition: Transition) => void) | null): void
  /** Where large values can be kept beside the others; absent where a store has no such place. */
  readonly blobs?: BlobStore
  /**
   * Rises whenever heads that were shown may be void, as where the keeper that showed them died with them: the next one
   * gives their versions to other values, so a commit must not rest on what was read before, and one that was under way
   * may be a `conflict` though the version it read is the one that is found. Absent where no head ever is void.
   */
  readonly term?: number
  /** Ends the connection; its sessions that are still open end with it. Idempotent. */
  close(): Promise<void>
}
