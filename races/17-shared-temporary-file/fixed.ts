/** A file that is read, changed and replaced under a lock: the temporary file belongs to whoever has it. */
import type { Scenario } from "holdfast/race"
import { readIfThere } from "../disk.ts"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

type TaskState = Readonly<Record<string, "completed">>

async function load({ disk }: Place): Promise<TaskState> {
  const text = await readIfThere(disk, "task.json")
  return text === undefined ? {} : (JSON.parse(text) as TaskState) // Written by `completeStage`.
}

async function completeStage(place: Place, stage: string): Promise<void> {
  const { hf, disk } = place
  await hf.lock("task.json").run(async () => {
    const state: TaskState = { ...(await load(place)), [stage]: "completed" }
    await disk.write("task.tmp", JSON.stringify(state))
    await disk.rename("task.tmp", "task.json")
  })
}

/** Pipelines that complete so many stages each, one after the other. */
function createProgram(actors: number, stages: number): Program {
  return {
    actors,
    async act(place, actor) {
      for (let stage = 1; stage <= stages; stage++)
        await completeStage(place, `stage ${String(actor)}/${String(stage)}`)
    },
    async check(place, pipelines) {
      expectEqual("stages that are completed", Object.keys(await load(place)).length, pipelines * stages)
      expectEqual("files that are there", await place.disk.list(), ["task.json"])
    },
  }
}

/** 100 stages. */
export const program: Program = createProgram(5, 20)

/** Three stages, of three pipelines. */
export const fixed: Scenario = scenarioOf(createProgram(3, 1), 3)
