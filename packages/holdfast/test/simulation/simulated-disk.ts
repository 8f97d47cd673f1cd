/**
 * A disk for a keeper: a journal whose flushes take time, and a live log that is in the page cache at once.
 *
 *     append ──▶ flushing ──time──▶ durable            a process that dies leaves its last batch durable or not
 *
 * 1. A batch is durable whole or not at all, and only after every earlier one.
 * 2. What a process wrote of live state survives its death, and no power loss.
 */
import type { Prng } from "../../src/env/prng.ts"
import { HoldfastError, type Outcome, type RowKey, type RunRow, type StoredRow } from "../../src/kernel/index.ts"
import type { JournalBatch, KeeperJournal } from "../../src/stores/embedded/keeper/keeper.ts"
import type { KeeperLiveLog } from "../../src/stores/embedded/keeper/live-book.ts"
import type { LogChange } from "../../src/stores/embedded/keeper/live-lines.ts"
import type { Postpone } from "../conformance/deferred-store.ts"

type Row = NonNullable<StoredRow["row"]>

export interface SimulatedDiskOptions {
  readonly random: Prng
  readonly postpone: Postpone
  /** Flushes take from 1 to this many units of the delay. */
  readonly flushBound: number
}

export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions
  readonly #rows = new Map<RowKey, Row>()
  readonly #replies = new Map<string, Map<number, Outcome>>()
  #live: readonly LogChange[] = []
  #tokenCeiling = 0
  #lastArrival = 0
  #lastBatch = 0
  #processNumber = 0
  /** The process that has the disk: what an earlier one still flushes is decided when it dies. */
  #user: { batch: JournalBatch | null } = { batch: null }
  /** Appends fail with STORE_FULL while true. */
  isFull = false

  constructor(options: SimulatedDiskOptions) {
    this.#options = options
  }

  /** The process that used the disk is dead; the batch it was flushing is durable or not, by chance unless it is said. */
  release(isFlushed?: boolean): void {
    this.#processNumber += 1
    const { batch } = this.#user
    this.#user = { batch: null }
    if (batch !== null && (isFlushed ?? this.#options.random.nextBelow(2) === 0)) this.#commit(batch)
  }

  /** The machine went off: no session survives. */
  losePower(isFlushed?: boolean): void {
    this.release(isFlushed)
    this.#live = []
  }

  /** The live log, for one process. */
  get live(): KeeperLiveLog {
    const processNumber = this.#processNumber
    // What is left of a dead process writes nothing more.
    const isAlive = (): boolean => this.#processNumber === processNumber
    return {
      found: structuredClone(this.#live),
      append: (changes) => {
        if (!isAlive()) return false
        this.#live = [...this.#live, ...structuredClone(changes)]
        return this.#live.length > 200
      },
      rewrite: (changes) => {
        if (isAlive()) this.#live = structuredClone([...changes])
      },
    }
  }

  /** The journal, for one process. */
  open(): KeeperJournal {
    const user = { batch: null as JournalBatch | null }
    this.#user = user
    const rows = <R extends Row>(is: (row: Row) => row is R): R[] =>
      [...this.#rows.values()].filter(is).map((row) => structuredClone(row))
    return {
      tokenCeiling: this.#tokenCeiling,
      lastArrival: this.#lastArrival,
      lastBatch: this.#lastBatch,
      load: (keys) =>
        // A key and the row stored under it belong together: both came from one change.
        keys.map((key) => ({ key, row: structuredClone(this.#rows.get(key)) ?? null }) as StoredRow),
      openRuns: () => rows(isOpenRun).toSorted((a, b) => a.arrival - b.arrival),
      listRuns: ({ operation, statuses, limit }) =>
        rows(isRun)
          .filter((row) => operation === null || row.operation === operation)
          .filter((row) => statuses === null || statuses.includes(row.status))
          .toSorted((a, b) => a.arrival - b.arrival)
          .slice(0, limit),
      listCells: (prefix, limit) =>
        [...this.#rows]
          .flatMap(([key, row]) =>
            key.startsWith(`cell:${prefix}`) && isCell(row) ? [{ name: key.slice(5), ...row }] : [],
          )
          .filter((cell) => cell.value !== null)
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .slice(0, limit),
      countRuns: () => {
        const counts = { pending: 0, running: 0, completed: 0, failed: 0, canceled: 0, interrupted: 0 }
        for (const row of rows(isRun)) counts[row.status] += 1
        return counts
      },
      expired: (now, limit) =>
        rows(isRun)
          .filter((row) => expiryOf(row) <= now)
          .map((row) => row.identity)
          .slice(0, limit),
      nextExpiry: () => {
        const next = Math.min(...rows(isRun).map(expiryOf))
        return next === Infinity ? undefined : next
      },
      replies: () =>
        [...this.#replies].flatMap(([client, outcomes]) =>
          [...outcomes].map(([sequence, outcome]) => ({ client, sequence, outcome })),
        ),
      append: (batch) =>
        new Promise((resolve, reject) => {
          const copy = structuredClone(batch)
          user.batch = copy
          const { random, postpone, flushBound } = this.#options
          postpone(1 + random.nextBelow(flushBound), () => {
            if (this.#user !== user) return
            user.batch = null
            if (this.isFull) {
              reject(new HoldfastError("STORE_FULL", "the disk is full; make room and ask again"))
              return
            }
            this.#commit(copy)
            resolve()
          })
        }),
    }
  }

  #commit(batch: JournalBatch): void {
    this.#lastBatch = batch.number
    for (const { key, row } of batch.rows) {
      if (row === null) this.#rows.delete(key)
      else this.#rows.set(key, row)
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
