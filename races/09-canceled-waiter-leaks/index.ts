import type { Race } from "../race.ts"
import { broken } from "./broken.ts"
import { fixed, program } from "./fixed.ts"

export const race: Race = {
  number: 9,
  folder: "09-canceled-waiter-leaks",
  title: "canceled waiter leaks the thread lock",
  seed: "002",
  broken: { scenario: broken, options: { maxSchedules: 100 } },
  fixed: { scenario: fixed, options: { maxSchedules: 20_000 } },
  program,
}
