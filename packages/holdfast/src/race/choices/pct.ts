/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with
 * Probabilistic Guarantees of Finding Bugs", 2010): every actor has a random priority, the highest goes first, and at
 * `depth - 1` random moments whoever would go next falls below everybody. A bug that `depth` ordered events cause is
 * found in each schedule of n actors and k events with a probability of at least 1 / (n * k ^ (depth - 1)), where evenly
 * drawn choices may need exponentially many.
 *
 * What may happen at any time has no priority that means anything: the highest would always come first. So a fault has a
 * moment at which it happens, in half of the schedules one that never comes; and a timer that fires while others could
 * go on draws anew each time, or one that arms itself again would never let them.
 */
import type { Prng } from "../../env/prng.ts"
import type { Candidate, Chooser } from "./chooser.ts"

export function createPct(prng: Prng, depth: number): Chooser {
  const priorities = new Map<string, number>()
  let changes = new Map<number, number>()
  const faults = new Map<string, number>()
  let events = 0
  // How long schedules get is learned from those before: the moments of change must fall inside.
  let longest = 1
  const priorityOf = ({ actor }: Candidate): number => {
    const known = priorities.get(actor)
    if (known !== undefined) return known
    const drawn = depth + prng.nextUnit()
    priorities.set(actor, drawn)
    return drawn
  }
  const highest = (candidates: readonly Candidate[]): number => {
    let best = 0
    for (const [index, candidate] of candidates.entries()) {
      const leader = candidates[best] ?? candidate
      if (candidate.kind === "fault") continue
      if (leader.kind === "fault" || priorityOf(candidate) > priorityOf(leader)) best = index
    }
    return best
  }
  const isDue = ({ id, kind }: Candidate): boolean => {
    if (kind !== "fault") return false
    const moment = faults.get(id) ?? prng.nextBelow(2 * longest)
    faults.set(id, moment)
    return moment <= events
  }
  const start = (): void => {
    longest = Math.max(longest, events)
    events = 0
    priorities.clear()
    faults.clear()
    // Which of them leaves its actor lowest has nothing to do with which comes first.
    changes = new Map(Array.from({ length: depth - 1 }, (_, priority) => [prng.nextBelow(longest), priority]))
  }
  start()
  return {
    choose(candidates) {
      if (candidates[0]?.kind === "value") return prng.nextBelow(candidates.length)
      // Drawn for all before anything is compared, so that who is asked first does not matter.
      for (const candidate of candidates) if (candidate.kind !== "fault") priorityOf(candidate)
      const due = candidates.map(isDue).indexOf(true)
      let chosen = highest(candidates)
      const lowered = changes.get(events)
      const actor = candidates[chosen]?.actor
      if (lowered !== undefined && actor !== undefined) {
        priorities.set(actor, lowered)
        chosen = highest(candidates)
      }
      events += 1
      if (due >= 0) return due
      const taken = candidates[chosen]
      // Half the time below everybody.
      if (taken?.kind === "timer" && taken.isOptional)
        priorities.set(taken.actor, (depth + 1) * (2 * prng.nextUnit() - 1))
      return chosen
    },
    observe: () => {},
    checkEnded: () => {},
    startNext: () => {
      start()
      return true
    },
  }
}
