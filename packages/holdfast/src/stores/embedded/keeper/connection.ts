/** One client's connection, at the keeper's end. */
import type { ClientMessage, Peer } from "./peer.ts"

/** What a connection needs of its keeper. */
export interface ConnectionKeeper {
  /** What a connection brought, in order. */
  receive(connection: Connection, messages: readonly ClientMessage[]): void
  /** The other end is gone: its sessions died with it (L6, O6). */
  disconnected(connection: Connection): void
  /** No file of a large value goes until they are released, or the connection ends. */
  holdFiles(connection: Connection): void
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

  /** No file of a large value goes until they are released, or the connection ends. */
  holdFiles(): void {
    this.#keeper.holdFiles(this)
  }

  /** False where files may have gone meanwhile. */
  releaseFiles(): boolean {
    return this.#keeper.releaseFiles(this)
  }
}
