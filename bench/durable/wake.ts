/** Waking a waiter in another process: from the moment a lock is given back to the moment the next one has it. */
import type { Effort } from "../measure.ts"
import type { Row, Table } from "../report.ts"
import type { Actor } from "./actor.ts"
import { rowOfTimes } from "./contest.ts"
import type { HoldfastOrders, Turn } from "./holdfast-actor.ts"
import { nowMs } from "./orders.ts"
import { World } from "./world.ts"

/** Long enough for the other side to be waiting again. */
const HOLD_MS = 1
const HEAD_START_MS = 100
const WARM_UP_MS = 500
/** As long as the host's main thread is kept from everything else. */
const BLOCKED_MS = 5_000

export async function* measureWake(effort: Effort): AsyncGenerator<Table> {
  const rows: Row[] = []
  await World.use(async (world) => {
    const host = await world.startHoldfast()
    const [a, b] = [await world.startHoldfast(), await world.startHoldfast()]
    await takeTurns(a, b, WARM_UP_MS)
    rows.push(rowOfTimes("holdfast", await takeTurns(a, b, 2 * effort.rounds * effort.roundMs), true))
    const blocked = host.ask("block", BLOCKED_MS)
    const times = await takeTurns(a, b, BLOCKED_MS - 2 * HEAD_START_MS)
    await blocked
    rows.push(rowOfTimes("holdfast, the keeper's host computing for 5 s on its main thread", times, false))
  })
  yield { title: "Waking a waiter in another process", op: "wake", rows }
}

/** Two processes take turns at a lock; how long each handover to one that was waiting took. */
async function takeTurns(a: Actor<HoldfastOrders>, b: Actor<HoldfastOrders>, ms: number): Promise<number[]> {
  const fromMs = nowMs() + HEAD_START_MS
  const tellOf = async (actor: Actor<HoldfastOrders>, side: string) =>
    (await actor.ask("takeTurns", fromMs, fromMs + ms, HOLD_MS)).map((turn: Turn) => ({ ...turn, side }))
  const turns = (await Promise.all([tellOf(a, "a"), tellOf(b, "b")]))
    .flat()
    .toSorted((x, y) => x.grantedMs - y.grantedMs)
  return turns.flatMap((turn, i) => {
    const before = turns[i - 1]
    if (before === undefined || before.side === turn.side || turn.askedMs > before.releasedMs) return []
    return [turn.grantedMs - before.releasedMs]
  })
}
