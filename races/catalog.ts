/** Every race, in the order of the table. */
import * as orphanedClaim from "./04-orphaned-claim/index.ts"
import * as lostUpdate from "./14-lost-update/index.ts"
import type { Race } from "./race.ts"

export const races: readonly Race[] = [orphanedClaim.race, lostUpdate.race]
