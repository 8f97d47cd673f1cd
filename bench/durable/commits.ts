/** Durable commits: updates of cells, against the same SQLite driven by hand and one flush of this disk. */
import type { Effort } from "../measure.ts"
import type { Table } from "../report.ts"
import { contest, type Contestant } from "./contest.ts"
import { World } from "./world.ts"

const CASES = [
  { title: "one update after the other", callers: 1, isHot: false },
  { title: "64 updaters, each on a cell of its own", callers: 64, isHot: false },
  { title: "512 updaters, each on a cell of its own", callers: 512, isHot: false },
  { title: "64 updaters of one cell", callers: 64, isHot: true },
]

export async function* measureCommits(effort: Effort): AsyncGenerator<Table> {
  await using world = await World.open()
  const raw = await world.startSqlite()
  const host = await world.startHoldfast()
  const other = await world.startHoldfast()
  const ms = 2 * effort.roundMs
  for (const { title, callers, isHot } of CASES) {
    const contestants: Contestant[] = [
      { name: "holdfast", isReference: true, round: async () => await host.ask("update", ms, callers, isHot) },
      { name: "holdfast, in another process", round: async () => await other.ask("update", ms, callers, isHot) },
      {
        name: "better-sqlite3, one update a transaction, FULL",
        round: async () => await raw.ask("update", ms, callers, isHot),
      },
    ]
    if (callers > 1) {
      contestants.push({
        name: `better-sqlite3, ${callers} updates a transaction, FULL`,
        round: async () => await raw.ask("updateGrouped", ms, callers, isHot),
      })
    }
    contestants.push({ name: "one append and fdatasync", round: async () => await raw.ask("flush", ms) })
    yield { title: `Durable update of a cell: ${title}`, op: "update", rows: await contest(contestants, effort) }
  }
}
