/** A claim is INSERT OR IGNORE of a row, and a failure leaves the row there: nobody can ever insert another. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { Executions } from "../executions.ts"
import { expectEqual } from "../race.ts"

class Engine {
  readonly #executions: Executions
  readonly #compute: () => Promise<number>

  constructor(context: ScenarioContext, compute: () => Promise<number>) {
    this.#executions = new Executions(context)
    this.#compute = compute
  }

  async execute(operation: string): Promise<number> {
    const stored = await this.#executions.results.select(operation)
    if (stored !== null) return stored
    if (!(await this.#executions.markRunning(operation))) return await this.#executions.waitForCompletion(operation)
    try {
      const result = await this.#compute()
      await this.#executions.results.insert(operation, result)
      await this.#executions.markCompleted(operation)
      return result
    } catch (error) {
      await this.#executions.markFailed(operation)
      throw error
    }
  }
}

/** Two workers need one image, whose disk fails once; each of them asks again where it was told of a failure. */
export const broken: Scenario = async (context) => {
  const readImage = createFlakyRead(context)
  const engine = new Engine(context, readImage)
  await Promise.all(
    ["worker 1", "worker 2"].map((worker) =>
      context.actor(worker, async () => {
        const result = await engine.execute("51c0b8dd").catch(async () => await engine.execute("51c0b8dd"))
        expectEqual("the result", result, 144)
      }),
    ),
  )
}

/** Fails the first time. */
function createFlakyRead({ step }: ScenarioContext): () => Promise<number> {
  let reads = 0
  return async () =>
    await step("reads the image", () => {
      reads += 1
      if (reads === 1) throw new Error("EIO: i/o error, read")
      return 144
    })
}
