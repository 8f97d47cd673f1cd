/** `npm run crash -- [--rounds N] [--seed N] [--only STRIKE]`: kills processes of a store round after round, and says what came of it. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runCrashRounds } from "./harness.ts"
import { describeReport, shortcomings } from "./verdict.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5000" },
    seed: { type: "string" },
    only: { type: "string", default: "" },
  },
})
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const rounds = Number(values.rounds)
const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"))
const say = (line: string): void => void process.stdout.write(`${line}\n`)

say(
  `seed ${String(seed)}: the same choices again with npm run crash -- --rounds ${String(rounds)} --seed ${String(seed)}`,
)
const dist = new URL("../../dist/", import.meta.url)
const report = await runCrashRounds({ dist, folder, seed, rounds, only: values.only, onProgress: say })
say(describeReport(report))
const short = shortcomings(report, rounds)
for (const line of short) say(line)
if (short.length === 0) rmSync(folder, { recursive: true })
else say(`the store is kept in ${folder}`)
process.exitCode = short.length === 0 ? 0 : 1
