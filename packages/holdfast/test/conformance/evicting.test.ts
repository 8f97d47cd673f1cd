import { evictingHarness } from "./in-process-stores.ts"
import { testStoreConformance } from "./store-conformance.ts"

testStoreConformance(evictingHarness)
