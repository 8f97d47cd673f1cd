/** The harness of `file:` stores: real folders, keeper threads, sockets and flushes, in two processes, on a clock of the test's. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemEnv } from "../../src/env/index.ts"
import type { SessionId } from "../../src/kernel/index.ts"
import type { Store } from "../../src/store/index.ts"
import { connectFolder } from "./built-store.ts"
import { FileClock } from "./file-clock.ts"
import type { OtherProcess } from "./other-process.ts"
import { type Capability, DURABLE_CAPABILITIES, type StoreHarness, type StoreWorld } from "./store-harness.ts"

/** Who runs the keeper of a world. */
export type KeeperOf =
  /** Its first connection, over a port; when that is closed, another process takes over. */
  | "first"
  /** A connection no test knows of; those of the test come over sockets, from this process and the other in turn. */
  | "nobody"

/** Tokens are reserved in blocks, and the next keeper begins with a new one. */
const CHANGING = new Set<Capability>(DURABLE_CAPABILITIES)
CHANGING.delete("exact")

export function fileHarness(name: string, others: OtherProcess, keeperOf: KeeperOf): StoreHarness {
  const open = async (): Promise<StoreWorld> => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-conformance-"))
    const clock = new FileClock(join(folder, "clock"), Date.UTC(2030, 0))
    const address = `file:${join(folder, "store")}`
    const connectHere = (): Promise<Store> =>
      connectFolder({ address, env: systemEnv, check: true, clockFile: clock.path })
    let own = keeperOf === "nobody" ? await connectHere() : null
    const connections: Store[] = []
    return {
      connect: async () => {
        const isHere = keeperOf === "first" ? connections.length === 0 : connections.length % 2 === 0
        const store = isHere ? await connectHere() : await others.connect(address, clock.path)
        connections.push(store)
        return store
      },
      now: () => clock.now(),
      advance: async (ms) => {
        clock.advance(ms)
        if (connections.length === 0) return
        own ??= await connectHere()
        // Whatever it is asked, a keeper first does what is due.
        await own.execute({ kind: "readCells", session: NOBODY, names: [], head: false })
      },
      close: async () => {
        // The keeper's client last, so that no other has to take over.
        for (const store of connections.toReversed()) await store.close()
        await own?.close()
        clock.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  }
  return { name, capabilities: keeperOf === "nobody" ? DURABLE_CAPABILITIES : CHANGING, bounds: {}, open }
}

const NOBODY = "nobody" as SessionId // Brand constructor.
