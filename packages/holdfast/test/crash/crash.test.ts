/**
 * Real processes killed and stopped at named points and at any moment, by the hundred here and by the thousand in
 * `npm run crash`; and bugs planted in the built package, each of which the harness must find.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { type CrashReport, runCrashRounds } from "./harness.ts"
import { PLANTED_BUGS, plantBug } from "./planted.ts"
import { describeReport, shortcomings } from "./verdict.ts"

const ROUNDS = 300
const SEED = 1
const BOUND_MS = 30 * 60_000

/** A planted bug shows within so many rounds, most within ten, or the harness is blind to it. The first that shows ends them. */
const ROUNDS_TO_FIND = 300

async function play(options: { dist: URL; rounds: number; only: string }): Promise<CrashReport> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return await runCrashRounds({ ...options, folder, seed: SEED, onProgress: () => {} })
}

describe("processes that are killed and stopped", () => {
  it(
    "lose nothing, do nothing twice and leave nobody waiting (L1, L2, L6, L8, C1, C5, O1, O2, O5, O6, O10, S3, S4)",
    async () => {
      const report = await play({ dist: new URL("../../dist/", import.meta.url), rounds: ROUNDS, only: "" })
      process.stdout.write(`${describeReport(report)}\n`)
      expect(shortcomings(report, ROUNDS)).toEqual([])
    },
    BOUND_MS,
  )
})

describe("the crash harness", () => {
  it.each(PLANTED_BUGS)(
    "finds $id",
    async (bug) => {
      const { dist, folder } = plantBug(bug)
      onTestFinished(() => {
        rmSync(folder, { recursive: true })
      })
      const { accusations } = await play({ dist, rounds: ROUNDS_TO_FIND, only: bug.only })
      const found = accusations.filter(
        (each) => bug.faults.some((fault) => each.includes(fault)) && bug.words.test(each),
      )
      // What else it was accused of says why, where it was not found.
      expect(found.length > 0 ? [] : ["not found", ...accusations]).toEqual([])
    },
    BOUND_MS,
  )
})
