/** A failed run is open to whoever asks again, and of several who do one computes. */
import { isHoldfastError, type Operation } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

function defineReadImage({ hf }: Place): Operation<[path: string], number> {
  const reads = hf.cell("reads", { initial: 0 })
  return hf.operation("read image", {
    version: 1,
    effects: "idempotent",
    run: async (_, path: string) => {
      if ((await reads.update((times) => times + 1)) === 1) throw new Error("EIO: i/o error, read")
      return path.length
    },
  })
}

/** Five need one image, whose disk fails once; each of them asks again where it was told of a failure. */
export const program: Program = {
  actors: 5,
  async act(place: Place): Promise<void> {
    const readImage = defineReadImage(place)
    const askAgain = async (error: unknown): Promise<number> => {
      if (isHoldfastError(error, "RUN_FAILED")) return await readImage("chris_t1.nii.gz")
      throw error
    }
    expectEqual("the result", await readImage("chris_t1.nii.gz").catch(askAgain), 15)
  },
  async check(place: Place): Promise<void> {
    expectEqual("the result", await defineReadImage(place)("chris_t1.nii.gz"), 15)
    // Once in vain, and once more for all who asked again.
    expectEqual("how often it was read", await place.hf.cell("reads", { initial: 0 }).get(), 2)
  },
}

/** Two need it. */
export const fixed: Scenario = scenarioOf(program, 2)
