/**
 * Finds the keeper of a folder and connects to it; where there is none, starts one.
 *
 *     look ──announced──▶ connect ──welcome──▶ a line
 *      ▲ │                  └──nobody there──▶ look, past that announcement
 *      │ └──lock free──▶ a keeper's thread ──welcome──▶ a line, over a port
 *      └────────────────────└──another was elected, or it ended
 *
 * 1. The first time it is bounded: whoever opens a store is told within 10 s that its keeper does not answer. Later the
 *    sessions that wait for the keeper each have a bound of their own, and giving up would end them.
 * 2. What keeps a keeper's thread from starting (damage, a newer store) is told and not tried again.
 */
import { connect } from "node:net"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { awaitKeeper } from "../folder/await-keeper.ts"
import type { Folder } from "../folder/folder.ts"
import type { KeeperFile } from "../folder/keeper-file.ts"
import { conditionOf } from "../folder/process-identity.ts"
import { BUILD } from "../host/build.ts"
import { HostedKeeper } from "../host/hosted-keeper.ts"
import {
  type Channel,
  type ChannelEvents,
  type ClientMessage,
  portChannel,
  PROTOCOL,
  socketChannel,
} from "../wire/index.ts"
import { greet } from "./greeting.ts"
import type { Line, LineEvents } from "./line.ts"

export interface DialerOptions {
  readonly env: Env
  readonly folder: Folder
  /** The name of this client, the same on every line. */
  readonly client: string
  /** For a keeper this client starts. */
  readonly check: boolean
  readonly clockFile: string | null
}

/** As long as a request waits (see client.ts). */
const FIRST_BOUND_MS = 10_000

export class Dialer {
  readonly #options: DialerOptions
  #hosted: HostedKeeper | null = null
  #instance: string | null = null
  /** Names the keeper that was asked last, with how it is doing at that moment. */
  #describe: () => string = () => "none has announced itself"
  /** A keeper that was not there although it was announced. */
  #ignored: string | null = null

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** @throws HoldfastError STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED, STORE_FULL; the signal's reason */
  async dial(events: LineEvents, signal: AbortSignal): Promise<Line> {
    if (this.#instance !== null) return await this.#dial(events, signal)
    const { env, folder } = this.#options
    const bounded = new AbortController()
    const abort = (): void => {
      bounded.abort(signal.reason)
    }
    const expire = (): void => {
      const message = `"${folder.path}" should have a keeper that answers within ${String(FIRST_BOUND_MS / 1_000)} s, but it has not (${this.#describe()}); if it is stopped, end it with "holdfast doctor DIR --evict"`
      bounded.abort(new HoldfastError("STORE_UNAVAILABLE", message))
    }
    signal.throwIfAborted()
    signal.addEventListener("abort", abort, { once: true })
    const bound = env.timers.after(FIRST_BOUND_MS, expire)
    try {
      return await this.#dial(events, bounded.signal)
    } finally {
      bound.cancel()
      signal.removeEventListener("abort", abort)
    }
  }

  /** Ends the keeper this client started: what it applied is flushed, and others go on with another. */
  async close(): Promise<void> {
    await this.#hosted?.close(this.#options.env)
  }

  async #dial(events: LineEvents, signal: AbortSignal): Promise<Line> {
    for (;;) {
      const line = (await this.#reattach(events, signal)) ?? (await this.#look(events, signal))
      if (line === null) continue
      this.#instance = line.instance
      return line
    }
  }

  /** The keeper of one's own, where it is still there. */
  async #reattach(events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const hosted = this.#hosted
    if (hosted === null) return null
    const line = hosted.isOver ? null : await this.#greetHosted(hosted, events, signal)
    if (line !== null) return line
    await hosted.exited()
    this.#hosted = null
    return null
  }

  async #look(events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const { folder, check, clockFile } = this.#options
    const found = await awaitKeeper(folder, { ignoredIncarnation: this.#ignored, signal })
    if (found.kind === "announced") return await this.#greetAnnounced(found.keeper, events, signal)
    // Its thread must hold the lock, so that the lock ends with it. Others may come first meanwhile.
    found.lock.release()
    const hosted = new HostedKeeper({ folder, check, clockFile, ignoredIncarnation: this.#ignored })
    this.#hosted = hosted
    const line = await this.#greetHosted(hosted, events, signal)
    if (line !== null) return line
    await hosted.exited()
    this.#hosted = null
    if (hosted.fault !== null) throw hosted.fault
    return null
  }

  async #greetHosted(hosted: HostedKeeper, events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const port = hosted.attach()
    return await this.#greet((channel) => portChannel(port, channel), describeOwn, events, signal)
  }

  async #greetAnnounced(keeper: KeeperFile, events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const describe = (): string => {
      const { pid, startTime } = keeper
      const isFrozen = conditionOf({ pid, startTime }) === "frozen"
      return `process ${String(pid)}${isFrozen ? " (frozen)" : ""}`
    }
    const open = (channel: ChannelEvents): Channel => socketChannel(connect(keeper.socket), channel)
    const line = await this.#greet(open, describe, events, signal)
    if (line === null) this.#ignored = keeper.incarnation
    return line
  }

  async #greet(
    open: (events: ChannelEvents) => Channel,
    describe: () => string,
    events: LineEvents,
    signal: AbortSignal,
  ): Promise<Line | null> {
    const { env, client } = this.#options
    this.#describe = describe
    const hello: Extract<ClientMessage, { readonly kind: "hello" }> = {
      kind: "hello",
      protocol: { min: PROTOCOL, max: PROTOCOL },
      build: BUILD,
      instance: this.#instance,
      client,
      resumes: this.#instance !== null,
    }
    return await greet({ env, open, hello, describe, events, signal })
  }
}

function describeOwn(): string {
  return `process ${String(process.pid)}, which is this one`
}
