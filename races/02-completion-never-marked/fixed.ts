/** A body that returns has completed its run: nobody can forget to say so, and whoever asks later is answered at once. */
import type { Operation } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

function defineThreshold({ hf }: Place): Operation<[image: string, from: number, to: number], number> {
  const computed = hf.cell("computed", { initial: 0 })
  return hf.operation("threshold", {
    version: 1,
    effects: "idempotent",
    run: async (_, image: string, from: number, to: number) => {
      await computed.update((times) => times + 1)
      return image.length + from + to
    },
  })
}

/** Actors that need one and the same result for so many elements of a loop. */
function createProgram(elements: number): Program {
  return {
    actors: 5,
    async act(place: Place): Promise<void> {
      const threshold = defineThreshold(place)
      const elementsInLoop = Array.from({ length: elements }, async () => await threshold("chris_t1.nii.gz", 100, 101))
      expectEqual("the loop", await Promise.all(elementsInLoop), Array<number>(elements).fill(216))
    },
    async check(place: Place): Promise<void> {
      const info = await defineThreshold(place).handle("chris_t1.nii.gz", 100, 101).status()
      expectEqual("the status", info?.status, "completed")
      expectEqual("how often it was computed", await place.hf.cell("computed", { initial: 0 }).get(), 1)
    },
  }
}

/** Five actors with a list of four elements each: computed once for all of them. */
export const program: Program = createProgram(4)

/** Three actors with one element each. */
export const fixed: Scenario = scenarioOf(createProgram(1), 3)
