/**
 * Plants each bug of the catalog in turn, runs the suites that must notice, and prints who did. A suite that cannot fail
 * proves nothing: a mutant that survives fails this command.
 *
 * `npm run mutants` runs them all; `npm run mutants -- ID …` runs some.
 */
import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { INVARIANTS } from "../../packages/holdfast/test/invariants.ts"
import { MUTANTS } from "./catalog.ts"
import { type Mutant, MUTANT_VARIABLE, plant } from "./mutant.ts"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))
const PACKAGE = `${ROOT}packages/holdfast/`

/** As many as the smallest machine this runs on has cores. */
const PARALLEL = 2

/** A planted bug may hang its test; the suite's own bound would make this command slow. */
const TEST_BOUND_MS = 10_000

interface Verdict {
  readonly mutant: Mutant
  readonly isCaught: boolean
  /** The first test that failed, or what happened instead. */
  readonly by: string
}

const wanted = process.argv.slice(2)
const chosen = wanted.length === 0 ? MUTANTS : MUTANTS.filter((mutant) => wanted.includes(mutant.id))
for (const mutant of chosen) plant(mutant, readFileSync(`${PACKAGE}src/${mutant.file}`, "utf8"))

const verdicts = await runAll(chosen)
for (const { mutant, isCaught, by } of verdicts) {
  console.log(`${isCaught ? "caught  " : "SURVIVED"} ${mutant.id} (${mutant.invariants.join(", ")}): ${by}`)
}
const caught = verdicts.filter((verdict) => verdict.isCaught).length
console.log(`\nmutants caught: ${String(caught)} of ${String(verdicts.length)}\n`)
if (wanted.length === 0) printInvariants()
if (caught < verdicts.length) process.exitCode = 1

async function runAll(mutants: readonly Mutant[]): Promise<Verdict[]> {
  const results: Verdict[] = []
  const queue = mutants.entries()
  async function runSome(): Promise<void> {
    for (const [index, mutant] of queue) results[index] = await run(mutant)
  }
  await Promise.all(Array.from({ length: PARALLEL }, runSome))
  return results
}

async function run(mutant: Mutant): Promise<Verdict> {
  const report = `${ROOT}.cache/mutants/${mutant.id}.json`
  rmSync(report, { force: true })
  const bound = `--testTimeout=${String(TEST_BOUND_MS)}`
  const args = ["vitest", "run", ...mutant.suites, "--bail=1", "--reporter=json", `--outputFile=${report}`, bound]
  const env = { ...process.env, [MUTANT_VARIABLE]: mutant.id }
  const child = spawn("npx", args, { cwd: ROOT, env, stdio: "ignore" })
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve))
  const failed = firstFailure(report)
  if (status !== 0 && failed !== undefined) return { mutant, isCaught: true, by: failed }
  return { mutant, isCaught: false, by: status === 0 ? "every test passed" : "the run broke before any test failed" }
}

/** The name of the first failed test in vitest's JSON report. */
function firstFailure(path: string): string | undefined {
  if (!existsSync(path)) return undefined
  // Written by vitest; a wrong shape fails here and is seen.
  const report = JSON.parse(readFileSync(path, "utf8")) as {
    readonly testResults: readonly { readonly assertionResults: readonly { status: string; fullName: string }[] }[]
  }
  for (const file of report.testResults) {
    const failed = file.assertionResults.find((result) => result.status === "failed")
    if (failed !== undefined) return failed.fullName
  }
  return undefined
}

/** For each invariant: how many assertions cite it, how many tests name it, which mutants break it. */
function printInvariants(): void {
  const sources = readAll(`${PACKAGE}src/`, (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
  const tests = [...readAll(`${PACKAGE}src/`, isTest), ...readAll(`${PACKAGE}test/`, isTest)]
  console.log("| invariant | assertions | tests that name it | mutants |")
  console.log("| --- | ---: | ---: | --- |")
  for (const { id, durableOnly } of INVARIANTS) {
    const assertions = count(sources, new RegExp(`"${id}",`, "g"))
    const named = count(tests, new RegExp(`\\b${id}\\b`, "g"))
    const planted = MUTANTS.filter((mutant) => mutant.invariants.includes(id)).map((mutant) => mutant.id)
    const row = durableOnly === null ? planted.join(", ") : `only a durable store can break it: ${durableOnly}`
    console.log(`| ${id} | ${String(assertions)} | ${String(named)} | ${row} |`)
  }
}

function isTest(name: string): boolean {
  return name.endsWith(".test.ts") || name.endsWith("-conformance.ts")
}

function readAll(folder: string, isWanted: (name: string) => boolean): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isWanted(entry.name))
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, "utf8"))
}

function count(texts: readonly string[], pattern: RegExp): number {
  return texts.reduce((sum, text) => sum + [...text.matchAll(pattern)].length, 0)
}
