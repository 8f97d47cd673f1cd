/**
 * One table in memory, with what of Postgres the broken programs rest on: transactions that see what is committed, locks on
 * rows that last as long as their transaction, and a unique key, for which an insert waits and is then refused.
 */
import { AsyncLock, Keyed } from "./async-lock.ts"
import type { ScenarioContext } from "holdfast/race"

/** A row of that key is there already. */
export class UniqueViolation extends Error {
  override readonly name = "UniqueViolation"
}

type Step = ScenarioContext["step"]

export class Table<Row> {
  readonly #rows = new Map<string, Row>()
  readonly #locks = new Keyed(() => new AsyncLock())
  readonly #step: Step

  constructor(step: Step) {
    this.#step = step
  }

  /** What is committed. */
  find(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  /** Runs `body` in a transaction of its own and commits it, or takes it back when `body` throws. */
  async transaction<T>(body: (tx: Transaction<Row>) => Promise<T>): Promise<T> {
    const tx = new Transaction(this.#rows, this.#locks, this.#step)
    try {
      const result = await body(tx)
      await this.#step("COMMIT", () => {
        tx.commit()
      })
      return result
    } catch (error) {
      await this.#step("ROLLBACK")
      throw error
    } finally {
      tx.unlock()
    }
  }
}

export class Transaction<Row> {
  readonly #committed: Map<string, Row>
  readonly #locks: Keyed<AsyncLock>
  readonly #step: Step
  readonly #held = new Map<string, AsyncLock>()
  readonly #written = new Map<string, Row>()

  constructor(committed: Map<string, Row>, locks: Keyed<AsyncLock>, step: Step) {
    this.#committed = committed
    this.#locks = locks
    this.#step = step
  }

  /** `SELECT … FOR UPDATE`: locks the row, and nothing where there is none. */
  async selectForUpdate(key: string): Promise<Row | undefined> {
    const found = await this.#step("SELECT … FOR UPDATE", () => this.#rowOf(key))
    if (found === undefined) return undefined
    await this.#lock(key)
    return this.#rowOf(key)
  }

  /** @throws UniqueViolation */
  async insert(key: string, row: Row): Promise<void> {
    await this.#step("INSERT")
    await this.#lock(key)
    if (this.#rowOf(key) !== undefined) throw new UniqueViolation(`duplicate key value: (content_hash)=(${key})`)
    this.#written.set(key, row)
  }

  async update(key: string, row: Row): Promise<void> {
    await this.#step("UPDATE")
    await this.#lock(key)
    this.#written.set(key, row)
  }

  commit(): void {
    for (const [key, row] of this.#written) this.#committed.set(key, row)
  }

  unlock(): void {
    for (const lock of this.#held.values()) lock.release()
    this.#held.clear()
  }

  #rowOf(key: string): Row | undefined {
    return this.#written.get(key) ?? this.#committed.get(key)
  }

  async #lock(key: string): Promise<void> {
    if (this.#held.has(key)) return
    const lock = this.#locks.of(key)
    await lock.acquire()
    this.#held.set(key, lock)
  }
}
