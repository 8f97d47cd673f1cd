/**
 * The journal of a `file:` store: what is durable, in one SQLite database. Reads are synchronous and in this thread;
 * writes go to a thread of their own, so that a flush stalls nobody.
 *
 *     open ──append──▶ open            (resolved when durable)
 *      │ ├──full: every append under way rejects, STORE_FULL──▶ open
 *      │ └──failed flush, damage, thread gone: all reject──▶ failed (reads go on; every append rejects)
 *      └──close──▶ closed (what was appended before is durable, or has been rejected)
 *
 * 1. Batches become durable in the order they were appended; a crash loses a suffix of them (S3).
 * 2. A rejected append has changed nothing, and nothing appended before its rejection was told is durable (S5).
 * 3. After a failed flush nothing is written any more (S5), and nothing once somebody else has opened the journal.
 * 4. The thread keeps the process alive only while somebody waits for it.
 */
import { resolve } from "node:path"
import type { Worker } from "node:worker_threads"
import {
  assertInvariant,
  type CellView,
  type Digest,
  HoldfastError,
  type Identity,
  type RowKey,
  type RunFilter,
  type RunStatus,
  type StoredRow,
  type StoreView,
} from "../../../kernel/index.ts"
import type { RunRow } from "../../../kernel/state.ts"
import type { BlobIndex } from "../keeper/blob-care.ts"
import type { JournalBatch, StoredReply } from "./batch.ts"
import { detach } from "./detach.ts"
import { errorOf, type Fault } from "./fault.ts"
import type { WriterOrder, WriterReport } from "./journal-thread.ts"
import { type JournalMeta, openDatabase, type OpenJournalOptions } from "./opening.ts"
import { JournalReader } from "./reader.ts"
import { startWriter } from "./start-writer.ts"

export interface Journal {
  readonly path: string
  /** Random, made with the store. */
  readonly instance: string
  readonly createdAt: number
  /** The build that made the store. */
  readonly build: string
  /** The number of the last batch that was durable when the journal was opened, or 0. */
  readonly lastBatch: number
  /** Which files of large values the durable rows name. */
  readonly blobs: BlobIndex
  /** Below this lies every token that may have been handed out; a keeper goes on from here (L2). */
  tokenCeiling(): number
  /** The largest arrival of a stored run, or 0. */
  lastArrival(): number
  /** The rows of the keys, in their order; null where there is none. */
  load(keys: readonly RowKey[]): StoredRow[]
  /** Pending and running runs, by arrival. A scan while nothing is appended, as at opening. */
  openRuns(): Iterable<RunRow>
  /** By arrival. */
  listRuns(filter: RunFilter): RunRow[]
  /** Cells with a value, by name as JavaScript compares. */
  listCells(prefix: string, limit: number): CellView[]
  countRuns(): Record<RunStatus, number>
  /** How many cells have a value; the limit where there are more, as each that is counted is looked at. */
  countCells(limit: number): number
  /** Operations with open runs, by name and version. */
  queues(): StoreView["queues"]
  /** Settled runs whose retention is over, the longest over first. */
  expired(now: number, limit: number): Identity[]
  reply(client: string, sequence: number): Uint8Array | undefined
  /** Every stored reply. A scan while nothing is appended, as at opening. */
  replies(): Iterable<StoredReply>
  /**
   * Resolves when the batch is durable. Call it again at once: batches that wait share a flush.
   *
   * @throws HoldfastError STORE_FULL: nothing was written, of this batch or of those appended since; it can be tried
   * again. STORE_UNAVAILABLE, STORE_DAMAGED: the journal has failed for good. CLOSED.
   */
  append(batch: JournalBatch): Promise<void>
  /**
   * A copy of the live store in a new file, as it is when this resolves.
   *
   * @throws HoldfastError ARGUMENT_INVALID where the file exists, STORE_FULL, STORE_UNAVAILABLE
   */
  backup(file: string): Promise<void>
  /** Moves what is in the log into the database. Durability does not need it; a quick next opening does. */
  checkpoint(): Promise<void>
  /** Gives the space of what is gone back to the system. Takes as long as writing the database anew; appends wait. */
  vacuum(): Promise<void>
  /** Waits for what was appended, then closes both connections. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the journal at the path, making it where there is none. The caller holds the store: one journal at a time.
 *
 * @param thread where one is ready: a writer for this path that was started by {@link startWriter}, ours from now on
 * @throws HoldfastError STORE_NEWER, STORE_DAMAGED, STORE_UNAVAILABLE, STORE_FULL
 */
export async function openJournal(options: OpenJournalOptions, thread?: Worker): Promise<Journal> {
  // Backups and messages name the file wherever the process goes.
  const path = resolve(options.path)
  // It starts while the database is looked at. One that was ready may have ended meanwhile.
  const writer = thread === undefined || thread.threadId === -1 ? startWriter(path) : thread
  let journal: DurableJournal
  try {
    const { database, meta } = openDatabase({ ...options, path })
    journal = new DurableJournal(new JournalReader(database, path), path, { meta, writer })
  } catch (error) {
    await writer.terminate()
    throw error
  }
  await journal.started
  return journal
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: HoldfastError) => void
}

interface Append extends Waiter {
  readonly number: number
  readonly ceiling: number | null
}

class DurableJournal implements Journal {
  readonly path: string
  readonly instance: string
  readonly createdAt: number
  readonly build: string
  readonly lastBatch: number
  /** Resolves when the thread has opened its connection. */
  readonly started: Promise<void>
  readonly #reader: JournalReader
  readonly #thread: Worker
  /** Appended and not answered, in order. */
  #appends: Append[] = []
  /** Files of large values that no row names any more, not asked for yet. */
  readonly #released: Digest[] = []
  /** Orders of other kinds, by their id. */
  readonly #orders = new Map<number, Waiter>()
  #lastOrder = 0
  #lastBatch = -Infinity
  #ceiling: number
  #round = 0
  #fault: Fault | null = null
  #closing: Promise<void> | null = null
  #starting: Waiter | null = null
  #exited: () => void = ignore

  constructor(
    reader: JournalReader,
    path: string,
    { meta, writer }: { readonly meta: JournalMeta; readonly writer: Worker },
  ) {
    this.path = path
    this.instance = meta.instance
    this.createdAt = meta.createdAt
    this.build = meta.build
    this.lastBatch = meta.lastBatch
    this.#reader = reader
    this.#ceiling = meta.tokenCeiling
    this.#thread = writer
    // Somebody waits for it from here on; see `#hear`.
    this.#thread.ref()
    this.started = new Promise((resolveStarted, reject) => {
      this.#starting = { resolve: resolveStarted, reject }
    })
    this.#thread.on("message", (report: WriterReport) => this.#hear(report))
    this.#thread.on("error", (error: unknown) => {
      this.#fail(this.#goneFault(`ended: ${error instanceof Error ? error.message : String(error)}`))
    })
    this.#thread.on("exit", () => {
      if (this.#closing === null) this.#fail(this.#goneFault("ended unexpectedly"))
      else this.#fail(this.#closedFault())
      this.#exited()
    })
    this.#send({ kind: "open", term: meta.term })
  }

  get blobs(): BlobIndex {
    const { blobs } = this.#reader
    return {
      isNamed: (digest) => blobs.isNamed(digest),
      totals: () => blobs.totals(),
      budgetBytes: () => blobs.budgetBytes(),
      evictable: (limit) => blobs.evictable(limit),
      takeReleased: () => this.#released.splice(0),
    }
  }

  tokenCeiling(): number {
    return this.#ceiling
  }

  lastArrival(): number {
    return this.#reader.lastArrival()
  }

  load(keys: readonly RowKey[]): StoredRow[] {
    return this.#reader.load(keys)
  }

  openRuns(): Iterable<RunRow> {
    return this.#reader.openRuns()
  }

  listRuns(filter: RunFilter): RunRow[] {
    return this.#reader.listRuns(filter)
  }

  listCells(prefix: string, limit: number): CellView[] {
    return this.#reader.listCells(prefix, limit)
  }

  countRuns(): Record<RunStatus, number> {
    return this.#reader.countRuns()
  }

  countCells(limit: number): number {
    return this.#reader.countCells(limit)
  }

  queues(): StoreView["queues"] {
    return this.#reader.queues()
  }

  expired(now: number, limit: number): Identity[] {
    return this.#reader.expired(now, limit)
  }

  reply(client: string, sequence: number): Uint8Array | undefined {
    return this.#reader.reply(client, sequence)
  }

  replies(): Iterable<StoredReply> {
    return this.#reader.replies()
  }

  async append(batch: JournalBatch): Promise<void> {
    this.#checkUsable()
    const { number, tokenCeiling: ceiling } = batch
    assertInvariant(number > this.#lastBatch, "S3", `batch ${String(number)} comes after ${String(this.#lastBatch)}`)
    assertInvariant(ceiling === null || ceiling >= this.#ceiling, "L2", "the token ceiling would fall")
    this.#lastBatch = number
    await this.#wait((waiter) => {
      this.#appends.push({ ...waiter, number, ceiling })
      this.#send({ kind: "append", round: this.#round, batch: detach(batch) })
    })
  }

  async backup(file: string): Promise<void> {
    await this.#order((id) => ({ kind: "backup", id, file: resolve(file) }))
  }

  async checkpoint(): Promise<void> {
    await this.#order((id) => ({ kind: "checkpoint", id }))
  }

  async vacuum(): Promise<void> {
    await this.#order((id) => ({ kind: "vacuum", id }))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const exited = new Promise<void>((resolveExited) => {
      this.#exited = resolveExited
    })
    if (this.#thread.threadId === -1) this.#exited()
    else {
      this.#thread.ref()
      this.#send({ kind: "close" })
    }
    await exited
    this.#reader.close()
  }

  async #order(orderOf: (id: number) => WriterOrder): Promise<void> {
    this.#checkUsable()
    this.#lastOrder += 1
    const id = this.#lastOrder
    await this.#wait((waiter) => {
      this.#orders.set(id, waiter)
      this.#send(orderOf(id))
    })
  }

  #checkUsable(): void {
    if (this.#closing !== null) throw errorOf(this.#closedFault())
    if (this.#fault !== null) throw errorOf(this.#fault)
  }

  async #wait(send: (waiter: Waiter) => void): Promise<void> {
    // The thread holds the process from the first wait to the last answer.
    if (!this.#isAwaited()) this.#thread.ref()
    await new Promise<void>((resolveWait, reject) => send({ resolve: resolveWait, reject }))
  }

  #isAwaited(): boolean {
    return this.#appends.length > 0 || this.#orders.size > 0 || this.#closing !== null
  }

  #send(order: WriterOrder): void {
    this.#thread.postMessage(order)
  }

  #hear(report: WriterReport): void {
    switch (report.kind) {
      case "opened":
        this.#starting?.resolve()
        this.#starting = null
        break
      case "durable":
        this.#released.push(...report.released)
        assertInvariant(this.#appends[report.count - 1]?.number === report.through, "S3", "another batch is durable")
        for (const append of this.#appends.splice(0, report.count)) {
          if (append.ceiling !== null) this.#ceiling = append.ceiling
          append.resolve()
        }
        break
      case "full":
        this.#round += 1
        this.#rejectAppends(report.fault)
        break
      case "failed":
        this.#fail(report.fault)
        break
      case "done": {
        const waiter = this.#orders.get(report.id)
        this.#orders.delete(report.id)
        if (report.fault === null) waiter?.resolve()
        else waiter?.reject(errorOf(report.fault))
        break
      }
      case "closed":
        break
    }
    if (!this.#isAwaited() && this.#starting === null) this.#thread.unref()
  }

  #rejectAppends(fault: Fault): void {
    for (const append of this.#appends.splice(0)) append.reject(errorOf(fault))
  }

  /** Nothing is written any more: everybody who waits is told, and everybody who comes. */
  #fail(fault: Fault): void {
    this.#fault ??= fault
    this.#rejectAppends(this.#fault)
    for (const waiter of this.#orders.values()) waiter.reject(errorOf(this.#fault))
    this.#orders.clear()
    if (this.#starting === null) return
    this.#starting.reject(errorOf(this.#fault))
    this.#starting = null
    void this.close()
  }

  #goneFault(what: string): Fault {
    return {
      code: "STORE_UNAVAILABLE",
      message: `the thread that writes the journal "${this.path}" ${what}; what was not reported durable may or may not be: open the store again`,
    }
  }

  #closedFault(): Fault {
    return { code: "CLOSED", message: `the journal "${this.path}" was closed; open the store again to go on` }
  }
}

function ignore(): void {
  // Nobody has asked to be told.
}
