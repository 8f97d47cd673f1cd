/** `npm run races -- --pages`: writes the timeline of each broken program into the page of its race. */
import { readFileSync, writeFileSync } from "node:fs"
import { describeFailure, explore } from "holdfast/race"
import type { Race } from "./race.ts"

/** The one block of a page that the kit writes. */
const TIMELINE = /(## What the kit printed\n\n```text\n)[^]*?(```\n)/

/** @throws Error when the broken program does not break, or its page has no place for the timeline */
export async function writePage(race: Race): Promise<void> {
  const { failure } = await explore(race.broken.scenario, race.broken.options)
  if (failure === null) throw new Error(`race ${String(race.number)}: no schedule broke the broken program`)
  const file = new URL(`${race.folder}/README.md`, import.meta.url)
  const page = readFileSync(file, "utf8")
  if (!TIMELINE.test(page)) throw new Error(`${race.folder}/README.md has no block under "## What the kit printed"`)
  writeFileSync(
    file,
    page.replace(TIMELINE, (_, head: string, tail: string) => `${head}${describeFailure(failure)}\n${tail}`),
  )
}
