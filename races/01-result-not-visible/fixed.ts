/** Completion and result are one step: whoever can see that a run has completed can read what it came to. */
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"
import type { Scenario } from "holdfast/race"

/** Actors that compute so many results each, and look at those of their neighbor. */
function createProgram(results: number): Program {
  return {
    actors: 5,
    async act({ hf }: Place, actor: number): Promise<void> {
      const square = hf.operation("square", { version: 1, effects: "pure", run: (_, x: number) => x * x })
      for (let index = 0; index < results; index++) {
        const mine = actor * results + index
        expectEqual(`the result of ${String(mine)}`, await square(mine), mine * mine)
        const theirs = square.handle((actor === 0 ? 1 : actor - 1) * results + index)
        const info = await theirs.status()
        if (info?.status !== "completed") continue
        // Nobody computes it here: what is not there is not found, however long this waits.
        expectEqual("the result of a completed run", typeof (await hf.run(info.run).result({ waitMs: 0 })), "number")
      }
    },
    async check({ hf }: Place, actors: number): Promise<void> {
      const runs = await hf.runs({ limit: 1_000 })
      const once = runs.filter(({ status, attempt }) => status === "completed" && attempt === 1)
      expectEqual("results, each computed once", once.length, actors * results)
    },
  }
}

/** Five actors and 300 results, each asked for the moment it is completed. */
export const program: Program = createProgram(60)

/** Two actors, who compute two results each. */
export const fixed: Scenario = scenarioOf(createProgram(2), 2)
