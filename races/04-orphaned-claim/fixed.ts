/** A claim ends with the session that holds it, and one of those who wait computes in its place. */
import type { Operation } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, type RealFault, scenarioOf } from "../race.ts"

function defineSquare({ hf, reach }: Place): Operation<[x: number], number> {
  return hf.operation("square", {
    version: 1,
    effects: "pure",
    run: async (_, x: number) => {
      await reach("computing")
      return x * x
    },
  })
}

/** Five ask for one result; the first computes it, and is killed while it does. */
export const program: Program = {
  actors: 5,
  faults: [{ actor: 0, at: "computing", signal: "SIGKILL" }],
  async act(place: Place): Promise<void> {
    expectEqual("the result", await defineSquare(place)(12), 144)
  },
  async check(place: Place, _actors: number, fault: RealFault | null): Promise<void> {
    const square = defineSquare(place)
    expectEqual("the result", await square(12), 144)
    const info = await square.handle(12).status()
    expectEqual("the status", info?.status, "completed")
    // One takes over from who was killed, and no other computes.
    const expected = fault === null ? [1, 2] : [2]
    if (!expected.includes(info?.attempt ?? 0)) expectEqual("attempts", info?.attempt, expected)
  },
}

/** Three ask, and any of them may be killed at any time. */
export const fixed: Scenario = scenarioOf(program, 3, { faults: ["kill"] })
