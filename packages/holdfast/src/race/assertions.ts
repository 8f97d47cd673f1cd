/** Assertions on explorations for any test framework, and the same as matchers for vitest, which this file does not need. */
import { type Exploration, explore, type ExploreOptions, type Scenario, type ScheduleFailure } from "./explore.ts"
import { describeFailure } from "./report/timeline.ts"

/** Thrown where a scenario failed in some schedule: its message is the timeline, and `cause` what the scenario threw. */
export class RaceError extends Error {
  override readonly name: string = "RaceError"
  readonly failure: ScheduleFailure

  constructor(failure: ScheduleFailure) {
    super(`a schedule broke the scenario\n\n${describeFailure(failure)}`, { cause: failure.error })
    this.failure = failure
  }
}

/**
 * Explores, and throws with the timeline if a schedule fails. What it answers says how many schedules ran and whether those
 * were all: a test that is to rest on every one must look at `exhausted`.
 *
 * @throws RaceError
 */
export async function expectNoRace(scenario: Scenario, options: ExploreOptions = {}): Promise<Exploration> {
  const exploration = await explore(scenario, options)
  if (exploration.failure !== null) throw new RaceError(exploration.failure)
  return exploration
}

/**
 * Explores, and throws unless a schedule fails: for the test that shows that a race is really found, before it is mended.
 *
 * @throws Error that says how many schedules ran
 */
export async function expectRace(scenario: Scenario, options: ExploreOptions = {}): Promise<ScheduleFailure> {
  const exploration = await explore(scenario, options)
  if (exploration.failure === null)
    throw new Error(`expected a schedule to break the scenario, but ${tellRun(exploration)}`)
  return exploration.failure
}

/** What a matcher answers, as vitest and jest take it. */
export interface RaceMatch {
  readonly pass: boolean
  readonly message: () => string
}

/**
 * Matchers for `expect.extend`. `toHoldInEverySchedule` passes when every schedule within the bounds has run and none failed;
 * `toBreak` when one failed, and with `expected` only where its message has it.
 */
export const raceMatchers: {
  readonly toHoldInEverySchedule: (scenario: Scenario, options?: ExploreOptions) => Promise<RaceMatch>
  readonly toBreak: (scenario: Scenario, expected?: string | RegExp, options?: ExploreOptions) => Promise<RaceMatch>
} = { toHoldInEverySchedule, toBreak }

/** The matchers as a test sees them: what `vitest`'s own `Matchers` is to be extended by. */
export interface RaceMatchers {
  /** Every schedule within the bounds runs, and none fails. Await it. */
  toHoldInEverySchedule(options?: ExploreOptions): Promise<void>
  /** Some schedule fails, with a message that has or matches `expected`. Await it. */
  toBreak(expected?: string | RegExp, options?: ExploreOptions): Promise<void>
}

async function toHoldInEverySchedule(scenario: Scenario, options: ExploreOptions = {}): Promise<RaceMatch> {
  const exploration = await explore(scenario, options)
  const { failure, exhausted } = exploration
  return {
    pass: failure === null && exhausted,
    message: () => {
      if (failure !== null) return `expected the scenario to hold in every schedule\n\n${describeFailure(failure)}`
      if (exhausted)
        return `expected the scenario to break, or not to run in every schedule, but ${tellRun(exploration)}`
      return `expected every schedule to run, but ${tellRun(exploration)}; raise maxSchedules, explore with strategy: "exhaustive", or make the scenario smaller`
    },
  }
}

async function toBreak(
  scenario: Scenario,
  expected: string | RegExp = "",
  options: ExploreOptions = {},
): Promise<RaceMatch> {
  const exploration = await explore(scenario, options)
  const { failure } = exploration
  if (failure === null) {
    return { pass: false, message: () => `expected a schedule to break the scenario, but ${tellRun(exploration)}` }
  }
  const thrown = failure.error instanceof Error ? failure.error.message : String(failure.error)
  return {
    pass: typeof expected === "string" ? thrown.includes(expected) : thrown.search(expected) >= 0,
    message: () =>
      `expected the scenario not to break, or to break with ${JSON.stringify(String(expected))}\n\n${describeFailure(failure)}`,
  }
}

function tellRun({ schedules, exhausted }: Exploration): string {
  return exhausted ? `all ${schedules} passed` : `${schedules} passed, and there are more`
}
