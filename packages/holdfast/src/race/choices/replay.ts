/** The choices of a recording; where it ends, the first candidate. */
import { type Chooser, nameOf, ScenarioError } from "./chooser.ts"

/** Replays exactly; with `isLenient`, a choice that does not exist is the first, as shrinking needs it. */
export function createReplay(choices: readonly number[], isLenient: boolean = false): Chooser {
  let position = 0
  return {
    choose(candidates) {
      // Only real choices are recorded.
      if (candidates.length === 1) return 0
      const choice = choices[position] ?? 0
      position += 1
      if (Number.isInteger(choice) && choice >= 0 && choice < candidates.length) return choice
      if (isLenient) return 0
      throw new ScenarioError(
        `the replay does not fit the scenario: choice ${position} is ${choice}, but the alternatives are ${candidates.map(nameOf).join(" | ")}`,
      )
    },
    observe: () => {},
    checkEnded() {
      if (isLenient || position >= choices.length) return
      throw new ScenarioError(
        `the replay does not fit the scenario: it has ${choices.length} choices, but the scenario ended after ${position}`,
      )
    },
    startNext: () => false,
  }
}
