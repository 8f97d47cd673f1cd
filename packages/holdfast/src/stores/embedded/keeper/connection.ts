/** One client's connection, at the keeper's end. */
import type { ClientMessage, Peer } from "./peer.ts"

/** What a connection needs of its keeper. */
export interface ConnectionKeeper {
  /** What a connection brought, in order. */
  receive(connection: Connection, messages: readonly ClientMessage[]): void
  /** The other end is gone: its sessions died with it (L6, O6). */
  disconnected(connection: Connection): void
  /** No file of a large value goes until they are released, the connection ends, or it is not heard of for long. */
  holdFiles(connection: Connection): void
  /** Whoever looks after the store has asked something. */
  heard(connection: Connection): void
  /** False where files may have gone meanwhile. */
  releaseFiles(connection: Connection): boolean
}

export class Connection {
  readonly peer: Peer
  isObserving = false
  /** @internal The batch that the first message to it, what its sessions hold, rests on. */
  restoredRest = 0
  readonly #keeper: ConnectionKeeper

  /** @internal Made by `Keeper.connect`. */
  constructor(keeper: ConnectionKeeper, peer: Peer) {
    this.#keeper = keeper
    this.peer = peer
  }

  receive(messages: readonly ClientMessage[]): void {
    this.#keeper.receive(this, messages)
  }

  disconnected(): void {
    this.#keeper.disconnected(this)
  }

  /** No file of a large value goes until they are released, the connection ends, or it is not heard of for long. */
  holdFiles(): void {
    this.#keeper.holdFiles(this)
  }

  /** Something was asked on behalf of the store as a whole. */
  heard(): void {
    this.#keeper.heard(this)
  }

  /** False where files may have gone meanwhile. */
  releaseFiles(): boolean {
    return this.#keeper.releaseFiles(this)
  }
}
