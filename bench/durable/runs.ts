/** Durable runs of one step, one after the other and many at once, and steps inside one run. */
import type { Effort } from "../measure.ts"
import type { Table } from "../report.ts"
import type { Actor } from "./actor.ts"
import { contest, type Contestant } from "./contest.ts"
import { ENGINES, type Engine, type DurableOptions, startEngine, type StepOrders } from "./engines.ts"
import { World } from "./world.ts"

const CALLERS = [1, 16, 64, 256]
const STEPS_IN_ONE_RUN = 200
/** Slots of every worker. */
const CONCURRENCY = 64

export async function* measureRuns(effort: Effort, { peers }: DurableOptions): AsyncGenerator<Table> {
  await using world = await World.open()
  const ms = 2 * effort.roundMs
  const raw = await world.startSqlite()
  const host = await world.startHoldfast()
  const other = await world.startHoldfast()
  await other.ask("work", CONCURRENCY)
  const engines = new Engines(world)
  const flush = { name: "one append and fdatasync", round: async () => await raw.ask("flush", ms) }

  for (const callers of CALLERS) {
    const contestants: Contestant[] = [
      { name: "holdfast, called", isReference: true, round: async () => await host.ask("run", ms, callers) },
      { name: "holdfast, called in another process", round: async () => await other.ask("run", ms, callers) },
      {
        name: "holdfast, queued for a worker in another process",
        round: async () => await host.ask("queue", ms, callers),
      },
    ]
    if (peers) {
      for (const engine of ENGINES) {
        contestants.push({
          name: `${engine.name}, ${engine.isCalled === true ? "called" : "queued"}`,
          ...(engine.isSlow === true && engine.isCalled !== true ? { maxRounds: 2 } : {}),
          round: async () => await (await engines.get(engine)).ask("run", ms, callers),
        })
      }
    }
    const rows = await contest(callers === 1 ? [...contestants, flush] : contestants, effort)
    yield { title: `Durable run of one step, ${callers} at a time: start to result`, op: "run", rows }
  }

  const contestants: Contestant[] = [
    { name: "holdfast", isReference: true, round: async () => await host.ask("steps", STEPS_IN_ONE_RUN) },
  ]
  for (const engine of ENGINES) {
    if (!peers || !engine.hasSteps) continue
    contestants.push({
      name: engine.name,
      ...(engine.isSlow === true ? { maxRounds: 3 } : {}),
      round: async () => await (await engines.get(engine)).ask("steps", STEPS_IN_ONE_RUN),
    })
  }
  yield { title: "Durable step inside a run", op: "step", rows: await contest([...contestants, flush], effort) }
}

/** One process of each engine, started when it is asked for first. */
class Engines {
  readonly #world: World
  readonly #started = new Map<Engine, Promise<Actor<StepOrders>>>()

  constructor(world: World) {
    this.#world = world
  }

  async get(engine: Engine): Promise<Actor<StepOrders>> {
    const started = this.#started.get(engine) ?? this.#start(engine)
    this.#started.set(engine, started)
    return await started
  }

  async #start(engine: Engine): Promise<Actor<StepOrders>> {
    const actor = await startEngine(this.#world, engine)
    await actor.ask("work", CONCURRENCY)
    return actor
  }
}
