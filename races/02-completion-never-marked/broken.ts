/** The result is stored, those who wait are told, and the state stays `running`: whoever comes to wait later waits in vain. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { Executions } from "../executions.ts"
import { expectEqual } from "../race.ts"

class Storage extends Executions {
  /** Stores the result and tells whoever waits for it. */
  async store(operation: string, result: number): Promise<void> {
    await this.results.insert(operation, result)
    this.notify(operation)
  }
}

class Engine {
  readonly #storage: Storage
  readonly #step: ScenarioContext["step"]

  constructor(context: ScenarioContext) {
    this.#storage = new Storage(context)
    this.#step = context.step
  }

  async execute(operation: string): Promise<number> {
    const stored = await this.#storage.results.select(operation)
    if (stored !== null) return stored
    if (!(await this.#storage.markRunning(operation))) return await this.#storage.waitForCompletion(operation)
    try {
      const result = await this.#step("computes", () => 144)
      await this.#storage.store(operation, result)
      return result
    } catch (error) {
      await this.#storage.markFailed(operation)
      throw error
    }
  }
}

/** A loop whose body is the same for every element: two threads need one result. */
export const broken: Scenario = async (context) => {
  const engine = new Engine(context)
  await Promise.all(
    ["thread 1", "thread 2"].map((thread) =>
      context.actor(thread, async () => {
        expectEqual("the result", await engine.execute("51c0b8dd"), 144)
      }),
    ),
  )
}
