/**
 * Rows of one kind that are in memory, and which of them changed.
 *
 * A kernel without a backing store holds every row there is. With one, a row is *known* (in memory, or known to be
 * absent) or *unknown*; a command that touches an unknown row is answered `need`, and the store loads it first. Memory
 * then follows what is active, not what was ever stored.
 */
import type { RowKey } from "./outcome.ts"

export class WorkingSet<Row> {
  readonly #rows = new Map<string, Row>()
  /** Keys known to have no row; kept only where there is a backing store to be asked. */
  readonly #absent = new Set<string>()
  readonly #dirty = new Set<string>()
  readonly #backed: boolean

  constructor(options: { backed: boolean }) {
    this.#backed = options.backed
  }

  get size(): number {
    return this.#rows.size
  }

  isKnown(key: string): boolean {
    return !this.#backed || this.#rows.has(key) || this.#absent.has(key)
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  set(key: string, row: Row): void {
    this.#rows.set(key, row)
    if (this.#backed) {
      this.#absent.delete(key)
      this.#dirty.add(key)
    }
  }

  /** Marks a row that was changed in place. */
  touch(key: string): void {
    if (this.#backed) this.#dirty.add(key)
  }

  delete(key: string): void {
    this.#rows.delete(key)
    if (this.#backed) {
      this.#absent.add(key)
      this.#dirty.add(key)
    }
  }

  /** Takes a row from the backing store; null says there is none. A row already known is newer and stays. */
  load(key: string, row: Row | null): void {
    if (this.isKnown(key)) return
    if (row === null) this.#absent.add(key)
    else this.#rows.set(key, row)
  }

  /** True while the row holds changes that were not taken. */
  isDirty(key: string): boolean {
    return this.#dirty.has(key)
  }

  /** Lets go of a row whose changes were taken; the caller has checked that it is idle. */
  evict(key: string): void {
    if (this.#dirty.has(key)) return
    this.#rows.delete(key)
    this.#absent.delete(key)
  }

  entries(): IterableIterator<[string, Row]> {
    return this.#rows.entries()
  }

  values(): IterableIterator<Row> {
    return this.#rows.values()
  }

  knownKeys(): string[] {
    return [...this.#rows.keys(), ...this.#absent]
  }

  /** Hands over what changed since the last call, deleted rows as null. */
  takeChanges<Stored>(prefix: "cell" | "run" | "limit", store: (row: Row) => Stored): RowChange<Stored>[] {
    const changes: RowChange<Stored>[] = []
    for (const key of this.#dirty) {
      const row = this.#rows.get(key)
      changes.push({ key: `${prefix}:${key}`, row: row === undefined ? null : store(row) })
    }
    this.#dirty.clear()
    return changes
  }
}

/** A row to be stored, or deleted where `row` is null. */
export interface RowChange<Stored> {
  readonly key: RowKey
  readonly row: Stored | null
}
