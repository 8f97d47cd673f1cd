/** Analyses named by the store: a run's id stands for what was asked for, whenever that was, and for nothing else. */
import type { Holdfast, Operation, RunId } from "holdfast"
import type { Scenario } from "holdfast/race"
import { expectEqual, type Program, scenarioOf } from "../race.ts"

/** How many analyses a client asks for, one right after the other. */
const PER_CLIENT = 2

/** A client, and which of its experiments it is. */
type Experiment = [client: number, number: number]

function analyzeOf(hf: Holdfast): Operation<Experiment, string> {
  return hf.operation("analyze", {
    version: 1,
    effects: "pure",
    run: (_, client, number) => `results of experiment ${String(client)}/${String(number)}`,
  })
}

/** Clients who each ask for some analyses and note the ids they are given. */
export const program: Program = {
  actors: 5,
  async act({ hf }, client) {
    const analyze = analyzeOf(hf)
    const ids: RunId[] = []
    for (let number = 1; number <= PER_CLIENT; number++) ids.push((await hf.start(analyze, [client, number])).id)
    await hf.cell(`ids of client ${String(client)}`).set(ids)
  },
  async check({ hf }, actors) {
    const worker = await hf.work([analyzeOf(hf)], { concurrency: 4 })
    for (let client = 0; client < actors; client++) {
      const ids = await hf.cell<readonly RunId[]>(`ids of client ${String(client)}`, { initial: [] }).get()
      const found = await Promise.all(ids.map(async (id) => await hf.run(id).result()))
      const expected = Array.from({ length: PER_CLIENT }, (_, index) => `results of experiment ${client}/${index + 1}`)
      expectEqual(`what client ${String(client)} finds under its ids`, found, expected)
    }
    await worker.drain()
  },
}

/** Two clients. */
export const fixed: Scenario = scenarioOf(program, 2)
