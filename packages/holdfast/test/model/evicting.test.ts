import { evictingHarness } from "../conformance/in-process-stores.ts"
import { testStoreModel } from "./model-check.ts"

testStoreModel(evictingHarness, { runs: 120 })
