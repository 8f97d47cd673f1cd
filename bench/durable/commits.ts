/** Durable commits: updates of cells, against the same SQLite driven by hand and one flush of this disk. */
import type { Effort } from "../measure.ts"
import type { Table } from "../report.ts"
import { contest, type Contestant } from "./contest.ts"
import { World } from "./world.ts"

export async function* measureCommits(effort: Effort): AsyncGenerator<Table> {
  const cases = [
    { title: "one update after the other", callers: 1, isHot: false },
    { title: "64 updaters, each on a cell of its own", callers: 64, isHot: false },
    { title: "512 updaters, each on a cell of its own", callers: 512, isHot: false },
    { title: "64 updaters of one cell", callers: 64, isHot: true },
  ]
  for (const { title, callers, isHot } of cases) {
    const rows = await World.use(async (world) => {
      const raw = await world.startSqlite()
      const host = await world.startHoldfast()
      const other = await world.startHoldfast()
      const ms = 2 * effort.roundMs
      const contestants: Contestant[] = [
        {
          name: "holdfast, in the keeper's process",
          isReference: true,
          round: () => host.ask("update", ms, callers, isHot),
        },
        { name: "holdfast, in another process", round: () => other.ask("update", ms, callers, isHot) },
        { name: "better-sqlite3, one row a transaction", round: () => raw.ask("update", ms, callers, isHot) },
      ]
      if (callers > 1) {
        const name = `better-sqlite3, ${callers} updates a transaction`
        contestants.push({ name, round: () => raw.ask("updateGrouped", ms, callers, isHot) })
      }
      contestants.push({ name: "one append and fdatasync", round: () => raw.ask("flush", ms) })
      return await contest(contestants, effort.rounds)
    })
    yield { title: `Durable update of a cell: ${title}`, op: "update", rows }
  }
}
