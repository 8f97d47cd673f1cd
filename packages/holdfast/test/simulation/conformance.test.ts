import { testStoreConformance } from "../conformance/store-conformance.ts"
import { type Capability, DURABLE_CAPABILITIES } from "../conformance/store-harness.ts"
import { simulatedHarness } from "./simulated-harness.ts"

testStoreConformance(simulatedHarness("simulated file", DURABLE_CAPABILITIES))

/**
 * What does not outlive a keeper: the tokens it had reserved, what nobody was there to observe, places among those who wait
 * for runs and merges that were not flushed, and versions that were not the last when the next one was asked.
 */
const TRANSIENT: ReadonlySet<Capability> = new Set<Capability>(["exact", "transitions", "steady", "every-version"])
const LASTING = new Set([...DURABLE_CAPABILITIES].filter((capability) => !TRANSIENT.has(capability)))

for (const firstSeed of [0, 1_000]) {
  const kills = { every: 12, count: 6, firstSeed }
  testStoreConformance(simulatedHarness(`simulated file, its keepers killed from ${String(firstSeed)}`, LASTING, kills))
}
