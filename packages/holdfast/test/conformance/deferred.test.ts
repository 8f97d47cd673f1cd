import { deferredHarness } from "./in-process-stores.ts"
import { testStoreConformance } from "./store-conformance.ts"

testStoreConformance(deferredHarness("one"))
testStoreConformance(deferredHarness("two"))
