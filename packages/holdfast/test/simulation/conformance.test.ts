import { testStoreConformance } from "../conformance/store-conformance.ts"
import { DURABLE_CAPABILITIES } from "../conformance/store-harness.ts"
import { simulatedHarness } from "./simulated-harness.ts"

// Over keepers that live: what becomes of requests when one dies, whole programs are asked in sim.test.ts.
testStoreConformance(simulatedHarness("simulated file", DURABLE_CAPABILITIES))
