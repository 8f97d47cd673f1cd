import type { Race } from "../race.ts"
import { broken } from "./broken.ts"
import { fixed, program } from "./fixed.ts"

export const race: Race = {
  number: 24,
  folder: "24-duplicate-after-unknown-outcome",
  title: "duplicate after an unknown outcome",
  seed: "004",
  broken: { scenario: broken, options: { maxSchedules: 100 } },
  fixed: { scenario: fixed, options: { shares: "declared", maxSchedules: 20_000 } },
  program,
}
