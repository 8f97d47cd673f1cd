/** Locks between processes: one that nobody else wants, and one that 2, 4 and 8 processes want at once. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import type { Actor } from "./actor.ts"
import { contest, type Contestant, tryRow } from "./contest.ts"
import { type LockfileOrders, type DurableOptions, startLockfile } from "./engines.ts"
import { nowMs } from "./orders.ts"
import { World } from "./world.ts"

const CROWDS = [2, 4, 8]
/** Between the order and the moment at which all begin. */
const HEAD_START_MS = 100
const LOCKFILE = "proper-lockfile"

export async function* measureFileLocks(effort: Effort, { peers }: DurableOptions): AsyncGenerator<Table> {
  yield await measureAlone(effort, peers)
  for (const processes of CROWDS) {
    const rows = [await measureCrowd("holdfast", processes, effort, async (world) => await world.startHoldfast())]
    if (peers)
      rows.push(await tryRow(LOCKFILE, async () => await measureCrowd(LOCKFILE, processes, effort, startLockfile)))
    yield { title: `Lock wanted by ${processes} processes all the time`, op: "lock", rows }
  }
}

async function measureAlone(effort: Effort, peers: boolean): Promise<Table> {
  await using world = await World.open()
  const ms = 2 * effort.roundMs
  const host = await world.startHoldfast()
  const other = await world.startHoldfast()
  const contestants: Contestant[] = [
    { name: "holdfast", isReference: true, round: async () => await other.ask("lockAlone", ms) },
    { name: "holdfast, in the keeper's process", round: async () => await host.ask("lockAlone", ms) },
  ]
  if (peers) {
    const lockfile = await startLockfile(world)
    contestants.push({ name: LOCKFILE, round: async () => await lockfile.ask("lockAlone", ms) })
  }
  const title = "Lock between processes, uncontended: acquire, an empty function, release"
  return { title, op: "lock", rows: await contest(contestants, effort) }
}

/** All ask again as soon as they have had it. Fair is who gives each process its share. */
async function measureCrowd(
  name: string,
  processes: number,
  effort: Effort,
  start: (world: World) => Promise<Actor<LockfileOrders>>,
): Promise<Row> {
  await using world = await World.open()
  const actors: Actor<LockfileOrders>[] = []
  for (let i = 0; i < processes; i += 1) actors.push(await start(world))
  const ms = 2 * effort.rounds * effort.roundMs
  const contend = async (durationMs: number): Promise<number[]> => {
    const fromMs = nowMs() + HEAD_START_MS
    const untilMs = fromMs + durationMs
    return await Promise.all(actors.map(async (actor) => await actor.ask("lockAmongOthers", fromMs, untilMs)))
  }
  await contend(effort.warmUpMs)
  const counts = await contend(ms)
  const grants = counts.reduce((sum, count) => sum + count, 0)
  if (grants === 0) throw new Error(`expected somebody to have the lock within ${ms} ms, found nobody`)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  const note = `grants a process: ${least.toLocaleString("en-US")} to ${most.toLocaleString("en-US")}`
  return { name, nsPerOp: (ms * 1e6) / grants, note, isReference: name === "holdfast" }
}
