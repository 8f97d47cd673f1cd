/** Whoever knows a result to be stale deletes it. Whoever still computes it from what was there before brings it back. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { Executions } from "../executions.ts"
import { expectEqual } from "../race.ts"

class Engine {
  readonly #executions: Executions
  readonly #readImage: () => Promise<number>

  constructor(context: ScenarioContext, readImage: () => Promise<number>) {
    this.#executions = new Executions(context)
    this.#readImage = readImage
  }

  async execute(operation: string): Promise<number> {
    const stored = await this.#executions.results.select(operation)
    if (stored !== null) return stored
    if (!(await this.#executions.markRunning(operation))) return await this.#executions.waitForCompletion(operation)
    const image = await this.#readImage()
    await this.#executions.results.insert(operation, image * image)
    await this.#executions.markCompleted(operation)
    return image * image
  }

  /** Clears what is known of an operation, by hand where need be. */
  async invalidate(operation: string): Promise<void> {
    await this.#executions.states.delete(operation)
    await this.#executions.results.delete(operation)
  }
}

/** An operation is named by the path of its image; somebody saves another image there while a worker computes. */
export const broken: Scenario = async (context) => {
  const image = context.variable("chris_t1.nii.gz", 12)
  const engine = new Engine(context, () => context.step("reads chris_t1.nii.gz", () => image.get(), []))
  await Promise.all([
    context.actor("worker", async () => {
      await engine.execute("51c0b8dd")
    }),
    context.actor("user", async () => {
      await context.step("saves chris_t1.nii.gz", () => image.set(5), [])
      await engine.invalidate("51c0b8dd")
    }),
  ])
  expectEqual("the result for the image that is there", await engine.execute("51c0b8dd"), 25)
}
