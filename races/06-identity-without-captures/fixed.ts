/** An operation is named by all it is given: what a loop's body takes from around it is an argument. */
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"
import type { Scenario } from "holdfast/race"

/** What programs have for `k`. */
const VALUES: readonly number[] = [1, 100]

/** Five programs with the same loop, each with both of two values in it. */
export const program: Program = {
  actors: 5,
  async act({ hf }: Place, actor: number): Promise<void> {
    const addToEach = hf.operation("add to each", {
      version: 1,
      effects: "pure",
      run: (_, elements: readonly number[], k: number) => elements.map((element) => element + k),
    })
    // Each begins with another value than its neighbor.
    for (const k of actor % 2 === 0 ? VALUES : VALUES.toReversed()) {
      expectEqual(`the loop with k = ${String(k)}`, await addToEach([1, 2], k), [1 + k, 2 + k])
    }
  },
  async check({ hf }: Place): Promise<void> {
    const runs = await hf.runs()
    const completed = runs.filter(({ status, attempt }) => status === "completed" && attempt === 1)
    expectEqual("loops, each computed once", completed.length, VALUES.length)
  },
}

/** Three programs. */
export const fixed: Scenario = scenarioOf(program, 3)
