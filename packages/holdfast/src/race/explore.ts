/**
 * Runs an asynchronous program in every order its steps can take, or in many random ones, and reports the first order in
 * which it fails so that it can be run again exactly.
 *
 * The program (the scenario) marks its steps: `await step("a", "read")` parks actor a until the scheduler picks it. One
 * step is picked at a time, and before the next choice every promise settles, so what happens between two steps of an
 * actor is one indivisible piece, as it is between two awaits. Time is virtual. The exploration is stateless (Godefroid,
 * "Model Checking for Programming Languages using VeriSoft", 1997): each schedule runs the scenario from its beginning,
 * so a scenario must build its world inside itself and depend on nothing but its context.
 *
 * What a scenario may wait for: its steps, timers of its env, and promises those resolve. Real timers, I/O and
 * `setImmediate` are invisible here and look like a hang.
 */
import { createPrng } from "../env/prng.ts"
import { createSimulatedEnv, type SimulatedEnv } from "../env/simulated-env.ts"
import { nextTurn } from "../env/turn.ts"
import { createBranches, createRandomChooser, createReplay, type Chooser } from "./schedule-choice.ts"

/** What a scenario works with. */
export interface ScenarioContext {
  /** The world's time, timers, randomness and ids. The explorer drives its clock. */
  readonly env: SimulatedEnv
  /** Parks until the scheduler picks this step. The label is for the trace. */
  step(actor: string, label: string): Promise<void>
  /** Runs `body` as the actor, so that a hang can name the actors that did not finish. */
  actor<T>(name: string, body: () => Promise<T>): Promise<T>
}

/** A program to explore. It fails by throwing; it is over when its promise settles, whatever is still parked. */
export type Scenario = (context: ScenarioContext) => Promise<void>

/** How to explore, and how far. */
export interface ExploreOptions {
  /** `exhaustive`: every order, depth first. `random`: `maxSchedules` orders drawn from `seed`. Default exhaustive. */
  readonly strategy?: "exhaustive" | "random"
  /** Determines the env of every schedule and, for `random`, the orders. Default 1. */
  readonly seed?: number
  /** Default 10,000. */
  readonly maxSchedules?: number
  /** How many steps and timers one schedule may take before it counts as never ending. Default 10,000. */
  readonly maxSteps?: number
  /** Whether the next timer may fire while steps are parked. Default false: time passes only when nobody can step. */
  readonly timersAreSteps?: boolean
  /** Runs the one schedule these choices describe, as a failure reported them. The seed must be the same. */
  readonly replay?: readonly number[]
}

/** Something the scheduler did. */
export type TraceEntry =
  | { readonly kind: "step"; readonly actor: string; readonly label: string; readonly atMs: number }
  | { readonly kind: "timer"; readonly atMs: number }

/** A schedule in which the scenario failed. */
export interface ScheduleFailure {
  /** Which alternative was taken wherever there were several: pass it as `replay`. */
  readonly choices: readonly number[]
  /** Everything that was scheduled, in order. */
  readonly trace: readonly TraceEntry[]
  readonly seed: number
  /** What the scenario or a timer threw, or an Error that says how it hung. */
  readonly error: unknown
}

/** What exploring found. */
export interface Exploration {
  /** How many schedules ran, the failing one included. */
  readonly schedules: number
  /** True when every schedule there is has run. */
  readonly exhausted: boolean
  readonly failure: ScheduleFailure | null
}

/** Explores until a schedule fails, all have run, or `maxSchedules` is reached. */
export async function exploreSchedules(scenario: Scenario, options: ExploreOptions = {}): Promise<Exploration> {
  const { strategy = "exhaustive", seed = 1, maxSchedules = 10_000, replay } = options
  const limits = { seed, maxSteps: options.maxSteps ?? 10_000, timersAreSteps: options.timersAreSteps ?? false }
  if (replay !== undefined) {
    const failure = await new Schedule(scenario, createReplay(replay), limits).run()
    return { schedules: 1, exhausted: false, failure }
  }
  const chooser = strategy === "random" ? createRandomChooser(createPrng(seed)) : createBranches()
  for (let schedules = 1; schedules <= maxSchedules; schedules++) {
    const failure = await new Schedule(scenario, chooser, limits).run()
    if (failure !== null) return { schedules, exhausted: false, failure }
    if (!chooser.startNext()) return { schedules, exhausted: true, failure: null }
  }
  return { schedules: maxSchedules, exhausted: false, failure: null }
}

/** Renders a failure for a test's message: the error, the schedule, and how to run it again. */
export function describeFailure({ choices, trace, seed, error }: ScheduleFailure): string {
  const lines = trace.map((entry, index) => `  ${index + 1}. ${describeEntry(entry)}`)
  return [
    error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`,
    "in this schedule",
    ...lines,
    `replay it with { seed: ${seed}, replay: ${JSON.stringify(choices)} }`,
  ].join("\n")
}

function describeEntry(entry: TraceEntry): string {
  return entry.kind === "timer" ? `timer, at ${entry.atMs} ms` : `${entry.actor}: ${entry.label}`
}

interface ScheduleLimits {
  readonly seed: number
  readonly maxSteps: number
  readonly timersAreSteps: boolean
}

interface ParkedStep {
  readonly actor: string
  readonly label: string
  /** How a choice names it. */
  readonly name: string
  readonly resume: () => void
}

type Progress =
  { readonly kind: "running" } | { readonly kind: "finished" } | { readonly kind: "failed"; readonly error: unknown }

/** One run of the scenario. */
class Schedule {
  readonly #scenario: Scenario
  readonly #chooser: Chooser
  readonly #limits: ScheduleLimits
  readonly #env: SimulatedEnv
  readonly #choices: number[] = []
  readonly #trace: TraceEntry[] = []
  // In the order they parked, which the choices so far determine: the meaning of a choice depends on nothing else.
  readonly #parked: ParkedStep[] = []
  readonly #lastLabels = new Map<string, string>()
  readonly #running = new Set<{ readonly actor: string }>()
  // Actors that run in `actor`, which therefore says when they are done; of the others only the steps are known.
  readonly #tracked = new Set<string>()
  #progress: Progress = { kind: "running" }

  constructor(scenario: Scenario, chooser: Chooser, limits: ScheduleLimits) {
    this.#scenario = scenario
    this.#chooser = chooser
    this.#limits = limits
    this.#env = createSimulatedEnv({ seed: limits.seed })
  }

  async run(): Promise<ScheduleFailure | null> {
    this.#start()
    while (this.#progress.kind === "running") {
      await nextTurn()
      try {
        this.#goOn()
      } catch (error) {
        this.#fail(error)
      }
    }
    if (this.#progress.kind === "finished") return null
    return { choices: this.#choices, trace: this.#trace, seed: this.#limits.seed, error: this.#progress.error }
  }

  #goOn(): void {
    if (this.#progress.kind === "running") this.#takeNext()
    else if (this.#progress.kind === "finished") this.#chooser.checkEnded()
  }

  #start(): void {
    const context: ScenarioContext = {
      env: this.#env,
      step: (actor, label) => this.#park(actor, label),
      actor: (name, body) => this.#runActor(name, body),
    }
    startScenario(this.#scenario, context).then(
      () => (this.#progress = { kind: "finished" }),
      (error: unknown) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    this.#progress = { kind: "failed", error }
  }

  #park(actor: string, label: string): Promise<void> {
    return new Promise((resume) => this.#parked.push({ actor, label, name: `${actor}: ${label}`, resume }))
  }

  async #runActor<T>(name: string, body: () => Promise<T>): Promise<T> {
    const run = { actor: name }
    this.#tracked.add(name)
    this.#running.add(run)
    try {
      return await body()
    } finally {
      this.#running.delete(run)
    }
  }

  #takeNext(): void {
    const { maxSteps, timersAreSteps } = this.#limits
    if (this.#trace.length === maxSteps) {
      throw new Error(`expected the scenario to finish within ${maxSteps} steps; ${this.#describeOutstanding()}`)
    }
    const mayFire = this.#env.pendingTimerCount > 0 && (timersAreSteps || this.#parked.length === 0)
    const alternatives = this.#parked.map((step) => step.name)
    if (mayFire) alternatives.push("the next timer")
    if (alternatives.length === 0) {
      throw new Error(
        `the scenario hangs: it has not finished, but no step is parked and no timer is pending; ${this.#describeOutstanding()}`,
      )
    }
    const [step] = this.#parked.splice(this.#choose(alternatives), 1)
    if (step === undefined) this.#fireTimer()
    else this.#resume(step)
  }

  /** Only real choices are asked for and recorded, so that a replay is as short as it can be. */
  #choose(alternatives: readonly string[]): number {
    if (alternatives.length === 1) return 0
    const choice = this.#chooser.choose(alternatives)
    this.#choices.push(choice)
    return choice
  }

  #resume({ actor, label, resume }: ParkedStep): void {
    this.#trace.push({ kind: "step", actor, label, atMs: this.#env.clock.monotonic() })
    this.#lastLabels.set(actor, label)
    resume()
  }

  #fireTimer(): void {
    try {
      this.#env.fireNextTimer()
    } finally {
      // Also when the callback throws: it is then the entry that explains the failure.
      this.#trace.push({ kind: "timer", atMs: this.#env.clock.monotonic() })
    }
  }

  #describeOutstanding(): string {
    const running = [...this.#running].map(({ actor }) => this.#describeActor(actor))
    const untracked = [...this.#lastLabels.keys()].filter((actor) => !this.#tracked.has(actor))
    const maybeRunning = untracked.map((actor) => `${this.#describeActor(actor)} (it may have finished)`)
    const names = [...running, ...maybeRunning]
    return names.length === 0 ? "no actor ever parked" : `outstanding: ${names.join(", ")}`
  }

  #describeActor(actor: string): string {
    const label = this.#lastLabels.get(actor)
    return label === undefined ? `"${actor}" before its first step` : `"${actor}" after its step "${label}"`
  }
}

/** Turns a throw before the scenario's first await into a rejection. */
async function startScenario(scenario: Scenario, context: ScenarioContext): Promise<void> {
  await scenario(context)
}
