/** The tests of a race: its broken program is broken soon, its fixed one holds in every order, and its page says so. */
import { readFileSync } from "node:fs"
import { describeFailure, type Exploration, explore } from "holdfast/race"
import { describe, expect, it } from "vitest"
import type { Explored, Race } from "./race.ts"

export function describeRace(race: Race): void {
  describe(`race ${String(race.number)}: ${race.title}`, () => {
    it("breaks the broken program, and its page shows how", async () => {
      const { failure } = await run(race.broken)
      if (failure === null) expect.fail("no schedule broke it")
      const page = readFileSync(new URL(`${race.folder}/README.md`, import.meta.url), "utf8")
      const timeline = describeFailure(failure)
      expect(page, `the page must show this timeline:\n${timeline}`).toContain(timeline)
      const again = await explore(race.broken.scenario, { ...race.broken.options, replay: failure.choices })
      expect(again.failure).toEqual(failure)
    })

    it("lets the fixed program pass in every order", async () => {
      const { failure, exhausted } = await run(race.fixed)
      if (failure !== null) expect.fail(describeFailure(failure))
      expect(exhausted, "expected every schedule to have run within maxSchedules").toBe(true)
    })
  })
}

async function run({ scenario, options }: Explored): Promise<Exploration> {
  return await explore(scenario, options)
}
