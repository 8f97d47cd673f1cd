import { testStoreConformance } from "../conformance/store-conformance.ts"
import { DURABLE_CAPABILITIES } from "../conformance/store-harness.ts"
import { simulatedHarness } from "./simulated-harness.ts"

// Over keepers that live. With keepers killed (`kills`) some tests fail, and whether the store or the test is wrong is open.
testStoreConformance(simulatedHarness("simulated file", DURABLE_CAPABILITIES))
