/**
 * Connections to `file:` stores in another process: a stand-in for a program of its own. It runs the real client there
 * and passes commands, outcomes and events on as they are.
 */
import { type ChildProcess, fork } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import {
  type Command,
  type ErrorCode,
  HoldfastError,
  type StoreEvent,
  type Transition,
} from "../../src/kernel/index.ts"
import { nextTurn } from "../../src/env/turn.ts"
import { parseStat } from "../../src/stores/embedded/folder/process-identity.ts"
import type { Store, StoreOutcome } from "../../src/store/index.ts"

/** What the other process is asked; each is answered under its id. */
export type Order = { readonly id: number; readonly store: number } & (
  | { readonly kind: "connect"; readonly address: string; readonly clockFile: string | null }
  | { readonly kind: "execute"; readonly command: Command }
  | { readonly kind: "observe"; readonly on: boolean }
  | { readonly kind: "close" }
)

/** What it says. */
export type Report =
  | { readonly kind: "answer"; readonly id: number; readonly answer: StoreOutcome | string | null }
  | { readonly kind: "fault"; readonly id: number; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: "event"; readonly store: number; readonly event: StoreEvent }
  | { readonly kind: "transition"; readonly store: number; readonly transition: Transition }

interface Waiter {
  readonly resolve: (answer: StoreOutcome | string | null) => void
  readonly reject: (error: Error) => void
}

type OrderBody = Order extends infer O ? (O extends Order ? Omit<O, "id"> : never) : never

export class OtherProcess {
  readonly #child: ChildProcess
  readonly #waiters = new Map<number, Waiter>()
  readonly #stores = new Map<number, RemoteStore>()
  #lastId = 0

  constructor() {
    this.#child = fork(fileURLToPath(new URL("./other-process-main.ts", import.meta.url)), {
      execArgv: ["--import", import.meta.resolve("tsx")],
      serialization: "advanced",
    })
    this.#child.on("message", (report: Report) => {
      this.#hear(report)
    })
    this.#child.on("exit", () => {
      for (const { reject } of this.#waiters.values()) reject(new Error("the other process ended"))
    })
  }

  async connect(address: string, clockFile: string | null = null): Promise<Store> {
    this.#lastId += 1
    const store = this.#lastId
    const id = await this.ask({ kind: "connect", store, address, clockFile })
    // A connection is answered with the store's id.
    const remote = new RemoteStore(this, store, id as string)
    this.#stores.set(store, remote)
    return remote
  }

  async ask(order: OrderBody): Promise<StoreOutcome | string | null> {
    this.#lastId += 1
    const id = this.#lastId
    return await new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject })
      const whole: Order = { ...order, id }
      this.#child.send(whole)
    })
  }

  /** What it has open keeps it alive only while something is asked or awaited. */
  end(): void {
    this.#child.disconnect()
  }

  /** Kills it or lets it go on, as it is. */
  signal(signal: "SIGKILL" | "SIGCONT"): void {
    this.#child.kill(signal)
  }

  /** Stops it. On a busy machine its threads run on for a moment, and no event tells when the last has stopped. */
  async freeze(): Promise<void> {
    this.#child.kill("SIGSTOP")
    while (!this.#isFrozen()) await nextTurn()
  }

  #isFrozen(): boolean {
    const tasks = `/proc/${String(this.#child.pid)}/task`
    return readdirSync(tasks).every((task) => parseStat(readFileSync(`${tasks}/${task}/stat`, "utf8"))?.state === "T")
  }

  #hear(report: Report): void {
    if (report.kind === "event") this.#stores.get(report.store)?.onEventOf(report.event)
    else if (report.kind === "transition") this.#stores.get(report.store)?.onTransitionOf(report.transition)
    else {
      const waiter = this.#waiters.get(report.id)
      this.#waiters.delete(report.id)
      if (report.kind === "answer") waiter?.resolve(report.answer)
      else waiter?.reject(new HoldfastError(report.code, report.message))
    }
  }
}

class RemoteStore implements Store {
  readonly id: string
  readonly #process: OtherProcess
  readonly #store: number
  onEventOf: (event: StoreEvent) => void = ignore
  onTransitionOf: (transition: Transition) => void = ignore

  constructor(process: OtherProcess, store: number, id: string) {
    this.#process = process
    this.#store = store
    this.id = id
  }

  async execute(command: Command): Promise<StoreOutcome> {
    // Every execute is answered with an outcome.
    return (await this.#process.ask({ kind: "execute", store: this.#store, command })) as StoreOutcome
  }

  onEvent(handler: (event: StoreEvent) => void): void {
    this.onEventOf = handler
  }

  onTransition(handler: ((transition: Transition) => void) | null): void {
    this.onTransitionOf = handler ?? ignore
    void this.#process.ask({ kind: "observe", store: this.#store, on: handler !== null })
  }

  async close(): Promise<void> {
    await this.#process.ask({ kind: "close", store: this.#store })
  }
}

function ignore(): void {
  // Nobody has asked to be told.
}
