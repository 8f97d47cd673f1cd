/** A pipeline that is canceled by a change of its file, of which the work that runs knows nothing. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { AsyncLock } from "../async-lock.ts"
import { createDisk, type Disk } from "../disk.ts"
import { expectEqual } from "../race.ts"

interface TaskState {
  readonly status: "running" | "completed" | "canceled"
  readonly stages: readonly string[]
}

class Pipeline {
  readonly #disk: Disk
  readonly #lock = new AsyncLock()
  readonly #step: ScenarioContext["step"]

  constructor(context: ScenarioContext) {
    this.#disk = createDisk(context)
    this.#step = context.step
  }

  async create(): Promise<void> {
    await this.#disk.write("task.json", JSON.stringify({ status: "running", stages: [] }))
  }

  async load(): Promise<TaskState> {
    return JSON.parse(await this.#disk.read("task.json")) as TaskState // Written by `create` and `#update`.
  }

  async execute(): Promise<void> {
    for (const stage of ["video"]) {
      await this.#step(`generates ${stage}`)
      await this.#update((state) => ({ ...state, stages: [...state.stages, stage] }))
    }
    await this.#update((state) => ({ ...state, status: "completed" }))
  }

  /** True when the task was running, and is canceled now. */
  async cancel(): Promise<boolean> {
    const { status } = await this.load()
    if (status !== "running") return false
    await this.#update((state) => ({ ...state, status: "canceled" }))
    return true
  }

  async #update(fn: (state: TaskState) => TaskState): Promise<void> {
    await this.#lock.run(async () => {
      await this.#disk.write("task.json", JSON.stringify(fn(await this.load())))
    })
  }
}

/** A user cancels a task while it runs. */
export const broken: Scenario = async (context) => {
  const pipeline = new Pipeline(context)
  await pipeline.create()
  const [, isCanceled] = await Promise.all([
    context.actor("pipeline", () => pipeline.execute()),
    context.actor("user", () => pipeline.cancel()),
  ])
  const { status } = await pipeline.load()
  expectEqual("the status after the cancel", status, isCanceled ? "canceled" : "completed")
}
