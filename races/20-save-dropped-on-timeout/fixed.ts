/** The same memory behind a lock that nobody gives up waiting for: a wait ends because the lock is free. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

/** What is known of a user. */
function memoryOf({ hf }: Place, user: string) {
  return hf.cell<readonly string[]>(`memory/${user}`, { initial: [] })
}

async function saveMemory(place: Place, user: string, fact: string): Promise<void> {
  await place.hf.lock(`memory/${user}`).run(async () => {
    const memory = memoryOf(place, user)
    await memory.set([...(await memory.get()), fact])
  })
}

/** Ten chats of one user that each have learned something: ten facts, all of them kept. */
export const program: Program = {
  actors: 10,
  async act(place: Place, actor: number): Promise<void> {
    await saveMemory(place, "ana", `fact ${String(actor)}`)
  },
  async check(place: Place, actors: number): Promise<void> {
    const facts = await memoryOf(place, "ana").get()
    const expected = Array.from({ length: actors }, (_, actor) => `fact ${String(actor)}`)
    expectEqual("facts saved", facts.toSorted(), expected)
  },
}

/** Three of them. */
export const fixed: Scenario = scenarioOf(program, 3)
