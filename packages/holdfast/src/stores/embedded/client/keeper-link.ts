/**
 * A client's link to whoever keeps the store at the moment: one line after the other.
 *
 *     dialing ──welcome──▶ connected ──the line closed──▶ lost ──connect()──▶ dialing        close() ends it from anywhere
 *
 * 1. What is said in one turn goes in one piece; what was not sent when the line closed is said on no other.
 * 2. Messages are heard in the order of the line, those that came with the welcome first.
 * 3. The term rises with every line lost: that keeper may have died with heads it had shown (C3).
 */
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import type { ClientMessage, KeeperMessage } from "../keeper/peer.ts"
import type { Dial, Line } from "./line.ts"

export interface KeeperLinkOptions {
  readonly env: Env
  readonly dial: Dial
  /** There is a line, of which nothing has been heard yet. */
  readonly onConnected: () => void
  readonly onMessages: (messages: readonly KeeperMessage[]) => void
  /** The line is gone: another is had by connecting again. */
  readonly onLost: () => void
}

export class KeeperLink {
  readonly #options: KeeperLinkOptions
  #line: Line | null = null
  #instance = ""
  #term = 0
  #outbox: ClientMessage[] = []
  #isPosting = false
  #isClosed = false
  #describeKeeper: () => string = () => "none so far"
  readonly #dialing = new AbortController()

  constructor(options: KeeperLinkOptions) {
    this.#options = options
  }

  /** The store's own name. */
  get instance(): string {
    return this.#instance
  }

  /** Lines lost so far. */
  get term(): number {
    return this.#term
  }

  /** Who kept the store last, for messages people read. */
  get keeper(): string {
    return this.#describeKeeper()
  }

  /** @throws HoldfastError STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED */
  async connect(): Promise<void> {
    const { dial, onConnected, onMessages } = this.#options
    // What comes before the line is known here.
    const early = { messages: [] as (readonly KeeperMessage[])[], isLost: false }
    const line = await dial(
      {
        onMessages: (messages) => {
          if (this.#line === null) early.messages.push(messages)
          else onMessages(messages)
        },
        onClosed: () => {
          if (this.#line === null) early.isLost = true
          else this.#lost()
        },
      },
      this.#dialing.signal,
    )
    if (this.#isClosed) {
      line.close()
      return
    }
    this.#line = line
    this.#instance = line.instance
    this.#describeKeeper = () => line.keeper
    if (early.isLost) {
      this.#lost()
      return
    }
    onConnected()
    for (const messages of early.messages) onMessages(messages)
  }

  post(message: ClientMessage): void {
    if (this.#line === null) return
    this.#outbox.push(message)
    if (this.#isPosting) return
    this.#isPosting = true
    this.#options.env.microtask(() => {
      this.#isPosting = false
      const messages = this.#outbox
      this.#outbox = []
      if (this.#line !== null && messages.length > 0) this.#line.send(messages)
    })
  }

  /** Whether the line keeps the process alive. */
  keepAlive(isNeeded: boolean): void {
    this.#line?.keepAlive(isNeeded)
  }

  close(): void {
    this.#isClosed = true
    this.#dialing.abort(new HoldfastError("CLOSED", "the store was closed while its keeper was looked for"))
    this.#line?.close()
    this.#line = null
  }

  #lost(): void {
    if (this.#isClosed || this.#line === null) return
    this.#line = null
    this.#term += 1
    this.#outbox = []
    this.#options.onLost()
  }
}
