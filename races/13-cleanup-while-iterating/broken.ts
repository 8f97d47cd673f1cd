/** A server that keeps the newest analyses, and walks through its dictionary to remove the others while they come and go. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { Dictionary } from "../dictionary.ts"
import { expectEqual } from "../race.ts"

/** How many completed analyses are kept. */
const KEPT = 1

interface Analysis {
  readonly status: "running" | "completed"
  readonly endedAt: number
}

class AnalysisServer {
  readonly #analyses: Dictionary<Analysis>

  constructor(context: ScenarioContext) {
    this.#analyses = new Dictionary("analyses", context)
  }

  async set(id: string, analysis: Analysis): Promise<void> {
    await this.#analyses.set(id, analysis)
  }

  async list(): Promise<string[]> {
    return await this.#analyses.keys()
  }

  /** Called by the endpoint that cleans up, and by every background task that ends. */
  async cleanUp(): Promise<void> {
    const completed: { readonly id: string; readonly endedAt: number }[] = []
    for (const id of await this.#analyses.keys()) {
      // It was listed just now.
      const { status, endedAt } = (await this.#analyses.get(id))!
      if (status === "completed") completed.push({ id, endedAt })
    }
    completed.sort((one, other) => other.endedAt - one.endedAt)
    for (const { id } of completed.slice(KEPT)) await this.#analyses.delete(id)
  }
}

/** A client asks for a cleanup while a background task ends. */
export const broken: Scenario = async (context) => {
  const server = new AnalysisServer(context)
  await server.set("first", { status: "completed", endedAt: 1 })
  await server.set("second", { status: "running", endedAt: 0 })
  await Promise.all([
    context.actor("background task", async () => {
      await server.set("second", { status: "completed", endedAt: 2 })
      await server.cleanUp()
    }),
    context.actor("endpoint", () => server.cleanUp()),
  ])
  expectEqual("the analyses that are kept", await server.list(), ["second"])
}
