/**
 * What an engine keeps of its operations, as the storage of VoxLogicA-2 did in the days of documents 000 and 001: a table
 * of results, a table of states, and callbacks for whoever waits in this process.
 */
import type { ScenarioContext } from "holdfast/race"
import { Table } from "./table.ts"

type State = "running" | "completed" | "failed"

/** Somebody who waits to be told of an operation. */
export interface Waiting {
  /** Rejects where nobody tells in time. */
  readonly told: Promise<void>
  /** Waits no longer. */
  leave(): void
}

/** How long anybody waits for an operation. */
const TIMEOUT_MS = 300_000

export class Executions {
  readonly results: Table<number>
  readonly states: Table<State>
  readonly #env: ScenarioContext["env"]
  readonly #callbacks = new Map<string, (() => void)[]>()

  constructor(context: ScenarioContext) {
    this.results = new Table(context, "results")
    this.states = new Table(context, "execution_state")
    this.#env = context.env
  }

  /** Claims the operation; false where somebody has. */
  async markRunning(operation: string): Promise<boolean> {
    return await this.states.insert(operation, "running")
  }

  async markCompleted(operation: string): Promise<void> {
    await this.states.update(operation, "completed")
    this.notify(operation)
  }

  async markFailed(operation: string): Promise<void> {
    await this.states.update(operation, "failed")
    this.notify(operation)
  }

  /** The result of an operation that somebody else has claimed. @throws Error where it failed, or nobody told of it in time */
  async waitForCompletion(operation: string): Promise<number> {
    const waiting = this.register(operation)
    const state = await this.states.select(operation)
    if (state !== "running") {
      waiting.leave()
      return await this.retrieve(operation, state)
    }
    await waiting.told
    return await this.retrieve(operation, await this.states.select(operation))
  }

  /** The result of an operation in this state. @throws Error where it failed, or there is no result */
  async retrieve(operation: string, state: State | null): Promise<number> {
    if (state === "failed") throw new Error(`Operation ${operation} failed`)
    const result = await this.results.select(operation)
    if (result === null) throw new Error(`Operation completed but result not found for ${operation}`)
    return result
  }

  /** Adds a callback for the operation. */
  register(operation: string): Waiting {
    const callbacks = this.#callbacks.get(operation) ?? []
    this.#callbacks.set(operation, callbacks)
    let leave = ignore
    const told = new Promise<void>((resolve, reject) => {
      const timer = this.#env.timers.after(TIMEOUT_MS, () => {
        reject(new Error(`Timeout waiting for operation ${operation} to complete`))
      })
      leave = () => {
        timer.cancel()
        resolve()
      }
      callbacks.push(leave)
    })
    return { told, leave }
  }

  /** Tells whoever is registered, and forgets them. */
  notify(operation: string): void {
    const callbacks = this.#callbacks.get(operation) ?? []
    this.#callbacks.delete(operation)
    for (const callback of callbacks) callback()
  }
}

function ignore(): void {
  // Nobody has registered yet.
}
