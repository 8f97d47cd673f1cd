/**
 * Runs seeds of the simulation: `npm run sim -- --seed N [--count M] [--jobs J] [--log FILE]`. A seed that fails prints
 * the command that replays it; with `--log`, every step is written down.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { simulate } from "./simulation.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1" },
    jobs: { type: "string", default: "1" },
    log: { type: "string" },
  },
})
const [seed, count, jobs] = [Number(values.seed), Number(values.count), Number(values.jobs)]
if (jobs > 1) await runJobs()
else await runSeeds()

/** Each job has a stretch of the seeds. */
async function runJobs(): Promise<void> {
  const share = Math.ceil(count / jobs)
  const ends = Array.from({ length: jobs }, async (_, job) => {
    const first = seed + job * share
    const args = ["--seed", String(first), "--count", String(Math.min(share, seed + count - first))]
    const child = fork(fileURLToPath(import.meta.url), args, { execArgv: process.execArgv })
    const [code] = (await once(child, "exit")) as [number | null] // As child processes report it.
    if (code !== 0) process.exitCode = 1
  })
  await Promise.all(ends)
}

async function runSeeds(): Promise<void> {
  const lines: string[] = []
  const note = values.log === undefined ? null : (line: string): unknown => lines.push(line)
  const failed: number[] = []
  const started = performance.now()
  for (let each = seed; each < seed + count; each += 1) {
    const { faults } = await simulate(each, note)
    if (faults.length === 0) continue
    failed.push(each)
    console.log(`${faults.join("\n")}\nreplay it: npm run sim -- --seed ${String(each)} --log sim.log\n`)
  }
  if (values.log !== undefined) writeFileSync(values.log, lines.map((line) => `${line}\n`).join(""))
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  console.log(
    `${String(count)} seeds from ${String(seed)} in ${seconds} s, failed: ${String(failed.length)} ${failed.join(", ")}`,
  )
  if (failed.length > 0) process.exitCode = 1
}
