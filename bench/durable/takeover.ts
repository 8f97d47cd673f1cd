/** After a kill -9: how soon another worker runs what a worker was running, and how soon a survivor's update is durable. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import { rowOfFailure, rowOfTimes, tryRow } from "./contest.ts"
import { type Engine, ENGINES, type DurableOptions, startEngine } from "./engines.ts"
import { nowMs } from "./orders.ts"
import { World } from "./world.ts"

/** A survivor has been there for that long before the keeper is killed: named to be the next, and ready, or just come. */
const CALM_MS = 1_500
const HASTE_MS = 200
/** Peers that have not taken over by then are said not to. */
const PATIENCE_MS = 75_000

export async function* measureTakeover(effort: Effort, { peers }: DurableOptions): AsyncGenerator<Table> {
  const kills = 2 * effort.rounds
  const rows: Row[] = [
    rowOfTimes("holdfast, a worker", await killWorkers(kills), true),
    rowOfTimes("holdfast, the keeper's process", await killKeepersOfOne(kills, CALM_MS), false),
    rowOfTimes(
      "holdfast, the keeper's process, the survivor just come",
      await killKeepersOfOne(kills, HASTE_MS),
      false,
    ),
  ]
  if (peers) {
    // All at once: they do nothing but wait. Polling faster takes over no sooner.
    const engines = ENGINES.filter((engine) => engine.pollMs === undefined)
    rows.push(
      ...(await Promise.all(
        engines.map(async (engine) => await tryRow(engine.name, async () => await killPeer(engine))),
      )),
    )
  }
  yield { title: "Takeover after kill -9, another worker being there", op: "takeover", rows }
}

async function killWorkers(kills: number): Promise<number[]> {
  await using world = await World.open()
  const host = await world.startHoldfast()
  const startWorker = async () => {
    const worker = await world.startHoldfast()
    await worker.ask("work", 1)
    return worker
  }
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
}

async function killKeepersOfOne(kills: number, calmMs: number): Promise<number[]> {
  await using world = await World.open()
  return await killKeepers(world, kills, calmMs)
}

/** Kills keepers of the world's store, which nobody else has open; how long each kill held a survivor up. */
export async function killKeepers(world: World, kills: number, calmMs = CALM_MS): Promise<number[]> {
  const times: number[] = []
  let [keeper, survivor] = [await world.startHoldfast(), await world.startHoldfast()]
  for (let i = 0; i < kills; i += 1) {
    const updating = survivor.ask("keepUpdating")
    await new Promise((resolve) => setTimeout(resolve, calmMs))
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
}

async function killPeer(engine: Engine): Promise<Row> {
  await using world = await World.open()
  const workers = [await startEngine(world, engine), await startEngine(world, engine)]
  for (const worker of workers) await worker.ask("work", 1)
  const starter = await startEngine(world, engine)
  const entered = workers.map(async (worker) => {
    const time = await worker.ask("nextBody")
    return { worker, time }
  })
  // Of the one that is killed, the order is never answered.
  for (const waiting of entered) waiting.catch(() => {})
  await starter.ask("startStuck")
  const { worker: victim } = await Promise.race(entered)
  const heir = entered[workers.findIndex((worker) => worker !== victim)]
  const killedMs = nowMs()
  await victim.kill()
  let patience: NodeJS.Timeout | undefined
  const outcome = await Promise.race([
    heir,
    new Promise<undefined>((resolve) => {
      patience = setTimeout(() => resolve(undefined), PATIENCE_MS)
    }),
  ])
  clearTimeout(patience)
  if (outcome === undefined) return rowOfFailure(engine.name, `not taken over within ${PATIENCE_MS / 1_000} s`)
  return rowOfTimes(engine.name, [outcome.time - killedMs], false)
}
