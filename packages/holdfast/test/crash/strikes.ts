/** What befalls the players in a round. */
import { setTimeout as sleep } from "node:timers/promises"
import type { FailPoint } from "../../src/stores/embedded/fail-point.ts"
import { within } from "./bound.ts"
import type { Cast } from "./cast.ts"
import type { FailHit } from "./fail-control.ts"
import type { Ledger } from "./ledger.ts"
import type { PlayerProcess } from "./player-process.ts"
import type { Answer } from "./words.ts"

/** Durations in milliseconds, from a kill to what shows that others go on. */
export interface Recoveries {
  /** From the keeper's death to the first answer to a request made after it. */
  readonly keeper: number[]
  /** From a holder's death to the next grant. */
  readonly holder: number[]
  /** From a worker's death to the start of the run's next attempt. */
  readonly worker: number[]
}

/** What a strike has to do with. */
export interface Stage {
  readonly cast: Cast
  readonly ledger: Ledger
  readonly recoveries: Recoveries
  readonly random: (limit: number) => number
  readonly round: number
  readonly bounded: <T>(what: string, promise: Promise<T>) => Promise<T | null>
  readonly hit: (point: FailPoint) => void
}

export interface Strike {
  readonly name: string
  /** How often, relative to the others. */
  readonly weight: number
  /** How many players it takes at least. */
  readonly players: number
  /** Whether the keeper's process was a victim, where it is still there. */
  readonly play: (stage: Stage) => Promise<boolean>
}

/** How long a point may take to be reached; where others were faster, the victim is struck at that moment instead. */
const POINT_MS = 10_000
const LOOK_MS = 1
const LOAD_MS = 30
const LEASE_MS = 150

const APPLY_POINTS: readonly FailPoint[] = ["before-apply", "after-apply"]
const FLUSH_POINTS: readonly FailPoint[] = ["before-flush", "after-flush-before-answer"]
const BIRTH_POINTS: readonly FailPoint[] = ["during-election", "during-restoring"]

export const STRIKES: readonly Strike[] = [
  ...[...APPLY_POINTS, ...FLUSH_POINTS].flatMap((point) => [
    { name: `kill ${point}`, weight: 8, players: 2, play: (stage: Stage) => killAt(stage, point) },
    { name: `stop ${point}`, weight: 2, players: 2, play: (stage: Stage) => stopAt(stage, point) },
  ]),
  ...BIRTH_POINTS.flatMap((point) => [
    { name: `kill ${point}`, weight: 8, players: 3, play: (stage: Stage) => killSuccessor(stage, point) },
    { name: `stop ${point}`, weight: 1, players: 3, play: (stage: Stage) => stopSuccessor(stage, point) },
  ]),
  { name: "kill blob-rename", weight: 8, players: 2, play: killAtRename },
  { name: "kill the keeper", weight: 8, players: 2, play: killKeeper },
  { name: "stop the keeper", weight: 2, players: 2, play: stopKeeper },
  { name: "kill a holder", weight: 8, players: 3, play: killHolder },
  { name: "kill a worker", weight: 8, players: 3, play: killWorker },
  { name: "kill others", weight: 5, players: 3, play: killOthers },
  { name: "stop another", weight: 2, players: 3, play: stopOther },
  { name: "zombie", weight: 3, players: 3, play: raiseZombie },
  { name: "end", weight: 4, players: 3, play: endOne },
  { name: "kill everybody", weight: 5, players: 2, play: killEverybody },
  { name: "poison", weight: 1, players: 5, play: poison },
]

// The keeper at a point of its work

async function killAt(stage: Stage, point: FailPoint): Promise<boolean> {
  const victim = stage.cast.keeper
  if (victim === null) return await killKeeper(stage)
  victim.mayEnd = true
  victim.control.arm({ point, countdown: countdownOf(stage, point), signal: "SIGKILL" })
  const hit = await firstHit([victim])
  if (hit === null) return await killKeeper(stage)
  await victim.over
  stage.hit(point)
  await recovered(stage, hit.at)
  return true
}

async function stopAt(stage: Stage, point: FailPoint): Promise<boolean> {
  const victim = stage.cast.keeper
  if (victim === null) return await stopKeeper(stage)
  victim.control.arm({ point, countdown: countdownOf(stage, point), signal: "SIGSTOP" })
  const hit = await firstHit([victim])
  victim.control.disarm()
  if (hit === null) return await stopKeeper(stage)
  stage.hit(point)
  await sleep(20 + stage.random(80))
  victim.signal("SIGCONT")
  await load(stage)
  return true
}

function countdownOf({ random }: Stage, point: FailPoint): number {
  return 1 + random(FLUSH_POINTS.includes(point) ? 8 : 40)
}

// The next keeper at a point of its birth

async function killSuccessor(stage: Stage, point: FailPoint): Promise<boolean> {
  const successors = await dethrone(stage, point, "SIGKILL")
  const hit = await firstHit(successors)
  await harvest(stage, successors)
  if (hit !== null) await recovered(stage, hit.at)
  return true
}

async function stopSuccessor(stage: Stage, point: FailPoint): Promise<boolean> {
  const successors = await dethrone(stage, point, "SIGSTOP")
  const hit = await firstHit(successors)
  for (const player of successors) {
    const isHit = player.control.read() !== null
    player.control.disarm()
    if (!isHit) continue
    stage.hit(point)
    await sleep(20 + stage.random(80))
    player.signal("SIGCONT")
  }
  if (hit !== null) await recovered(stage, hit.at)
  return true
}

/** The keeper is killed, and whoever comes after it is met at the point. */
async function dethrone(
  stage: Stage,
  point: FailPoint,
  signal: "SIGKILL" | "SIGSTOP",
): Promise<readonly PlayerProcess[]> {
  await load(stage)
  const { cast } = stage
  const keeper = cast.keeper
  const successors = cast.players.filter((player) => player !== keeper)
  for (const player of successors) {
    player.mayEnd = true
    player.control.arm({ point, countdown: 1, signal })
  }
  await keeper?.kill()
  return successors
}

/** Whoever stores a large value, wherever that is. */
async function killAtRename(stage: Stage): Promise<boolean> {
  const { players, keeper } = stage.cast
  for (const player of players) {
    player.mayEnd = true
    player.control.arm({ point: "blob-rename", countdown: 1, signal: "SIGKILL" })
  }
  const hit = await firstHit(players)
  await harvest(stage, players)
  if (hit === null) return await killKeeper(stage)
  if (keeper?.isOver === true) await recovered(stage, hit.at)
  else await load(stage)
  return keeper?.isOver === true
}

// At any moment

async function killKeeper(stage: Stage): Promise<boolean> {
  await load(stage)
  const { keeper } = stage.cast
  if (keeper === null) return false
  const since = sinceBoot()
  await keeper.kill()
  await recovered(stage, since)
  return true
}

async function stopKeeper(stage: Stage): Promise<boolean> {
  await load(stage)
  const { keeper } = stage.cast
  if (keeper === null) return false
  await pause(stage, keeper)
  await load(stage)
  return true
}

async function killOthers(stage: Stage): Promise<boolean> {
  await load(stage)
  const others = bystanders(stage)
  const victims = others.slice(0, 1 + stage.random(others.length))
  await Promise.all(victims.map((player) => player.kill()))
  await load(stage)
  return false
}

async function stopOther(stage: Stage): Promise<boolean> {
  await load(stage)
  const victim = some(stage, bystanders(stage))
  if (victim !== null) await pause(stage, victim)
  return false
}

async function killEverybody(stage: Stage): Promise<boolean> {
  await load(stage)
  await Promise.all(stage.cast.players.map((player) => player.kill()))
  return true
}

/** As a program ends that is told to, whatever it is doing: by its own close, or by a signal it answers with one. */
async function endOne(stage: Stage): Promise<boolean> {
  await load(stage)
  const victim = some(stage, stage.cast.players)
  if (victim === null) return false
  const isKeeper = victim === stage.cast.keeper
  const ended = stage.random(2) === 0 ? stage.cast.leave(victim) : endBySignal(victim)
  await stage.bounded(`closing ${victim.id}`, ended)
  if (victim.isOver && victim.exitCode !== 0) {
    stage.ledger.accuse("unexpected errors", `${victim.id} closed with ${String(victim.exitCode)}`)
  }
  await load(stage)
  return isKeeper
}

async function endBySignal(victim: PlayerProcess): Promise<void> {
  victim.mayEnd = true
  victim.signal("SIGTERM")
  await victim.over
}

// What somebody else waits for

async function killHolder(stage: Stage): Promise<boolean> {
  const [holder, waiter] = bystanders(stage)
  if (holder === undefined || waiter === undefined) return await killKeeper(stage)
  const held = await stage.bounded("a lock", holder.ask({ kind: "hold", lock: "held", leaseMs: null }))
  const wanted = waiter.ask({ kind: "want", lock: "held" })
  await load(stage)
  const since = sinceBoot()
  await holder.kill()
  const granted = await stage.bounded("a lock whose holder died", wanted)
  if (granted?.kind !== "granted" || held?.kind !== "granted") {
    refuse(stage, "a lock whose holder died", granted)
    return false
  }
  if (granted.token <= held.token) {
    stage.ledger.accuse("tokens that went backwards", `${String(granted.token)} after ${String(held.token)}`)
  }
  stage.recoveries.holder.push(granted.at - since)
  return false
}

async function killWorker(stage: Stage): Promise<boolean> {
  const { cast, ledger, round } = stage
  const started = ledger.body(({ op, number }) => op === "stay" && number === round)
  const asker = some(stage, bystanders(stage)) ?? cast.players[0]
  if (asker === undefined) return false
  const answer = await stage.bounded("starting a run", asker.ask({ kind: "start", op: "stay", number: round }))
  const first = await stage.bounded("a queued run", started)
  const victim = first === null ? null : cast.find(first.player)
  if (answer?.kind !== "started" || victim === null) return false
  const again = ledger.body(({ op, number, attempt }) => op === "stay" && number === round && attempt > 1)
  const isKeeper = victim === cast.keeper
  const since = sinceBoot()
  await victim.kill()
  const second = await stage.bounded("a run whose worker died", again)
  // A keeper's death is measured as such.
  if (second !== null && !isKeeper) stage.recoveries.worker.push(second.at - since)
  const heir = cast.players[0]
  if (second !== null && heir !== undefined) {
    const settled = await stage.bounded("a run whose worker died", heir.ask({ kind: "await", run: answer.run }))
    if (settled?.kind === "result") ledger.result("stay", round, settled.nonce)
    else refuse(stage, "a run whose worker died", settled)
  }
  return isKeeper
}

/** A frozen holder loses its lease to the next, and nothing it writes when it goes on takes effect (L8). */
async function raiseZombie(stage: Stage): Promise<boolean> {
  const [zombie, heir] = bystanders(stage)
  if (zombie === undefined || heir === undefined) return await killKeeper(stage)
  const held = await stage.bounded("a lease", zombie.ask({ kind: "hold", lock: "leased", leaseMs: LEASE_MS }))
  const wanted = heir.ask({ kind: "want", lock: "leased" })
  zombie.signal("SIGSTOP")
  const granted = await stage.bounded("a lease whose holder is frozen", wanted)
  zombie.signal("SIGCONT")
  const written = await stage.bounded("a zombie's write", zombie.ask({ kind: "write-held" }))
  if (held?.kind !== "granted") refuse(stage, "a lease", held)
  if (granted?.kind !== "granted") refuse(stage, "a lease whose holder is frozen", granted)
  const isFenced = written?.kind === "refused" && (written.code === "FENCED" || written.code === "GRANT_LOST")
  if (!isFenced) stage.ledger.accuse("zombies not fenced", `a late write was answered with ${JSON.stringify(written)}`)
  return false
}

/** A run that kills whoever executes it is given up after three of them (O6). */
async function poison(stage: Stage): Promise<boolean> {
  const { cast, ledger, round } = stage
  const keeper = cast.keeper
  for (const player of cast.players) player.mayEnd = true
  let run: Answer | null = null
  let starts = 0
  for (let answer: Answer | null = null; answer?.kind !== "refused";) {
    await stage.bounded("opening", cast.fill(Math.max(2, cast.players.length), true))
    const asker = cast.players.find((player) => player !== cast.keeper) ?? cast.players[0]
    if (asker === undefined) break
    for (const player of cast.players) player.mayEnd = true
    if (run?.kind === "started")
      answer = await stage.bounded("a poison run", asker.ask({ kind: "await", run: run.run }))
    else {
      starts += 1
      run = await stage.bounded("starting a run", asker.ask({ kind: "start", op: "poison", number: round }))
    }
    if (answer?.kind === "refused" && answer.code !== "RUN_CRASHED") refuse(stage, "a poison run", answer)
    if (ledger.accusations.length > 0) break
  }
  const bodies = ledger.bodiesOf("poison", round)
  // Whoever starts it may take it, too, and die before it says so. Starting it anew gives a run that failed three attempts more.
  const isEnded = bodies > 0 && bodies % 3 === 0 && bodies <= 3 * starts
  if (!isEnded) {
    const asked = `started ${String(starts)} times`
    ledger.accuse(
      "poison runs not ended",
      `it was executed ${String(bodies)} times, ${asked}, and not 3 times for a start`,
    )
  }
  return keeper?.isOver === true
}

// What strikes are made of

async function load({ random }: Stage): Promise<void> {
  await sleep(LOAD_MS + random(LOAD_MS))
}

async function pause(stage: Stage, victim: PlayerProcess): Promise<void> {
  victim.signal("SIGSTOP")
  await sleep(20 + stage.random(100))
  victim.signal("SIGCONT")
}

/** Those who are left are served again. */
async function recovered(stage: Stage, since: number): Promise<void> {
  // Somebody may have reached the point in the moment in which it was taken away again.
  const nobody = Promise.all(stage.cast.players.map(({ over }) => over)).then(() => null)
  const at = await stage.bounded(
    "a request after the keeper's death",
    Promise.race([stage.ledger.served(since), nobody]),
  )
  if (at !== null) stage.recoveries.keeper.push(at - since)
  await load(stage)
}

/** Players other than the keeper's. */
function bystanders({ cast }: Stage): readonly PlayerProcess[] {
  const { keeper } = cast
  return cast.players.filter((player) => player !== keeper)
}

function some({ random }: Stage, players: readonly PlayerProcess[]): PlayerProcess | null {
  return players[random(Math.max(1, players.length))] ?? null
}

/** Counts those who were killed at a point, once they are dead; the others have nothing to fear there any more. */
async function harvest({ hit }: Stage, players: readonly PlayerProcess[]): Promise<void> {
  for (const player of players) {
    const found = player.control.read()
    if (found === null) player.control.disarm()
    else {
      await player.over
      hit(found.point)
    }
  }
}

/** The first record of a point that was hit; null where none is within the bound. */
async function firstHit(players: readonly PlayerProcess[]): Promise<FailHit | null> {
  const search = new AbortController()
  async function look(): Promise<FailHit | null> {
    while (!search.signal.aborted) {
      for (const player of players) {
        const hit = player.control.read()
        if (hit !== null) return hit
      }
      await sleep(LOOK_MS)
    }
    return null
  }
  try {
    return await within(POINT_MS, look(), () => null)
  } finally {
    search.abort()
  }
}

function refuse({ ledger }: Stage, what: string, answer: Answer | null): void {
  if (answer !== null) ledger.accuse("unexpected errors", `${what} was answered with ${JSON.stringify(answer)}`)
}

/** The machine's monotonic clock, one for all its processes, in milliseconds. */
function sinceBoot(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
