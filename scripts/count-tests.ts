/** Prints one line with how many tests passed, failed and were skipped, read from vitest's own JSON result. */
import { readFileSync } from "node:fs"

interface VitestResult {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error("expected the path of vitest's JSON result as the only argument")

// Written by vitest; a wrong shape prints NaN, which no reader takes for a pass.
const result = JSON.parse(readFileSync(file, "utf8")) as VitestResult

// A file that does not even load has no tests to count, but it is a failure all the same.
const unloaded = result.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
)
const failed = result.numFailedTests + unloaded.length
const skipped = result.numPendingTests + result.numTodoTests
console.log(`tests: ${result.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
