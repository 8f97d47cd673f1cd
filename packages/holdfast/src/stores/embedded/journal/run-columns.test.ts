import fc from "fast-check"
import { expect, it } from "vitest"
import type { Identity, Token } from "../../../kernel/index.ts"
import type { RunRow } from "../../../kernel/state.ts"
import { columnsOfRun, expiryOf, RUN_COLUMNS, runOfColumns } from "./run-columns.ts"

/** Encoded values: no bytes that are a number's own encoding, which always travels as itself. */
const bytes = fc.uint8Array().filter((each) => each.length !== 9 || each[0] !== 0xfb)
const value = fc.oneof(fc.double(), bytes)
const time = fc.double({ noNaN: true }).map((ms) => ms + 0)
const count = fc.nat()
const text = fc.string({ unit: "binary" })

const anyRun: fc.Arbitrary<RunRow> = fc.record({
  identity: fc.string().map((identity) => identity as Identity),
  generation: count.map((generation) => generation as Token),
  operation: fc.string(),
  version: count,
  args: value,
  key: fc.option(fc.string()),
  effects: fc.constantFrom("pure", "idempotent", "once"),
  retry: fc.record({ maxAttempts: fc.constantFrom(1, 3, Infinity), initialMs: time, factor: time, maxMs: time }),
  concurrency: fc.option(count),
  keyed: fc.option(fc.record({ key: text, count: fc.constantFrom(1, 20, Infinity) })),
  attemptTimeoutMs: fc.option(time),
  retainMs: fc.option(count),
  abandon: fc.constantFrom("keep", "cancel"),
  priority: time,
  arrival: count,
  createdAt: time,
  status: fc.constantFrom("pending", "running", "completed", "failed", "canceled", "interrupted"),
  paused: fc.boolean(),
  pinned: fc.boolean(),
  notBefore: time,
  attempt: count,
  failures: count,
  crashes: count,
  steps: fc.array(fc.record({ name: fc.string(), outcome: value })),
  progress: fc.option(value),
  result: fc.option(value),
  failure: fc.option(
    fc.record({
      code: fc.constantFrom("RUN_FAILED", "RUN_CRASHED"),
      name: text,
      message: text,
      stack: fc.option(text),
    }),
  ),
  startedAt: fc.option(time),
  settledAt: fc.option(count),
})

it("gives every run back from its columns", () => {
  fc.assert(
    fc.property(anyRun, (row) => {
      const columns = columnsOfRun(row)
      expect(columns).toHaveLength(RUN_COLUMNS.length)
      expect(columns.some((column) => Number.isNaN(column))).toBe(false)
      expect(runOfColumns(columns)).toEqual(row)
    }),
  )
})

it("forgets a settled run when its retention is over, and an interrupted or pinned one never", () => {
  fc.assert(
    fc.property(anyRun, (row) => {
      const { retainMs, settledAt } = row
      const isKept = retainMs === null || settledAt === null || row.status === "interrupted" || row.pinned
      expect(expiryOf(row)).toBe(isKept ? null : settledAt + retainMs)
    }),
  )
})
