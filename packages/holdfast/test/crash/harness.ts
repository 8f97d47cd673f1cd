/**
 * The crash harness: real processes work on one store in a real folder, and are killed or stopped round after round, at
 * named points and at random moments; the harness itself never dies and holds what they said against the store.
 *
 *     fill ─▶ go ─▶ strike ─▶ recovered ─▶ rest ─▶ audit ─▶ the next round, on the same store
 *
 * The schedule of choices (who is struck, how, where, when) is drawn from the seed; what the machine does between two
 * choices is its own.
 */
import { mkdirSync } from "node:fs"
import { createPrng, type Prng } from "../../src/env/prng.ts"
import { FAIL_POINTS, type FailPoint } from "../../src/stores/embedded/fail-point.ts"
import { within } from "./bound.ts"
import { Cast } from "./cast.ts"
import { Ledger } from "./ledger.ts"
import { type PlayerProcess, PlayerDied } from "./player-process.ts"
import { type Percentiles, percentilesOf } from "./recovery.ts"
import { type Recoveries, type Stage, STRIKES, type Strike } from "./strikes.ts"
import { type Answer, type Fault, FAULTS, WINDOW } from "./words.ts"

export interface CrashOptions {
  /** The built package whose store is used. */
  readonly dist: URL
  /** An empty folder on a local disk. */
  readonly folder: string
  readonly seed: number
  readonly rounds: number
  /** Only strikes whose name has this in it; all of them where it is empty. */
  readonly only: string
  /** Told now and then how far it is. */
  readonly onProgress: (line: string) => void
}

export interface CrashReport {
  readonly seed: number
  readonly rounds: number
  readonly deaths: number
  /** Rounds in which the keeper's process was a victim. */
  readonly keeperRounds: number
  readonly hits: Readonly<Record<FailPoint, number>>
  readonly strikes: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<Fault, number>>
  /** What was found, each with its round. */
  readonly accusations: readonly string[]
  readonly totals: Ledger["totals"]
  readonly recoveries: Readonly<Record<keyof Recoveries, Percentiles>>
}

/** Longer than a client waits for a keeper that does not answer (10 s): whoever is not answered by then never is. */
const HANGING_MS = 20_000
const DESCRIBING_MS = 2_000
const PROGRESS_ROUNDS = 100
/** How many play; mostly few, as each costs the machine more than what is tested. */
const SIZES: readonly number[] = [2, 3, 3, 4, 4, 5, 6, 8]
const ROUNDS_A_SIZE = 10
/** Rounds are numbered within this many, so that two seeds never draw the same round. */
const SEED_STRIDE = 100_000

export async function runCrashRounds(options: CrashOptions): Promise<CrashReport> {
  const run = new CrashRun(options)
  try {
    return await run.play()
  } finally {
    await run.close()
  }
}

class CrashRun {
  readonly #options: CrashOptions
  readonly #ledger: Ledger
  readonly #cast: Cast
  readonly #recoveries: Recoveries = { keeper: [], holder: [], worker: [] }
  readonly #hits = new Map<FailPoint, number>()
  readonly #strikes = new Map<string, number>()
  readonly #accusations: string[] = []
  #keeperRounds = 0
  #struck = "none"
  #size = 4

  constructor(options: CrashOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true })
    const { folder, dist, seed } = options
    this.#ledger = new Ledger(`${folder}/witnesses`)
    this.#cast = new Cast({ folder, dist, seed, ledger: this.#ledger })
  }

  async close(): Promise<void> {
    await this.#cast.close()
  }

  async play(): Promise<CrashReport> {
    const { rounds, seed, onProgress } = this.#options
    let round = 1
    for (; round <= rounds; round += 1) {
      await this.#round(round, createPrng(seed * SEED_STRIDE + round))
      for (const { fault, what } of this.#ledger.accusations.slice(this.#accusations.length)) {
        this.#accusations.push(`round ${String(round)} (${this.#struck}): ${fault}: ${what}`)
      }
      // What follows a fault is not worth judging.
      if (this.#accusations.length > 0) break
      if (round % PROGRESS_ROUNDS === 0) onProgress(`${String(round)} rounds, ${String(this.#ledger.deaths)} deaths`)
    }
    return this.#report(Math.min(round, rounds))
  }

  async #round(round: number, prng: Prng): Promise<void> {
    const random = (limit: number): number => prng.nextBelow(limit)
    if (round % ROUNDS_A_SIZE === 1) this.#size = SIZES[random(SIZES.length)] ?? 2
    const strike = draw(random, this.#options.only)
    this.#struck = strike.name
    await this.#bounded(`opening for round ${String(round)}`, this.#cast.fill(Math.max(this.#size, strike.players)))
    for (const player of this.#cast.players) player.mayEnd = false
    this.#ledger.begin()
    await this.#each((player) => player.ask({ kind: "go", base: round * WINDOW }))
    const stage: Stage = {
      cast: this.#cast,
      ledger: this.#ledger,
      recoveries: this.#recoveries,
      random,
      round,
      bounded: (what, promise) => this.#bounded(what, promise),
      hit: (point) => this.#hits.set(point, (this.#hits.get(point) ?? 0) + 1),
    }
    this.#strikes.set(strike.name, (this.#strikes.get(strike.name) ?? 0) + 1)
    const keeper = this.#cast.keeper
    const struckKeeper = await strike.play(stage)
    if (struckKeeper || keeper?.isOver === true) this.#keeperRounds += 1
    await this.#settle(random)
  }

  /** Everything begun comes to an end, and is as it was said to be. */
  async #settle(random: (limit: number) => number): Promise<void> {
    await this.#bounded(
      "resting",
      this.#each((player) => player.ask({ kind: "rest" })),
    )
    // Whoever is left, or somebody new where nobody is.
    await this.#bounded("opening again", this.#cast.fill(Math.max(1, this.#cast.players.length)))
    const [auditor] = this.#cast.players
    if (auditor === undefined) return
    const ledger = this.#ledger
    ledger.judgeRefusals()
    for (const number of ledger.takeInterrupted()) {
      this.#heard("pay", number, await this.#bounded("deciding", auditor.ask({ kind: "decide", number })))
    }
    for (const number of ledger.unheardJobs) {
      this.#heard("job", number, await this.#bounded("a queued run", auditor.ask({ kind: "ask", op: "job", number })))
    }
    const old = ledger.someOld(random)
    const newest = this.#cast.players.at(-1)
    if (old !== null && newest !== undefined) {
      this.#heard(old.op, old.number, await this.#bounded("an old run", newest.ask({ kind: "ask", ...old })))
    }
    ledger.judgeRefusals()
    const fallen = this.#cast.takeFallen()
    const everybody = [...fallen, ...this.#cast.players.map(({ id }) => id)]
    const cells = ledger.cellsToRead(everybody)
    const answer = await this.#bounded("an audit", auditor.ask({ kind: "audit", cells }))
    if (answer?.kind === "cells") ledger.audit(answer.cells)
    else if (answer !== null) ledger.accuse("unexpected errors", `an audit was answered with ${JSON.stringify(answer)}`)
    for (const id of fallen) ledger.forget(id)
  }

  #heard(op: "pay" | "job" | "compute", number: number, answer: Answer | null): void {
    if (answer === null) return
    if (answer.kind === "result") this.#ledger.result(op, number, answer.nonce)
    else if (answer.kind === "refused") this.#ledger.note("", { kind: "refused", op, number, code: answer.code })
  }

  async #each(work: (player: PlayerProcess) => Promise<Answer>): Promise<void> {
    await Promise.all(
      this.#cast.players.map(async (player) => {
        try {
          const answer = await work(player)
          if (answer.kind === "refused") this.#ledger.accuse("unexpected errors", `${player.id}: ${answer.message}`)
        } catch (error) {
          if (!(error instanceof PlayerDied)) throw error
        }
      }),
    )
  }

  /** Null where it did not come to an end, or died under way. */
  async #bounded<T>(what: string, promise: Promise<T>): Promise<T | null> {
    try {
      return await within(HANGING_MS, promise, async () => {
        this.#ledger.accuse("waiters left hanging", `${what} has not ended; ${await this.#describe()}`)
        return null
      })
    } catch (error) {
      if (error instanceof PlayerDied) return null
      throw error
    }
  }

  /** What everybody who lives still waits for. */
  async #describe(): Promise<string> {
    const said = this.#cast.players.map(async (player) => {
      const answer = await within(DESCRIBING_MS, player.ask({ kind: "describe" }), () => null).catch(() => null)
      return `${player.id}: ${answer?.kind === "text" ? answer.text : "no answer"}`
    })
    return (await Promise.all(said)).join("\n  ")
  }

  #report(rounds: number): CrashReport {
    const faults = Object.fromEntries(
      FAULTS.map((fault) => [fault, this.#ledger.accusations.filter((each) => each.fault === fault).length]),
    ) as Record<Fault, number> // One entry each.
    const hits = Object.fromEntries(FAIL_POINTS.map((point) => [point, this.#hits.get(point) ?? 0])) as Record<
      FailPoint,
      number
    > // One entry each.
    return {
      seed: this.#options.seed,
      rounds,
      deaths: this.#ledger.deaths,
      keeperRounds: this.#keeperRounds,
      hits,
      strikes: Object.fromEntries(this.#strikes),
      faults,
      accusations: this.#accusations,
      totals: this.#ledger.totals,
      recoveries: {
        keeper: percentilesOf(this.#recoveries.keeper),
        holder: percentilesOf(this.#recoveries.holder),
        worker: percentilesOf(this.#recoveries.worker),
      },
    }
  }
}

function draw(random: (limit: number) => number, only: string): Strike {
  const strikes = STRIKES.filter(({ name }) => name.includes(only))
  let left = random(strikes.reduce((sum, { weight }) => sum + weight, 0))
  for (const strike of strikes) {
    if (left < strike.weight) return strike
    left -= strike.weight
  }
  throw new Error(`no strike is called "${only}"; there are ${STRIKES.map(({ name }) => name).join(", ")}`)
}
