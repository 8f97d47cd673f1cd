/** The harness of `file:` stores without a machine: simulated time, disk and lines; keepers killed where asked for. */
import { createPrng } from "../../src/env/prng.ts"
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import { postponeByTurns } from "../conformance/deferred-store.ts"
import type { Capability, StoreHarness, StoreWorld } from "../conformance/store-harness.ts"
import { SimulatedStore } from "./simulated-store.ts"

export function simulatedHarness(
  name: string,
  capabilities: ReadonlySet<Capability>,
  kills?: { readonly every: number; readonly count: number; readonly firstSeed: number },
): StoreHarness {
  let seed = Number(process.env["HOLDFAST_SEED"] ?? 0) + (kills?.firstSeed ?? 0)
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
