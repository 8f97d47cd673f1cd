import { raceMatchers, type RaceMatchers } from "holdfast/race"
import { expect, it } from "vitest"
import { payments as fixed } from "./race-fixed.ts"
import { payments } from "./race-scenario.ts"

expect.extend(raceMatchers)
declare module "vitest" {
  interface Matchers<T> extends RaceMatchers {}
}

it("gets every payment right, whoever is first", async () => {
  await expect(fixed).toHoldInEverySchedule({ shares: "declared" })
})

it("would lose one without the cell", async () => {
  await expect(payments).toBreak("expected 47 left of 100")
})
