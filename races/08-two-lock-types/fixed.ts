/** The dictionary of a server, under the one lock that endpoints and background tasks have in common wherever they run. */
import type { Cell } from "holdfast"
import type { Scenario } from "holdfast/race"
import { readIfThere } from "../disk.ts"
import { endless, type Patience, startPatience } from "../patience.ts"
import { expectEqual, type Place, type Program, scenarioOf } from "../race.ts"

interface Simulation {
  readonly status: "running" | "paused"
  readonly pauses: number
  readonly resumes: number
  readonly step: number
}

const START: Simulation = { status: "running", pauses: 0, resumes: 0, step: 0 }

/** Changes the one simulation there is, in a file that anybody may read and write who holds the lock. */
async function change({ hf, disk }: Place, fn: (simulation: Simulation) => Simulation): Promise<void> {
  await hf.lock("simulations").run(async () => {
    const text = (await readIfThere(disk, "simulation.json")) ?? JSON.stringify(START)
    const simulation = JSON.parse(text) as Simulation // Written below.
    checkStatus(simulation)
    await disk.write("simulation.json", JSON.stringify(fn(simulation)))
  })
}

/** The endpoint that pauses a simulation, and lets it go on. */
function pauseOrResume({ status, pauses, resumes, step }: Simulation): Simulation {
  return status === "running"
    ? { status: "paused", pauses: pauses + 1, resumes, step }
    : { status: "running", pauses, resumes: resumes + 1, step }
}

/** The background task has come one step further. */
function recordStep(simulation: Simulation): Simulation {
  return { ...simulation, step: simulation.step + 1 }
}

function checkStatus({ status, pauses, resumes }: Simulation): void {
  expectEqual("the status of the simulation", status, pauses > resumes ? "paused" : "running")
}

function askedBy({ hf }: Place, actor: number): Cell<number> {
  return hf.cell(`requests of ${String(actor)}`, { initial: 0 })
}

/** Clients of the endpoint and background tasks in turn, each of whom asks so often, as long as its patience lasts. */
function createProgram(clients: number, requests: number, createPatience: () => Patience): Program {
  return {
    actors: clients,
    async act(place, actor) {
      const isPatient = createPatience()
      let asked = 0
      do {
        await change(place, actor % 2 === 0 ? pauseOrResume : recordStep)
        asked += 1
      } while (asked < requests && isPatient())
      await askedBy(place, actor).set(asked)
    },
    async check(place, actors) {
      const simulation = JSON.parse(await place.disk.read("simulation.json")) as Simulation // Written by `change`.
      checkStatus(simulation)
      const { pauses, resumes, step } = simulation
      let [ofEndpoint, ofTasks] = [0, 0]
      for (let actor = 0; actor < actors; actor++) {
        const asked = await askedBy(place, actor).get()
        if (actor % 2 === 0) ofEndpoint += asked
        else ofTasks += asked
      }
      expectEqual("pauses and resumes", pauses + resumes, ofEndpoint)
      expectEqual("steps", step, ofTasks)
    },
  }
}

/**
 * What the authors of the document recommend and never ran, `ab -n 1000 -c 50`: 1,000 requests of 50 clients at a time, or as
 * many as five seconds allow.
 */
export const program: Program = createProgram(50, 20, () => startPatience(5_000))

/** Three clients ask once. */
export const fixed: Scenario = scenarioOf(
  createProgram(3, 1, () => endless),
  3,
)
