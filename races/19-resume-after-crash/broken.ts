/** A pipeline that resumes what has failed or was paused, and takes what its crash left behind for something that runs. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { createDisk, type Disk } from "../disk.ts"
import { expectEqual } from "../race.ts"

const STAGES = ["audio", "video"]

interface TaskState {
  readonly status: "pending" | "running" | "paused" | "failed" | "completed"
  readonly completed: readonly string[]
}

class Pipeline {
  readonly #disk: Disk
  readonly #step: ScenarioContext["step"]

  constructor(disk: Disk, { step }: ScenarioContext) {
    this.#disk = disk
    this.#step = step
  }

  async create(): Promise<void> {
    await this.#save({ status: "pending", completed: [] })
  }

  async load(): Promise<TaskState> {
    return JSON.parse(await this.#disk.read("task.json")) as TaskState // Written by `#save`.
  }

  async execute(): Promise<void> {
    let state: TaskState = { ...(await this.load()), status: "running" }
    await this.#save(state)
    for (const stage of STAGES) {
      if (state.completed.includes(stage)) continue
      await this.#step(`generates ${stage}`)
      state = { ...state, completed: [...state.completed, stage] }
      await this.#save(state)
    }
    await this.#save({ ...state, status: "completed" })
  }

  /** Goes on where the task stopped. */
  async resume(): Promise<void> {
    const { status } = await this.load()
    if (status === "completed") return
    const canResume = status === "pending" || status === "paused" || status === "failed"
    if (!canResume) throw new Error(`the task cannot be resumed: it is ${status}`)
    await this.execute()
  }

  async #save(state: TaskState): Promise<void> {
    await this.#disk.write("task.json", JSON.stringify(state))
  }
}

/** The server may die at any moment; when it is started again, it resumes the task. */
export const broken: Scenario = async (context) => {
  const disk = createDisk(context)
  const pipeline = new Pipeline(disk, context)
  await pipeline.create()
  await context.actor("server", () => pipeline.execute(), { faults: ["kill"] })
  await context.actor("restarted server", () => pipeline.resume())
  expectEqual("the task", await pipeline.load(), { status: "completed", completed: STAGES })
}
