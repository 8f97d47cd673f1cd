/** Worlds of the simulation, each made of one seed; see `npm run sim` for as many more as there is time for. */
import { randomInt } from "node:crypto"
import { describe, expect, it } from "vitest"
import { simulate } from "./simulation.ts"

/** Those before are in few-seeds.test.ts. */
const FIRST_SEED = 341
const SEEDS_A_TEST = 20

describe("a world in which anything dies, freezes, breaks and fills up at any moment", () => {
  const firsts = Array.from({ length: 83 }, (_, index) => FIRST_SEED + index * SEEDS_A_TEST)
  const fresh = randomInt(2 ** 40)
  const parts = Array.from({ length: 25 }, (_, index) => index)

  async function expectKept(first: number): Promise<void> {
    for (let seed = first; seed < first + SEEDS_A_TEST; seed += 1) {
      const { faults } = await simulate(seed)
      expect(faults, `replay it: npm run sim -- --seed ${String(seed)} --log sim.log`).toEqual([])
    }
  }

  it.each(firsts)(
    "keeps every promise, seeds from %i (L1, L2, L3, L4, L6, L8, C1, C2, C3, C4, C5, O2, O3, O4, O6, O9, O10, S3, S4, S5)",
    expectKept,
  )

  it.each(parts)(
    "keeps every promise where nobody has been, part %i (L1, L2, L3, C2, C3, C4, C5, O2, O3, O4, O9, O10, S3, S4, S5)",
    async (part) => {
      await expectKept(fresh + part * SEEDS_A_TEST)
    },
  )

  it("does the same for the same seed, step by step, and something else for another", async () => {
    const logs: string[] = []
    for (const seed of [7, 7, 8]) {
      const lines: string[] = []
      await simulate(seed, (line) => lines.push(line))
      logs.push(lines.join("\n"))
    }
    expect(logs[0]?.length).toBeGreaterThan(1_000)
    expect(logs[1]).toBe(logs[0])
    expect(logs[2]).not.toBe(logs[0])
  })
})
