/**
 * Makes a failing schedule as short as it gets: fewest preemptions first, then fewest events. Since the first candidate of
 * every choice goes on with whoever ran, a choice made 0 is a preemption less and the rest of the recording is tried
 * along what it leads to; a choice left out lets what comes later, such as a crash, come earlier. Then all schedules with
 * fewer preemptions are searched for as far as the budget goes.
 */
import { type Chooser, ScenarioError } from "./choices/chooser.ts"
import { createEveryOrder } from "./choices/every-order.ts"
import { createReplay } from "./choices/replay.ts"
import type { Attempt, ScheduleFailure } from "./explore.ts"

/** How many schedules may run to make one shorter, and how many events in them. */
const MAX_SCHEDULES = 600
const MAX_EVENTS = 300_000

export async function shrink(
  failure: ScheduleFailure,
  runOnce: (chooser: Chooser) => Promise<Attempt>,
): Promise<ScheduleFailure> {
  // Such a failure is about the scenario as a whole, and not about a schedule.
  if (failure.error instanceof ScenarioError) return failure
  let left = MAX_SCHEDULES
  let leftEvents = MAX_EVENTS
  let best = failure
  const accept = ({ failure: found, events }: Attempt): boolean => {
    leftEvents -= events
    if (leftEvents <= 0) left = 0
    if (found === null || !isAlike(found.error, failure.error) || !isShorter(found, best)) return false
    best = found
    return true
  }
  for (let isBetter = true; isBetter && left > 0;) {
    isBetter = false
    for (let position = best.choices.length - 1; position >= 0 && left > 0; position--) {
      for (const shorter of simplerAt(best.choices, position)) {
        left -= 1
        if (!accept(await runOnce(createReplay(shorter, true)))) continue
        isBetter = true
        break
      }
    }
  }
  for (let bound = 0; bound < best.preemptions && left > 0; bound++) {
    const every = createEveryOrder(bound)
    do left -= 1
    while (!accept(await runOnce(every)) && left > 0 && every.startNext())
  }
  return best
}

/** The choices with the one at a position made 0, where it is not, and without it. */
function simplerAt(choices: readonly number[], position: number): readonly (readonly number[])[] {
  if (position >= choices.length) return []
  const leftOut = choices.toSpliced(position, 1)
  return choices[position] === 0 ? [leftOut] : [choices.with(position, 0), leftOut]
}

function sum(choices: readonly number[]): number {
  return choices.reduce((total, choice) => total + choice, 0)
}

function isShorter(one: ScheduleFailure, other: ScheduleFailure): boolean {
  return (
    (one.preemptions - other.preemptions ||
      one.trace.length - other.trace.length ||
      sum(one.choices) - sum(other.choices)) < 0
  )
}

/** The same kind of failure: another one would hide what was found. What it tells may differ, such as a sum. */
export function isAlike(one: unknown, other: unknown): boolean {
  if (!(one instanceof Error) || !(other instanceof Error)) return typeof one === typeof other
  return (
    one.constructor === other.constructor &&
    one.name === other.name &&
    codeOf(one) === codeOf(other) &&
    originOf(one) === originOf(other)
  )
}

function codeOf(error: Error): unknown {
  return "code" in error ? error.code : undefined
}

/** Where it was thrown, in code of the user's own: two assertions of one scenario are two failures. */
function originOf({ stack = "" }: Error): string | undefined {
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line))
  return frames.find((frame) => !/node:|[\\/]node_modules[\\/]/.test(frame))?.trim()
}
