/** A queue that is idle: from the start of a run to its body, and to its result. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import { rowOfTimes } from "./contest.ts"
import { World } from "./world.ts"

/** Runs a round asks for. */
const RUNS_A_ROUND = 30
const WARM_UP_RUNS = 30
/** Between two runs, so that the queue is idle. */
const PAUSE_MS = 5

export async function* measureQueue(effort: Effort): AsyncGenerator<Table> {
  const toBody: Row[] = []
  const toResult: Row[] = []
  for (const place of ["the same process", "another process"]) {
    const { bodyMs, resultMs } = await measureHoldfast(place === "another process", RUNS_A_ROUND * effort.rounds)
    const name = `holdfast, worker in ${place}`
    toBody.push(rowOfTimes(name, bodyMs, toBody.length === 0))
    toResult.push(rowOfTimes(name, resultMs, toResult.length === 0))
  }
  yield { title: "Idle queue: start of a run to its body", op: "run", rows: toBody }
  yield { title: "Idle queue: start of a run to its result", op: "run", rows: toResult }
}

interface Times {
  readonly bodyMs: number[]
  readonly resultMs: number[]
}

async function measureHoldfast(isElsewhere: boolean, runs: number): Promise<Times> {
  return await World.use(async (world) => {
    const starter = await world.startHoldfast()
    const worker = isElsewhere ? await world.startHoldfast() : starter
    await worker.ask("work", 4)
    const times: Times = { bodyMs: [], resultMs: [] }
    for (let i = -WARM_UP_RUNS; i < runs; i += 1) {
      const [{ startedMs, resultMs }, bodyMs] = await Promise.all([starter.ask("startOne"), worker.ask("nextBody")])
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      if (i < 0) continue
      times.bodyMs.push(bodyMs - startedMs)
      times.resultMs.push(resultMs - startedMs)
    }
    return times
  })
}
