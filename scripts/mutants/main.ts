/**
 * Plants each bug of the catalog in turn, runs the suites that must notice, and prints who did. A suite that cannot fail
 * proves nothing: a mutant that survives fails this command. So does a suite that fails without any bug, which would
 * seem to catch everything.
 *
 * `npm run mutants` runs them all; `npm run mutants -- ID …` runs some, and a folder such as `race/` those of its files.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { INVARIANTS } from "../../packages/holdfast/test/invariants.ts"
import { MUTANTS } from "./catalog.ts"
import { printInvariants } from "./invariant-table.ts"
import { type Mutant, plant } from "./mutant.ts"
import type { SuiteRun } from "./run-suites.ts"
import { Runner } from "./runner.ts"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))
const PACKAGE = `${ROOT}packages/holdfast/`

/** As many as the smallest machine this runs on has cores. */
const PARALLEL = 2

const wanted = process.argv.slice(2)
const chosen = wanted.length === 0 ? MUTANTS : MUTANTS.filter((mutant) => wanted.some((each) => isMeant(mutant, each)))
const faults = findFaults()
if (faults.length > 0) {
  for (const fault of faults) console.error(fault)
  process.exit(1)
}

const runners = Array.from({ length: PARALLEL }, () => new Runner(ROOT))
const [first = new Runner(ROOT)] = runners
const sound = await first.run({ mutant: null, suites: [...new Set(chosen.flatMap((mutant) => mutant.suites))] })
let caught = 0
if (sound.kind === "passed") {
  await runAll(chosen)
  console.log(`\nmutants caught: ${String(caught)} of ${String(chosen.length)}\n`)
  if (wanted.length === 0) printInvariants(PACKAGE, MUTANTS)
} else {
  console.error(`without any mutant, the suites must pass: ${describe(sound)}`)
}
for (const runner of runners) runner.stop()
if (caught < chosen.length) process.exitCode = 1

/** Whether an argument, an id or a folder that ends with a slash, means this mutant. */
function isMeant(mutant: Mutant, wantedName: string): boolean {
  return mutant.id === wantedName || (wantedName.endsWith("/") && mutant.file.startsWith(wantedName))
}

/** What is wrong with the catalog itself, or with what was asked for. */
function findFaults(): string[] {
  const found = wanted
    .filter((each) => !MUTANTS.some((mutant) => isMeant(mutant, each)))
    .map((each) => `there is no mutant "${each}", nor one in a folder of that name`)
  const known = new Set(INVARIANTS.map((invariant) => invariant.id))
  const ids = new Set<string>()
  for (const mutant of chosen) {
    if (ids.has(mutant.id)) found.push(`mutant ${mutant.id}: there are two of this id`)
    ids.add(mutant.id)
    for (const id of mutant.invariants) if (!known.has(id)) found.push(`mutant ${mutant.id}: ${id} is no invariant`)
    try {
      plant(mutant, readFileSync(`${PACKAGE}src/${mutant.file}`, "utf8"))
    } catch (error) {
      found.push(error instanceof Error ? error.message : String(error))
    }
  }
  return found
}

async function runAll(mutants: readonly Mutant[]): Promise<void> {
  const queue = mutants.values()
  async function runSome(runner: Runner): Promise<void> {
    for (const mutant of queue) {
      const run = await runner.run({ mutant: mutant.id, suites: mutant.suites })
      if (run.kind === "failed") caught += 1
      const verdict = run.kind === "failed" ? "caught  " : "SURVIVED"
      console.log(`${verdict} ${mutant.id} (${mutant.invariants.join(", ")}): ${describe(run)}`)
    }
  }
  await Promise.all(runners.map(runSome))
}

function describe(run: SuiteRun): string {
  switch (run.kind) {
    case "passed":
      return "every test passed"
    case "failed":
      return `${run.test}\n${" ".repeat(11)}${(run.message.split("\n")[0] ?? "").slice(0, 120)}`
    case "broken":
      return `no test failed, but the run broke: ${run.why}`
  }
}
