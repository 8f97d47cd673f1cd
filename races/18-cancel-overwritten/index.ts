import type { Race } from "../race.ts"
import { broken } from "./broken.ts"
import { fixed, program } from "./fixed.ts"

export const race: Race = {
  number: 18,
  folder: "18-cancel-overwritten",
  title: "cancel overwritten",
  seed: "003",
  broken: { scenario: broken, options: { maxSchedules: 100 } },
  fixed: { scenario: fixed, options: { shares: "declared", maxSchedules: 20_000 } },
  program,
}
