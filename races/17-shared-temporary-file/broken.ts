/** A state manager that replaces a file in one step, by way of a temporary file that has one name for all writers. */
import type { Scenario } from "holdfast/race"
import { createDisk, type Disk } from "../disk.ts"
import { expectEqual } from "../race.ts"

class StateManager {
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Readers see the old file or the new one, and nothing in between. */
  async save(task: string, state: unknown): Promise<void> {
    await this.#disk.write(`${task}.tmp`, JSON.stringify(state))
    await this.#disk.rename(`${task}.tmp`, `${task}.json`)
  }
}

/** Two stages of one task save its state. */
export const broken: Scenario = async (context) => {
  const disk = createDisk(context)
  const states = new StateManager(disk)
  const stages = ["script", "audio"]
  await Promise.all(stages.map((stage) => context.actor(stage, () => states.save("task", { stage }))))
  expectEqual("files that are there", await disk.list(), ["task.json"])
}
