import { memoryHarness } from "../conformance/in-process-stores.ts"
import { testStoreModel } from "./model-check.ts"

testStoreModel(memoryHarness, { runs: 250 })
