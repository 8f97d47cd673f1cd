/**
 * Where connections reach the keeper: it finds out who they are, turns bytes into messages and back, and keeps whoever
 * sends nonsense away from the keeper.
 *
 *     strange ──hello──▶ welcome ──goodbye, closed, disconnected by the keeper──▶ over
 *        └─────────┴──anything malformed, no common protocol, another store──▶ refused, over
 *
 * 1. What one connection sends can end that connection and nothing else.
 * 2. Before its hello a connection can make the keeper hold 64 KiB, and for 10 s.
 * 3. What the keeper says in one tick goes in one piece.
 * 4. Nothing more is read from who does not read what it is sent, and what it is told meanwhile is held (see outbox.ts): a
 *    slow reader is no dead session, and costs a bounded amount of memory.
 */
import type { Env, Timer } from "../../../env/index.ts"
import { type ErrorCode, type ErrorDetails, HoldfastError, isHoldfastError } from "../../../kernel/index.ts"
import type { Connection } from "../keeper/connection.ts"
import type { Keeper } from "../keeper/keeper.ts"
import type { ClientMessage as SaidByClient, KeeperMessage as SaidByKeeper } from "../keeper/peer.ts"
import type { Channel, ChannelEvents } from "../wire/index.ts"
import {
  type ClientMessage,
  decodeClientPayload,
  encodeFrames,
  encodeKeeperMessage,
  FrameSplitter,
  type KeeperMessage,
  MAX_REQUEST_PAYLOAD_BYTES,
  PROTOCOL,
  type StandbyWord,
} from "../wire/index.ts"
import type { Administer } from "./administer.ts"
import { BUILD } from "./build.ts"
import { Outbox } from "./outbox.ts"
import { type Candidate, Standby } from "./standby.ts"

export interface ReceptionOptions {
  readonly env: Env
  readonly keeper: Keeper
  /** The store's. */
  readonly instance: string
  readonly pid: number
  /** Does what whoever looks after the store asks. */
  readonly administer: Administer
}

/** A hello takes some hundred bytes. */
const HELLO_BYTES = 64 * 1024

/** As long as a client waits for the keeper. */
const HELLO_BOUND_MS = 10_000

/** The credit of a client that does not read: several times what the system buffers by itself, and one large message. */
const BACKLOG_BYTES = 2 * 1024 * 1024

type Hello = Extract<ClientMessage, { readonly kind: "hello" }>

export class Reception {
  readonly options: ReceptionOptions
  readonly startedAt: number
  /** @internal */
  readonly standby: Standby
  readonly #guests = new Set<Guest>()
  #onEmpty: () => void = ignore

  constructor(options: ReceptionOptions) {
    this.options = options
    this.startedAt = options.env.clock.now()
    this.standby = new Standby(options.env)
  }

  /** Takes in a connection. `isLocal` says that it is the one this keeper lives and dies with. */
  admit(open: (events: ChannelEvents) => Channel, isLocal: boolean): void {
    const guest = new Guest(this, open, isLocal)
    this.#guests.add(guest)
  }

  /** The sessions of the client that this keeper lives with end as if it had closed its connection. */
  dismissLocal(): void {
    for (const guest of this.#guests) if (guest.isLocal) guest.over()
  }

  /** Sends what is to be sent and ends every connection; resolves when all are gone. */
  async close(): Promise<void> {
    this.standby.close()
    const gone = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    for (const guest of this.#guests) guest.end()
    if (this.#guests.size > 0) await gone
  }

  /** Ends every connection as it is. */
  destroy(): void {
    this.standby.close()
    for (const guest of this.#guests) guest.destroy()
  }

  /** @internal A client is where its newest connection is: an older one is dead and has not been noticed. */
  replace(newer: Guest, client: string): void {
    for (const guest of this.#guests) if (guest !== newer && guest.client === client) guest.over()
  }

  /** @internal */
  gone(guest: Guest): void {
    this.#guests.delete(guest)
    if (this.#guests.size === 0) this.#onEmpty()
  }
}

/** One connection, from its first byte. */
class Guest implements Candidate {
  readonly isLocal: boolean
  /** Null until it said who it is. */
  client: string | null = null
  readonly #reception: Reception
  readonly #channel: Channel
  readonly #bound: Timer
  #splitter = new FrameSplitter(HELLO_BYTES)
  #connection: Connection | null = null
  readonly #outbox = new Outbox()
  #isSending = false
  #isOver = false

  constructor(reception: Reception, open: (events: ChannelEvents) => Channel, isLocal: boolean) {
    this.isLocal = isLocal
    this.#reception = reception
    this.#channel = open({
      onBytes: (chunk) => {
        this.#hear(chunk)
      },
      onDrained: () => {
        this.#channel.setReading(true)
        this.#flush()
      },
      onClosed: () => {
        this.over()
        reception.gone(this)
      },
    })
    const expire = (): void => {
      const message = `the first message must be a hello within ${String(HELLO_BOUND_MS / 1_000)} s, found none; connect again`
      this.#refuse("ARGUMENT_INVALID", message)
    }
    this.#bound = reception.options.env.timers.after(HELLO_BOUND_MS, expire, { keepAlive: false })
  }

  /** The other side is gone, or is to be. */
  over(): void {
    this.#bound.cancel()
    if (this.#isOver) return
    this.#isOver = true
    this.#channel.end()
    this.#connection?.disconnected()
    this.#reception.standby.gone(this)
  }

  /** The keeper is going: what it said is sent, and its sessions go on with the next one. */
  end(): void {
    this.#sendAll()
    this.#isOver = true
    this.#bound.cancel()
    this.#channel.end()
  }

  destroy(): void {
    this.#isOver = true
    this.#bound.cancel()
    this.#channel.destroy()
  }

  standby(who: StandbyWord): void {
    if (!this.#isOver) this.#write([{ kind: "standby", who }])
  }

  #hear(chunk: Uint8Array): void {
    if (this.#isOver) return
    const messages: ClientMessage[] = []
    try {
      for (const payload of this.#splitter.push(chunk)) messages.push(...decodeClientPayload(payload))
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      this.#refuse(error.code, error.message)
      return
    }
    this.#take(messages)
  }

  #take(messages: readonly ClientMessage[]): void {
    const said: SaidByClient[] = []
    let isLeaving = false
    for (const message of messages) {
      if (this.#isOver || isLeaving) return
      if (message.kind === "hello") this.#greet(message)
      else if (this.#connection === null) {
        this.#refuse("ARGUMENT_INVALID", `the first message must be a hello, found "${message.kind}"; connect again`)
      } else if (message.kind === "goodbye") isLeaving = true
      else if (message.kind === "volunteer") this.#reception.standby.offer(this)
      else if (message.kind === "administer") void this.#administer(this.#connection, message)
      else said.push(message)
    }
    if (said.length > 0) this.#connection?.receive(said)
    if (isLeaving) this.over()
  }

  async #administer(
    on: Connection,
    { sequence, order }: Extract<ClientMessage, { readonly kind: "administer" }>,
  ): Promise<void> {
    let answer: KeeperMessage
    try {
      answer = { kind: "administered", sequence, answer: await this.#reception.options.administer(order, on) }
    } catch (error) {
      const known = isHoldfastError(error) ? error : new HoldfastError("STORE_UNAVAILABLE", String(error))
      const { code, message, details } = known
      answer = { kind: "fault", sequence, code, message, details }
    }
    if (!this.#isOver) this.#write([answer])
  }

  #greet(hello: Hello): void {
    const { keeper, instance, pid } = this.#reception.options
    const refusal = this.#objectionTo(hello)
    if (refusal !== null) {
      this.#refuse(refusal.code, refusal.message, refusal.details)
      return
    }
    this.#bound.cancel()
    this.#splitter = new FrameSplitter(MAX_REQUEST_PAYLOAD_BYTES)
    this.#reception.replace(this, hello.client)
    this.client = hello.client
    const { startedAt } = this.#reception
    this.#write([{ kind: "welcome", protocol: PROTOCOL, instance, build: BUILD, keeper: { pid, startedAt } }])
    this.#connection = keeper.connect({
      client: hello.client,
      isLocal: this.isLocal,
      send: (message) => {
        this.#send(message)
      },
      disconnect: () => {
        this.end()
      },
    })
  }

  #objectionTo({ protocol, build, instance }: Hello): HoldfastError | null {
    if (this.#connection !== null) return new HoldfastError("ARGUMENT_INVALID", "a hello comes once; connect again")
    const { min, max } = protocol
    const { pid, instance: own } = this.#reception.options
    if (max < PROTOCOL || min > PROTOCOL) {
      const keeper = `the store's keeper (process ${String(pid)}, build ${BUILD}) speaks protocol ${String(PROTOCOL)} only`
      const client = `this build (${build}) speaks ${String(min)} to ${String(max)}`
      return max < PROTOCOL
        ? new HoldfastError("STORE_NEWER", `${keeper}, ${client}; use the newer build here too`)
        : new HoldfastError("STORE_UNAVAILABLE", `${keeper}, ${client}; end the programs that use the older build`)
    }
    if (instance === null || instance === own) return null
    return new HoldfastError(
      "STORE_UNAVAILABLE",
      `the folder held the store "${instance}" and now holds "${own}", so somebody replaced it; open the store again`,
    )
  }

  #send(message: SaidByKeeper): void {
    if (this.#isOver) return
    this.#outbox.say(message)
    if (this.#isSending) return
    this.#isSending = true
    this.#reception.options.env.microtask(() => {
      this.#isSending = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#channel.backlogBytes <= BACKLOG_BYTES) this.#sendAll()
    if (this.#isOver || this.#channel.backlogBytes <= BACKLOG_BYTES) return
    // Until it has read what it was sent.
    this.#channel.setReading(false)
    this.#outbox.hold()
  }

  #sendAll(): void {
    const messages = this.#outbox.take()
    if (!this.#isOver && messages.length > 0) this.#write(messages)
  }

  #write(messages: readonly KeeperMessage[]): void {
    this.#channel.write(encodeFrames(messages.map(encodeOrFault)))
  }

  #refuse(code: ErrorCode, message: string, details: ErrorDetails = {}): void {
    if (!this.#isOver) this.#write([{ kind: "refused", code, message, details }])
    this.over()
  }
}

/** An outcome that is too large for a message becomes a fault; it is the only message whose size a client decides. */
function encodeOrFault(message: KeeperMessage): Uint8Array {
  try {
    return encodeKeeperMessage(message)
  } catch (error) {
    if (message.kind !== "outcome" || !isHoldfastError(error)) throw error
    const { code, message: text, details } = error
    return encodeKeeperMessage({ kind: "fault", sequence: message.sequence, code, message: text, details })
  }
}

function ignore(): void {
  // Nobody waits.
}
