/** A pipeline as an operation: when its process dies, whoever else wants the task goes on with the stage it was in. */
import type { Cell, Holdfast, Operation } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, type RealFault, scenarioOf } from "../race.ts"

/** The stages that are completed, in order, each with the attempt that did it. */
type Completed = readonly (readonly [stage: string, attempt: number])[]

function completedOf(hf: Holdfast): Cell<Completed> {
  return hf.cell("completed stages of task", { initial: [] })
}

/** A task is its artifacts: one file a stage. */
function definePipeline({ hf, disk, reach }: Place, stages: readonly string[]): Operation<[task: string], Completed> {
  return hf.operation("pipeline", {
    version: 1,
    effects: "idempotent",
    run: async (ctx, task) => {
      for (const stage of stages) {
        // Where an earlier attempt has completed the stage, that is all it does.
        await ctx.transact(stage, async (tx) => {
          await disk.write(`${task}.${stage}`, `the ${stage} of ${task}`)
          await reach(`generates ${stage}`)
          await tx.update(completedOf(hf), (completed): Completed => [...completed, [stage, ctx.attempt]])
        })
      }
      return await completedOf(hf).get()
    },
  })
}

function createProgram(actors: number, stages: readonly string[]): Program {
  return {
    actors,
    // In its second stage.
    faults: [{ actor: 0, at: `generates ${stages[1] ?? ""}`, signal: "SIGKILL" }],
    async act(place) {
      await definePipeline(place, stages)("task")
    },
    async check(place: Place, _actors: number, fault: RealFault | null) {
      const completed = await definePipeline(place, stages)("task")
      expectEqual(
        "the stages that the task went through",
        completed.map(([stage]) => stage),
        stages,
      )
      for (const stage of stages) expectEqual(stage, await place.disk.read(`task.${stage}`), `the ${stage} of task`)
      if (fault === null) return
      const attempts = stages.map((_, index) => (index === 0 ? 1 : 2))
      expectEqual(
        "the attempts that completed them",
        completed.map(([, attempt]) => attempt),
        attempts,
      )
    },
  }
}

/** Five want one task; the first goes through its stages, and is killed in the second. */
export const program: Program = createProgram(5, ["script", "audio", "video"])

/** Two want one task, and one of them may be killed at any time. */
export const fixed: Scenario = scenarioOf(createProgram(2, ["audio", "video"]), 2, { faults: ["kill"] })
