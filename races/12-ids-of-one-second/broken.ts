/** Analyses named by the second in which their request came. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { AsyncLock } from "../async-lock.ts"
import { Dictionary } from "../dictionary.ts"
import { expectEqual } from "../race.ts"

interface Analysis {
  readonly experiment: string
  readonly status: "accepted"
}

class AnalysisServer {
  readonly #analyses: Dictionary<Analysis>
  readonly #lock = new AsyncLock()
  readonly #env: ScenarioContext["env"]

  constructor(context: ScenarioContext) {
    this.#analyses = new Dictionary("analyses", context)
    this.#env = context.env
  }

  /** Answers with the id under which the client finds its analysis. */
  async submit(experiment: string): Promise<string> {
    const id = new Date(this.#env.clock.now()).toISOString().slice(0, "2000-01-01T00:00:00".length)
    await this.#lock.run(() => this.#analyses.set(id, { experiment, status: "accepted" }))
    return id
  }

  async find(id: string): Promise<Analysis | undefined> {
    return await this.#lock.run(() => this.#analyses.get(id))
  }
}

/** One client asks at once, and another one less or more than a second after it. */
export const broken: Scenario = async (context) => {
  const { actor, env, pick } = context
  const server = new AnalysisServer(context)
  const ids = await Promise.all([
    actor("first client", () => server.submit("dense")),
    actor("second client", async () => {
      const waitMs = pick("comes after so many milliseconds", [1_400, 700])
      await new Promise<void>((resolve) => {
        env.timers.after(waitMs, resolve)
      })
      return await server.submit("sparse")
    }),
  ])
  const found = await Promise.all(ids.map(async (id) => (await server.find(id))?.experiment))
  expectEqual("what the clients find under their ids", found, ["dense", "sparse"])
}
