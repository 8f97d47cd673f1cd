/** Optimistic locking of a file: the version is compared under a lock, and the state is saved under the lock again. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { AsyncLock, Keyed } from "../async-lock.ts"
import { createDisk, type Disk } from "../disk.ts"
import { expectEqual } from "../race.ts"

interface TaskState {
  readonly version: number
  readonly counter: number
}

class StateManager {
  readonly #disk: Disk
  readonly #locks = new Keyed(() => new AsyncLock())

  constructor(context: ScenarioContext) {
    this.#disk = createDisk(context)
  }

  async load(task: string): Promise<TaskState> {
    return await this.#locks.of(task).run(
      async () => JSON.parse(await this.#disk.read(`${task}.json`)) as TaskState, // Written by `save`.
    )
  }

  async save(task: string, state: TaskState): Promise<void> {
    await this.#locks.of(task).run(async () => {
      await this.#disk.write(`${task}.json`, JSON.stringify({ ...state, version: state.version + 1 }))
    })
  }

  async updateAtomic(task: string, update: (state: TaskState) => TaskState, maxRetries = 3): Promise<void> {
    for (let retry = 0; retry < maxRetries; retry++) {
      const state = await this.load(task)
      const updated = update(state)
      const current = await this.load(task)
      if (current.version !== state.version) continue
      await this.save(task, updated)
      return
    }
    throw new Error(`could not update ${task} after ${String(maxRetries)} attempts`)
  }
}

/** Two stages of one task count up its counter, each once. */
export const broken: Scenario = async (context) => {
  const states = new StateManager(context)
  await states.save("task", { version: 0, counter: 0 })
  const increment = async (): Promise<void> => {
    await states.updateAtomic("task", (state) => ({ ...state, counter: state.counter + 1 }))
  }
  await Promise.all(["script", "audio"].map((stage) => context.actor(stage, increment)))
  expectEqual("the counter after two increments", (await states.load("task")).counter, 2)
}
