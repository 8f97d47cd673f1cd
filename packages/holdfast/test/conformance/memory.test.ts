import { memoryHarness } from "./in-process-stores.ts"
import { testStoreConformance } from "./store-conformance.ts"

testStoreConformance(memoryHarness)
