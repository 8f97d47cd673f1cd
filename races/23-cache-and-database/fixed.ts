/** The same conversation in two cells that change in one commit: all of it, and the latest of it for the next answer. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

/** How many messages the next answer rests on. */
const LATEST = 20

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
    tx.set(cache, [...latest, message].slice(-LATEST))
  })
}

/** Savers of so many messages each, all of one conversation. */
function createProgram(messages: number): Program {
  return {
    actors: 5,
    async act(place: Place, actor: number): Promise<void> {
      for (let message = 1; message <= messages; message++) {
        await save(place, "session", `message ${String(message)} of ${String(actor)}`)
      }
    },
    async check(place: Place, actors: number): Promise<void> {
      const { table, cache } = conversationOf(place, "session")
      const [all, latest] = await place.hf.read([table, cache])
      expectEqual("messages in the database", all.length, actors * messages)
      expectEqual("the cache beside the database", latest, all.slice(-LATEST))
    },
  }
}

/** Five save ten messages each: the cache equals the end of the database. */
export const program: Program = createProgram(10)

/** Three save a message. */
export const fixed: Scenario = scenarioOf(createProgram(1), 3)
