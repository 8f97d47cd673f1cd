/**
 * Runs an asynchronous program in every order its events can take, or in many random ones, and reports the shortest order
 * found in which it fails, so that it can be run again exactly.
 *
 * The program (the scenario) runs as actors. What an actor does happens in steps: every call of a Holdfast session that
 * {@link ScenarioContext.open} gave it, of an object that was wrapped, and whatever `step` names. One event happens at a
 * time, time is virtual, and crashes are events like others. The exploration is stateless (Godefroid, "Model Checking for
 * Programming Languages using VeriSoft", 1997): each schedule runs the scenario from its beginning, so a scenario must
 * build its world inside itself and depend on nothing but its context.
 *
 * What a scenario may wait for: its steps, timers of its env, and promises those resolve. Real timers, and input and
 * output outside of steps, are invisible here and look like a hang.
 */
import { createPrng } from "../env/prng.ts"
import { type Chooser, ScenarioError } from "./choices/chooser.ts"
import { createEveryOrder } from "./choices/every-order.ts"
import { createPct } from "./choices/pct.ts"
import { createRandomOrder } from "./choices/random.ts"
import { createReducedOrder } from "./choices/reduced.ts"
import { createReplay } from "./choices/replay.ts"
import { checkExploration } from "./explore-options.ts"
import { replaceGlobals } from "./globals.ts"
import { Schedule, type ScheduleEnd, type ScheduleOptions } from "./schedule.ts"
import { isAlike, shrink } from "./shrink.ts"
import type { TraceEntry } from "./trace.ts"
import { createWorld, type ScenarioContext } from "./world.ts"

/** A program to explore. It fails by throwing; it is over when its promise settles, whatever is still parked. */
export type Scenario = (context: ScenarioContext) => Promise<void>

/** How to explore, and how far. */
export interface ExploreOptions {
  /**
   * `exhaustive`: every order, depth first. `pct`: random priorities with a few changes, which finds a race of few ordered
   * events soon in however long a scenario. `random`: evenly drawn choices. Default exhaustive.
   */
  readonly strategy?: "exhaustive" | "pct" | "random"
  /** Determines the env of every schedule and, for `pct` and `random`, the orders. Default 1. */
  readonly seed?: number
  /** How many schedules to run at most, those included that were cut off as redundant. Default 10,000. */
  readonly maxSchedules?: number
  /**
   * What the code between steps shares. `anything`, the default: every two events may matter to each other. `declared`:
   * only what steps declare and what is tracked (variables, sessions, wrapped objects); then `exhaustive` runs of all
   * orders that nobody can tell apart few more than one.
   */
  readonly shares?: "anything" | "declared"
  /**
   * Runs only schedules in which actors are put aside at most so often while they could go on; for `exhaustive`. Faults
   * do not count: being killed or frozen is not being put aside.
   */
  readonly maxPreemptions?: number
  /** How many ordered events the race takes that `pct` looks for. Default 3. */
  readonly depth?: number
  /** How many steps and timers one schedule may take before it counts as never ending. Default 10,000. */
  readonly maxSteps?: number
  /** Whether the next timer may fire while steps are parked. Default false: time passes only when nobody can step. */
  readonly timersAreSteps?: boolean
  /**
   * What the global `setTimeout`, `setInterval`, `setImmediate`, `Date`, `performance.now` and `Math.random` are while a
   * schedule runs. `simulated`: those of its env, for programs and packages that take none; such explorations run one at a
   * time. Default real.
   */
  readonly globals?: "real" | "simulated"
  /** How many faults of the actors that may have any befall one schedule. Default 1. */
  readonly maxFaults?: number
  /** Whether a failure is made as short as possible. Default true. */
  readonly shrinks?: boolean
  /**
   * Runs the one schedule these choices describe, as a failure reported them. `seed`, `timersAreSteps`, `maxFaults` and
   * `maxSteps` must be the same.
   */
  readonly replay?: readonly number[]
}

/** A schedule in which the scenario failed. */
export interface ScheduleFailure {
  /** Which alternative was taken wherever there were several: pass it as `replay`. */
  readonly choices: readonly number[]
  /** Everything that was scheduled, in order. */
  readonly trace: readonly TraceEntry[]
  readonly seed: number
  /** How often an actor was put aside while it could have gone on. */
  readonly preemptions: number
  /** What the scenario or a timer threw, or an Error that says how it hung. */
  readonly error: unknown
}

/** What exploring found. */
export interface Exploration {
  /** How many schedules ran to their end, the failing one included. */
  readonly schedules: number
  /** How many more were cut off because they could only repeat what was seen. */
  readonly redundant: number
  /** True when every schedule there is, within the bounds, has run or equals one that has. */
  readonly exhausted: boolean
  readonly failure: ScheduleFailure | null
}

/**
 * Explores until a schedule fails, all have run, or `maxSchedules` is reached.
 *
 * @throws HoldfastError ARGUMENT_INVALID when an option is outside its range
 */
export async function explore(scenario: Scenario, options: ExploreOptions = {}): Promise<Exploration> {
  checkExploration(scenario, options)
  const { seed = 1, maxSchedules = 10_000, replay, shrinks = true } = options
  const limits: AttemptOptions = {
    seed,
    maxSteps: options.maxSteps ?? 10_000,
    timersAreSteps: options.timersAreSteps ?? false,
    maxFaults: options.maxFaults ?? 1,
    isDeclared: options.shares === "declared",
    isRecording: false,
    replacesGlobals: options.globals === "simulated",
  }
  const runOnce = async (chooser: Chooser): Promise<Attempt> => await attempt(scenario, chooser, limits)
  if (replay !== undefined) {
    const { failure } = await attempt(scenario, createReplay(replay), { ...limits, isRecording: true })
    return { schedules: 1, redundant: 0, exhausted: false, failure }
  }
  const chooser = createChooser(options, seed)
  let schedules = 0
  let redundant = 0
  while (schedules + redundant < maxSchedules) {
    const { end, failure } = await runOnce(chooser)
    if (end === "redundant") redundant += 1
    else schedules += 1
    if (failure !== null) {
      const shortest = shrinks ? await shrink(failure, runOnce) : failure
      return { schedules, redundant, exhausted: false, failure: await record(scenario, shortest, limits) }
    }
    if (!chooser.startNext()) return { schedules, redundant, exhausted: true, failure: null }
  }
  return { schedules, redundant, exhausted: false, failure: null }
}

/** One schedule and how it ended. */
export interface Attempt {
  readonly end: ScheduleEnd["kind"]
  /** How many events it had. */
  readonly events: number
  readonly failure: ScheduleFailure | null
}

interface AttemptOptions extends ScheduleOptions {
  readonly replacesGlobals: boolean
}

async function attempt(scenario: Scenario, chooser: Chooser, limits: AttemptOptions): Promise<Attempt> {
  const schedule = new Schedule(chooser, limits)
  const world = createWorld(schedule)
  const restoreGlobals = limits.replacesGlobals ? replaceGlobals(schedule.env) : null
  let end: ScheduleEnd
  try {
    end = await schedule.run(async () => {
      await scenario(world)
    })
  } finally {
    restoreGlobals?.()
  }
  const { choices, trace, preemptions } = schedule
  const events = trace.length
  if (end.kind !== "failed") return { end: end.kind, events, failure: null }
  return { end: "failed", events, failure: { choices, trace, seed: limits.seed, preemptions, error: end.error } }
}

/** Runs a failing schedule once more, with all that a timeline shows. */
async function record(scenario: Scenario, failure: ScheduleFailure, limits: AttemptOptions): Promise<ScheduleFailure> {
  // What cannot be explored may not fail again.
  if (failure.error instanceof ScenarioError) return failure
  const again = await attempt(scenario, createReplay(failure.choices), { ...limits, isRecording: true })
  if (again.failure !== null && isAlike(again.failure.error, failure.error)) return again.failure
  const found = again.failure === null ? "passed" : `failed with ${String(again.failure.error)}`
  const error = new ScenarioError(
    `the scenario is not deterministic: a schedule failed with ${String(failure.error)}, but ${found} when it ran again; it must build its world inside itself and use only its env`,
    { cause: failure.error },
  )
  return { ...failure, error }
}

function createChooser({ strategy, shares, maxPreemptions, depth = 3 }: ExploreOptions, seed: number): Chooser {
  if (strategy === "random") return createRandomOrder(createPrng(seed))
  if (strategy === "pct") return createPct(createPrng(seed), depth)
  // A bound and the reduction do not go together: the one order that stands for many may be beyond the bound.
  if (shares === "declared" && maxPreemptions === undefined) return createReducedOrder()
  return createEveryOrder(maxPreemptions)
}
