/** A few worlds, for planted bugs: enough that each of those shows. */
import { expect, it } from "vitest"
import { simulate } from "./simulation.ts"

const SEEDS_A_TEST = 4

it.each(Array.from({ length: 85 }, (_, index) => 1 + index * SEEDS_A_TEST))(
  "keeps every promise, seeds from %i (L1, L2, L3, L6, C3, C4, C5, O2, O9, O10, S3, S4, S5)",
  async (first) => {
    for (let seed = first; seed < first + SEEDS_A_TEST; seed += 1) {
      const { faults } = await simulate(seed)
      expect(faults, `replay it: npm run sim -- --seed ${String(seed)} --log sim.log`).toEqual([])
    }
  },
)
