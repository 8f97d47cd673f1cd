/** Progress kept in a cell: an update is one step whoever else writes, and is made again where it lost a race. */
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"
import type { Scenario } from "holdfast/race"

interface TaskState {
  readonly updates: number
  readonly progress: Readonly<Record<string, number>>
}

const start: TaskState = { updates: 0, progress: {} }

/** Stages that each report their progress so often. */
function createProgram(reports: number): Program {
  return {
    actors: 5,
    async act({ hf }: Place, actor: number): Promise<void> {
      const task = hf.cell("task", { initial: start })
      for (let report = 1; report <= reports; report++) {
        await task.update(({ updates, progress }) => ({
          updates: updates + 1,
          progress: { ...progress, [`stage ${String(actor)}`]: report / reports },
        }))
      }
    },
    async check({ hf }: Place, actors: number): Promise<void> {
      const { updates, progress } = await hf.cell("task", { initial: start }).get()
      expectEqual("updates", updates, actors * reports)
      expectEqual("stages that are through", Object.values(progress), Array<number>(actors).fill(1))
    },
  }
}

/** Five stages report five times each: 25 updates, all of them kept. */
export const program: Program = createProgram(5)

/** Three stages report once. */
export const fixed: Scenario = scenarioOf(createProgram(1), 3)
