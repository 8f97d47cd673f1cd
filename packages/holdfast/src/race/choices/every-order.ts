/**
 * Every order once, depth first; with a bound on preemptions, every order that has no more of them (Musuvathi and Qadeer,
 * "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", 2007): most races need one or two.
 */
import { type Candidate, checkCandidates, checkRepeated, type Chooser, nameOf } from "./chooser.ts"

/** A choice on the way from the root of the tree of schedules to the leaf that runs. */
interface Branch {
  readonly candidates: readonly Candidate[]
  /** Which of the candidates the bound admits. */
  readonly admitted: readonly number[]
  /** Preemptions up to here. */
  readonly spent: number
  readonly goesOn: boolean
  /** A position among the admitted ones. */
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
      const branch = path[depth - 1]
      return branch?.admitted[branch.taken] ?? 0
    },
    observe: () => {},
    checkEnded() {
      if (depth < path.length) checkRepeated(path[depth]?.candidates.map(nameOf) ?? [], ["the end of the scenario"])
    },
    startNext() {
      depth = 0
      for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
        last.taken += 1
        if (last.taken < last.admitted.length) return true
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
  const spent = before === undefined ? 0 : before.spent + costOf(before)
  const isSpent = goesOn && spent >= maxPreemptions
  const admitted: number[] = []
  for (const [index, { kind }] of candidates.entries()) {
    if (!isSpent || index === 0 || kind === "fault") admitted.push(index)
  }
  return { candidates, admitted, spent, goesOn, taken: 0 }
}

/** A fault puts nobody aside: how many of them there are has a bound of its own. */
function costOf({ candidates, admitted, goesOn, taken }: Branch): number {
  return goesOn && taken > 0 && candidates[admitted[taken] ?? 0]?.kind !== "fault" ? 1 : 0
}
