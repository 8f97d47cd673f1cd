/**
 * The keeper's thread, as the client sees that started it.
 *
 *     started ──▶ waiting for its election ──▶ serving ──close(), failure──▶ exited
 *                      └──close(), another was elected, failure──▶ exited
 */
import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { startThread } from "../start-thread.ts"
import type { KeeperThreadData } from "./keeper-start.ts"
import type { KeeperOrder, KeeperReport } from "./keeper-thread.ts"

/** Several flushes and the thread's own bound; a thread that takes longer is stuck, and its work is safe without it. */
const CLOSE_BOUND_MS = 10_000

export class HostedKeeper {
  /** The name it announces itself by. */
  readonly incarnation: string
  /** The keeper it waits to follow; null where there was none. */
  readonly predecessor: string | null
  readonly #exited: Promise<void>
  readonly #serving: Promise<void>
  readonly #worker: Worker
  #isOver = false
  #fault: HoldfastError | null = null

  constructor(data: KeeperThreadData) {
    this.incarnation = data.incarnation
    this.predecessor = data.ignoredIncarnation
    this.#worker = startThread(new URL("./keeper-start", import.meta.url), {
      name: "holdfast keeper",
      workerData: data,
    })
    let nowServing = ignore
    this.#serving = new Promise((resolve) => {
      nowServing = resolve
    })
    this.#worker.on("message", (report: KeeperReport) => {
      if (report.kind === "serving") nowServing()
      else this.#fault ??= new HoldfastError(report.code, report.message)
    })
    this.#worker.on("error", (error: unknown) => {
      const found = error instanceof Error ? error.message : String(error)
      this.#fault ??= new HoldfastError(
        "STORE_UNAVAILABLE",
        `the thread that keeps "${data.folder.path}" should run until the store is closed, but ended: ${found}; open the store again`,
        { cause: error },
      )
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#isOver = true
        resolve()
      })
    })
    // What the client waits for holds the process; a thread that serves others does not.
    this.#worker.unref()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Why it ended, where that was not on purpose. */
  get fault(): HoldfastError | null {
    return this.#fault
  }

  /** Whether it was elected and answers connections; false where it ended first. Whoever waits keeps the process alive. */
  async serves(): Promise<boolean> {
    return await Promise.race([this.#serving.then(() => !this.#isOver), this.exited().then(() => false)])
  }

  /** A port to the keeper: closed by the other side if this thread does not become it. */
  attach(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    const order: KeeperOrder = { kind: "attach", port: port2 }
    this.#worker.postMessage(order, [port2])
    return port1
  }

  /** Resolves when the thread is gone; it does not keep the process alive until then. */
  get gone(): Promise<void> {
    return this.#exited
  }

  /** Resolves when the thread is gone, however it ended. Whoever waits for it keeps the process alive. */
  async exited(): Promise<void> {
    if (this.#isOver) return
    this.#worker.ref()
    await this.#exited
  }

  /** Everything is flushed and handed over. Idempotent. */
  async close(env: Env): Promise<void> {
    if (this.#isOver) return
    const order: KeeperOrder = { kind: "leave" }
    this.#worker.postMessage(order)
    const bound = env.timers.after(CLOSE_BOUND_MS, () => void this.#worker.terminate())
    await this.exited()
    bound.cancel()
  }
}

function ignore(): void {
  // Nobody has asked yet.
}
