import assert from "node:assert/strict"
import test from "node:test"
import { expectNoRace, expectRace } from "holdfast/race"
import { payments as fixed } from "./race-fixed.ts"
import { payments } from "./race-scenario.ts"

test("gets every payment right, whoever is first", async () => {
  // Throws with the timeline where a schedule fails.
  const { exhausted } = await expectNoRace(fixed, { shares: "declared" })
  assert(exhausted)
})

test("would lose one without the cell", async () => {
  const { error } = await expectRace(payments)
  assert.match(String(error), /expected 47 left of 100/)
})
