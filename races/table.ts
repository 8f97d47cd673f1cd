/** A table of a database in memory, with the statements that the broken programs need: each is a step of its own. */
import type { ScenarioContext, Variable } from "holdfast/race"

export class Table<Row> {
  readonly #name: string
  readonly #context: ScenarioContext
  /** Each row is a variable, so that a statement that changes nothing is not taken for one that writes. */
  readonly #rows = new Map<string, Variable<Row | null>>()

  constructor(context: ScenarioContext, name: string) {
    this.#name = name
    this.#context = context
  }

  async select(key: string): Promise<Row | null> {
    return await this.#execute("SELECT", key, (row) => row.get())
  }

  /** INSERT OR IGNORE; true where there was no row yet. */
  async insert(key: string, value: Row): Promise<boolean> {
    return await this.#execute("INSERT", key, (row) => {
      if (row.get() !== null) return false
      row.set(value)
      return true
    })
  }

  /** Changes nothing where there is no row. */
  async update(key: string, value: Row): Promise<void> {
    await this.#execute("UPDATE", key, (row) => {
      if (row.get() !== null) row.set(value)
    })
  }

  async delete(key: string): Promise<void> {
    await this.#execute("DELETE", key, (row) => {
      row.set(null)
    })
  }

  async #execute<T>(statement: string, key: string, execute: (row: Variable<Row | null>) => T): Promise<T> {
    return await this.#context.step(`${statement} ${this.#name} ${key}`, () => execute(this.#rowOf(key)), [])
  }

  #rowOf(key: string): Variable<Row | null> {
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const row = this.#context.variable<Row | null>(`${this.#name} ${key}`, null)
    this.#rows.set(key, row)
    return row
  }
}
