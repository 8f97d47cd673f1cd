/**
 * Which promise holds in a store, read off the tests that prove it: the table DESIGN.md section 3 asks for. A promise
 * holds where a test that cites it passed and none failed; within a bound where the store says so; and is not offered
 * where every test that cites it was skipped.
 */
import type { RunnerTestSuite, RunnerTask } from "vitest"
import { INVARIANTS } from "../invariants.ts"
import type { StoreHarness } from "./store-harness.ts"

/** One line a kind of guarantee: the ids, with how many tests prove each. */
export function describeGuarantees(harness: StoreHarness, suite: Readonly<RunnerTestSuite>): string {
  const tests = testsOf(suite.tasks)
  const lines = new Map<string, string[]>()
  for (const { id } of INVARIANTS) {
    const states = tests.filter(({ name }) => citedIn(name).includes(id)).map((test) => test.result?.state ?? "skip")
    const passed = states.filter((state) => state === "pass").length
    const bound = harness.bounds[id]
    const entry = bound === undefined ? `${id}×${String(passed)}` : `${id}×${String(passed)} (${bound})`
    const verdict = verdictOf(states, bound !== undefined)
    lines.set(verdict, [...(lines.get(verdict) ?? []), verdict === "not offered" || passed === 0 ? id : entry])
  }
  const table = VERDICTS.flatMap((verdict) => {
    const ids = lines.get(verdict)
    return ids === undefined ? [] : [`  ${verdict.padEnd(12)}${ids.join(" ")}`]
  })
  return [`guarantees of the ${harness.name} store (invariant×tests that prove it)`, ...table].join("\n")
}

const VERDICTS = ["holds", "bounded", "not offered", "not here", "BROKEN"] as const

/** `not here`: proven above the port (O7, C5, O8's scopes) or only by a durable store's own tests (S2–S5). */
function verdictOf(states: readonly string[], isBounded: boolean): (typeof VERDICTS)[number] {
  if (states.includes("fail")) return "BROKEN"
  if (states.includes("pass")) return isBounded ? "bounded" : "holds"
  return states.length > 0 ? "not offered" : "not here"
}

function testsOf(tasks: readonly RunnerTask[]): RunnerTask[] {
  return tasks.flatMap((task) => (task.type === "suite" ? testsOf(task.tasks) : [task]))
}

/** The ids in the parenthesis a title ends with. */
function citedIn(title: string): readonly string[] {
  return /\(([LCOS]\d+(?:, [LCOS]\d+)*)\)$/.exec(title)?.[1]?.split(", ") ?? []
}
