/**
 * Runs suites for `main.ts`, in a process of its own, as often as told: starting a test runner takes longer than most
 * suites do. Each message names suites and the bug to run them with; the answer says how that went.
 */
import { fileURLToPath } from "node:url"
import { createVitest, type TestCase, type Vitest } from "vitest/node"
import { MUTANTS } from "./catalog.ts"
import { MUTANT_VARIABLE } from "./mutant.ts"

/** What to run: test files, relative to packages/holdfast, and the mutant they are to meet, null for none. */
export interface SuiteOrder {
  readonly mutant: string | null
  readonly suites: readonly string[]
}

/** How a run of suites went. */
export type SuiteRun =
  | { readonly kind: "passed" }
  /** A test failed: the first one, with what it said. */
  | { readonly kind: "failed"; readonly test: string; readonly message: string }
  /** No test failed, but the suites did not run to their end either. */
  | { readonly kind: "broken"; readonly why: string }

/** A planted bug may hang its test; the suite's own bound would make this slow. */
const TEST_BOUND_MS = 10_000

const PACKAGE = fileURLToPath(new URL("../../packages/holdfast/", import.meta.url))

let failed: TestCase | null = null

const vitest = await createVitest("test", {
  watch: false,
  // In threads, so that ending this process ends a test that never does.
  pool: "threads",
  maxWorkers: 1,
  testTimeout: TEST_BOUND_MS,
  reporters: [{ onTestCaseResult: notice }],
})
await vitest.standalone()
process.on("message", (order: SuiteOrder) => void answer(order))
process.on("disconnect", () => process.exit(0))
process.send?.("ready")

async function answer(order: SuiteOrder): Promise<void> {
  let run: SuiteRun
  try {
    run = await runSuites(vitest, order)
  } catch (error) {
    run = { kind: "broken", why: String(error) }
  }
  process.send?.(run)
}

/** The first failure decides; what would still run says nothing new. */
function notice(test: TestCase): void {
  if (test.result().state !== "failed") return
  failed ??= test
  void vitest.cancelCurrentRun("test-failure")
}

async function runSuites(runner: Vitest, { mutant, suites }: SuiteOrder): Promise<SuiteRun> {
  const file = MUTANTS.find((each) => each.id === mutant)?.file
  const changed = file === undefined ? null : `${PACKAGE}src/${file}`
  if (mutant !== null) process.env[MUTANT_VARIABLE] = mutant
  if (changed !== null) runner.invalidateFile(changed)
  failed = null
  try {
    const files = await runner.globTestSpecifications(suites.map((suite) => `packages/holdfast/${suite}`))
    if (files.length < suites.length) return { kind: "broken", why: `only ${String(files.length)} suites were found` }
    const { testModules, unhandledErrors } = await runner.runTestSpecifications(files)
    const found = failed as TestCase | null // Set by the reporter meanwhile.
    if (found !== null) {
      const message = found.result().errors?.[0]?.message ?? "it failed without an error"
      return { kind: "failed", test: found.fullName, message }
    }
    for (const module of testModules) {
      const [error] = module.errors()
      if (error !== undefined) return { kind: "broken", why: `${module.relativeModuleId}: ${error.message}` }
    }
    if (unhandledErrors.length > 0)
      return { kind: "broken", why: `an error nobody handled: ${String(unhandledErrors[0])}` }
    return { kind: "passed" }
  } finally {
    Reflect.deleteProperty(process.env, MUTANT_VARIABLE)
    if (changed !== null) runner.invalidateFile(changed)
  }
}
