/**
 * One world of the simulation, made of one seed: programs that come and go on one machine, all of them on one store, and
 * what befalls them.
 *
 *     chaos ──every task is done, or time is up──▶ healed ──▶ everybody answered ──▶ closed ──▶ looked at ──▶ power lost,
 *     looked at again
 *
 * 1. Chaos is bounded, and once it is over every wait ends: nothing hangs (O4).
 * 2. When all have closed nothing is held (L6), and what was seen is still there, also after the power was lost.
 */
import { createPrng, type Prng } from "../../src/env/prng.ts"
import { isHoldfastError } from "../../src/kernel/index.ts"
import { BriefWork } from "./brief-work.ts"
import { CellWork } from "./cell-work.ts"
import { LockWork } from "./lock-work.ts"
import { Machine, type Note, type SimulatedProcess } from "./machine.ts"
import { describeError, Program, Task } from "./program.ts"
import { RunWork } from "./run-work.ts"
import { ShelfWork } from "./shelf-work.ts"
import { SimulatedFolder } from "./simulated-folder.ts"
import { TransactionWork } from "./transaction-work.ts"

/** What came of a seed. */
export interface Verdict {
  readonly seed: number
  /** What must not have happened; empty where all is well. */
  readonly faults: readonly string[]
  readonly statistics: Statistics
}

/** How much happened. */
export interface Statistics {
  readonly events: number
  readonly virtualMs: number
  readonly keepers: number
  readonly batches: number
  readonly processes: number
  readonly deaths: number
}

/** Runs the world of a seed. The same seed does the same, step by step. */
export async function simulate(seed: number, note: Note | null = null): Promise<Verdict> {
  const world = new World(seed, note)
  try {
    await world.run()
  } catch (error) {
    world.machine.fault(describeError(error))
  }
  return { seed, faults: world.machine.faults, statistics: world.statistics }
}

/** What may befall a world, and how long it takes on average until something does. */
interface Weather {
  readonly meanMs: number
  readonly kinds: readonly Fault[]
}

type Fault =
  | "kill"
  | "killKeeper"
  | "freeze"
  | "freezeKeeper"
  | "break"
  | "leave"
  | "power"
  | "full"
  | "fullLog"
  | "flush"
  | "clock"

const FAULTS: readonly Fault[] = [
  "kill",
  "killKeeper",
  "killKeeper",
  "freeze",
  "freezeKeeper",
  "break",
  "leave",
  "power",
  "full",
  "fullLog",
  "flush",
  "clock",
]

/** Enough for one thing to go wrong while another does. */
const MOST_FAULTS = 12

const CHAOS_MS = 1_500
/** Far longer than every bound there is: 10 s of a request, leases, retries, and a frozen keeper before that. */
const HEALED_MS = 120_000
/**
 * Who ends while no keeper can be reached, or before the next one could hear of it, is looked for by that one every 50 ms:
 * the bound that the guarantees state for L6. The rest is for the turns that this takes.
 */
const AWAY_BOUND_MS = 60

class World {
  readonly machine: Machine
  readonly #random: Prng
  readonly #folder: SimulatedFolder
  readonly #programs: Program[] = []
  readonly #locks: LockWork
  readonly #cells: CellWork
  readonly #runs: RunWork
  readonly #transactions: TransactionWork
  readonly #shelf: ShelfWork
  readonly #brief: BriefWork
  readonly #weather: Weather
  readonly #plan: {
    readonly programs: number
    readonly tasks: number
    readonly actions: number
    readonly mix: readonly Kind[]
  }
  /** Programs still to be started, the first ones included. */
  #spare: number
  #opening = 0
  #befallen = 0
  #isHealed = false
  #deaths = 0

  constructor(seed: number, note: Note | null) {
    this.machine = new Machine(seed, note)
    const random = createPrng(seed * 2 + 1)
    this.#random = random
    this.#folder = new SimulatedFolder({
      machine: this.machine,
      delayMs: pick(random, [0.2, 1, 5, 20]),
      flushBound: pick(random, [2, 10, 40, 150]),
    })
    this.#locks = new LockWork(this.machine, () => this.#folder.terms)
    this.#cells = new CellWork(this.machine)
    this.#runs = new RunWork(this.machine)
    this.#transactions = new TransactionWork(this.machine)
    this.#shelf = new ShelfWork(this.machine)
    this.#brief = new BriefWork(this.machine)
    const kinds = FAULTS.filter(() => random.nextBelow(3) === 0)
    this.#weather = { meanMs: pick(random, [10, 30, 100]), kinds: random.nextBelow(8) === 0 ? [] : kinds }
    const programs = 2 + random.nextBelow(4)
    const mix = pick<readonly Kind[]>(random, [
      ["lock"],
      ["cell"],
      ["run"],
      ["lock", "cell", "run"],
      ["lock", "cell"],
      ["cell", "run"],
      ["transaction"],
      ["shelf"],
      ["lock", "transaction", "shelf"],
      ["brief", "run"],
    ])
    this.#plan = { programs, tasks: 1 + random.nextBelow(3), actions: 2 + random.nextBelow(5), mix }
    this.#spare = programs + random.nextBelow(4)
    if (this.#weather.kinds.some((kind) => kind.startsWith("kill")))
      this.machine.deathEvery = pick(random, [0, 40, 150, 600])
  }

  get statistics(): Statistics {
    const { events, nowMs, processes } = this.machine
    const { terms, disk } = this.#folder
    return {
      events,
      virtualMs: nowMs,
      keepers: terms,
      batches: disk.batches,
      processes: processes.length,
      deaths: this.#deaths,
    }
  }

  async run(): Promise<void> {
    this.machine.note(() => `${JSON.stringify(this.#plan)} ${JSON.stringify(this.#weather)}`)
    if (this.#random.nextBelow(4) === 0) this.#startStandalone()
    for (let count = 0; count < this.#plan.programs; count += 1) {
      this.machine.after(this.machine.delayMs(30), () => {
        this.#startProgram()
      })
    }
    this.#armFault()
    await this.machine.run(() => this.#isDone(), CHAOS_MS)
    if (this.#hasFault()) return
    this.#heal()
    await this.#end()
  }

  #hasFault(): boolean {
    return this.machine.faults.length > 0
  }

  // Programs

  #startStandalone(): void {
    const process = this.machine.start("keeper process")
    this.#mind(process)
    this.#folder.elect(process)
  }

  #startProgram(): void {
    if (this.#isHealed || this.#spare === 0) return
    this.#spare -= 1
    const process = this.machine.start(`p${String(this.machine.processes.length)}`)
    this.#mind(process)
    void this.#runProgram(process)
  }

  #mind(process: SimulatedProcess): void {
    process.onDeath(() => {
      this.#deaths += 1
      this.#startLater()
    })
  }

  #startLater(): void {
    this.machine.after(this.machine.delayMs(40), () => {
      this.#startProgram()
    })
  }

  async #runProgram(process: SimulatedProcess): Promise<void> {
    const program = await this.#open(process)
    if (program === null) return
    const { tasks, actions, mix } = this.#plan
    if (mix.includes("run") && !this.machine.chance(3))
      program.task("worker", async (task) => await this.#runs.work(task))
    for (let count = 0; count < tasks; count += 1) {
      program.task("task", async (task) => {
        await this.#act(task, actions)
      })
    }
  }

  async #open(process: SimulatedProcess): Promise<Program | null> {
    this.#opening += 1
    let over = false
    const done = (): void => {
      if (!over) this.#opening -= 1
      over = true
    }
    process.onDeath(done)
    try {
      const program = await Program.open(process, this.#folder)
      this.#programs.push(program)
      this.#runs.define(program)
      return program
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      this.machine.note(() => `${process.name} cannot open the store: ${error.code}`)
      if (process.isAlive) this.#startLater()
      return null
    } finally {
      done()
    }
  }

  async #act(task: Task, actions: number): Promise<void> {
    for (let count = 0; count < actions; count += 1) {
      await task.pause(20)
      if (task.program.isOver || this.#isHealed) return
      switch (task.pick(this.#plan.mix)) {
        case "lock":
          await this.#locks.act(task)
          break
        case "cell":
          await this.#cells.act(task)
          break
        case "run":
          await this.#runs.act(task)
          break
        case "transaction":
          await this.#transactions.act(task)
          break
        case "shelf":
          await this.#shelf.act(task)
          break
        case "brief":
          await this.#brief.act(task)
          break
      }
    }
  }

  #isDone(): boolean {
    return (
      this.#opening === 0 &&
      this.#programs.length > 0 &&
      (this.#spare === 0 || this.machine.nowMs > 100) &&
      this.#programs.every((program) => !isBusy(program))
    )
  }

  // What befalls them

  #armFault(): void {
    const { meanMs, kinds } = this.#weather
    if (kinds.length === 0) return
    this.machine.after(meanMs * 2 * this.#random.nextUnit(), () => {
      this.#befallen += 1
      if (this.#isHealed || this.#befallen > MOST_FAULTS) return
      this.#befall(pick(this.#random, kinds))
      this.#armFault()
    })
  }

  #befall(fault: Fault): void {
    const { machine } = this
    const victim = this.#victim()
    const keeper = this.#folder.keeper?.thread.process ?? null
    switch (fault) {
      case "kill":
        victim?.kill("of itself")
        break
      case "killKeeper":
        keeper?.kill("while it keeps")
        break
      case "freeze":
        if (victim !== null) this.#freeze(victim)
        break
      case "freezeKeeper":
        if (keeper !== null) this.#freeze(keeper)
        break
      case "break":
        this.#break()
        break
      case "leave":
        this.#leave()
        break
      case "power":
        if (this.#random.nextBelow(3) === 0) this.#losePower()
        break
      case "full":
        machine.note(() => "the disk is full")
        this.#folder.disk.isFull = true
        machine.after(machine.delayMs(200), () => {
          if (this.#folder.disk.isFull) machine.note(() => "the disk has room")
          this.#folder.disk.isFull = false
        })
        break
      case "fullLog":
        machine.note(() => "the live log has no room")
        this.#folder.disk.isLogFull = true
        machine.after(machine.delayMs(50), () => {
          this.#folder.disk.isLogFull = false
        })
        break
      case "flush":
        machine.note(() => "the next flush fails")
        this.#folder.disk.failures = 1
        break
      case "clock": {
        const deltaMs = Math.floor((this.#random.nextUnit() - 0.5) * 10_000_000)
        machine.note(() => `the clock jumps by ${String(deltaMs)} ms`)
        machine.shiftWallClock(deltaMs)
        break
      }
    }
  }

  #victim(): SimulatedProcess | null {
    const alive = this.machine.processes.filter((process) => process.isAlive)
    return alive.length === 0 ? null : pick(this.#random, alive)
  }

  /** Mostly for a moment; now and then for longer than anybody waits for a keeper. */
  #freeze(process: SimulatedProcess): void {
    process.freeze()
    const boundMs = this.#random.nextBelow(10) === 0 ? 15_000 : 300
    this.machine.after(this.machine.delayMs(boundMs), () => {
      process.thaw()
    })
  }

  #break(): void {
    const links = [...this.#folder.links].filter((link) => !link.isOver)
    if (links.length === 0) return
    pick(this.#random, links).break()
  }

  #leave(): void {
    const staying = this.#programs.filter((program) => program.isAlive && !program.isOver && !program.process.isFrozen)
    if (staying.length === 0) return
    const program = pick(this.#random, staying)
    this.machine.note(() => `${program.name} leaves`)
    void this.#close(program)
    this.#startLater()
  }

  async #close(program: Program): Promise<void> {
    await program.close()
  }

  #losePower(): void {
    const { machine } = this
    machine.note(() => "the power is lost")
    machine.boot += 1
    for (const process of machine.processes) if (process.isAlive) process.kill("with the power")
    this.#folder.disk.losePower()
    this.#runs.losePower()
    this.#brief.losePower()
  }

  // The end

  #heal(): void {
    const { machine } = this
    machine.note(() => "all is healed")
    this.#isHealed = true
    machine.deathEvery = 0
    this.#folder.disk.isFull = false
    this.#folder.disk.isLogFull = false
    this.#folder.disk.failures = 0
    for (const process of machine.processes) process.thaw()
  }

  async #end(): Promise<void> {
    await this.#until("everybody has opened the store", () => this.#opening === 0)
    const last = await this.#openLast("last")
    if (last === null) return
    const task = new Task(last, "last.task", createPrng(1))
    const { machine } = this
    if (!(await this.#settle(last, task))) return
    const others = this.#programs.filter((program) => program !== last && program.isAlive && !program.isClosing)
    for (const program of others) void this.#close(program)
    await this.#until("everybody has closed", () =>
      this.#programs.every((program) => program === last || program.busy === 0),
    )
    if (this.#hasFault()) return
    await this.#during("looks at everything", async () => {
      await this.#lookAtAll(task)
    })
    await this.#missTheDead()
    await this.#during("asks who holds what", async () => {
      await this.#checkQuiet(last)
    })
    if (this.#hasFault()) return
    this.#losePower()
    const after = await this.#openLast("after the power was lost")
    if (after === null) return
    await this.#during("looks at everything again", async () => {
      await this.#lookAtAll(new Task(after, "after.task", createPrng(2)))
    })
    const faults = [this.#cells.check(), this.#transactions.check(), this.#locks.check(), this.#checkTokens()]
    for (const fault of faults.flat()) machine.fault(fault)
  }

  async #openLast(name: string): Promise<Program | null> {
    const process = this.machine.start(name)
    const opened: (Program | null)[] = []
    await this.#during("opens the store", async () => {
      opened.push(await this.#open(process))
    })
    const [program = null] = opened
    if (program === null && !this.#hasFault()) this.machine.fault(`"${name}" cannot open a healthy store`)
    return program
  }

  /** Every task ends, every run settles, and who watches has seen the newest. */
  async #settle(last: Program, task: Task): Promise<boolean> {
    if (this.#plan.mix.includes("run")) {
      await this.#during("works", async () => {
        await this.#runs.work(task)
      })
    }
    if (this.#plan.mix.includes("brief")) {
      await this.#during("works briefly", async () => {
        await this.#brief.work(task)
      })
    }
    const until = this.machine.nowMs + HEALED_MS
    while (!(await this.#isSettled(last, task))) {
      if (this.#hasFault()) return false
      if (this.machine.nowMs > until) {
        const left = await this.#describeLeft(last)
        this.machine.fault(`O4: ${this.#describeBusy()} when all was healed and time had passed; ${left}`)
        return false
      }
      await this.machine.run(() => false, 100)
    }
    this.#cells.stopWatching()
    this.#shelf.stopWatching()
    await this.#until("those who watch have left", () => this.#programs.every(({ busy }) => busy === 0))
    return !this.#hasFault()
  }

  /** Whatever waits for a decision is decided on the way. */
  async #isSettled(last: Program, task: Task): Promise<boolean> {
    const settled: boolean[] = []
    await this.#during("decides", async () => {
      const hasRuns = this.#plan.mix.includes("run")
      if (hasRuns) await this.#runs.decideAll(task)
      if (this.#programs.some(isBusy) || (hasRuns && !(await this.#runs.isQuiet(last.hf)))) return
      settled.push((await this.#cells.checkWatches(last.hf)) && (await this.#shelf.isTold(last.hf)))
    })
    return settled.includes(true)
  }

  async #lookAtAll(task: Task): Promise<void> {
    const { mix } = this.#plan
    if (mix.includes("cell") || mix.includes("lock")) await this.#cells.look(task)
    if (mix.includes("transaction")) await this.#transactions.look(task)
    if (mix.includes("run")) await this.#runs.check(task)
    if (mix.includes("brief")) await this.#brief.check(task)
  }

  /** Until the keeper has heard of every end, and knows who of before it is dead, or its time for that is up. */
  async #missTheDead(): Promise<void> {
    await this.machine.run(() => !this.#folder.isEnding, HEALED_MS)
    let isLate = this.#folder.awaySessions === 0
    // A timer of its own: without another event before, the one it is about would be waited for.
    if (!isLate) {
      this.machine.after(AWAY_BOUND_MS, () => {
        isLate = true
      })
    }
    await this.machine.run(() => isLate || this.#folder.awaySessions === 0, AWAY_BOUND_MS)
  }

  /** When all sessions have ended, nothing is left of them (L4, L6). */
  async #checkQuiet(last: Program): Promise<void> {
    const { sessions, locks, runs } = await last.hf.inspect()
    if (sessions.length !== 1)
      this.machine.fault(`L6: ${String(sessions.length)} sessions are left: ${JSON.stringify(sessions)}`)
    if (locks.length > 0) this.machine.fault(`L6: locks are left: ${JSON.stringify(locks)}`)
    if (runs.open.length > 0) this.machine.fault(`O6: runs are left: ${JSON.stringify(runs.open)}`)
  }

  /** L2: claims and grants draw from one sequence. */
  #checkTokens(): readonly string[] {
    const grants = new Set(this.#locks.tokens.map(({ token }) => token))
    const both = this.#runs.tokens.find(({ token }) => grants.has(token))
    return both === undefined ? [] : [`L2: token ${String(both.token)} is a grant's and a claim's`]
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const isInTime = await this.machine.run(isSo, HEALED_MS)
    if (!isInTime && !this.#hasFault()) this.machine.fault(`O4: expected that ${what}; ${this.#describeBusy()}`)
  }

  /** Something asked from outside, driven to its end. */
  async #during(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#hasFault()) return
    let isOver = false
    const run = async (): Promise<void> => {
      try {
        await work()
      } catch (error) {
        this.machine.fault(`${what}: ${describeError(error)}`)
      }
      isOver = true
    }
    void run()
    await this.#until(`"${what}" ends`, () => isOver)
  }

  /** What the store knows of who waits for what. */
  async #describeLeft(last: Program): Promise<string> {
    let left = "the store does not say what is left"
    await this.#during("tells what is left", async () => {
      const { locks, sessions, runs } = await last.hf.inspect()
      const open = await last.hf.runs({ status: ["pending", "running", "interrupted"] })
      left = JSON.stringify({ locks, sessions, open: runs.open, runs: open }, null, 1)
    })
    return left
  }

  #describeBusy(): string {
    const busy = this.#programs
      .filter((program) => program.isAlive)
      .flatMap(({ doing }) => [...doing].map(([name, what]) => `${name} ${what}`))
    return busy.length === 0 ? "runs or watches were not settled" : `still at it are: ${busy.join("; ")}`
  }
}

/** Who watches does so to the end, and has nothing else to do. */
function isBusy(program: Program): boolean {
  return program.isAlive && [...program.doing.keys()].some((name) => !name.includes(".watch"))
}

type Kind = "lock" | "cell" | "run" | "transaction" | "shelf" | "brief"

function pick<T>(random: Prng, choices: readonly T[]): T {
  const choice = choices[random.nextBelow(choices.length)]
  if (choice === undefined) throw new Error("expected something to pick from, found nothing")
  return choice
}
