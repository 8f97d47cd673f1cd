/** Every race, in the order of the table. */
import * as resultNotVisible from "./01-result-not-visible/index.ts"
import * as completionNeverMarked from "./02-completion-never-marked/index.ts"
import * as failedForEver from "./03-failed-for-ever/index.ts"
import * as orphanedClaim from "./04-orphaned-claim/index.ts"
import * as lostWakeUp from "./05-lost-wake-up/index.ts"
import * as identityWithoutCaptures from "./06-identity-without-captures/index.ts"
import * as newerValueOverwritten from "./07-newer-value-overwritten/index.ts"
import * as twoLockTypes from "./08-two-lock-types/index.ts"
import * as canceledWaiter from "./09-canceled-waiter-leaks/index.ts"
import * as poolDeadlock from "./10-endpoint-and-pool-deadlock/index.ts"
import * as stopOverwritten from "./11-stop-overwritten/index.ts"
import * as idsOfOneSecond from "./12-ids-of-one-second/index.ts"
import * as cleanupWhileIterating from "./13-cleanup-while-iterating/index.ts"
import * as lostUpdate from "./14-lost-update/index.ts"
import * as checkAndSaveApart from "./15-check-and-save-apart/index.ts"
import * as staleState from "./16-stale-state-saved/index.ts"
import * as temporaryFile from "./17-shared-temporary-file/index.ts"
import * as cancelOverwritten from "./18-cancel-overwritten/index.ts"
import * as resumeAfterCrash from "./19-resume-after-crash/index.ts"
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
  twoLockTypes.race,
  canceledWaiter.race,
  poolDeadlock.race,
  stopOverwritten.race,
  idsOfOneSecond.race,
  cleanupWhileIterating.race,
  lostUpdate.race,
  checkAndSaveApart.race,
  staleState.race,
  temporaryFile.race,
  cancelOverwritten.race,
  resumeAfterCrash.race,
  saveDropped.race,
  lockHalves.race,
  aliases.race,
  cacheAndDatabase.race,
  duplicate.race,
  firstContributor.race,
  promotedTwice.race,
]
