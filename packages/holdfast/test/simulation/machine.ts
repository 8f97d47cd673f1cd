/**
 * A machine in virtual time: processes and their threads, which run, freeze and die, and a clock for people that jumps.
 * One seed decides everything that happens on it.
 *
 *     thread: running ──freeze──▶ frozen ──thaw──▶ running          what comes meanwhile waits, and comes in its order
 *                └──────────────────┴──kill──▶ dead                 nothing comes any more, and nothing it does is seen
 *
 * 1. A thread is entered by one event at a time; every promise settles before the next, so a process freezes between two
 *    of its steps. It may die within one: from there on what it does reaches nobody.
 * 2. The same seed gives the same events in the same order, so the log of a run is the same, byte for byte.
 */
import type { Env, Timer } from "../../src/env/index.ts"
import { createPrng, type Prng } from "../../src/env/prng.ts"
import { createSimulatedEnv, type SimulatedEnv } from "../../src/env/simulated-env.ts"
import { nextTurn } from "../../src/env/turn.ts"

/** Many times what any seed takes; more is a loop. */
const MAX_EVENTS = 100_000

/** Time passes in grains of a power of two, so that sums of moments are exact. */
const GRAINS = 1_024

/** What is looked at when a run is over. */
export type Note = (line: string) => void

export class Machine {
  readonly random: Prng
  readonly #time: SimulatedEnv
  readonly #note: Note | null
  /** A process dies once in so many of the moments at which it may; 0 is never. */
  deathEvery = 0
  /** What has gone wrong that must not. */
  readonly faults: string[] = []
  readonly processes: SimulatedProcess[] = []
  /** Sessions end with the run of a machine, which its name tells apart from the next one. */
  boot = 1
  #events = 0
  #ticks = 0

  constructor(seed: number, note: Note | null) {
    this.random = createPrng(seed)
    this.#time = createSimulatedEnv({ seed, maxTimerCount: Number.MAX_SAFE_INTEGER })
    this.#note = note
  }

  get nowMs(): number {
    return this.#time.clock.monotonic()
  }

  get events(): number {
    return this.#events
  }

  /** What the wall shows. */
  get wallMs(): number {
    return this.#time.clock.now()
  }

  /** A moment of its own for whatever is seen from outside: no two are the same. */
  tick(): number {
    this.#ticks += 1
    return this.#ticks
  }

  note(line: () => string): void {
    this.#note?.(`${this.nowMs.toFixed(3)} ${line()}`)
  }

  fault(what: string): void {
    this.note(() => `FAULT ${what}`)
    this.faults.push(what)
  }

  chance(one: number): boolean {
    return this.random.nextBelow(one) === 0
  }

  /** A duration below the bound, more often short than long. */
  delayMs(boundMs: number): number {
    return boundMs * this.random.nextUnit() * this.random.nextUnit()
  }

  after(delayMs: number, work: () => void): Timer {
    return this.#time.timers.after(Math.ceil(delayMs * GRAINS) / GRAINS, work)
  }

  start(name: string): SimulatedProcess {
    const process = new SimulatedProcess(this, name)
    this.processes.push(process)
    this.note(() => `${name} starts`)
    return process
  }

  shiftWallClock(deltaMs: number): void {
    this.#time.shiftWallClock(deltaMs)
  }

  /** Lets things happen until `isOver`, for so long at most; false where it was not over by then. */
  async run(isOver: () => boolean, boundMs: number): Promise<boolean> {
    const until = this.nowMs + boundMs
    await nextTurn()
    while (!isOver() && this.faults.length === 0) {
      if (this.nowMs > until || !this.#time.fireNextTimer()) return false
      this.#events += 1
      if (this.#events > MAX_EVENTS)
        throw new Error(`expected to be over within ${String(MAX_EVENTS)} events; something goes round in circles`)
      await nextTurn()
    }
    return true
  }
}

export class SimulatedProcess {
  readonly machine: Machine
  readonly name: string
  readonly main: SimulatedThread
  /** True once what it holds may be lost without a word: a connection broke, or the keeper it lives with failed. */
  isAtRisk = false
  readonly #threads = new Set<SimulatedThread>()
  readonly #onDeath: (() => void)[] = []
  #state: "running" | "frozen" | "dead" = "running"
  #waiting: (() => void)[] = []

  constructor(machine: Machine, name: string) {
    this.machine = machine
    this.name = name
    this.main = this.thread("main")
  }

  get isAlive(): boolean {
    return this.#state !== "dead"
  }

  get isFrozen(): boolean {
    return this.#state === "frozen"
  }

  thread(name: string): SimulatedThread {
    const thread = new SimulatedThread(this, name)
    this.#threads.add(thread)
    return thread
  }

  /** Called when the process has died, whatever it died of. */
  onDeath(handler: () => void): void {
    this.#onDeath.push(handler)
  }

  freeze(): void {
    if (this.#state !== "running") return
    this.#state = "frozen"
    this.machine.note(() => `${this.name} freezes`)
  }

  thaw(): void {
    if (this.#state !== "frozen") return
    this.#state = "running"
    this.machine.note(() => `${this.name} goes on`)
    const waiting = this.#waiting
    this.#waiting = []
    // One after the other, as they came: each is an event of its own.
    for (const work of waiting) this.machine.after(0, work)
  }

  kill(why: string): void {
    if (this.#state === "dead") return
    this.#state = "dead"
    this.#waiting = []
    this.machine.note(() => `${this.name} dies ${why}`)
    for (const thread of this.#threads) thread.end()
    for (const handler of this.#onDeath.splice(0)) handler()
  }

  /** @internal Something comes while the process cannot take it. */
  keep(work: () => void): void {
    this.#waiting.push(work)
  }

  /** @internal */
  left(thread: SimulatedThread): void {
    this.#threads.delete(thread)
  }
}

/** What runs by itself in a process, with a world of its own. */
export class SimulatedThread {
  readonly process: SimulatedProcess
  readonly name: string
  readonly env: Env
  readonly #machine: Machine
  readonly #onEnd: (() => void)[] = []
  #isAlive = true

  constructor(process: SimulatedProcess, name: string) {
    this.process = process
    this.name = `${process.name}'s ${name}`
    this.#machine = process.machine
    this.env = this.#createEnv()
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Called when the thread has ended, with its process or without. */
  onEnd(handler: () => void): void {
    this.#onEnd.push(handler)
  }

  end(): void {
    if (!this.#isAlive) return
    this.#isAlive = false
    this.process.left(this)
    for (const handler of this.#onEnd.splice(0)) handler()
  }

  /** Something happens to the thread: now, when its process goes on, or never. */
  enter(work: () => void): void {
    if (!this.#isAlive) return
    if (this.process.isFrozen) {
      this.process.keep(() => {
        this.enter(work)
      })
    } else work()
  }

  /** The same, after a while. */
  after(delayMs: number, work: () => void): void {
    this.#machine.after(delayMs, () => {
      this.enter(work)
    })
  }

  /** A moment at which its process may die. */
  mayDie(moment: string): void {
    const { deathEvery } = this.#machine
    if (this.#isAlive && deathEvery > 0 && this.#machine.chance(deathEvery)) this.process.kill(moment)
  }

  #createEnv(): Env {
    const machine = this.#machine
    const own = createSimulatedEnv({ seed: machine.random.nextUint32() })
    const startedMs = machine.nowMs
    return {
      // Durations begin with the thread, so that nobody takes the readings of two for each other's.
      clock: { now: () => machine.wallMs, monotonic: () => machine.nowMs - startedMs },
      timers: {
        after: (delayMs, callback) => {
          let isOver = false
          const timer = machine.after(delayMs, () => {
            this.enter(() => {
              if (isOver) return
              isOver = true
              callback()
            })
          })
          return {
            cancel: () => {
              isOver = true
              timer.cancel()
            },
          }
        },
      },
      random: own.random,
      ids: own.ids,
      sha256: own.sha256,
      microtask: own.microtask,
    }
  }
}
