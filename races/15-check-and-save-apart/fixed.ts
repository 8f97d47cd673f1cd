/** Check and save are one commit: it takes effect only if every version it rests on is still current then. */
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"
import type { Scenario } from "holdfast/race"

interface TaskState {
  readonly counter: number
  readonly lastStage: string | null
}

const start: TaskState = { counter: 0, lastStage: null }

/** Stages that count up the counter of their task and their own so often, in one transaction. */
function createProgram(increments: number): Program {
  return {
    actors: 5,
    async act({ hf }: Place, actor: number): Promise<void> {
      const stage = `stage ${String(actor)}`
      const task = hf.cell("task", { initial: start })
      const own = hf.cell(stage, { initial: 0 })
      for (let increment = 0; increment < increments; increment++) {
        await hf.transact(async (tx) => {
          const { counter } = await tx.get(task)
          tx.set(task, { counter: counter + 1, lastStage: stage })
          tx.set(own, (await tx.get(own)) + 1)
        })
      }
    },
    async check({ hf }: Place, actors: number): Promise<void> {
      const { counter } = await hf.cell("task", { initial: start }).get()
      expectEqual("the counter of the task", counter, actors * increments)
      const stages = Array.from({ length: actors }, (_, actor) => hf.cell(`stage ${String(actor)}`, { initial: 0 }))
      expectEqual("the counters of its stages", await hf.read(stages), Array<number>(actors).fill(increments))
    },
  }
}

/** Five stages, five increments each: 25. */
export const program: Program = createProgram(5)

/** Three stages increment once. */
export const fixed: Scenario = scenarioOf(createProgram(1), 3)
