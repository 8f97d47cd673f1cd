import { readFileSync } from "node:fs"
import { describeFailure, explore } from "holdfast/race"
import { describe, expect, it } from "vitest"
import { explorePackage } from "./package-race.ts"
import { drawPackages, packageRaces } from "./table.ts"

describe.each(packageRaces)("$name: $title", ({ scenario, control, options }) => {
  it("is found without being told the schedule", async () => {
    const { failure } = await explorePackage(scenario, options)
    if (failure === null) expect.fail("no schedule broke it")
    // An assertion of the scenario's own, not a hang or a refusal.
    expect(failure.error).toMatchObject({ name: "Error", message: expect.stringContaining("expected ") as string })
    const again = await explore(scenario, { ...options, globals: "simulated", replay: failure.choices })
    expect(again.failure).toEqual(failure)
  })

  it.skipIf(control === null)("is not there on Holdfast", async () => {
    if (control === null) return
    const { failure, exhausted } = await explorePackage(control.scenario, control.options)
    if (failure !== null) expect.fail(describeFailure(failure))
    expect(exhausted, "expected every schedule to have run within maxSchedules").toBe(true)
  })
})

it("the guide shows the table", async () => {
  const table = await drawPackages()
  const guide = readFileSync(new URL("../../docs/race-guide.md", import.meta.url), "utf8")
  expect(guide, `the guide must show this table:\n${table}`).toContain(`\n${table}\n`)
})
