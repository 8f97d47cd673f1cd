/** The same conversation in two cells that change in one commit: all of it, and the latest of it for the next answer. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

function conversationOf({ hf }: Place, session: string) {
  return {
    table: hf.cell<readonly string[]>(`conversation/${session}`, { initial: [] }),
    cache: hf.cell<readonly string[]>(`latest/${session}`, { initial: [] }),
  }
}

async function save(place: Place, session: string, message: string): Promise<void> {
  const { table, cache } = conversationOf(place, session)
  await place.hf.transact(async (tx) => {
    const [all, latest] = await tx.getAll([table, cache])
    tx.set(table, [...all, message])
    tx.set(cache, [...latest, message].slice(-20))
  })
}

/** Five messages of one conversation are saved: the cache equals the database. */
export const program: Program = {
  actors: 5,
  async act(place: Place, actor: number): Promise<void> {
    await save(place, "session", `message ${String(actor)}`)
  },
  async check(place: Place, actors: number): Promise<void> {
    const { table, cache } = conversationOf(place, "session")
    const [all, latest] = await place.hf.read([table, cache])
    expectEqual("messages in the database", all.length, actors)
    expectEqual("the cache beside the database", latest, all)
  },
}

/** Three messages. */
export const fixed: Scenario = scenarioOf(program, 3)
