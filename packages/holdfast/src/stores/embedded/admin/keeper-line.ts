/**
 * A line to a store's keeper for whoever looks after the store: it asks orders and opens no session. Where nobody keeps
 * the store, a keeper is started in this process, as for any opener, and handed over at the end.
 *
 *     open ──lost──▶ every order under way is refused; the next one finds the next keeper
 *       └──close()──▶ closed
 *
 * 1. An order may take as long as it takes, as long as the keeper moves: a ping that is not answered within the bound of
 *    every request ends the wait.
 */
import type { Env, Timer } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { Dialer } from "../client/dial.ts"
import type { Line } from "../client/line.ts"
import { ClientLock } from "../folder/client-lock.ts"
import { findFolder, type Folder, openFolder } from "../folder/folder.ts"
import type { AdminAnswer, AdminOrder } from "../keeper/admin.ts"
import type { KeeperMessage } from "../keeper/peer.ts"

/** How long nothing may be heard before the keeper is asked whether it still moves. */
const PING_AFTER_MS = 5_000

/** As long as every client waits (see client.ts). */
const SILENCE_BOUND_MS = 10_000

const ADVICE = 'if it is stopped, end it with "holdfast doctor DIR --evict"'

interface Waiter {
  readonly resolve: (answer: AdminAnswer) => void
  readonly reject: (error: HoldfastError) => void
}

export class KeeperLine {
  readonly folder: Folder
  readonly #env: Env
  readonly #life: ClientLock
  readonly #dialer: Dialer
  readonly #closing = new AbortController()
  readonly #waiters = new Map<number, Waiter>()
  #line: Line | null = null
  #lastSequence = 0
  #silence: Timer | null = null

  private constructor(folder: Folder, env: Env) {
    this.folder = folder
    this.#env = env
    this.#life = ClientLock.take(folder, env)
    this.#dialer = new Dialer({ env, folder, client: this.#life.id, check: false, clockFile: null, isPassing: true })
  }

  /**
   * Connects to the keeper of a store that is there.
   *
   * @throws HoldfastError STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED, STORE_FULL, ARGUMENT_INVALID
   */
  static async open(address: string, env: Env): Promise<KeeperLine> {
    const { path } = findFolder(address, env)
    const line = new KeeperLine(openFolder(path, env), env)
    try {
      await line.#connect()
      return line
    } catch (error) {
      await line.close()
      throw error
    }
  }

  /** @throws HoldfastError STORE_UNAVAILABLE where the keeper is gone or does not answer; what the order ends with */
  async ask(order: AdminOrder): Promise<AdminAnswer> {
    const line = this.#line ?? (await this.#connect())
    const answer = this.#wait((sequence) => {
      line.send([{ kind: "administer", sequence, order }])
      line.keepAlive(true)
    })
    this.#heard()
    return await answer
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new HoldfastError("CLOSED", "this line was closed; open another"))
    this.#silence?.cancel()
    this.#line?.close()
    this.#line = null
    await this.#dialer.close()
    this.#life.close()
  }

  async #connect(): Promise<Line> {
    const events = {
      onMessages: (messages: readonly KeeperMessage[]) => {
        for (const message of messages) this.#take(message)
      },
      onClosed: () => {
        this.#lost("it ended before it had answered; ask again, and its successor does")
      },
    }
    // The dialer bounds its first look, and names who does not answer; later ones are bounded here.
    const isFirst = this.#lastSequence === 0
    const bounded = new AbortController()
    const bound = this.#env.timers.after(isFirst ? 2 * SILENCE_BOUND_MS : SILENCE_BOUND_MS, () => {
      bounded.abort(new HoldfastError("STORE_UNAVAILABLE", `no keeper of "${this.folder.path}" answers; ${ADVICE}`))
    })
    try {
      this.#line = await this.#dialer.dial(events, AbortSignal.any([this.#closing.signal, bounded.signal]))
      return this.#line
    } finally {
      bound.cancel()
    }
  }

  #wait(send: (sequence: number) => void): Promise<AdminAnswer> {
    this.#lastSequence += 1
    const sequence = this.#lastSequence
    return new Promise((resolve, reject) => {
      this.#waiters.set(sequence, { resolve, reject })
      send(sequence)
    })
  }

  #take(message: KeeperMessage): void {
    if (message.kind !== "administered" && message.kind !== "fault") return
    const waiter = this.#waiters.get(message.sequence)
    this.#waiters.delete(message.sequence)
    if (message.kind === "administered") waiter?.resolve(message.answer)
    else waiter?.reject(new HoldfastError(message.code, message.message, { details: message.details }))
    this.#heard()
  }

  /** The keeper was heard, or has just been asked: from here on its silence counts. */
  #heard(): void {
    this.#silence?.cancel()
    this.#silence = null
    this.#line?.keepAlive(this.#waiters.size > 0)
    if (this.#waiters.size === 0) return
    this.#silence = this.#env.timers.after(PING_AFTER_MS, () => {
      // Whatever comes of it says that the keeper moves, or that it does not.
      this.#wait((sequence) => this.#line?.send([{ kind: "administer", sequence, order: { kind: "ping" } }])).catch(
        ignore,
      )
      this.#silence = this.#env.timers.after(SILENCE_BOUND_MS, () => {
        this.#line?.close()
        this.#lost(`it has not answered for ${String(SILENCE_BOUND_MS / 1_000)} s; ${ADVICE}`)
      })
    })
  }

  #lost(what: string): void {
    const keeper = this.#line?.keeper ?? "gone"
    this.#silence?.cancel()
    this.#line = null
    const error = new HoldfastError("STORE_UNAVAILABLE", `the keeper of "${this.folder.path}" (${keeper}): ${what}`)
    for (const waiter of this.#waiters.values()) waiter.reject(error)
    this.#waiters.clear()
  }
}

function ignore(): void {
  // Those who wait for something else are told.
}
