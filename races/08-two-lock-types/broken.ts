/** A server whose endpoints and whose background tasks lock one dictionary, each by a lock of their own kind. */
import type { Scenario, ScenarioContext } from "holdfast/race"
import { AsyncLock } from "../async-lock.ts"
import { Dictionary } from "../dictionary.ts"
import { expectEqual } from "../race.ts"
import { ThreadLock } from "../threads.ts"

interface Simulation {
  readonly status: "running" | "paused"
  readonly step: number
}

class SimulationServer {
  readonly #simulations: Dictionary<Simulation>
  /** For endpoints, which run in the event loop. */
  readonly #lock = new AsyncLock()
  /** For background tasks, which run in threads. */
  readonly #threadLock: ThreadLock

  constructor(context: ScenarioContext) {
    this.#simulations = new Dictionary("simulations", context)
    this.#threadLock = new ThreadLock("the threads' lock", context)
  }

  async start(id: string): Promise<void> {
    await this.#lock.run(() => this.#simulations.set(id, { status: "running", step: 0 }))
  }

  async status(id: string): Promise<Simulation> {
    return await this.#lock.run(() => this.#find(id))
  }

  /** The endpoint that pauses a simulation. */
  async pause(id: string): Promise<void> {
    await this.#lock.run(async () => {
      const simulation = await this.#find(id)
      await this.#simulations.set(id, { ...simulation, status: "paused" })
    })
  }

  /** The background task that runs the simulation has come to a step. */
  async recordStep(id: string, step: number): Promise<void> {
    await this.#threadLock.run(async () => {
      const simulation = await this.#find(id)
      await this.#simulations.set(id, { ...simulation, step })
    })
  }

  async #find(id: string): Promise<Simulation> {
    const simulation = await this.#simulations.get(id)
    if (simulation === undefined) throw new Error(`404: there is no simulation ${id}`)
    return simulation
  }
}

/** A client pauses a simulation while its background task comes to step 10. */
export const broken: Scenario = async (context) => {
  const server = new SimulationServer(context)
  await server.start("sim")
  await Promise.all([
    context.actor("endpoint", () => server.pause("sim")),
    context.actor("background task", () => server.recordStep("sim", 10)),
  ])
  expectEqual("the simulation", await server.status("sim"), { status: "paused", step: 10 })
}
