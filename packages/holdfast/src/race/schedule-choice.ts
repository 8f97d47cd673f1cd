/** Where the explorer's choices come from: every combination in turn, chance, or a recording. */
import type { Prng } from "../env/prng.ts"

/** Decides between alternatives, for one schedule after the other. */
export interface Chooser {
  /** The index of the alternative to take. There are at least two; the names say what they are. */
  choose(alternatives: readonly string[]): number
  /** Throws when the schedule that just ended made fewer choices than it had to. */
  checkEnded(): void
  /** Prepares for the next schedule; false when there is none left. */
  startNext(): boolean
}

/** A choice on the way from the root of the tree of schedules to the leaf that runs. */
interface Branch {
  readonly alternatives: readonly string[]
  taken: number
}

/**
 * Every combination once, depth first. The path of the last schedule is all the state there is: the next one repeats it
 * up to the last choice with an alternative left, and takes that.
 */
export function createBranches(): Chooser {
  const path: Branch[] = []
  let depth = 0
  return {
    choose(alternatives) {
      const branch = path[depth] ?? { alternatives, taken: 0 }
      if (depth === path.length) path.push(branch)
      else checkRepeated(branch.alternatives, alternatives)
      depth += 1
      return branch.taken
    },
    checkEnded() {
      if (depth < path.length) checkRepeated(path[depth]?.alternatives ?? [], ["the end of the scenario"])
    },
    startNext() {
      depth = 0
      for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
        last.taken += 1
        if (last.taken < last.alternatives.length) return true
        path.pop()
      }
      return false
    },
  }
}

/** Every choice drawn evenly. */
export function createRandomChooser(prng: Prng): Chooser {
  return {
    choose: (alternatives) => prng.nextBelow(alternatives.length),
    checkEnded: () => {},
    startNext: () => true,
  }
}

/** The choices of a recording; where it ends, the first alternative. */
export function createReplay(choices: readonly number[]): Chooser {
  let position = 0
  return {
    choose(alternatives) {
      const choice = choices[position] ?? 0
      position += 1
      if (Number.isInteger(choice) && choice >= 0 && choice < alternatives.length) return choice
      throw new Error(
        `the replay does not fit the scenario: choice ${position} is ${choice}, but the alternatives are ${alternatives.join(" | ")}`,
      )
    },
    checkEnded() {
      if (position >= choices.length) return
      throw new Error(
        `the replay does not fit the scenario: it has ${choices.length} choices, but the scenario ended after ${position}`,
      )
    },
    startNext: () => false,
  }
}

/** A scenario that depends on anything but its context makes the exploration meaningless, so it is refused. */
function checkRepeated(expected: readonly string[], found: readonly string[]): void {
  if (expected.length === found.length && expected.every((name, index) => name === found[index])) return
  throw new Error(
    `the scenario is not deterministic: the same choices led to ${expected.join(" | ")} before and to ${found.join(" | ")} now; it must build its world inside itself and use only its env`,
  )
}
