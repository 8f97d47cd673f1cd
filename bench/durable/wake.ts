/** Waking a waiter in another process: from the moment a lock is given back to the moment the next one has it. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import type { Actor } from "./actor.ts"
import { rowOfTimes } from "./contest.ts"
import type { HoldfastOrders } from "./holdfast-actor.ts"
import { nowMs } from "./orders.ts"
import type { PollOrders } from "./poll-actor.ts"
import { World } from "./world.ts"

/** Long enough for the other side to be waiting again. */
const HOLD_MS = 1
const HEAD_START_MS = 100
/** As long as the host's main thread is kept from everything else. */
const BLOCKED_MS = 5_000
const POLL: URL = new URL("poll-actor.ts", import.meta.url)
const POLL_MS = 100
const POLLED_WAKES = 20

export async function* measureWake(effort: Effort): AsyncGenerator<Table> {
  await using world = await World.open()
  const host = await world.startHoldfast()
  const [a, b] = [await world.startHoldfast(), await world.startHoldfast()]
  await takeTurns(a, b, effort.warmUpMs)
  const rows: Row[] = [rowOfTimes("holdfast", await takeTurns(a, b, 2 * effort.rounds * effort.roundMs), true)]
  const blocked = host.ask("block", BLOCKED_MS)
  const times = await takeTurns(a, b, BLOCKED_MS - 2 * HEAD_START_MS)
  await blocked
  rows.push(rowOfTimes("holdfast, the keeper's host computing for 5 s on its main thread", times, false))
  rows.push(rowOfTimes(`a file, looked for every ${POLL_MS} ms`, await measurePolling(world), false))
  yield { title: "Waking a waiter in another process", op: "wake", rows }
}

/** Two processes take turns at a lock; how long each handover to one that was waiting took. */
async function takeTurns(a: Actor<HoldfastOrders>, b: Actor<HoldfastOrders>, ms: number): Promise<number[]> {
  const fromMs = nowMs() + HEAD_START_MS
  const turnsOf = async (actor: Actor<HoldfastOrders>, side: string) => {
    const turns = await actor.ask("takeTurns", fromMs, fromMs + ms, HOLD_MS)
    return turns.map((turn) => ({ ...turn, side }))
  }
  const both = await Promise.all([turnsOf(a, "a"), turnsOf(b, "b")])
  const turns = both.flat().toSorted((x, y) => x.grantedMs - y.grantedMs)
  return turns.flatMap((turn, i) => {
    const before = turns[i - 1]
    if (before === undefined || before.side === turn.side || turn.askedMs > before.releasedMs) return []
    return [turn.grantedMs - before.releasedMs]
  })
}

async function measurePolling(world: World): Promise<number[]> {
  const options = { args: [`${world.folder}/flag`] }
  const raiser = await world.start<PollOrders>(POLL, options)
  const watcher = await world.start<PollOrders>(POLL, options)
  const times: number[] = []
  for (let i = 0; i < POLLED_WAKES; i += 1) {
    const seen = watcher.ask("awaitFlag", POLL_MS)
    // At every phase of the poll alike.
    await new Promise((resolve) => setTimeout(resolve, POLL_MS + (i * POLL_MS) / POLLED_WAKES))
    const raisedMs = await raiser.ask("raiseFlag")
    times.push((await seen) - raisedMs)
  }
  return times
}
