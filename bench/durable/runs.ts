/** Durable runs of one step, called one after the other and by many at once, and the steps inside one run. */
import type { Effort } from "../measure.ts"
import type { Table } from "../report.ts"
import type { Actor } from "./actor.ts"
import { contest, type Contestant } from "./contest.ts"
import type { HoldfastOrders } from "./holdfast-actor.ts"
import type { SqliteOrders } from "./sqlite-actor.ts"
import { World } from "./world.ts"

const CALLERS = [1, 16, 64, 256]
const STEPS_IN_ONE_RUN = 200

export async function* measureRuns(effort: Effort): AsyncGenerator<Table> {
  const ms = 2 * effort.roundMs
  for (const callers of CALLERS) {
    yield await withEngines(async ({ raw, host, other }) => {
      const contestants: Contestant[] = [
        {
          name: "holdfast, called in the keeper's process",
          isReference: true,
          round: () => host.ask("call", ms, callers),
        },
        { name: "holdfast, called in another process", round: () => other.ask("call", ms, callers) },
        { name: "holdfast, queued for a worker in another process", round: () => host.ask("queue", ms, callers) },
      ]
      if (callers === 1) contestants.push({ name: "one append and fdatasync", round: () => raw.ask("flush", ms) })
      await other.ask("work", callers)
      const rows = await contest(contestants, effort.rounds)
      return { title: `Durable run of one step, ${callers} at a time: start to result`, op: "run", rows }
    })
  }
  yield await withEngines(async ({ host, raw }) => {
    const contestants: Contestant[] = [
      { name: "holdfast", isReference: true, round: () => host.ask("steps", STEPS_IN_ONE_RUN) },
      { name: "one append and fdatasync", round: () => raw.ask("flush", ms) },
    ]
    return { title: "Durable step inside a run", op: "step", rows: await contest(contestants, effort.rounds) }
  })
}

interface Engines {
  readonly raw: Actor<SqliteOrders>
  readonly host: Actor<HoldfastOrders>
  readonly other: Actor<HoldfastOrders>
}

async function withEngines(use: (engines: Engines) => Promise<Table>): Promise<Table> {
  return await World.use(async (world) => {
    const raw = await world.startSqlite()
    const host = await world.startHoldfast()
    const other = await world.startHoldfast()
    return await use({ raw, host, other })
  })
}
