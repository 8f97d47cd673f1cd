/**
 * A `file:` store without a machine: the real keeper and the real clients, joined by lines that take their time, over a
 * simulated disk. Keepers die and are followed by others; clients die.
 */
import type { Env } from "../../src/env/index.ts"
import type { Prng } from "../../src/env/prng.ts"
import { EmbeddedClient } from "../../src/stores/embedded/client/client.ts"
import type { Dial, Line, LineEvents } from "../../src/stores/embedded/client/line.ts"
import type { Connection } from "../../src/stores/embedded/keeper/connection.ts"
import { Keeper } from "../../src/stores/embedded/keeper/keeper.ts"
import type { ClientMessage, KeeperMessage } from "../../src/stores/embedded/keeper/peer.ts"
import type { Postpone } from "../conformance/deferred-store.ts"
import { SimulatedDisk } from "./simulated-disk.ts"

export interface SimulatedStoreOptions {
  readonly env: Env
  readonly random: Prng
  readonly postpone: Postpone
  /** Deliveries take from 1 to this many units of the delay. */
  readonly delayBound: number
  readonly flushBound: number
  /** The keeper is killed once in so many deliveries on average, so many times in all. */
  readonly kills?: { readonly every: number; readonly count: number }
}

export class SimulatedStore {
  readonly disk: SimulatedDisk
  readonly #options: SimulatedStoreOptions
  #keeper: Keeper | null = null
  readonly #wires = new Set<Wire>()
  readonly #alive = new Set<string>()
  #clients = 0
  #killed = 0
  /** What ended a keeper that should not have ended. */
  failure: Error | null = null

  constructor(options: SimulatedStoreOptions) {
    this.#options = options
    this.disk = new SimulatedDisk(options)
  }

  /** A client as another process would be one. */
  async connect(): Promise<EmbeddedClient> {
    this.#clients += 1
    const client = `client ${String(this.#clients)}`
    this.#alive.add(client)
    return await EmbeddedClient.connect({
      env: this.#options.env,
      dial: this.#dialAs(client),
      onClosed: () => {
        this.#alive.delete(client)
      },
    })
  }

  /** The keeper's process dies; what it had sent may still arrive. The next to dial becomes the keeper. */
  killKeeper(): void {
    if (this.#keeper === null) return
    this.#keeper = null
    this.disk.release()
    for (const wire of this.#wires) wire.breakOff()
    this.#wires.clear()
  }

  #dialAs(client: string): Dial {
    return (events) =>
      new Promise((resolve) => {
        const { random, postpone, delayBound } = this.#options
        postpone(1 + random.nextBelow(delayBound), () => {
          this.#keeper ??= this.#startKeeper()
          const wire = new Wire({
            client,
            events,
            options: this.#options,
            onClosed: (each) => this.#wires.delete(each),
            onDelivered: () => {
              const { kills } = this.#options
              if (kills === undefined || this.#killed === kills.count || random.nextBelow(kills.every) > 0) return
              this.#killed += 1
              this.killKeeper()
            },
          })
          this.#wires.add(wire)
          wire.attach(this.#keeper)
          resolve(wire)
        })
      })
  }

  #startKeeper(): Keeper {
    const { env } = this.#options
    const user = this.disk.user()
    const header = { boot: "boot", epochMs: env.clock.now() - env.clock.monotonic() }
    const { live, epochMs } = this.disk.openLive(user, header)
    return new Keeper({
      env,
      journal: this.disk.openJournal(user),
      live,
      epochMs,
      check: true,
      isAlive: (client) => this.#alive.has(client),
      onFailed: (error) => {
        this.failure = error
      },
    })
  }
}

/** Both directions of one connection; each keeps its order. */
class Wire implements Line {
  readonly instance = "simulated"
  readonly keeper = "simulated keeper"
  readonly #client: string
  readonly #events: LineEvents
  readonly #up: Lane
  readonly #down: Lane
  readonly #onClosed: (wire: Wire) => void
  readonly #onDelivered: () => void
  #connection: Connection | null = null
  #isOpen = true

  constructor(parts: {
    readonly client: string
    readonly events: LineEvents
    readonly options: SimulatedStoreOptions
    readonly onClosed: (wire: Wire) => void
    readonly onDelivered: () => void
  }) {
    this.#client = parts.client
    this.#events = parts.events
    this.#up = new Lane(parts.options)
    this.#down = new Lane(parts.options)
    this.#onClosed = parts.onClosed
    this.#onDelivered = parts.onDelivered
  }

  attach(keeper: Keeper): void {
    this.#connection = keeper.connect({
      client: this.#client,
      isLocal: false,
      send: (message) => {
        // As the wire would: no object is shared.
        const copy = structuredClone(message)
        this.#down.send(() => {
          this.#deliver([copy])
        })
      },
      disconnect: () => {
        this.breakOff()
        this.#onClosed(this)
      },
    })
  }

  send(messages: readonly ClientMessage[]): void {
    const copy = structuredClone(messages)
    this.#up.send(() => {
      this.#connection?.receive(copy)
      this.#onDelivered()
    })
  }

  keepAlive(): void {
    // Nothing here keeps a process alive.
  }

  /** The client's end goes away: the keeper notices. */
  close(): void {
    this.#isOpen = false
    this.#onClosed(this)
    const connection = this.#connection
    this.#up.send(() => {
      connection?.disconnected()
    })
  }

  /** The keeper's end goes away: what was sent still arrives, and then the client notices. */
  breakOff(): void {
    this.#connection = null
    this.#down.send(() => {
      if (!this.#isOpen) return
      this.#isOpen = false
      this.#events.onClosed()
    })
  }

  #deliver(messages: readonly KeeperMessage[]): void {
    if (this.#isOpen) this.#events.onMessages(messages)
  }
}

/** Deliveries in their order, each after a delay of its own. */
class Lane {
  readonly #options: SimulatedStoreOptions
  readonly #deliveries: (() => void)[] = []
  #isMoving = false

  constructor(options: SimulatedStoreOptions) {
    this.#options = options
  }

  send(delivery: () => void): void {
    this.#deliveries.push(delivery)
    if (this.#isMoving) return
    this.#isMoving = true
    this.#moveOn()
  }

  #moveOn(): void {
    const { random, postpone, delayBound } = this.#options
    postpone(1 + random.nextBelow(delayBound), () => {
      do this.#deliveries.shift()?.()
      while (this.#deliveries.length > 0 && random.nextBelow(delayBound) === 0)
      if (this.#deliveries.length > 0) this.#moveOn()
      else this.#isMoving = false
    })
  }
}
