/** The harness of `file:` stores: real folders, keeper threads, sockets and flushes, in two processes. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { systemEnv } from "../../src/env/index.ts"
import type { Store } from "../../src/store/index.ts"
import { connectFolder } from "./built-store.ts"
import type { OtherProcess } from "./other-process.ts"
import { type Capability, EVERY_CAPABILITY, type StoreHarness, type StoreWorld } from "./store-harness.ts"

/**
 * Time here is the machine's, so it can only be waited for; and what the kernel in the keeper's thread measures (times,
 * tokens across reservations) is not what a twin of it here would.
 */
const REAL = new Set<Capability>(EVERY_CAPABILITY)
for (const capability of ["virtual-time", "exact"] as const) REAL.delete(capability)

/** The first connection of a world, which brings its keeper, is in this process, and all later ones in the other. */
export function fileHarness(name: string, others: OtherProcess): StoreHarness {
  const open = async (): Promise<StoreWorld> => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-conformance-"))
    const address = `file:${join(folder, "store")}`
    const connections: Store[] = []
    return {
      connect: async () => {
        const isFirst = connections.length === 0
        const store = isFirst
          ? await connectFolder({ address, env: systemEnv, check: true })
          : await others.connect(address)
        connections.push(store)
        return store
      },
      now: () => systemEnv.clock.now(),
      // Real time is what is tested: a lease ends in the keeper's thread, where no clock can be moved from here.
      advance: (ms) => sleep(ms),
      close: async () => {
        // The keeper's client last, so that no other has to take over.
        for (const store of connections.toReversed()) await store.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  }
  return { name, capabilities: REAL, bounds: {}, open }
}
