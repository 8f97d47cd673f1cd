/** A claim is a row that says `running`. Whoever dies with one leaves it there, and everybody else waits for the dead. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { Executions } from "../executions.ts"
import { expectEqual } from "../race.ts"

class Engine {
  readonly #executions: Executions
  readonly #step: ScenarioContext["step"]

  constructor(context: ScenarioContext) {
    this.#executions = new Executions(context)
    this.#step = context.step
  }

  async execute(operation: string): Promise<number> {
    const stored = await this.#executions.results.select(operation)
    if (stored !== null) return stored
    if (!(await this.#executions.markRunning(operation))) return await this.#executions.waitForCompletion(operation)
    const result = await this.#step("computes", () => 144)
    await this.#executions.results.insert(operation, result)
    await this.#executions.markCompleted(operation)
    return result
  }
}

/** Two workers need one result, and the first may die. */
export const broken: Scenario = async (context) => {
  const engine = new Engine(context)
  const work = async (): Promise<void> => {
    expectEqual("the result", await engine.execute("51c0b8dd"), 144)
  }
  await Promise.all([context.actor("worker 1", work, { faults: ["kill"] }), context.actor("worker 2", work)])
}
