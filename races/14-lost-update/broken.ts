/** Progress kept in a file, as a pipeline's state manager did: load, modify, save. */
import type { Scenario } from "holdfast/race"
import { createDisk, type Disk } from "../disk.ts"
import { expectEqual } from "../race.ts"

interface TaskState {
  readonly version: number
  readonly progress: Readonly<Record<string, number>>
}

class StateManager {
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  async load(task: string): Promise<TaskState> {
    return JSON.parse(await this.#disk.read(`${task}.json`)) as TaskState // Written by `save`.
  }

  async save(task: string, state: TaskState): Promise<void> {
    await this.#disk.write(`${task}.json`, JSON.stringify({ ...state, version: state.version + 1 }))
  }

  async setProgress(task: string, stage: string, progress: number): Promise<void> {
    const state = await this.load(task)
    await this.save(task, { ...state, progress: { ...state.progress, [stage]: progress } })
  }
}

/** Two stages of one task report half of their work. */
export const broken: Scenario = async (context) => {
  const states = new StateManager(createDisk(context))
  await states.save("task", { version: 0, progress: {} })
  await Promise.all(
    ["script", "audio"].map((stage) => context.actor(stage, () => states.setProgress("task", stage, 0.5))),
  )
  expectEqual("progress of both stages", (await states.load("task")).progress, { audio: 0.5, script: 0.5 })
}
