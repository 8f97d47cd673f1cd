/** A pipeline as an operation: a run that is canceled is over, and whatever its body still commits is refused. */
import { type Cell, type Holdfast, isHoldfastError, type Operation, type RunId, type RunStatus } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

interface TaskState {
  readonly status: "running" | "completed"
  readonly stages: readonly string[]
}

const START: TaskState = { status: "running", stages: [] }

function stateOf(hf: Holdfast, run: RunId): Cell<TaskState> {
  return hf.cell(`state of ${run}`, { initial: START })
}

function definePipeline({ hf, reach }: Place, stages: readonly string[]): Operation<[task: string], TaskState> {
  return hf.operation("pipeline", {
    version: 1,
    effects: "idempotent",
    run: async (ctx, _task) => {
      const state = stateOf(hf, ctx.run)
      for (const stage of stages) {
        await reach(`generates ${stage}`)
        await ctx.transact(stage, async (tx) => {
          await tx.update(state, (before) => ({ ...before, stages: [...before.stages, stage] }))
        })
      }
      return await ctx.complete(async (tx) => await tx.update(state, (before) => ({ ...before, status: "completed" })))
    },
  })
}

/** Executes the task, unless it is canceled. */
async function execute(pipeline: Operation<[task: string], TaskState>, task: string): Promise<void> {
  try {
    await pipeline(task)
  } catch (error) {
    if (!isHoldfastError(error, "RUN_CANCELED")) throw error
  }
}

/** What a user was told of a run, and what its state was then. */
interface Told {
  readonly run: RunId
  readonly status: RunStatus
  readonly state: TaskState
}

function toldOf(hf: Holdfast, task: string): Cell<Told | undefined> {
  return hf.cell(`told of ${task}`)
}

/** A user cancels the task, whose run starts with that where it has not yet, after looking at it so often. */
async function cancel(
  hf: Holdfast,
  pipeline: Operation<[task: string], TaskState>,
  { task, looks }: { readonly task: string; readonly looks: number },
): Promise<void> {
  const run = await hf.start(pipeline, [task])
  for (let look = 1; look <= looks; look++) await stateOf(hf, run.id).get()
  const status = await run.cancel()
  await toldOf(hf, task).set({ run: run.id, status, state: await stateOf(hf, run.id).get() })
}

/** The task that both of a pair meet over. */
function taskOf(actor: number, number: number): string {
  return `${String(Math.floor(actor / 2))}/${String(number)}`
}

/** Pairs of a pipeline and a user, who meet over so many tasks. */
function createProgram(actors: number, tasks: number, stages: readonly string[]): Program {
  return {
    actors,
    async act(place, actor) {
      const pipeline = definePipeline(place, stages)
      for (let number = 0; number < tasks; number++) {
        const task = taskOf(actor, number)
        await (actor % 2 === 0 ? execute(pipeline, task) : cancel(place.hf, pipeline, { task, looks: number }))
      }
    },
    async check({ hf }) {
      for (let actor = 1; actor < actors; actor += 2) {
        for (let number = 0; number < tasks; number++) {
          const task = taskOf(actor, number)
          const told = await toldOf(hf, task).get()
          if (told === undefined) throw new Error(`expected that a user was told of task ${task}, found nobody was`)
          const state = await stateOf(hf, told.run).get()
          expectEqual(`the state of task ${task} since its user was told`, state, told.state)
          expectEqual(`whether task ${task} is completed`, state.status === "completed", told.status === "completed")
        }
      }
    },
  }
}

/** Two pairs with 20 tasks of three stages each. */
export const program: Program = createProgram(4, 20, ["script", "audio", "video"])

/** One task of one stage. */
export const fixed: Scenario = scenarioOf(createProgram(2, 1, ["video"]), 2)
