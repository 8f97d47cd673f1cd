import type { Race } from "../race.ts"
import { broken } from "./broken.ts"
import { fixed, program } from "./fixed.ts"

export const race: Race = {
  number: 20,
  folder: "20-save-dropped-on-timeout",
  title: "save dropped on lock timeout",
  seed: "004",
  // Five seconds pass while a save is under way: time does not stand still for those who work.
  broken: { scenario: broken, options: { maxSchedules: 100, timersAreSteps: true } },
  fixed: { scenario: fixed, options: { shares: "declared", timersAreSteps: true, maxSchedules: 20_000 } },
  program,
}
