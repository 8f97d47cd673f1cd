/** The state of a task in a cell, which its stages and its orchestrator change alike: nobody has a copy to save. */
import type { Cell, Holdfast } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Program, scenarioOf } from "../race.ts"

interface Stage {
  readonly progress: number
  readonly artifact: string | null
}

interface TaskState {
  readonly status: "running" | "completed"
  readonly stages: Readonly<Record<string, Stage>>
}

const START: TaskState = { status: "running", stages: {} }

function taskOf(hf: Holdfast): Cell<TaskState> {
  return hf.cell("task", { initial: START })
}

/** The orchestrator: the task is completed when so many stages are. */
async function execute(hf: Holdfast, stageCount: number): Promise<void> {
  const task = taskOf(hf)
  for await (const { value } of task.watch()) {
    const completed = Object.values(value.stages).filter(({ progress }) => progress === 1)
    if (completed.length === stageCount) break
  }
  await task.update((state) => ({ ...state, status: "completed" }))
}

async function runStage(hf: Holdfast, name: string, reports: number): Promise<void> {
  for (let report = 1; report <= reports; report++) {
    await setStage(hf, name, { progress: report / (reports + 1), artifact: null })
  }
  await setStage(hf, name, { progress: 1, artifact: `${name}.mp4` })
}

async function setStage(hf: Holdfast, name: string, stage: Stage): Promise<void> {
  await taskOf(hf).update(({ status, stages }) => ({ status, stages: { ...stages, [name]: stage } }))
}

/** One orchestrator and its stages, each of which reports so often before it is completed. */
function createProgram(stageCount: number, reports: number): Program {
  return {
    actors: stageCount + 1,
    async act({ hf }, actor) {
      await (actor === 0 ? execute(hf, stageCount) : runStage(hf, `stage ${String(actor)}`, reports))
    },
    async check({ hf }) {
      const { status, stages } = await taskOf(hf).get()
      expectEqual("the status of the task", status, "completed")
      const names = Array.from({ length: stageCount }, (_, index) => `stage ${String(index + 1)}`)
      const expected = names.map((name) => [name, { progress: 1, artifact: `${name}.mp4` }])
      expectEqual("its stages", stages, Object.fromEntries(expected))
    },
  }
}

/** Nine stages that report ten times each. */
export const program: Program = createProgram(9, 10)

/** Two stages that report nothing before they are completed. */
export const fixed: Scenario = scenarioOf(createProgram(2, 0), 3)
