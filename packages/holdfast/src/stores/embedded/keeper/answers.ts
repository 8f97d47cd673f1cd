/**
 * What the keeper has to say, kept until it may be said.
 *
 *     told ──rests on nothing──▶ going out ──end of the tick──▶ sent
 *       └──rests on batch n──▶ held ──batch n durable──▶ going out
 *                               └──it did not fit──▶ who asked is told so, and the rest is not said (S5)
 *
 * 1. Nobody learns of a fact before what it rests on is durable (C5, S3).
 * 2. None overtakes the news of what its client's sessions hold: a grant that came first would be missing there, and be
 *    taken for lost.
 * 3. What is for a connection that is gone is not sent.
 */
import { assertInvariant, type HoldfastError, isHoldfastError } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { Connection } from "./connection.ts"
import { type Durability, HeldBack } from "./durability.ts"
import type { KeeperMessage } from "./peer.ts"

/** Something that waits for a batch. */
type Held =
  | { readonly kind: "message"; readonly to: Connection; readonly message: KeeperMessage }
  /** A request that is answered from what is stored, once all that was applied is. */
  | { readonly kind: "listing"; readonly to: Connection; readonly sequence: number; readonly list: () => StoreOutcome }
  | { readonly kind: "call"; readonly resolve: () => void }

export class Answers {
  readonly #durability: Durability
  readonly #connections: ReadonlySet<Connection>
  readonly #held = new HeldBack<Held>()
  /** What is sent at the end of the tick. */
  #sending: { readonly to: Connection; readonly message: KeeperMessage }[] = []

  constructor(durability: Durability, connections: ReadonlySet<Connection>) {
    this.#durability = durability
    this.#connections = connections
  }

  /** Sends a message when the batch it rests on is durable; returns the batch it waits for. */
  tell(to: Connection, message: KeeperMessage, rest: number): number {
    const batch = Math.max(rest, to.restoredRest)
    if (this.#durability.isSettled(batch)) this.send(to, message)
    else this.#held.hold(batch, { kind: "message", to, message })
    return batch
  }

  /** Sends what rests on nothing. */
  send(to: Connection, message: KeeperMessage): void {
    this.#sending.push({ to, message })
  }

  /** Answers a request with what is stored then. */
  tellListing(
    to: Connection,
    { sequence, list, rest }: { sequence: number; list: () => StoreOutcome; rest: number },
  ): void {
    if (rest === 0) this.send(to, { kind: "outcome", sequence, outcome: list() })
    else this.#held.hold(rest, { kind: "listing", to, sequence, list })
  }

  /** Resolves when the batch is durable, or did not fit. */
  whenSettled(batch: number): Promise<void> {
    return new Promise((resolve) => {
      this.#held.hold(batch, { kind: "call", resolve })
    })
  }

  /** Batches up to this one are durable. */
  release(batch: number): void {
    for (const held of this.#held.release(batch)) this.#letGo(held)
  }

  #letGo(held: Held): void {
    switch (held.kind) {
      case "message":
        this.send(held.to, held.message)
        break
      case "call":
        held.resolve()
        break
      case "listing": {
        const { to, sequence, list } = held
        try {
          this.send(to, { kind: "outcome", sequence, outcome: list() })
        } catch (error) {
          if (!isHoldfastError(error)) throw error
          this.send(to, faultOf(sequence, error))
        }
        break
      }
    }
  }

  /** What they rest on did not fit: whoever asked is told so at once. */
  refuseAll(error: HoldfastError): void {
    for (const held of this.#held.releaseAll()) {
      if (held.kind === "call") held.resolve()
      if (held.kind === "call" || (held.kind === "message" && held.message.kind !== "outcome")) continue
      const sequence = held.kind === "listing" ? held.sequence : outcomeSequence(held.message)
      if (this.#connections.has(held.to)) held.to.peer.send(faultOf(sequence, error))
    }
    this.#sending = []
  }

  /** The end of a tick. */
  sendAll(): void {
    const sending = this.#sending
    this.#sending = []
    for (const { to, message } of sending) if (this.#connections.has(to)) to.peer.send(message)
  }
}

/** Why a request was not applied, or what came of it cannot be told. */
export function faultOf(sequence: number, { code, message, details }: HoldfastError): KeeperMessage {
  return { kind: "fault", sequence, code, message, details }
}

function outcomeSequence(message: KeeperMessage): number {
  assertInvariant(message.kind === "outcome", "S5", "something other than an outcome is refused")
  return message.sequence
}
