/** What programs run on: a store, threads that run kernels, and a place of its own for a run that leaves nothing behind. */
import { type Holdfast, open, type Semaphore } from "holdfast"
import { Overflow } from "../engine/overflow.ts"
import { isFileError } from "../files/file-error.ts"
import { KernelPool } from "../threads/pool.ts"
import { CommandError } from "./command-error.ts"
import { openStore, type StoreAhead } from "./open-store.ts"

export interface WorkbenchOptions {
  /** Null for a store that is gone with the workbench. */
  readonly store: string | null
  readonly folder: string
  readonly label: string
  readonly threads: number
  readonly maxCacheBytes?: number | null | undefined
  /** The store, where it was opened ahead. */
  readonly ahead?: StoreAhead | null
}

export class Workbench {
  readonly store: Holdfast
  readonly pool: KernelPool
  /** One permit a kernel that may run at once. */
  readonly threads: Semaphore
  /** Of a store that is gone with the workbench. */
  readonly overflow: Overflow | null
  readonly #local: Holdfast
  #closing: Promise<void> | null = null

  private constructor(store: Holdfast, local: Holdfast, threads: number, overflow: Overflow | null) {
    this.store = store
    this.#local = local
    this.overflow = overflow
    this.pool = new KernelPool(threads)
    this.threads = local.semaphore("threads", threads)
  }

  /** @throws HoldfastError where the store cannot be opened; CommandError E_STORE where there is no place for one */
  static async open(options: WorkbenchOptions): Promise<Workbench> {
    const { store: url, folder, label, threads, maxCacheBytes, ahead = null } = options
    const overflow = url === null ? openOverflow() : null
    const local = await open("memory:", { label: "imgql" })
    if (ahead !== null) return new Workbench(await ahead.take(), local, threads, overflow)
    const store = await (url === null ? open("memory:", { label }) : openStore({ url, folder, label, maxCacheBytes }))
    return new Workbench(store, local, threads, overflow)
  }

  /** Stops the kernels that run, gives back what was under way, and keeps what is done. Idempotent. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    // Together: what is under way ends when its kernel does, and the store waits for that.
    await Promise.all([this.pool.close(), this.store.close()])
    await this.#local.close()
    this.overflow?.close()
  }
}

function openOverflow(): Overflow {
  try {
    return Overflow.open()
  } catch (error) {
    if (!isFileError(error)) throw error
    const message =
      `there is no place for what does not fit in memory: ${error.message}; ` +
      `set TMPDIR to a folder that can be written, or run without --no-cache`
    throw new CommandError("E_STORE", message, { cause: error })
  }
}
