/** The harnesses of the stores that live in one process, all on simulated time: plain, evicting, behind a wire. */
import { createSimulatedEnv } from "../../src/env/simulated-env.ts"
import { type Engine, MemoryStore } from "../../src/stores/memory/index.ts"
import type { Store } from "../../src/store/index.ts"
import { deferredBy, DeferredStore } from "./deferred-store.ts"
import { EvictingEngine } from "./evicting-engine.ts"
import { EVERY_CAPABILITY, type StoreHarness } from "./store-harness.ts"

/** The `memory:` store, every invariant checked after every command. */
export const memoryHarness: StoreHarness = harness("memory", {})

/** A store that keeps nothing idle in memory. */
export const evictingHarness: StoreHarness = harness("evicting", { createEngine: () => new EvictingEngine() })

/** The `memory:` store behind a wire; its outcomes and events come in one order or in two. */
export function deferredHarness(lines: "one" | "two"): StoreHarness {
  return harness(`deferred (lines: ${lines})`, {
    createWire: () => {
      const options = deferredBy(7, lines)
      return (store) => new DeferredStore(store, options)
    },
  })
}

interface Parts {
  readonly createEngine?: () => Engine
  readonly createWire?: () => (store: Store) => Store
}

function harness(name: string, parts: Parts): StoreHarness {
  return {
    name,
    capabilities: EVERY_CAPABILITY,
    bounds: {},
    open: () => {
      const env = createSimulatedEnv({ seed: 1 })
      const engine = parts.createEngine?.()
      const store = new MemoryStore({ env, check: true, ...(engine === undefined ? {} : { engine }) })
      const wire = parts.createWire?.()
      return Promise.resolve({
        connect: () => (wire === undefined ? store.connect() : wire(store.connect())),
        now: () => env.clock.now(),
        advance: (ms) => env.advanceBy(ms),
        close: () => Promise.resolve(),
      })
    },
  }
}
