/** Look whether it is done, and if not, ask to be told: what is done in between is told to nobody. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { Executions } from "../executions.ts"
import { expectEqual } from "../race.ts"

class Storage extends Executions {
  readonly #step: ScenarioContext["step"]

  constructor(context: ScenarioContext) {
    super(context)
    this.#step = context.step
  }

  override async waitForCompletion(operation: string): Promise<number> {
    const state = await this.states.select(operation)
    if (state !== "running") return await this.retrieve(operation, state)
    await this.#step("registers its callback")
    await this.register(operation).told
    return await this.retrieve(operation, await this.states.select(operation))
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
    if (!(await this.#storage.markRunning(operation))) return await this.#storage.waitForCompletion(operation)
    const result = await this.#step("computes", () => 144)
    await this.#storage.results.insert(operation, result)
    await this.#storage.markCompleted(operation)
    return result
  }
}

/** Two workers need one result. */
export const broken: Scenario = async (context) => {
  const engine = new Engine(context)
  await Promise.all(
    ["worker 1", "worker 2"].map((worker) =>
      context.actor(worker, async () => {
        expectEqual("the result", await engine.execute("51c0b8dd"), 144)
      }),
    ),
  )
}
