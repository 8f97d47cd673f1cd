import { createPrng } from "../../src/env/prng.ts"
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import { postponeByTurns } from "../conformance/deferred-store.ts"
import { testStoreConformance } from "../conformance/store-conformance.ts"
import { type Capability, EVERY_CAPABILITY, type StoreHarness, type StoreWorld } from "../conformance/store-harness.ts"
import { SimulatedStore } from "./simulated-store.ts"

const LASTING = new Set(EVERY_CAPABILITY)
for (const capability of ["exact", "transitions", "every-version"] as const) LASTING.delete(capability)

testStoreConformance(harness("simulated file", EVERY_CAPABILITY, null))
testStoreConformance(harness("simulated file, its keepers killed", LASTING, 12))

function harness(name: string, capabilities: ReadonlySet<Capability>, killedEvery: number | null): StoreHarness {
  let seed = 0
  const open = (): Promise<StoreWorld> => {
    seed += 1
    const random = createPrng(seed)
    const env = createSimulatedEnv({ seed })
    const options = { env, random, postpone: postponeByTurns, delayBound: 4, flushBound: 8 }
    const store = new SimulatedStore(killedEvery === null ? options : { ...options, killedEvery })
    return Promise.resolve({
      connect: () => store.connect(),
      now: () => env.clock.now(),
      advance: (ms) => env.advanceBy(ms),
      close: () => Promise.resolve(),
    })
  }
  return { name, capabilities, bounds: {}, open }
}
