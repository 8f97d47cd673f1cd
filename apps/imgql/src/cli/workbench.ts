/** What programs run on: a store, threads that run kernels, and a place of its own for a run that leaves nothing behind. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Holdfast, open, type Semaphore } from "holdfast"
import { KernelPool } from "../threads/pool.ts"
import { openStore } from "./store-place.ts"

export interface WorkbenchOptions {
  /** Null for a store that is gone with the workbench. */
  readonly store: string | null
  readonly folder: string
  readonly label: string
  readonly threads: number
  readonly maxCacheBytes?: number | null | undefined
}

export class Workbench {
  readonly store: Holdfast
  readonly pool: KernelPool
  /** One permit a kernel that may run at once. */
  readonly threads: Semaphore
  readonly #local: Holdfast
  readonly #temporary: string | null
  #closing: Promise<void> | null = null

  private constructor(store: Holdfast, local: Holdfast, threads: number, temporary: string | null) {
    this.store = store
    this.#local = local
    this.#temporary = temporary
    this.pool = new KernelPool(threads)
    this.threads = local.semaphore("threads", threads)
  }

  static async open({ store: url, folder, label, threads, maxCacheBytes }: WorkbenchOptions): Promise<Workbench> {
    const temporary = url === null ? mkdtempSync(join(tmpdir(), "imgql-")) : null
    const store = await openStore({
      url: url ?? `file:${join(temporary ?? "", "store")}`,
      folder,
      label,
      maxCacheBytes,
    })
    return new Workbench(store, await open("memory:", { label: "imgql" }), threads, temporary)
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
    if (this.#temporary !== null) rmSync(this.#temporary, { recursive: true, force: true })
  }
}
