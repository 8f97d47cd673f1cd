import type { Race } from "../race.ts"
import { broken } from "./broken.ts"
import { fixed, program } from "./fixed.ts"

export const race: Race = {
  number: 16,
  folder: "16-stale-state-saved",
  title: "stale in-memory state saved over atomic updates",
  seed: "003",
  broken: { scenario: broken, options: { maxSchedules: 100 } },
  fixed: { scenario: fixed, options: { shares: "declared", maxSchedules: 20_000 } },
  program,
}
