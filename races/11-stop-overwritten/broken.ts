/** A server that stops an analysis, and a background task that reports its end whatever has become of it. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { AsyncLock } from "../async-lock.ts"
import { Dictionary } from "../dictionary.ts"
import { expectEqual } from "../race.ts"

type Status = "running" | "completed" | "stopped"

interface Analysis {
  readonly status: Status
}

class AnalysisServer {
  readonly #analyses: Dictionary<Analysis>
  readonly #controllers = new Map<string, AbortController>()
  readonly #lock = new AsyncLock()
  readonly #step: ScenarioContext["step"]

  constructor(context: ScenarioContext) {
    this.#analyses = new Dictionary("analyses", context)
    this.#step = context.step
  }

  async accept(id: string): Promise<void> {
    this.#controllers.set(id, new AbortController())
    await this.#lock.run(() => this.#analyses.set(id, { status: "running" }))
  }

  /** The background task. */
  async run(id: string): Promise<void> {
    const controller = this.#controllers.get(id)
    for (let part = 1; part <= 2 && controller?.signal.aborted === false; part++) {
      await this.#step(`computes part ${String(part)}`)
    }
    await this.#setStatus(id, "completed")
  }

  /** The endpoint. It answers with the status that the analysis has from now on. */
  async stop(id: string): Promise<Status> {
    this.#controllers.get(id)?.abort()
    await this.#setStatus(id, "stopped")
    return "stopped"
  }

  async status(id: string): Promise<Status> {
    return await this.#lock.run(async () => (await this.#find(id)).status)
  }

  async #setStatus(id: string, status: Status): Promise<void> {
    await this.#lock.run(async () => {
      const analysis = await this.#find(id)
      await this.#analyses.set(id, { ...analysis, status })
    })
  }

  async #find(id: string): Promise<Analysis> {
    const analysis = await this.#analyses.get(id)
    if (analysis === undefined) throw new Error(`404: there is no analysis ${id}`)
    return analysis
  }
}

/** A client stops an analysis that runs. */
export const broken: Scenario = async (context) => {
  const server = new AnalysisServer(context)
  await server.accept("a1")
  const [answer] = await Promise.all([
    context.actor("endpoint", () => server.stop("a1")),
    context.actor("background task", () => server.run("a1")),
  ])
  expectEqual("the status that the client was told", await server.status("a1"), answer)
}
