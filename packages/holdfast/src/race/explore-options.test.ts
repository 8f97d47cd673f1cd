import { describe, expect, it } from "vitest"
import { explore, type ExploreOptions } from "./explore.ts"

const nothing = async (): Promise<void> => {}

describe("explore refuses", () => {
  it.each<[what: string, options: unknown, message: RegExp]>([
    ["options that are none", null, /options of explore must be an object, found null/],
    ["a misspelled strategy", { strategy: "PCT" }, /one of "exhaustive", "pct", "random", found "PCT"/],
    ["sharing it does not know", { shares: "nothing" }, /shares of explore must be one of "anything", "declared"/],
    [
      "a bound that is no number",
      { maxSchedules: Number.NaN },
      /maxSchedules of explore must be a whole number from 0/,
    ],
    ["a negative bound", { maxPreemptions: -1 }, /maxPreemptions .* found -1/],
    ["a bound in text", { maxSteps: "9" }, /maxSteps .* found "9"/],
    ["half a fault", { maxFaults: 0.5 }, /maxFaults .* found 0.5/],
    ["no depth", { depth: 0 }, /depth of explore must be a whole number from 1/],
    ["a depth without end", { depth: Infinity }, /depth of explore must be a finite number/],
    ["a seed that is none", { seed: 1.5 }, /seed of explore must be a safe integer, found 1.5/],
    ["a flag in text", { timersAreSteps: "yes" }, /timersAreSteps of explore must be true or false, found "yes"/],
    ["a replay of something else", { replay: "0,1" }, /replay of explore must be the choices of a failure/],
    ["a replay of choices there are none of", { replay: [0, -1] }, /replay .* found \[0,-1\]/],
  ])("%s", async (_what, options, message) => {
    await expect(explore(nothing, options as ExploreOptions)).rejects.toMatchObject({
      // As JavaScript may call it.
      code: "ARGUMENT_INVALID",
      message: expect.stringMatching(message),
    })
  })

  it("a scenario that is no function", async () => {
    await expect(explore("scenario" as never)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" }) // As JavaScript may.
  })
})

it("takes every bound there is", async () => {
  const options: ExploreOptions = { maxSchedules: Infinity, maxPreemptions: 0, maxFaults: 0, maxSteps: 1, replay: [] }
  expect((await explore(nothing, options)).failure).toBeNull()
})
