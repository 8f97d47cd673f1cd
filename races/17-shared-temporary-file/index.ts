import type { Race } from "../race.ts"
import { broken } from "./broken.ts"
import { fixed, program } from "./fixed.ts"

export const race: Race = {
  number: 17,
  folder: "17-shared-temporary-file",
  title: "temporary-file name shared by two writers",
  seed: "003",
  broken: { scenario: broken, options: { maxSchedules: 100 } },
  fixed: { scenario: fixed, options: { shares: "declared", maxSchedules: 20_000 } },
  program,
}
