/** Locks between processes: one that nobody else wants, and one that 2, 4 and 8 processes want at once. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import type { Actor } from "./actor.ts"
import { contest } from "./contest.ts"
import type { HoldfastOrders } from "./holdfast-actor.ts"
import { nowMs } from "./orders.ts"
import { World } from "./world.ts"

const CROWDS = [2, 4, 8]
/** Between the order and the moment at which all begin. */
const HEAD_START_MS = 100

export async function* measureFileLocks(effort: Effort): AsyncGenerator<Table> {
  yield await measureAlone(effort)
  for (const processes of CROWDS) yield await measureAmongOthers(processes, effort)
}

async function measureAlone(effort: Effort): Promise<Table> {
  const rows = await World.use(async (world) => {
    const host = await world.startHoldfast()
    const other = await world.startHoldfast()
    const ms = 2 * effort.roundMs
    return await contest(
      [
        { name: "holdfast", isReference: true, round: () => other.ask("lockAlone", ms) },
        { name: "holdfast, in the keeper's process", round: () => host.ask("lockAlone", ms) },
      ],
      effort.rounds,
    )
  })
  return { title: "Lock between processes, uncontended: acquire, an empty function, release", op: "lock", rows }
}

async function measureAmongOthers(processes: number, effort: Effort): Promise<Table> {
  const rows = await World.use(async (world) => {
    const actors: Actor<HoldfastOrders>[] = []
    for (let i = 0; i < processes; i += 1) actors.push(await world.startHoldfast())
    return [await measureCrowd("holdfast", actors, effort)]
  })
  return { title: `Lock wanted by ${processes} processes all the time`, op: "lock", rows }
}

/** All ask again as soon as they have had it. Fair is who gives each process its share. */
async function measureCrowd(name: string, actors: readonly Actor<HoldfastOrders>[], effort: Effort): Promise<Row> {
  const ms = effort.rounds * effort.roundMs
  const totals = actors.map(() => 0)
  // Twice: the first warms up.
  for (const isWarm of [false, true]) {
    const fromMs = nowMs() + HEAD_START_MS
    const counts = await Promise.all(
      actors.map(async (actor) => await actor.ask("lockAmongOthers", fromMs, fromMs + ms)),
    )
    if (isWarm) for (const [i, count] of counts.entries()) totals[i] = count
  }
  const grants = totals.reduce((sum, count) => sum + count, 0)
  const [least, most] = [Math.min(...totals), Math.max(...totals)]
  const note = `grants a process: ${least.toLocaleString("en-US")} to ${most.toLocaleString("en-US")}`
  return { name, nsPerOp: (ms * 1e6) / grants, note, isReference: true }
}
