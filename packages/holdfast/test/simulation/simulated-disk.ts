/**
 * A disk for keepers: a journal whose flushes take time, and a live log that is in the page cache at once.
 *
 *     append ──▶ flushing ──time──▶ durable            a process that dies leaves its last batch durable or not
 *                    ├──full──▶ nothing was written
 *                    └──the flush failed──▶ durable or not, and nobody can tell
 *
 * 1. A batch is durable whole or not at all, and only after every earlier one.
 * 2. What a process wrote of live state survives its death, and no power loss. What it was writing when it died may be
 *    cut off anywhere.
 * 3. Who is dead writes nothing more.
 */
import type { Prng } from "../../src/env/prng.ts"
import { HoldfastError, type Outcome, type RowKey, type RunRow, type StoredRow } from "../../src/kernel/index.ts"
import type { JournalBatch, KeeperJournal } from "../../src/stores/embedded/keeper/journal-port.ts"
import type { KeeperLiveLog } from "../../src/stores/embedded/keeper/live-book.ts"
import { lineOf, type LogHeader, parseLog } from "../../src/stores/embedded/keeper/live-lines.ts"
import type { Postpone } from "../conformance/deferred-store.ts"

type Row = NonNullable<StoredRow["row"]>

export interface SimulatedDiskOptions {
  readonly random: Prng
  readonly postpone: Postpone
  /** Flushes take from 1 to this many units of the delay. */
  readonly flushBound: number
}

/** The process that has the disk. */
export interface DiskUser {
  isAlive(): boolean
  /** Runs what a flush that is over means to it, when it can hear of it. */
  deliver(work: () => void): void
  /** A moment at which it may die. */
  mayDie(moment: string): void
}

/** What a failed flush says; whoever sees anything else has found a bug. */
export const FLUSH_FAILED = "the simulated flush failed"

/** What a live log says that cannot be written; as above. */
export const LOG_FULL = "the simulated disk has no room for the live log"

/** A log this long is rewritten. */
const REWRITE_LENGTH = 20_000

export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions
  readonly #rows = new Map<RowKey, Row>()
  readonly #replies = new Map<string, Map<number, Outcome>>()
  #live: string | null = null
  #tokenCeiling = 0
  #lastArrival = 0
  #lastBatch = 0
  /** When retention is over next; null where that must be looked for. */
  #nextExpiry: number | null = null
  /** What is being flushed, and by whom. */
  #flushing: { readonly batch: JournalBatch; readonly user: DiskUser } | null = null
  /** How many processes have had the disk. */
  #users = 0
  /** Appends fail with STORE_FULL while true. */
  isFull = false
  /** The live log cannot be written while true. */
  isLogFull = false
  /** How many of the next flushes fail. */
  failures = 0

  constructor(options: SimulatedDiskOptions) {
    this.#options = options
  }

  /** How many batches are durable. */
  get batches(): number {
    return this.#lastBatch
  }

  /** The process that used the disk is dead; the batch it was flushing is durable or not, by chance unless it is said. */
  release(isFlushed?: boolean): void {
    this.#users += 1
    const flushing = this.#flushing
    this.#flushing = null
    if (flushing !== null && (isFlushed ?? this.#options.random.nextBelow(2) === 0)) this.#commit(flushing.batch)
  }

  /** A process that lives until the disk is released. */
  user(): DiskUser {
    const number = this.#users
    return {
      isAlive: () => this.#users === number,
      deliver: (work) => {
        if (this.#users === number) work()
      },
      mayDie: () => undefined,
    }
  }

  /** The machine went off: no session survives. */
  losePower(isFlushed?: boolean): void {
    this.release(isFlushed)
    this.#live = null
  }

  /** The live log, for one process. */
  openLive(user: DiskUser, now: LogHeader): { readonly live: KeeperLiveLog; readonly epochMs: number } {
    const read = this.#live === null ? null : parseLog(this.#live)
    const isOurs = read !== null && read.header.boot === now.boot
    const header = isOurs ? read.header : now
    let leastLength = 0
    const live: KeeperLiveLog = {
      found: isOurs ? read.changes : [],
      append: (changes) => {
        user.mayDie("before it writes the live log")
        this.#appendLive(user, lineOf(changes))
        user.mayDie("when it has written the live log")
        const { length } = this.#live ?? ""
        return length > REWRITE_LENGTH && length > 4 * leastLength
      },
      rewrite: (changes) => {
        user.mayDie("while it rewrites the live log")
        // Aside, and renamed: it is there whole or not at all.
        if (!user.isAlive()) return
        this.#expectRoom()
        this.#live = [lineOf(header), ...Array.from(changes, lineOf)].join("")
        leastLength = this.#live.length
        user.mayDie("when it has rewritten the live log")
      },
    }
    return { live, epochMs: header.epochMs }
  }

  #appendLive(user: DiskUser, text: string): void {
    if (!user.isAlive()) return
    // What fitted of it is cut off again before anybody is told.
    this.#expectRoom()
    const whole = this.#live
    const cut = this.#options.random.nextUnit()
    this.#live = `${whole ?? ""}${text.slice(0, Math.floor(cut * text.length))}`
    user.mayDie("while it writes the live log")
    if (user.isAlive()) this.#live = `${whole ?? ""}${text}`
  }

  #expectRoom(): void {
    if (this.isLogFull) throw new HoldfastError("STORE_UNAVAILABLE", LOG_FULL)
  }

  /** The journal, for one process. */
  openJournal(user: DiskUser): KeeperJournal {
    const rows = <R extends Row>(is: (row: Row) => row is R): R[] => [...this.#rows.values()].filter(is)
    return {
      tokenCeiling: this.#tokenCeiling,
      lastArrival: this.#lastArrival,
      lastBatch: this.#lastBatch,
      load: (keys) =>
        // A key and the row stored under it belong together: both came from one change.
        keys.map((key) => ({ key, row: copy(this.#rows.get(key)) ?? null }) as StoredRow),
      openRuns: () =>
        rows(isOpenRun)
          .toSorted((a, b) => a.arrival - b.arrival)
          .map(copy),
      listRuns: ({ operation, statuses, limit }) =>
        rows(isRun)
          .filter((row) => operation === null || row.operation === operation)
          .filter((row) => statuses === null || statuses.includes(row.status))
          .toSorted((a, b) => a.arrival - b.arrival)
          .slice(0, limit)
          .map(copy),
      listCells: (prefix, limit) =>
        [...this.#rows]
          .flatMap(([key, row]) =>
            key.startsWith(`cell:${prefix}`) && isCell(row) ? [{ name: key.slice(5), ...row }] : [],
          )
          .filter((cell) => cell.value !== null)
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .slice(0, limit)
          .map(copy),
      countRuns: () => {
        const counts = { pending: 0, running: 0, completed: 0, failed: 0, canceled: 0, interrupted: 0 }
        for (const row of rows(isRun)) counts[row.status] += 1
        return counts
      },
      countCells: (limit) => Math.min(limit, rows(isCell).filter((row) => row.value !== null).length),
      expired: (now, limit) =>
        rows(isRun)
          .filter((row) => expiryOf(row) <= now)
          .map((row) => row.identity)
          .slice(0, limit),
      nextExpiry: () => {
        this.#nextExpiry ??= Math.min(...rows(isRun).map(expiryOf))
        return this.#nextExpiry === Infinity ? undefined : this.#nextExpiry
      },
      replies: () =>
        [...this.#replies].flatMap(([client, outcomes]) =>
          [...outcomes].map(([sequence, outcome]) => ({ client, sequence, outcome })),
        ),
      append: async (batch) => {
        await this.#append(user, batch)
      },
    }
  }

  #append(user: DiskUser, batch: JournalBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      user.mayDie("before it flushes")
      if (!user.isAlive()) return
      const flushing = { batch: copy(batch), user }
      this.#flushing = flushing
      const { random, postpone, flushBound } = this.#options
      postpone(1 + random.nextBelow(flushBound), () => {
        if (this.#flushing !== flushing) return
        const error = this.#endFlush(flushing.batch)
        user.mayDie("when it has flushed, before it answers")
        user.deliver(() => {
          if (error === null) resolve()
          else reject(error)
        })
      })
    })
  }

  #endFlush(batch: JournalBatch): Error | null {
    this.#flushing = null
    if (this.failures > 0) {
      this.failures -= 1
      if (this.#options.random.nextBelow(2) === 0) this.#commit(batch)
      return new Error(FLUSH_FAILED)
    }
    if (this.isFull) return new HoldfastError("STORE_FULL", "the disk is full; make room and ask again")
    this.#commit(batch)
    return null
  }

  #commit(batch: JournalBatch): void {
    this.#lastBatch = batch.number
    for (const { key, row } of batch.rows) {
      if (row === null) this.#rows.delete(key)
      else this.#rows.set(key, row)
      if (key.startsWith("run:")) this.#nextExpiry = null
      if (row !== null && isRun(row)) this.#lastArrival = Math.max(this.#lastArrival, row.arrival)
    }
    const { put, drop, dropClients } = batch.replies
    for (const { client, sequence, outcome } of put) {
      const outcomes = this.#replies.get(client) ?? new Map<number, Outcome>()
      this.#replies.set(client, outcomes.set(sequence, outcome))
    }
    for (const { client, through } of drop) {
      const outcomes = this.#replies.get(client)
      for (const sequence of outcomes?.keys() ?? []) if (sequence <= through) outcomes?.delete(sequence)
    }
    for (const client of dropClients) this.#replies.delete(client)
    if (batch.tokenCeiling !== null) this.#tokenCeiling = batch.tokenCeiling
  }
}

/** What is stored is nobody's to change. Rows and batches are plain data, so this is `structuredClone`, much faster. */
function copy<T>(value: T): T {
  return copyPlain(value) as T // Of the shape it was copied from.
}

function copyPlain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(copyPlain)
  if (value instanceof Uint8Array) return new Uint8Array(value)
  const copied: Record<string, unknown> = {}
  for (const [key, each] of Object.entries(value)) copied[key] = copyPlain(each)
  return copied
}

function isRun(row: Row): row is RunRow {
  return typeof row === "object" && "identity" in row
}

function isOpenRun(row: Row): row is RunRow {
  return isRun(row) && (row.status === "pending" || row.status === "running")
}

function isCell(row: Row): row is Exclude<Row, RunRow | number> {
  return typeof row === "object" && !("identity" in row)
}

/** When a stored run is over; one that awaits a decision is kept. */
function expiryOf(row: RunRow): number {
  if (row.settledAt === null || row.retainMs === null || row.status === "interrupted" || row.pinned) return Infinity
  return row.settledAt + row.retainMs
}
