/** A dictionary that the event loop and threads reach, as a server keeps one of its jobs: each access is a step. */
import { reads, type ScenarioContext, writes } from "holdfast/race"

export class Dictionary<V> {
  readonly #name: string
  readonly #step: ScenarioContext["step"]
  readonly #entries = new Map<string, V>()

  constructor(name: string, { step }: ScenarioContext) {
    this.#name = name
    this.#step = step
  }

  async get(key: string): Promise<V | undefined> {
    const entry = `${this.#name}[${key}]`
    return await this.#step(`reads ${entry}`, () => this.#entries.get(key), [reads(entry)])
  }

  async set(key: string, value: V): Promise<void> {
    const entry = `${this.#name}[${key}]`
    await this.#step(`writes ${entry}`, () => void this.#entries.set(key, value), [
      { ...writes(entry), value: JSON.stringify(value) },
      writes(`keys of ${this.#name}`),
    ])
  }

  async delete(key: string): Promise<void> {
    const entry = `${this.#name}[${key}]`
    await this.#step(`deletes ${entry}`, () => void this.#entries.delete(key), [
      { ...writes(entry), value: "deleted" },
      writes(`keys of ${this.#name}`),
    ])
  }

  async keys(): Promise<string[]> {
    const keys = `keys of ${this.#name}`
    return await this.#step(`reads the ${keys}`, () => [...this.#entries.keys()], [reads(keys)])
  }
}
