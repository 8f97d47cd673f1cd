/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with
 * Probabilistic Guarantees of Finding Bugs", 2010): every actor has a random priority, the highest goes first, and at
 * `depth - 1` random moments whoever would go next falls below everybody. A bug that `depth` ordered events cause is
 * found in each schedule of n actors and k events with a probability of at least 1 / (n * k ^ (depth - 1)), where evenly
 * drawn choices may need exponentially many.
 */
import type { Prng } from "../../env/prng.ts"
import type { Candidate, Chooser } from "./chooser.ts"

export function createPct(prng: Prng, depth: number): Chooser {
  const priorities = new Map<string, number>()
  let changes = new Set<number>()
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
  const highest = (candidates: readonly Candidate[]): number =>
    candidates.reduce(
      (best, candidate, index) => (priorityOf(candidate) > priorityOf(candidates[best] ?? candidate) ? index : best),
      0,
    )
  const start = (): void => {
    longest = Math.max(longest, events)
    events = 0
    priorities.clear()
    changes = new Set(Array.from({ length: depth - 1 }, () => prng.nextBelow(longest)))
  }
  start()
  return {
    choose(candidates) {
      if (candidates[0]?.kind === "value") return prng.nextBelow(candidates.length)
      // Drawn for all before anything is compared, so that who is asked first does not matter.
      for (const candidate of candidates) priorityOf(candidate)
      let chosen = highest(candidates)
      if (changes.delete(events)) {
        const lowered = candidates[chosen]
        if (lowered !== undefined) priorities.set(lowered.actor, changes.size)
        chosen = highest(candidates)
      }
      events += 1
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
