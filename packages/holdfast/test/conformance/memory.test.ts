/** The `memory:` store, every invariant checked after every command. */
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import { MemoryStore } from "../../src/stores/memory/index.ts"
import { testStoreConformance } from "./store-conformance.ts"
import { EVERY_CAPABILITY } from "./store-harness.ts"

testStoreConformance({
  name: "memory",
  capabilities: EVERY_CAPABILITY,
  bounds: {},
  open: () => {
    const env = createSimulatedEnv({ seed: 1 })
    const store = new MemoryStore({ env, check: true })
    return Promise.resolve({
      connect: () => store.connect(),
      now: () => env.clock.now(),
      advance: (ms: number) => env.advanceBy(ms),
      close: () => Promise.resolve(),
    })
  },
})
