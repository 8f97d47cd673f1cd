/**
 * Live state as it is written down: what counts by now, and what will once the batch it rests on is durable.
 *
 *     noted ──at the end of the tick──▶ in the log ──its batch is durable──▶ counts
 *                                          └──its batch failed──▶ forgotten
 *
 * 1. What rests on nothing counts at once.
 * 2. Changes of one key count in the order they were noted.
 * 3. Of the keeper's own process nothing is logged: it does not outlive the keeper.
 */
import type { LogChange, LogEntry, LogKey } from "./live-lines.ts"

/** What the book needs of the log. */
export interface KeeperLiveLog {
  /** What it held when it was opened, in order. */
  readonly found: readonly LogChange[]
  /** True asks for a rewrite. */
  append(changes: readonly LogChange[]): boolean
  rewrite(changes: Iterable<LogChange>): void
}

interface Noted {
  readonly change: LogChange
  readonly isLogged: boolean
}

export class LiveBook {
  readonly #log: KeeperLiveLog
  readonly #entries = new Map<LogKey, LogEntry>()
  /** Keys of entries that stand in the log. */
  readonly #logged = new Set<LogKey>()
  /** What rests on batches that are not durable yet, in order. */
  #pending: Noted[] = []
  #unwritten: LogChange[] = []
  #durable: number

  /** Takes up a log; of what it holds, what rests on a later batch than the last durable one never happened. */
  constructor(log: KeeperLiveLog, lastBatch: number) {
    this.#log = log
    this.#durable = lastBatch
    for (const change of log.found) if (change.batch <= lastBatch) this.#apply({ change, isLogged: true })
    // What never happened must not be taken for true when later batches are durable.
    this.#rewrite()
  }

  entries(): ReadonlyMap<LogKey, LogEntry> {
    return this.#entries
  }

  get(key: LogKey): LogEntry | undefined {
    return this.#entries.get(key)
  }

  note(change: LogChange, { isLogged }: { readonly isLogged: boolean }): void {
    if (isLogged) this.#unwritten.push(change)
    if (change.batch <= this.#durable) this.#apply({ change, isLogged })
    else this.#pending.push({ change, isLogged })
  }

  /** Writes what was noted; `dropped` goes with it, but is not worth a write of its own. */
  write(takeDropped: () => readonly LogChange[]): void {
    if (this.#unwritten.length === 0) return
    const dropped = takeDropped()
    for (const change of dropped) this.#apply({ change, isLogged: true })
    const changes = [...this.#unwritten, ...dropped]
    this.#unwritten = []
    if (this.#log.append(changes)) this.#rewrite()
  }

  /**
   * The client lives in the keeper's own process by now: what the log says of it must not outlive the keeper. Returns the
   * keys of what it has.
   */
  unlog(client: string): readonly LogKey[] {
    const keys: LogKey[] = []
    for (const [key, entry] of this.#entries) if (entry.kind === "live" && entry.client === client) keys.push(key)
    for (const key of keys) {
      if (this.#logged.delete(key)) this.#unwritten.push({ key, entry: null, batch: 0 })
    }
    const isTheirs = ({ change: { key, entry } }: Noted): boolean =>
      keys.includes(key) || (entry?.kind === "live" && entry.client === client)
    this.#pending = this.#pending.map((noted) => (isTheirs(noted) ? { ...noted, isLogged: false } : noted))
    return keys
  }

  /** Batches up to this one are durable. */
  settle(batch: number): void {
    this.#durable = batch
    const due = this.#pending.filter(({ change }) => change.batch <= batch)
    if (due.length === 0) return
    this.#pending = this.#pending.filter(({ change }) => change.batch > batch)
    for (const noted of due) this.#apply(noted)
  }

  /** Whatever is not durable never happened. */
  rollBack(): void {
    const isToldOf = this.#pending.some(({ isLogged }) => isLogged)
    this.#pending = []
    this.#unwritten = []
    // Writing it anew takes space, which is what there was too little of: only where it tells of what never happened.
    if (isToldOf) this.#rewrite()
  }

  #apply({ change: { key, entry }, isLogged }: Noted): void {
    if (entry === null) {
      this.#entries.delete(key)
      this.#logged.delete(key)
    } else {
      this.#entries.set(key, entry)
      if (isLogged) this.#logged.add(key)
    }
  }

  #rewrite(): void {
    const changes: LogChange[] = []
    for (const key of this.#logged) changes.push({ key, entry: this.#entries.get(key) ?? null, batch: 0 })
    for (const { change, isLogged } of this.#pending) if (isLogged) changes.push(change)
    this.#log.rewrite(changes)
  }
}
