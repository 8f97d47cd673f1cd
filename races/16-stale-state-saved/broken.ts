/** A pipeline whose stages update its state atomically, and whose orchestrator saves the copy it loaded before. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { AsyncLock } from "../async-lock.ts"
import { createDisk, type Disk } from "../disk.ts"
import { expectEqual } from "../race.ts"

interface Stage {
  readonly status: "running" | "completed"
  readonly artifact: string | null
}

interface TaskState {
  readonly status: "running" | "completed"
  readonly stages: Readonly<Record<string, Stage>>
}

class StateManager {
  readonly #disk: Disk
  readonly #lock = new AsyncLock()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  async load(): Promise<TaskState> {
    return JSON.parse(await this.#disk.read("task.json")) as TaskState // Written by `save`.
  }

  async save(state: TaskState): Promise<void> {
    await this.#lock.run(async () => {
      await this.#disk.write("task.json", JSON.stringify(state))
    })
  }

  async updateAtomic(fn: (state: TaskState) => TaskState): Promise<void> {
    await this.#lock.run(async () => {
      await this.#disk.write("task.json", JSON.stringify(fn(await this.load())))
    })
  }
}

class Orchestrator {
  readonly #states: StateManager
  readonly #actor: ScenarioContext["actor"]

  constructor(states: StateManager, { actor }: ScenarioContext) {
    this.#states = states
    this.#actor = actor
  }

  async execute(stages: readonly string[]): Promise<void> {
    const running = stages.map((stage) => [stage, { status: "running", artifact: null }] as const)
    let state: TaskState = { status: "running", stages: Object.fromEntries(running) }
    await this.#states.save(state)
    await Promise.all(stages.map((stage) => this.#actor(stage, () => this.#run(stage))))
    state = { ...state, status: "completed" }
    await this.#states.save(state)
  }

  async #run(stage: string): Promise<void> {
    await this.#states.updateAtomic(({ stages, ...state }) => ({
      ...state,
      stages: { ...stages, [stage]: { status: "completed", artifact: `${stage}.mp3` } },
    }))
  }
}

/** Two stages run at once, and the task is completed when both are. */
export const broken: Scenario = async (context) => {
  const states = new StateManager(createDisk(context))
  await context.actor("orchestrator", () => new Orchestrator(states, context).execute(["script", "audio"]))
  expectEqual("the state of the task", await states.load(), {
    status: "completed",
    stages: {
      script: { status: "completed", artifact: "script.mp3" },
      audio: { status: "completed", artifact: "audio.mp3" },
    },
  })
}
