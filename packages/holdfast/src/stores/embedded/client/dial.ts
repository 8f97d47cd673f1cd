/**
 * Finds the keeper of a folder and connects to it; where there is none, starts one.
 *
 *     look ──announced──▶ connect ──welcome──▶ a line
 *      ▲ │                  └──nobody there──▶ look, past that announcement for a while
 *      │ └──lock free, no other candidate──▶ a keeper's thread ──welcome──▶ a line, over a port
 *      └────────────────────└──another was elected, or it ended
 *
 * A keeper names one of its clients to be the next (host/standby.ts). That one starts its thread at once, where it waits
 * for the lock; the others leave it a head start, so that a keeper's death costs each of them no thread of its own.
 *
 * 1. The first time it is bounded: whoever opens a store is told within 10 s that its keeper does not answer. Later the
 *    sessions that wait for the keeper each have a bound of their own, and giving up would end them.
 * 2. Who is named and has started a thread still goes to whoever serves: the thread that waits is no keeper.
 * 3. What keeps a keeper's thread from starting (damage, a newer store) is told and not tried again.
 */
import { connect } from "node:net"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { awaitKeeper, type KeeperFound } from "../folder/await-keeper.ts"
import type { Folder } from "../folder/folder.ts"
import { type KeeperFile, readKeeperFile } from "../folder/keeper-file.ts"
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
  type StandbyWord,
} from "../wire/index.ts"
import { greet, type GreetOptions } from "./greeting.ts"
import type { Line, LineEvents } from "./line.ts"

export interface DialerOptions {
  readonly env: Env
  readonly folder: Folder
  /** The name of this client, the same on every line. */
  readonly client: string
  /** For a keeper this client starts. */
  readonly check: boolean
  /** True for who only looks and leaves: it makes itself ready for nothing. */
  readonly isPassing?: boolean
  readonly clockFile: string | null
}

/** As long as a request waits (see client.ts). */
const FIRST_BOUND_MS = 10_000

/** What a keeper that is named and ready needs to take up a store of any size, several times over. */
const HEAD_START_MS = 150

/** What a program with nothing ready needs to start a keeper, on a busy machine; it may be stopped meanwhile. */
const CANDIDATE_MS = 1_000

/**
 * A keeper whose connection broke before it said who it is may be dead, or may live and have had no descriptor left. No
 * event tells of the second when another try is worth it; of the first there is one, far sooner than this.
 */
const RETRY_MS = 1_000

export class Dialer {
  readonly #options: DialerOptions
  #hosted: HostedKeeper | null = null
  #instance: string | null = null
  /** Names the keeper that was asked last, with how it is doing at that moment. */
  #describe: () => string = () => "none has announced itself"
  /** A keeper that was not there although it was announced; for a while. */
  #ignored: string | null = null
  /** Who the keeper of the last line named to be the next. */
  #standby: StandbyWord = "nobody"
  #isClosed = false

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
      bounded.abort(new HoldfastError("STORE_UNAVAILABLE", message, { details: { unansweredMs: FIRST_BOUND_MS } }))
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
    this.#isClosed = true
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
    if (!hosted.isOver) {
      const line = (await this.#greetOther(hosted, events, signal)) ?? (await this.#greetHosted(hosted, events, signal))
      if (line !== null) return line
    }
    await hosted.exited()
    // Another may have been started by then, as this client was named to be the next.
    if (this.#hosted === hosted) this.#hosted = null
    return null
  }

  /** Somebody else's keeper that lives: one's own thread may be waiting for its end. */
  async #greetOther(hosted: HostedKeeper, events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const notice = readKeeperFile(this.#options.folder)
    if (notice.kind !== "announced") return null
    const { incarnation } = notice.keeper
    if (incarnation === hosted.incarnation || incarnation === this.#ignored) return null
    return await this.#greetAnnounced(notice.keeper, events, signal)
  }

  async #look(events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const found =
      (await this.#awaitNamed(signal)) ??
      (await this.#awaitWithin(CANDIDATE_MS, "candidacy", signal)) ??
      (await this.#awaitAny(signal))
    if (found === null) return null
    if (found.kind === "announced") return await this.#greetAnnounced(found.keeper, events, signal)
    if (found.kind === "candidate") {
      try {
        return await this.#becomeKeeper(events, signal)
      } finally {
        found.candidacy.release()
      }
    }
    // Its thread must hold the lock, so that the lock ends with it. Others may come first meanwhile.
    found.lock.release()
    return await this.#becomeKeeper(events, signal)
  }

  /** A line to a keeper of one's own; null where another was elected after all. */
  async #becomeKeeper(events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    // It may have been closed while what was found came to be known.
    signal.throwIfAborted()
    const hosted = this.#start(this.#ignored)
    const line = await this.#greetHosted(hosted, events, signal)
    if (line !== null) return line
    await hosted.exited()
    // Another may have been started by then, as this client was named to be the next.
    if (this.#hosted === hosted) this.#hosted = null
    if (hosted.fault !== null) throw hosted.fault
    return null
  }

  /** The announcement of the one that was named, if it comes within its head start. */
  async #awaitNamed(signal: AbortSignal): Promise<KeeperFound | null> {
    if (this.#standby !== "other") return null
    const found = await this.#awaitWithin(HEAD_START_MS, "nothing", signal)
    if (found === null) this.#standby = "nobody"
    return found
  }

  /** Whoever comes; null where the keeper that is passed over should be asked once more. */
  async #awaitAny(signal: AbortSignal): Promise<KeeperFound | null> {
    const { folder } = this.#options
    if (this.#ignored === null) return await awaitKeeper(folder, { ignoredIncarnation: null, signal })
    const found = await this.#awaitWithin(RETRY_MS, "lock", signal)
    if (found === null) this.#ignored = null
    return found
  }

  async #awaitWithin(
    boundMs: number,
    seeks: "lock" | "candidacy" | "nothing",
    signal: AbortSignal,
  ): Promise<KeeperFound | null> {
    const { env, folder } = this.#options
    const bound = new AbortController()
    const timer = env.timers.after(boundMs, () => bound.abort())
    try {
      const either = AbortSignal.any([signal, bound.signal])
      return await awaitKeeper(folder, { ignoredIncarnation: this.#ignored, seeks, signal: either })
    } catch (error) {
      if (signal.aborted || !bound.signal.aborted) throw error
      return null
    } finally {
      timer.cancel()
    }
  }

  #start(predecessor: string | null): HostedKeeper {
    const { env, folder, check, clockFile } = this.#options
    const incarnation = env.ids.next()
    this.#hosted = new HostedKeeper({ folder, check, clockFile, ignoredIncarnation: predecessor, incarnation })
    return this.#hosted
  }

  /** The keeper has said who is to be the next. */
  #named(who: StandbyWord, { incarnation }: KeeperFile): void {
    this.#standby = who
    if (who === "you") void this.#getReady(incarnation)
  }

  async #getReady(predecessor: string): Promise<void> {
    // One that waited for an earlier keeper's end has found that another came first, and ends.
    if (this.#hosted !== null && this.#hosted.predecessor !== predecessor) await this.#hosted.gone
    if (this.#isClosed || this.#standby !== "you" || this.#hosted?.isOver === false) return
    this.#start(predecessor)
  }

  async #greetHosted(hosted: HostedKeeper, events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const port = hosted.attach()
    const open = (channel: ChannelEvents): Channel => portChannel(port, channel)
    return await this.#greet({ open, describe: describeOwn, onStandby: null, events, signal })
  }

  async #greetAnnounced(keeper: KeeperFile, events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const describe = (): string => {
      const { pid, startTime } = keeper
      const isFrozen = conditionOf({ pid, startTime }) === "frozen"
      return `process ${String(pid)}${isFrozen ? " (frozen)" : ""}`
    }
    const open = (channel: ChannelEvents): Channel => socketChannel(connect(keeper.socket), channel)
    const named = (who: StandbyWord): void => this.#named(who, keeper)
    const onStandby = this.#options.isPassing === true ? null : named
    const line = await this.#greet({ open, describe, onStandby, events, signal })
    if (line === null) this.#ignored = keeper.incarnation
    return line
  }

  async #greet(greeting: Omit<GreetOptions, "env" | "hello">): Promise<Line | null> {
    const { env, client } = this.#options
    this.#describe = greeting.describe
    const hello: Extract<ClientMessage, { readonly kind: "hello" }> = {
      kind: "hello",
      protocol: { min: PROTOCOL, max: PROTOCOL },
      build: BUILD,
      instance: this.#instance,
      client,
      resumes: this.#instance !== null,
    }
    const line = await greet({ ...greeting, env, hello })
    // This keeper has named nobody yet: it can only do so once it was asked.
    if (line !== null) this.#standby = "nobody"
    return line
  }
}

function describeOwn(): string {
  return `process ${String(process.pid)}, which is this one`
}
