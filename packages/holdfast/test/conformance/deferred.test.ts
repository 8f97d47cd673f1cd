/** Stores behind a wire: outcomes and events come late, in one order (a socket) or in two (a database that notifies). */
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import { MemoryStore } from "../../src/stores/memory/index.ts"
import { deferredBy, DeferredStore } from "./deferred-store.ts"
import { testStoreConformance } from "./store-conformance.ts"
import { EVERY_CAPABILITY } from "./store-harness.ts"

for (const lines of ["one", "two"] as const) {
  testStoreConformance({
    name: `deferred (lines: ${lines})`,
    capabilities: EVERY_CAPABILITY,
    bounds: {},
    open: () => {
      const env = createSimulatedEnv({ seed: 1 })
      const store = new MemoryStore({ env, check: true })
      const options = deferredBy(7, lines)
      return Promise.resolve({
        connect: () => new DeferredStore(store.connect(), options),
        now: () => env.clock.now(),
        advance: (ms: number) => env.advanceBy(ms),
        close: () => Promise.resolve(),
      })
    },
  })
}
