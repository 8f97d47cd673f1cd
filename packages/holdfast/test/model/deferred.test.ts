import { deferredHarness } from "../conformance/in-process-stores.ts"
import { testStoreModel } from "./model-check.ts"

testStoreModel(deferredHarness("one"), { runs: 60 })
testStoreModel(deferredHarness("two"), { runs: 60 })
