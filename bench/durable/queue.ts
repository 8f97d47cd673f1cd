/** A queue that is idle: from the start of a run to its body, and to its result, with the worker here or elsewhere. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import type { Actor } from "./actor.ts"
import { rowOfFailure, rowOfTimes } from "./contest.ts"
import { ENGINES, type EngineOrders, type DurableOptions, startEngine } from "./engines.ts"
import { World } from "./world.ts"

/** Runs a round asks for. */
const RUNS_A_ROUND = 30
/** Runs of an engine that takes about a second for each. */
const SLOW_RUNS = 5
/** Between two runs, so that the queue is idle. */
const PAUSE_MS = 5

interface Contender {
  readonly name: string
  readonly isReference: boolean
  readonly isSlow: boolean
  readonly start: (world: World) => Promise<Actor<EngineOrders>>
}

export async function* measureQueue(effort: Effort, { peers }: DurableOptions): AsyncGenerator<Table> {
  const contenders: Contender[] = [
    {
      name: "holdfast",
      isReference: true,
      isSlow: false,
      start: async (world) => await world.startHoldfast(),
    },
  ]
  for (const engine of peers ? ENGINES : []) {
    contenders.push({
      name: engine.name,
      isReference: false,
      isSlow: engine.isSlow === true,
      start: async (world) => await startEngine(world, engine),
    })
  }
  for (const place of ["the same process", "another process"]) {
    const toBody: Row[] = []
    const toResult: Row[] = []
    for (const { name, isReference, isSlow, start } of contenders) {
      try {
        const runs = isSlow ? SLOW_RUNS : RUNS_A_ROUND * effort.rounds
        const { bodyMs, resultMs } = await measure(start, place === "another process", runs, effort.warmUpMs)
        toBody.push(rowOfTimes(name, bodyMs, isReference))
        toResult.push(
          resultMs.length === 0
            ? rowOfFailure(name, "its results cannot be asked for")
            : rowOfTimes(name, resultMs, isReference),
        )
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        toBody.push(rowOfFailure(name, reason))
        toResult.push(rowOfFailure(name, reason))
      }
    }
    yield { title: `Idle queue, worker in ${place}: start of a run to its body`, op: "run", rows: toBody }
    yield { title: `Idle queue, worker in ${place}: start of a run to its result`, op: "run", rows: toResult }
  }
}

interface Times {
  readonly bodyMs: number[]
  readonly resultMs: number[]
}

async function measure(
  start: Contender["start"],
  isElsewhere: boolean,
  runs: number,
  warmUpMs: number,
): Promise<Times> {
  await using world = await World.open()
  const worker = await start(world)
  const starter = isElsewhere ? await start(world) : worker
  await worker.ask("work", 4)
  const runOne = async (): Promise<{ bodyMs: number; resultMs: number | null }> => {
    const [{ startedMs, resultMs }, bodyMs] = await Promise.all([starter.ask("startOne"), worker.ask("nextBody")])
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    return { bodyMs: bodyMs - startedMs, resultMs: resultMs === null ? null : resultMs - startedMs }
  }
  const warmAt = performance.now() + warmUpMs
  do await runOne()
  while (performance.now() < warmAt)
  const times: Times = { bodyMs: [], resultMs: [] }
  for (let i = 0; i < runs; i += 1) {
    const { bodyMs, resultMs } = await runOne()
    times.bodyMs.push(bodyMs)
    if (resultMs !== null) times.resultMs.push(resultMs)
  }
  return times
}
