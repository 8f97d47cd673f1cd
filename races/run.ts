/** Runs races and says of each whether it is right: the broken program broken, the fixed one passed in every schedule. */
import { type Exploration, explore, type ScheduleFailure } from "holdfast/race"
import type { Explored, Race } from "./race.ts"

/** What became of a race. */
export interface Outcome {
  readonly race: Race
  readonly broken: Exploration
  readonly fixed: Exploration
  readonly tookMs: number
  /** What is not as it must be, or null. */
  readonly wrong: string | null
}

export async function runRace(race: Race): Promise<Outcome> {
  const startMs = performance.now()
  const broken = await run(race.broken)
  const fixed = await run(race.fixed)
  return { race, broken, fixed, tookMs: performance.now() - startMs, wrong: findWrong(broken, fixed) }
}

/** What is to be shown of a race: how its broken program breaks, and how the fixed one does where it should not. */
export function failuresOf({ race, broken, fixed }: Outcome): { title: string; failure: ScheduleFailure }[] {
  const name = `${String(race.number)}. ${race.title}`
  return [
    ...(broken.failure === null ? [] : [{ title: name, failure: broken.failure }]),
    ...(fixed.failure === null ? [] : [{ title: `${name}: the fixed program`, failure: fixed.failure }]),
  ]
}

async function run({ scenario, options }: Explored): Promise<Exploration> {
  return await explore(scenario, options)
}

function findWrong(broken: Exploration, fixed: Exploration): string | null {
  if (broken.failure === null) return `none of ${String(broken.schedules)} schedules broke the broken program`
  if (fixed.failure !== null) return `the fixed program broke in schedule ${String(fixed.schedules)}`
  if (!fixed.exhausted) return `the fixed program has more schedules than the ${String(fixed.schedules)} that ran`
  return null
}
