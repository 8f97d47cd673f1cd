/**
 * Every order once, depth first; with a bound on preemptions, every order that has no more of them (Musuvathi and Qadeer,
 * "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", 2007): most races need one or two.
 */
import { type Candidate, checkCandidates, checkRepeated, type Chooser, nameOf } from "./chooser.ts"

/** A choice on the way from the root of the tree of schedules to the leaf that runs. */
interface Branch {
  readonly candidates: readonly Candidate[]
  /** How many of the candidates, from the first, the bound admits. */
  readonly width: number
  /** Preemptions up to here when the first candidate is taken; any other adds `cost`. */
  readonly spent: number
  readonly cost: number
  taken: number
}

/**
 * The path of the last schedule is all the state there is: the next one repeats it up to the last choice with a candidate
 * left, and takes that.
 */
export function createEveryOrder(maxPreemptions: number = Infinity): Chooser {
  const path: Branch[] = []
  let depth = 0
  return {
    choose(candidates, goesOn) {
      const known = path[depth]
      if (known === undefined) path.push(branchOf(candidates, goesOn, path.at(-1), maxPreemptions))
      else checkCandidates(known.candidates, candidates)
      depth += 1
      return path[depth - 1]?.taken ?? 0
    },
    observe: () => {},
    checkEnded() {
      if (depth < path.length) checkRepeated(path[depth]?.candidates.map(nameOf) ?? [], ["the end of the scenario"])
    },
    startNext() {
      depth = 0
      for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
        last.taken += 1
        if (last.taken < last.width) return true
        path.pop()
      }
      return false
    },
  }
}

function branchOf(
  candidates: readonly Candidate[],
  goesOn: boolean,
  before: Branch | undefined,
  maxPreemptions: number,
): Branch {
  const spent = before === undefined ? 0 : before.spent + (before.taken === 0 ? 0 : before.cost)
  const width = goesOn && spent >= maxPreemptions ? 1 : candidates.length
  return { candidates, width, spent, cost: goesOn ? 1 : 0, taken: 0 }
}
