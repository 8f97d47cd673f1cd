/** What was forgotten stays forgotten: a computation under way cannot bring it back, and its callers get a fresh one. */
import type { Cell, Operation } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

const PATH = "chris_t1.nii.gz"

function imageOf({ hf }: Place, path: string): Cell<number> {
  return hf.cell(path, { initial: 0 })
}

/** Named by the path of its image alone; whoever saves another image has its result forgotten. */
function defineSquare(place: Place): Operation<[path: string], number> {
  return place.hf.operation("square", {
    version: 1,
    effects: "pure",
    run: async (_, path: string) => {
      const image = await imageOf(place, path).get()
      await place.reach("computing")
      return image ** 2
    },
  })
}

/** Actors that save so many images each, and ask for the result for each of them. */
function createProgram(saves: number): Program {
  return {
    actors: 5,
    faults: [{ actor: 0, at: "computing", signal: "SIGSTOP" }],
    async act(place: Place): Promise<void> {
      const image = imageOf(place, PATH)
      const square = defineSquare(place)
      for (let save = 0; save < saves; save++) {
        const mine = await image.update((number) => number + 1)
        await square.forget(PATH)
        const result = await square(PATH)
        if (result < mine ** 2) expectEqual("a result for this image or a newer one", result, mine ** 2)
      }
    },
    async check(place: Place, actors: number): Promise<void> {
      const newest = (actors * saves) ** 2
      expectEqual("the result for the image that is there", await defineSquare(place)(PATH), newest)
    },
  }
}

/** Five actors save five images each; the first is stopped while it computes, until the others have saved all of theirs. */
export const program: Program = createProgram(5)

/** Two actors save one image each. */
export const fixed: Scenario = scenarioOf(createProgram(1), 2)
