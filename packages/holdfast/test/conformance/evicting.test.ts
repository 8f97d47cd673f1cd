/** A store that keeps nothing idle in memory: the working set is real. */
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import { MemoryStore } from "../../src/stores/memory/index.ts"
import { EvictingEngine } from "./evicting-engine.ts"
import { testStoreConformance } from "./store-conformance.ts"
import { EVERY_CAPABILITY } from "./store-harness.ts"

testStoreConformance({
  name: "evicting",
  capabilities: EVERY_CAPABILITY,
  bounds: {},
  open: () => {
    const env = createSimulatedEnv({ seed: 1 })
    const store = new MemoryStore({ env, check: true, engine: new EvictingEngine() })
    return Promise.resolve({
      connect: () => store.connect(),
      now: () => env.clock.now(),
      advance: (ms: number) => env.advanceBy(ms),
      close: () => Promise.resolve(),
    })
  },
})
