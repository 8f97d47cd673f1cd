import { createPrng } from "../../src/env/prng.ts"
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import { postponeByTurns } from "../conformance/deferred-store.ts"
import { testStoreConformance } from "../conformance/store-conformance.ts"
import { type Capability, EVERY_CAPABILITY, type StoreHarness, type StoreWorld } from "../conformance/store-harness.ts"
import { SimulatedStore } from "./simulated-store.ts"

const LASTING = new Set(EVERY_CAPABILITY)
for (const capability of ["exact", "transitions", "steady", "every-version"] as const) LASTING.delete(capability)

testStoreConformance(harness("simulated file", EVERY_CAPABILITY))
testStoreConformance(harness("simulated file, its keepers killed", LASTING, { every: 12, count: 6 }))

function harness(
  name: string,
  capabilities: ReadonlySet<Capability>,
  kills?: { readonly every: number; readonly count: number },
): StoreHarness {
  let seed = Number(process.env["HOLDFAST_SEED"] ?? 0)
  const open = (): Promise<StoreWorld> => {
    seed += 1
    const random = createPrng(seed)
    const env = createSimulatedEnv({ seed })
    const options = { env, random, postpone: postponeByTurns, delayBound: 4, flushBound: 8 }
    const store = new SimulatedStore(kills === undefined ? options : { ...options, kills })
    return Promise.resolve({
      connect: () => store.connect(),
      now: () => env.clock.now(),
      advance: (ms) => env.advanceBy(ms),
      close: () => Promise.resolve(),
    })
  }
  return { name, capabilities, bounds: {}, open }
}
