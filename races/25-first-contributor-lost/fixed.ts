/** The same memory with a cell for every fact: that nobody has contributed yet is a version like any other. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

interface Fact {
  readonly sources: readonly string[]
  readonly isPromoted: boolean
}

function factOf({ hf }: Place, content: string) {
  return hf.cell<Fact>(`fact/${content.trim().toLowerCase()}`, { initial: { sources: [], isPromoted: false } })
}

type Status = "created" | "confirmed" | "already_contributed"

async function contribute(place: Place, user: string, content: string): Promise<Status> {
  return await place.hf.transact(async (tx) => {
    const fact = factOf(place, content)
    const { sources } = await tx.get(fact)
    if (sources.includes(user)) return "already_contributed"
    tx.set(fact, { sources: [...sources, user], isPromoted: sources.length + 1 >= 3 })
    return sources.length === 0 ? "created" : "confirmed"
  })
}

const FACT = "A visa takes 5 days"

/** Five users contribute one fact: five sources, whoever was first. */
export const program: Program = {
  actors: 5,
  async act(place: Place, actor: number): Promise<void> {
    const user = `user ${String(actor)}`
    const first = await contribute(place, user, FACT)
    expectEqual(`the first answer to ${user} is one of success`, first === "created" || first === "confirmed", true)
  },
  async check(place: Place, actors: number): Promise<void> {
    const { sources, isPromoted } = await factOf(place, FACT).get()
    const users = Array.from({ length: actors }, (_, actor) => `user ${String(actor)}`)
    expectEqual("sources of the fact", sources.toSorted(), users)
    expectEqual("it is promoted", isPromoted, actors >= 3)
    expectEqual("a second contribution", await contribute(place, "user 0", FACT), "already_contributed")
  },
}

/** Three users. */
export const fixed: Scenario = scenarioOf(program, 3)
