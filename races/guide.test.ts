import { readFileSync } from "node:fs"
import { describeFailure, type Exploration, explore, type ExploreOptions } from "holdfast/race"
import { expect, it } from "vitest"
import { payments } from "../examples/race-scenario.ts"

const page = readFileSync(new URL("../docs/race-guide.md", import.meta.url), "utf8")

it("the guide shows what its example prints", async () => {
  const { failure } = await explore(payments)
  if (failure === null) expect.fail("no schedule broke it")
  const timeline = describeFailure(failure)
  expect(page, `the guide must show this timeline:\n${timeline}`).toContain(`\n\`\`\`text\n${timeline}\n\`\`\`\n`)
})

it("the guide names every option and everything an exploration tells", () => {
  // Held against the types, so that none can be missing here either.
  const options: Required<{ [Name in keyof ExploreOptions]: true }> = {
    strategy: true,
    seed: true,
    maxSchedules: true,
    shares: true,
    maxPreemptions: true,
    depth: true,
    maxSteps: true,
    timersAreSteps: true,
    globals: true,
    maxFaults: true,
    shrinks: true,
    replay: true,
  }
  const results: Required<{ [Name in keyof Exploration]: true }> = {
    schedules: true,
    redundant: true,
    exhausted: true,
    failure: true,
  }
  const documented = [...page.matchAll(/^\| `(\w+)` /gm)].map((match) => match[1])
  expect(documented).toEqual(expect.arrayContaining(Object.keys(options)))
  for (const name of Object.keys(results)) expect(page).toContain(`\`${name}\``)
})
