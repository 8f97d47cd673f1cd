import { deferredHarness } from "../conformance/in-process-stores.ts"
import { testStoreModel } from "./model-check.ts"

testStoreModel(deferredHarness("one"), { runs: 40 })
testStoreModel(deferredHarness("two"), { runs: 40 })
