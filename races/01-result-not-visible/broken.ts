/** Results written in the background, as a storage backend did: `store` returns once the write is queued. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { Executions } from "../executions.ts"
import { expectEqual } from "../race.ts"

class Storage extends Executions {
  readonly #queue: (readonly [operation: string, result: number])[] = []
  #wakeWriter: (() => void) | null = null

  store(operation: string, result: number): void {
    this.#queue.push([operation, result])
    this.#wakeWriter?.()
  }

  /** The one thread that writes to the table of results. */
  async writeInBackground(): Promise<never> {
    for (;;) {
      const next = this.#queue.shift()
      if (next === undefined) await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
      else await this.results.insert(...next)
    }
  }
}

class Engine {
  readonly storage: Storage
  readonly #step: ScenarioContext["step"]

  constructor(context: ScenarioContext) {
    this.storage = new Storage(context)
    this.#step = context.step
  }

  async execute(operation: string): Promise<number> {
    const stored = await this.storage.results.select(operation)
    if (stored !== null) return stored
    if (!(await this.storage.markRunning(operation))) return await this.storage.waitForCompletion(operation)
    const result = await this.#step("computes, and queues the result", () => {
      this.storage.store(operation, 144)
      return 144
    })
    await this.storage.markCompleted(operation)
    return result
  }
}

/** Two workers need one result; a third thread writes it down. */
export const broken: Scenario = async (context) => {
  const engine = new Engine(context)
  void context.actor("writer", () => engine.storage.writeInBackground())
  await Promise.all(
    ["worker 1", "worker 2"].map((worker) =>
      context.actor(worker, async () => {
        expectEqual("the result", await engine.execute("51c0b8dd"), 144)
      }),
    ),
  )
}
