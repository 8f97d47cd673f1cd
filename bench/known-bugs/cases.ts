/** Every known bug, for the table (main.ts) and for the test that runs Holdfast's column. */
import { cacheBugs } from "./caches.ts"
import type { KnownBug } from "./known-bug.ts"
import { leaseBugs } from "./leases.ts"
import { mutexBugs } from "./mutexes.ts"

export type { KnownBug } from "./known-bug.ts"

export const knownBugs: readonly KnownBug[] = [...mutexBugs, ...leaseBugs, ...cacheBugs]
