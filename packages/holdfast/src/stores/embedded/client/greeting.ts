/**
 * The client's end of a new connection, until the keeper has said who it is.
 *
 *     hello sent ──welcome──▶ a line ──closed──▶ told once
 *        │ └──refused──▶ rejected with the keeper's reason
 *        ├──closed──▶ null: whoever was there is gone
 *        └──abort──▶ rejected with the signal's reason
 */
import type { Env } from "../../../env/index.ts"
import { HoldfastError, isHoldfastError } from "../../../kernel/index.ts"
import type { ClientMessage as Said, KeeperMessage as Heard } from "../keeper/peer.ts"
import {
  type Channel,
  type ChannelEvents,
  type ClientMessage,
  decodeKeeperPayload,
  encodeClientMessage,
  encodeFrames,
  FrameSplitter,
  type KeeperMessage,
  MAX_REQUEST_BYTES,
  type StandbyWord,
} from "../wire/index.ts"
import type { Line, LineEvents } from "./line.ts"

export interface GreetOptions {
  readonly env: Env
  readonly open: (events: ChannelEvents) => Channel
  readonly hello: Extract<ClientMessage, { readonly kind: "hello" }>
  /** Names the keeper, with how it is doing at the moment. */
  readonly describe: () => string
  readonly events: LineEvents
  /** Told who is to keep the store next, where that is not the process that keeps it now; null offers nothing. */
  readonly onStandby: ((who: StandbyWord) => void) | null
  readonly signal: AbortSignal
}

export function greet(options: GreetOptions): Promise<Line | null> {
  return new Promise((resolve, reject) => {
    const { signal } = options
    signal.throwIfAborted()
    const abort = (): void => {
      line.drop()
      // The caller chose what to abort with.
      reject(signal.reason as Error)
    }
    signal.addEventListener("abort", abort, { once: true })
    const line = new KeeperLine(options, (answer) => {
      signal.removeEventListener("abort", abort)
      if (answer instanceof HoldfastError) reject(answer)
      else resolve(answer)
    })
    line.sayHello()
  })
}

class KeeperLine implements Line {
  readonly #env: Env
  readonly #events: LineEvents
  readonly #describe: () => string
  readonly #hello: ClientMessage
  readonly #channel: Channel
  readonly #splitter = new FrameSplitter()
  readonly #onStandby: ((who: StandbyWord) => void) | null
  readonly #answered: (answer: KeeperLine | HoldfastError | null) => void
  #instance: string | null = null
  #isOver = false

  constructor(options: GreetOptions, answered: (answer: KeeperLine | HoldfastError | null) => void) {
    const { env, events, describe, hello, open, onStandby } = options
    this.#env = env
    this.#events = events
    this.#describe = describe
    this.#hello = hello
    this.#onStandby = onStandby
    this.#answered = answered
    this.#channel = open({
      onBytes: (chunk) => {
        this.#hear(chunk)
      },
      onDrained: ignore,
      onClosed: () => {
        this.#closed()
      },
    })
  }

  get instance(): string {
    return this.#instance ?? ""
  }

  get keeper(): string {
    return this.#describe()
  }

  sayHello(): void {
    this.#channel.write(encodeFrames([encodeClientMessage(this.#hello)]))
  }

  send(messages: readonly Said[]): void {
    if (this.#isOver) return
    const encoded: Uint8Array[] = []
    for (const message of messages) {
      const bytes = this.#encode(message)
      if (bytes !== null) encoded.push(bytes)
    }
    if (encoded.length > 0) this.#channel.write(encodeFrames(encoded))
  }

  keepAlive(isNeeded: boolean): void {
    if (!this.#isOver) this.#channel.keepAlive(isNeeded)
  }

  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#channel.write(encodeFrames([encodeClientMessage({ kind: "goodbye" })]))
    this.#channel.end()
  }

  /** Nobody waits for it any more. */
  drop(): void {
    this.#isOver = true
    this.#channel.destroy()
  }

  /** A request that no keeper would take is answered here, where it was asked. */
  #encode(message: Said): Uint8Array | null {
    try {
      const bytes = encodeClientMessage(message)
      if (bytes.length <= MAX_REQUEST_BYTES) return bytes
      const found = `found ${String(bytes.length)}; ask for less at once, or keep large values outside the store`
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        `a request must take at most ${String(MAX_REQUEST_BYTES)} bytes, ${found}`,
      )
    } catch (error) {
      if (message.kind !== "request" || !isHoldfastError(error)) throw error
      const { sequence } = message
      const { code, message: text, details } = error
      // Not within the call that asked: whoever asks has not returned yet.
      this.#env.microtask(() => {
        if (!this.#isOver) this.#events.onMessages([{ kind: "fault", sequence, code, message: text, details }])
      })
      return null
    }
  }

  #hear(chunk: Uint8Array): void {
    if (this.#isOver) return
    const messages: KeeperMessage[] = []
    try {
      for (const payload of this.#splitter.push(chunk)) messages.push(...decodeKeeperPayload(payload))
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      // Whoever speaks like this is no keeper of this protocol; the next connection may find one.
      this.#channel.destroy()
      return
    }
    const heard: Heard[] = []
    for (const message of messages) {
      if (message.kind === "welcome") {
        this.#instance = message.instance
        // A thread of the keeper's own process dies with it.
        if (this.#onStandby !== null && message.keeper.pid !== process.pid) this.#volunteer()
        this.#answered(this)
      } else if (message.kind === "standby") {
        this.#onStandby?.(message.who)
      } else if (message.kind === "refused") {
        this.#refused(new HoldfastError(message.code, message.message, { details: message.details }))
      } else heard.push(message)
    }
    if (heard.length > 0) this.#events.onMessages(heard)
  }

  #volunteer(): void {
    this.#channel.write(encodeFrames([encodeClientMessage({ kind: "volunteer" })]))
  }

  #refused(reason: HoldfastError): void {
    if (this.#instance !== null) return
    this.drop()
    this.#answered(reason)
  }

  #closed(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#instance === null) this.#answered(null)
    else this.#events.onClosed()
  }
}

function ignore(): void {
  // What was said is in the system's hands or in this process's memory; nobody waits for it to leave.
}
