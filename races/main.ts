/** `npm run races`: breaks every broken program, passes every fixed one, and prints how many schedules each took. */
import { explore } from "holdfast/race"
import { races } from "./catalog.ts"
import { writePage } from "./pages.ts"

if (process.argv.includes("--pages")) {
  for (const race of races) await writePage(race)
} else {
  let failed = 0
  for (const race of races) {
    const broken = await explore(race.broken.scenario, race.broken.options)
    const fixed = await explore(race.fixed.scenario, race.fixed.options)
    const isRight = broken.failure !== null && fixed.failure === null && fixed.exhausted
    if (!isRight) failed += 1
    console.log(race.number, race.title, broken.schedules, fixed.schedules, isRight ? "" : "WRONG")
  }
  process.exitCode = failed === 0 ? 0 : 1
}
