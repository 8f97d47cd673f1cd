import { DURABLE_CAPABILITIES } from "../conformance/store-harness.ts"
import { simulatedHarness } from "../simulation/simulated-harness.ts"
import { testStoreModel } from "./model-check.ts"

testStoreModel(simulatedHarness("simulated file", DURABLE_CAPABILITIES), { runs: 60 })
