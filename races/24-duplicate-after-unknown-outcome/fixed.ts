/** The same save as an operation: whoever is not told how it ended asks again, and it is still one save. */
import type { Scenario } from "holdfast/race"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

function conversationOf({ hf }: Place, session: string) {
  return hf.cell<readonly string[]>(`conversation/${session}`, { initial: [] })
}

/** Saves one message of a request; the request's id makes asking again the same run. */
function createSave(place: Place) {
  return place.hf.operation("save", {
    version: 1,
    effects: "idempotent",
    run: async (ctx, _request: string, session: string, message: string) => {
      const count = await ctx.transact("insert", async (tx) => {
        const messages = await tx.update(conversationOf(place, session), (saved) => [...saved, message])
        return messages.length
      })
      await place.reach("saved and not answered")
      return count
    },
  })
}

/** Requests that every actor sends, as a client does that is not told how the first sending of them ended. */
function createProgram(requests: number): Program {
  return {
    actors: 5,
    faults: [{ actor: 0, at: "saved and not answered", signal: "SIGKILL" }],
    async act(place: Place): Promise<void> {
      const save = createSave(place)
      for (let request = 0; request < requests; request++) {
        await save(`request ${String(request)}`, "session", `message ${String(request)}`)
      }
    },
    async check(place: Place): Promise<void> {
      const expected = Array.from({ length: requests }, (_, request) => `message ${String(request)}`)
      expectEqual("messages saved", await conversationOf(place, "session").get(), expected)
    },
  }
}

/** Five messages, each of which is sent to five servers, one of which is killed before it answers: five rows. */
export const program: Program = createProgram(5)

/** One message is sent to a server that may die at any step, and again to another. */
export const fixed: Scenario = scenarioOf(createProgram(1), 2, { faults: ["kill"] })
