import { testStoreConformance } from "../conformance/store-conformance.ts"
import { DURABLE_CAPABILITIES } from "../conformance/store-harness.ts"
import { simulatedHarness } from "./simulated-harness.ts"

const LASTING = new Set(DURABLE_CAPABILITIES)
for (const capability of ["exact", "transitions", "steady", "every-version"] as const) LASTING.delete(capability)

testStoreConformance(simulatedHarness("simulated file", DURABLE_CAPABILITIES))
testStoreConformance(simulatedHarness("simulated file, its keepers killed", LASTING, { every: 12, count: 6 }))
