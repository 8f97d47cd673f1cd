/** A failed run is open to whoever asks again, and of several who do one computes. */
import { isHoldfastError, type Operation } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

function defineReadImage({ hf }: Place): Operation<[path: string], number> {
  return hf.operation("read image", {
    version: 1,
    effects: "idempotent",
    run: async (_, path: string) => {
      const reads = await hf.cell(`reads of ${path}`, { initial: 0 }).update((times) => times + 1)
      if (reads === 1) throw new Error("EIO: i/o error, read")
      return path.length
    },
  })
}

/** Actors who all need so many images, each of which fails once; each asks again where it was told of a failure. */
function createProgram(images: number): Program {
  const paths = Array.from({ length: images }, (_, index) => `t1-${String(index)}.nii.gz`)
  return {
    actors: 5,
    async act(place: Place): Promise<void> {
      const readImage = defineReadImage(place)
      for (const path of paths) {
        const askAgain = async (error: unknown): Promise<number> => {
          if (isHoldfastError(error, "RUN_FAILED")) return await readImage(path)
          throw error
        }
        expectEqual(`the result of ${path}`, await readImage(path).catch(askAgain), path.length)
      }
    },
    async check({ hf }: Place): Promise<void> {
      // Once in vain, and once more for all who asked again.
      const reads = await hf.read(paths.map((path) => hf.cell(`reads of ${path}`, { initial: 0 })))
      expectEqual("how often each was read", reads, Array<number>(images).fill(2))
    },
  }
}

/** Five need 50 images. */
export const program: Program = createProgram(50)

/** Two need one. */
export const fixed: Scenario = scenarioOf(createProgram(1), 2)
