/** A table of a database in memory, with the statements that the broken programs need: each is a step of its own. */
import { reads, type ScenarioContext, writes } from "holdfast/race"

export class Table<Row> {
  readonly #rows = new Map<string, Row>()
  readonly #name: string
  readonly #step: ScenarioContext["step"]

  constructor({ step }: ScenarioContext, name: string) {
    this.#name = name
    this.#step = step
  }

  async select(key: string): Promise<Row | undefined> {
    return await this.#step(`SELECT ${this.#name} ${key}`, () => this.#rows.get(key), [reads(this.#resource(key))])
  }

  /** INSERT OR IGNORE; true where there was no row yet. */
  async insert(key: string, row: Row): Promise<boolean> {
    return await this.#write(`INSERT ${this.#name} ${key}`, key, () => {
      if (this.#rows.has(key)) return false
      this.#rows.set(key, row)
      return true
    })
  }

  async update(key: string, row: Row): Promise<void> {
    await this.#write(`UPDATE ${this.#name} ${key}`, key, () => {
      if (this.#rows.has(key)) this.#rows.set(key, row)
    })
  }

  async delete(key: string): Promise<void> {
    await this.#write(`DELETE ${this.#name} ${key}`, key, () => {
      this.#rows.delete(key)
    })
  }

  async #write<T>(label: string, key: string, statement: () => T): Promise<T> {
    return await this.#step(label, statement, [writes(this.#resource(key))])
  }

  #resource(key: string): string {
    return `row ${this.#name} ${key}`
  }
}
