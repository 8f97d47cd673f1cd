/** Every choice drawn evenly. Orders of many steps are far from evenly likely, and each is possible. */
import type { Prng } from "../../env/prng.ts"
import type { Chooser } from "./chooser.ts"

export function createRandomOrder(prng: Prng): Chooser {
  return {
    choose: (candidates) => (candidates.length === 1 ? 0 : prng.nextBelow(candidates.length)),
    observe: () => {},
    checkEnded: () => {},
    startNext: () => true,
  }
}
