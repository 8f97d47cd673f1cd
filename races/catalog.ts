/** Every race, in the order of the table. */
import * as resultNotVisible from "./01-result-not-visible/index.ts"
import * as completionNeverMarked from "./02-completion-never-marked/index.ts"
import * as failedForEver from "./03-failed-for-ever/index.ts"
import * as orphanedClaim from "./04-orphaned-claim/index.ts"
import * as lostWakeUp from "./05-lost-wake-up/index.ts"
import * as identityWithoutCaptures from "./06-identity-without-captures/index.ts"
import * as newerValueOverwritten from "./07-newer-value-overwritten/index.ts"
import * as lostUpdate from "./14-lost-update/index.ts"
import * as checkAndSaveApart from "./15-check-and-save-apart/index.ts"
import * as saveDropped from "./20-save-dropped-on-timeout/index.ts"
import * as lockHalves from "./21-lock-halves-never-meet/index.ts"
import * as aliases from "./22-aliases-lock-separately/index.ts"
import * as cacheAndDatabase from "./23-cache-and-database/index.ts"
import * as duplicate from "./24-duplicate-after-unknown-outcome/index.ts"
import * as firstContributor from "./25-first-contributor-lost/index.ts"
import * as promotedTwice from "./26-promoted-twice/index.ts"
import type { Race } from "./race.ts"

export const races: readonly Race[] = [
  resultNotVisible.race,
  completionNeverMarked.race,
  failedForEver.race,
  orphanedClaim.race,
  lostWakeUp.race,
  identityWithoutCaptures.race,
  newerValueOverwritten.race,
  lostUpdate.race,
  checkAndSaveApart.race,
  saveDropped.race,
  lockHalves.race,
  aliases.race,
  cacheAndDatabase.race,
  duplicate.race,
  firstContributor.race,
  promotedTwice.race,
]
