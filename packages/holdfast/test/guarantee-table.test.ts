import { expect, it } from "vitest"
import { guaranteesOf, guaranteeTable, type TestResults } from "./guarantee-table.ts"
import { INVARIANTS } from "./invariants.ts"

type Said = readonly [suite: string, title: string, status: string]

function resultsOf(name: string, ...tests: readonly Said[]): TestResults {
  const assertionResults = tests.map(([suite, title, status]) => ({ ancestorTitles: [suite], title, status }))
  return { testResults: [{ name, assertionResults }] }
}

function verdictOf(id: string, ...results: readonly TestResults[]) {
  return guaranteesOf(results).find((guarantee) => guarantee.id === id)?.verdicts
}

const KERNEL = "packages/holdfast/src/kernel/lock-table.test.ts"
const SUITE = "packages/holdfast/test/conformance/any.test.ts"

it("has one row an invariant, whatever was tested", () => {
  const table = guaranteeTable(guaranteesOf([]))
  expect(table.split("\n").flatMap((line) => /^\| ([LCOS]\d+) /.exec(line)?.[1] ?? [])).toEqual(
    INVARIANTS.map(({ id }) => id),
  )
})

it("takes a promise to hold only where a test that cites it passed, and none failed", () => {
  const unproven = { "memory:": "NOT PROVEN", "file:": "NOT PROVEN" }
  expect(verdictOf("L1", resultsOf(KERNEL, ["locks", "queues (L2)", "passed"]))).toEqual(unproven)
  expect(verdictOf("L1", resultsOf(KERNEL, ["locks", "excludes (L1)", "skipped"]))).toEqual(unproven)
  expect(verdictOf("L2", resultsOf(KERNEL, ["locks", "many (L1-L3, C1)", "passed"]))).toEqual({
    "memory:": "holds",
    "file:": "NOT PROVEN",
  })
  const one = resultsOf(SUITE, ["the memory store", "excludes (L1)", "passed"])
  expect(verdictOf("L1", one)).toEqual({ "memory:": "holds", "file:": "NOT PROVEN" })
  const other = resultsOf(SUITE, ["the file, in two processes store", "excludes (L1)", "failed"])
  expect(verdictOf("L1", one, other)).toEqual({ "memory:": "holds", "file:": "BROKEN" })
})

it("says what only a durable store offers, and within which bound", () => {
  const own = resultsOf("packages/holdfast/src/stores/embedded/keeper/keeper.test.ts", [
    "damage",
    "is named (S2)",
    "passed",
  ])
  expect(verdictOf("S2", own)).toEqual({ "memory:": "not offered", "file:": "holds" })
  const model = resultsOf(SUITE, ["the model check of file, in two processes", "gives (O3)", "passed"])
  expect(verdictOf("O3", model)?.["file:"]).toMatch(/^within a bound: /)
})
