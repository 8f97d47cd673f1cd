import { readFileSync } from "node:fs"
import { describeFailure, type Exploration, explore } from "holdfast/race"
import { describe, expect, it } from "vitest"
import { explorePackage, type PackageRace } from "./package-race.ts"
import { drawPackages, packageRaces } from "./table.ts"

type Control = NonNullable<PackageRace["control"]>

/** Several packages have one control, which is explored once. */
const explored = new Map<Control, Promise<Exploration>>()

async function exploreControl(control: Control): Promise<Exploration> {
  const known = explored.get(control) ?? explorePackage(control.scenario, control.options)
  explored.set(control, known)
  return await known
}

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
    const { failure, exhausted } = await exploreControl(control)
    if (failure !== null) expect.fail(describeFailure(failure))
    expect(exhausted, "expected every schedule to have run within maxSchedules").toBe(true)
  })
})

it("the guide shows the table", async () => {
  const table = await drawPackages()
  const guide = readFileSync(new URL("../../docs/race-guide.md", import.meta.url), "utf8")
  expect(guide, `the guide must show this table:\n${table}`).toContain(`\n${table}\n`)
})
