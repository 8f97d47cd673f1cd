/** Every race, in the order of the table. */
import * as lostUpdate from "./14-lost-update/index.ts"
import type { Race } from "./race.ts"

export const races: readonly Race[] = [lostUpdate.race]
