/** The status of an analysis in a cell: it ends once, by whoever ends it first, and everybody is told how. */
import type { Scenario } from "holdfast/race"
import { endless, type Patience, startPatience } from "../patience.ts"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

type Status = "running" | "completed" | "stopped"

const RUNNING: Status = "running"

async function statusOf({ hf }: Place, id: string): Promise<Status> {
  return await hf.cell(`analysis/${id}`, { initial: RUNNING }).get()
}

/** Ends the analysis unless it has ended, and answers how it did. */
async function end({ hf }: Place, id: string, how: Status): Promise<Status> {
  return await hf.cell(`analysis/${id}`, { initial: RUNNING }).update((status) => (status === "running" ? how : status))
}

/**
 * Clients in groups of five, each group with analyses of its own: one runs them, one stops them, and three look on. Each makes
 * so many requests, two an analysis, as long as its patience lasts.
 */
function createProgram(clients: number, requests: number, createPatience: () => Patience): Program {
  const GROUP = 5
  return {
    actors: clients,
    async act(place, actor) {
      const isPatient = createPatience()
      let asked = 0
      do {
        const id = `${String(Math.floor(actor / GROUP))}/${String(asked / 2)}`
        const answer = await ask(place, id, actor % GROUP)
        const later = await statusOf(place, id)
        if (answer !== "running") expectEqual(`the status of analysis ${id}, seen again`, later, answer)
        asked += 2
      } while (asked < requests && isPatient())
      await place.hf.cell(`requests of ${String(actor)}`).set(asked)
    },
    async check({ hf }, actors) {
      const all = Array.from({ length: actors }, (_, actor) => hf.cell(`requests of ${String(actor)}`, { initial: 0 }))
      const asked = await hf.read(all)
      for (let group = 0; group < actors / GROUP; group++) {
        const [ofRunner = 0, ofStopper = 0] = asked.slice(group * GROUP)
        const ended = await hf.list(`analysis/${String(group)}/`, { limit: requests })
        expectEqual("analyses that have ended", ended.length, Math.max(ofRunner, ofStopper) / 2)
      }
    },
  }
}

async function ask(place: Place, id: string, role: number): Promise<Status> {
  if (role === 0) return await end(place, id, "completed")
  if (role === 1) return await end(place, id, "stopped")
  return await statusOf(place, id)
}

/** 50 concurrent clients with 1,000 requests each, or as many as ten seconds allow. */
export const program: Program = createProgram(50, 1_000, () => startPatience(10_000))

/** One runs an analysis, one stops it, and one looks on. */
export const fixed: Scenario = scenarioOf(
  createProgram(3, 2, () => endless),
  3,
)
