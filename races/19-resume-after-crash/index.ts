import type { Race } from "../race.ts"
import { broken } from "./broken.ts"
import { fixed, program } from "./fixed.ts"

export const race: Race = {
  number: 19,
  folder: "19-resume-after-crash",
  title: "resume after a crash in mid-stage",
  seed: "003",
  broken: { scenario: broken, options: { maxSchedules: 100 } },
  fixed: { scenario: fixed, options: { shares: "declared", maxSchedules: 20_000 } },
  program,
}
