/**
 * A store's folder on a simulated machine: who has the keeper's lock, who has announced itself, which clients live, and
 * the disk. Around it what `dial.ts` and `keeper-thread.ts` do on a real one, over the same greeting, reception and keeper.
 *
 *     term: electing ──opened──▶ announced ──leave──▶ flushed, handed over ──▶ over
 *              └───────────────────┴──its thread ends, a failure──▶ over            the lock is free
 */
import { HoldfastError, isHoldfastError } from "../../src/kernel/index.ts"
import { greet } from "../../src/stores/embedded/client/greeting.ts"
import type { Dial, Line, LineEvents } from "../../src/stores/embedded/client/line.ts"
import { BUILD } from "../../src/stores/embedded/host/build.ts"
import { Reception } from "../../src/stores/embedded/host/reception.ts"
import { Keeper } from "../../src/stores/embedded/keeper/keeper.ts"
import { PROTOCOL } from "../../src/stores/embedded/wire/index.ts"
import type { Machine, SimulatedProcess, SimulatedThread } from "./machine.ts"
import { FLUSH_FAILED, LOG_FULL, SimulatedDisk } from "./simulated-disk.ts"
import { SimulatedLink } from "./simulated-link.ts"

export interface FolderOptions {
  readonly machine: Machine
  /** Deliveries take up to so long. */
  readonly delayMs: number
  /** Flushes take up to so many tenths of a millisecond. */
  readonly flushBound: number
}

const FIRST_BOUND_MS = 10_000

export class SimulatedFolder {
  readonly machine: Machine
  readonly disk: SimulatedDisk
  readonly delayMs: number
  /** Connections between processes: these can break. */
  readonly links = new Set<SimulatedLink>()
  readonly #clients = new Map<string, SimulatedThread>()
  #lock: Term | null = null
  #announced: Term | null = null
  #changed: (() => void)[] = []
  /** How many keepers there were. */
  terms = 0

  constructor({ machine, delayMs, flushBound }: FolderOptions) {
    this.machine = machine
    this.delayMs = delayMs
    const postpone = (tenths: number, work: () => void): void => {
      machine.after(tenths / 10, work)
    }
    this.disk = new SimulatedDisk({ random: machine.random, postpone, flushBound })
  }

  /** The keeper that serves at the moment, or is about to. */
  get keeper(): Term | null {
    return this.#lock
  }

  /** Sessions of before that the keeper has neither seen again nor taken for dead yet. */
  get awaySessions(): number {
    return this.#lock?.awaySessions ?? 0
  }

  /** The keeper has still to hear that a connection of its ended. */
  get isEnding(): boolean {
    return this.#lock?.isEnding ?? false
  }

  get announced(): Term | null {
    return this.#announced
  }

  isClientAlive(client: string): boolean {
    return this.#clients.get(client)?.isAlive === true
  }

  addClient(client: string, thread: SimulatedThread): void {
    this.#clients.set(client, thread)
  }

  removeClient(client: string): void {
    this.#clients.delete(client)
  }

  /** Who asks first gets the lock; null where somebody has it. */
  elect(process: SimulatedProcess): Term | null {
    if (this.#lock !== null) return null
    this.terms += 1
    const term = new Term(this, process.thread("keeper"), this.terms)
    this.#lock = term
    return term
  }

  announce(term: Term): void {
    this.#announced = term
    this.#change()
  }

  release(term: Term): void {
    if (this.#lock !== term) return
    this.#lock = null
    this.disk.release()
    this.#change()
  }

  /** Resolves when another look is worth it. */
  async change(thread: SimulatedThread, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      // The caller chose what to abort with.
      const abort = (): void => {
        reject(signal.reason as Error)
      }
      signal.addEventListener("abort", abort, { once: true })
      this.#changed.push(() => {
        signal.removeEventListener("abort", abort)
        thread.after(0.01, resolve)
      })
    })
  }

  #change(): void {
    for (const wake of this.#changed.splice(0)) wake()
  }
}

/** One keeper's time, in a thread of its own. */
export class Term {
  readonly thread: SimulatedThread
  readonly number: number
  readonly #folder: SimulatedFolder
  #serving: { readonly keeper: Keeper; readonly reception: Reception } | null = null
  /** Local connections that came before there was anybody to serve them. */
  #waiting: SimulatedLink[] = []
  readonly #admitted: SimulatedLink[] = []
  #fault: HoldfastError | null = null
  readonly #ended: Promise<void>

  constructor(folder: SimulatedFolder, thread: SimulatedThread, number: number) {
    this.#folder = folder
    this.thread = thread
    this.number = number
    this.#ended = new Promise((resolve) => {
      thread.onEnd(() => {
        folder.machine.note(() => `keeper ${String(number)} is over`)
        folder.release(this)
        resolve()
      })
    })
    folder.machine.note(() => `keeper ${String(number)} begins in ${thread.process.name}`)
    thread.after(0.1 + folder.machine.delayMs(2), () => {
      try {
        this.#begin()
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }

  get isOver(): boolean {
    return !this.thread.isAlive
  }

  get awaySessions(): number {
    return this.#serving?.keeper.awaySessions ?? 0
  }

  get isEnding(): boolean {
    return this.#serving !== null && this.#admitted.some((link) => link.isEnding)
  }

  /** Why it ended, where that was not on purpose. */
  get fault(): HoldfastError | null {
    return this.#fault
  }

  async ended(): Promise<void> {
    await this.#ended
  }

  /** A connection: served now, as soon as anybody is, or never. */
  admit(link: SimulatedLink, isLocal: boolean): void {
    this.thread.enter(() => {
      if (this.#serving !== null) {
        this.#admitted.push(link)
        this.#serving.reception.admit((events) => link.open(1, events), isLocal)
      } else if (isLocal) this.#waiting.push(link)
    })
  }

  /** Everybody else goes on with the next keeper. */
  leave(): void {
    this.thread.after(0.01, () => {
      void this.#handOver()
    })
  }

  #begin(): void {
    const { thread } = this
    const { machine, disk } = this.#folder
    const { env } = thread
    const user = {
      isAlive: () => thread.isAlive,
      deliver: (work: () => void) => {
        thread.enter(work)
      },
      mayDie: (moment: string) => {
        thread.mayDie(moment)
      },
    }
    const startedMs = machine.nowMs - env.clock.monotonic()
    const header = { boot: `boot ${String(machine.boot)}`, epochMs: machine.wallMs - machine.nowMs }
    const { live, epochMs } = disk.openLive(user, header)
    const keeper = new Keeper({
      env,
      journal: disk.openJournal(user),
      live,
      epochMs: epochMs + startedMs,
      check: true,
      isAlive: (client) => this.#folder.isClientAlive(client),
      onFailed: (error) => {
        this.#fail(error)
      },
    })
    const reception = new Reception({
      env,
      keeper,
      instance: "the simulated store",
      pid: this.number,
      administer: () => Promise.reject(new HoldfastError("ARGUMENT_INVALID", "nobody looks after a simulated store")),
    })
    if (this.isOver) return
    this.#serving = { keeper, reception }
    for (const link of this.#waiting.splice(0)) this.admit(link, true)
    this.#folder.announce(this)
  }

  async #handOver(): Promise<void> {
    if (this.#serving === null) {
      this.thread.end()
      return
    }
    const { keeper, reception } = this.#serving
    reception.dismissLocal()
    await keeper.close()
    // Whoever dies meanwhile hands over nothing.
    if (this.isOver) return
    void reception.close()
    this.thread.end()
  }

  #fail(error: Error): void {
    if (this.isOver) return
    this.thread.process.isAtRisk = true
    const isExpected = error.message === FLUSH_FAILED || error.message === LOG_FULL
    if (!isExpected) this.#folder.machine.fault(`keeper ${String(this.number)} failed: ${error.stack ?? error.message}`)
    this.#folder.machine.note(() => `keeper ${String(this.number)} fails: ${error.message}`)
    this.#fault = isHoldfastError(error) ? error : new HoldfastError("STORE_UNAVAILABLE", error.message)
    this.#serving?.reception.destroy()
    this.thread.end()
  }
}

/** How a process finds the store's keeper, or becomes it. */
export class SimulatedDialer {
  readonly #folder: SimulatedFolder
  readonly #thread: SimulatedThread
  readonly #client: string
  #hosted: Term | null = null
  #instance: string | null = null
  #ignored: Term | null = null

  constructor(folder: SimulatedFolder, thread: SimulatedThread, client: string) {
    this.#folder = folder
    this.#thread = thread
    this.#client = client
    folder.addClient(client, thread)
  }

  /** The keeper this process has, if any. */
  get hosted(): Term | null {
    return this.#hosted
  }

  readonly dial: Dial = async (events, signal) => {
    if (this.#instance !== null) return await this.#dial(events, signal)
    const { env } = this.#thread
    const bounded = new AbortController()
    const abort = (): void => {
      bounded.abort(signal.reason)
    }
    signal.addEventListener("abort", abort, { once: true })
    const bound = env.timers.after(FIRST_BOUND_MS, () => {
      bounded.abort(new HoldfastError("STORE_UNAVAILABLE", "the simulated keeper has not answered"))
    })
    try {
      return await this.#dial(events, bounded.signal)
    } finally {
      bound.cancel()
      signal.removeEventListener("abort", abort)
    }
  }

  async close(): Promise<void> {
    const hosted = this.#hosted
    if (hosted !== null && !hosted.isOver) {
      hosted.leave()
      await this.#ended(hosted)
    }
    this.#folder.removeClient(this.#client)
  }

  async #dial(events: LineEvents, signal: AbortSignal): Promise<Line> {
    for (;;) {
      const line = (await this.#reattach(events, signal)) ?? (await this.#look(events, signal))
      if (line === null) continue
      this.#instance = line.instance
      return line
    }
  }

  async #reattach(events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const hosted = this.#hosted
    if (hosted === null) return null
    const line = hosted.isOver ? null : await this.#greet(hosted, true, events, signal)
    if (line !== null) return line
    await this.#ended(hosted)
    this.#hosted = null
    return null
  }

  async #look(events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const folder = this.#folder
    signal.throwIfAborted()
    const { announced } = folder
    if (announced !== null && announced !== this.#ignored) {
      const line = await this.#greet(announced, false, events, signal)
      // A connection to a keeper that lives may break while it is greeted: unlike a real one, it is asked again.
      if (line === null && announced.isOver) this.#ignored = announced
      return line
    }
    const hosted = folder.elect(this.#thread.process)
    if (hosted === null) {
      await folder.change(this.#thread, signal)
      return null
    }
    this.#hosted = hosted
    const line = await this.#greet(hosted, true, events, signal)
    if (line !== null) return line
    await this.#ended(hosted)
    this.#hosted = null
    if (hosted.fault !== null) throw hosted.fault
    return null
  }

  /** News of another thread comes as an event of this one's. */
  async #ended(hosted: Term): Promise<void> {
    await hosted.ended()
    await new Promise<void>((resolve) => {
      this.#thread.after(0.01, resolve)
    })
  }

  async #greet(keeper: Term, isLocal: boolean, events: LineEvents, signal: AbortSignal): Promise<Line | null> {
    const { machine, delayMs, links } = this.#folder
    const link = new SimulatedLink(machine, [this.#thread, keeper.thread], delayMs)
    // Nobody listens there any more.
    if (keeper.isOver) link.refuse()
    if (!isLocal) {
      for (const each of links) if (each.isOver) links.delete(each)
      links.add(link)
    }
    const { env } = this.#thread
    const open = (handlers: Parameters<SimulatedLink["open"]>[1]): ReturnType<SimulatedLink["open"]> => {
      const channel = link.open(0, handlers)
      keeper.admit(link, isLocal)
      return channel
    }
    const hello = {
      kind: "hello",
      protocol: { min: PROTOCOL, max: PROTOCOL },
      build: BUILD,
      instance: this.#instance,
      client: this.#client,
      resumes: this.#instance !== null,
    } as const
    const describe = (): string => `keeper ${String(keeper.number)}`
    return await greet({ env, open, hello, describe, events, signal, onStandby: null })
  }
}
