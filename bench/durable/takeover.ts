/** After a kill -9: how soon another worker runs what a worker was running, and how soon a survivor's update is durable. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import { rowOfTimes } from "./contest.ts"
import { nowMs } from "./orders.ts"
import { World } from "./world.ts"

/** A survivor has been updating for that long before the keeper is killed. */
const CALM_MS = 300

export async function* measureTakeover(effort: Effort): AsyncGenerator<Table> {
  const kills = 2 * effort.rounds
  const rows: Row[] = [
    rowOfTimes("holdfast, a worker", await killWorkers(kills), true),
    rowOfTimes("holdfast, the keeper's process", await killKeepers(kills), false),
  ]
  yield { title: "Takeover after kill -9", op: "takeover", rows }
}

async function killWorkers(kills: number): Promise<number[]> {
  return await World.use(async (world) => {
    const startWorker = async () => {
      const worker = await world.startHoldfast()
      await worker.ask("work", 1)
      return worker
    }
    const host = await world.startHoldfast()
    const times: number[] = []
    // Workers that wait are served in the order of their asking, so the older one gets the run.
    let [victim, heir] = [await startWorker(), await startWorker()]
    for (let i = 0; i < kills; i += 1) {
      await host.ask("startStuck")
      await victim.ask("nextBody")
      const takenOver = heir.ask("nextBody")
      const killedMs = nowMs()
      await victim.kill()
      times.push((await takenOver) - killedMs)
      await host.ask("stuckEnds")
      ;[victim, heir] = [heir, await startWorker()]
    }
    return times
  })
}

async function killKeepers(kills: number): Promise<number[]> {
  return await World.use(async (world) => {
    const times: number[] = []
    let [keeper, survivor] = [await world.startHoldfast(), await world.startHoldfast()]
    for (let i = 0; i < kills; i += 1) {
      const updating = survivor.ask("keepUpdating")
      await new Promise((resolve) => setTimeout(resolve, CALM_MS))
      const killedMs = nowMs()
      await keeper.kill()
      // Behind the one that was under way.
      await survivor.ask("updateOnce")
      const updates = await survivor.ask("stopUpdating")
      await updating
      // The one that was under way, or was asked first afterwards: it took longer than any other.
      const hit = updates
        .filter(({ endedMs }) => endedMs > killedMs)
        .toSorted((a, b) => b.endedMs - b.startedMs - (a.endedMs - a.startedMs))[0]
      if (hit === undefined) throw new Error("expected an update to end after the kill, found none")
      times.push(hit.endedMs - killedMs)
      ;[keeper, survivor] = [survivor, await world.startHoldfast()]
    }
    return times
  })
}
