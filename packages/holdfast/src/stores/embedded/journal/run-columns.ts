/** The stored form of a run: one column a field, readable with any SQLite shell, and back. */
import type { Failure, RetryPolicy, Value } from "../../../kernel/index.ts"
import type { RunRow } from "../../../kernel/state.ts"
import { decode } from "../../../kernel/value-decoder.ts"
import { encodeDeterministic } from "../../../kernel/value-encoder.ts"
import type { Column } from "./checksum.ts"
import { columnOfValue, valueOfColumn } from "./value-column.ts"

/** The columns of `runs` in the order {@link columnsOfRun} gives them; the checksum follows. */
export const RUN_COLUMNS = [
  "identity",
  "generation",
  "operation",
  "version",
  "status",
  "paused",
  "priority",
  "arrival",
  "not_before",
  "created_at",
  "started_at",
  "settled_at",
  "expires_at",
  "attempt",
  "failures",
  "crashes",
  "effects",
  "key",
  "args",
  "retry",
  "concurrency",
  "keyed",
  "attempt_timeout_ms",
  "retain_ms",
  "abandon",
  "steps",
  "progress",
  "result",
  "failure",
] as const

/** Column `paused` holds both marks a run can have, which keeps the columns of older rows, and so their checksums. */
const PAUSED = 1
const PINNED = 2

export function columnsOfRun(row: RunRow): Column[] {
  return [
    row.identity,
    row.generation,
    row.operation,
    row.version,
    row.status,
    (row.paused ? PAUSED : 0) | (row.pinned ? PINNED : 0),
    row.priority,
    row.arrival,
    row.notBefore,
    row.createdAt,
    row.startedAt,
    row.settledAt,
    expiryOf(row),
    row.attempt,
    row.failures,
    row.crashes,
    row.effects,
    row.key,
    columnOfValue(row.args),
    textOfRetry(row.retry),
    row.concurrency,
    row.keyed === null ? null : JSON.stringify([row.keyed.key, textOfNumber(row.keyed.count)]),
    row.attemptTimeoutMs,
    row.retainMs,
    row.abandon,
    row.steps.length === 0 ? null : columnOfSteps(row.steps),
    row.progress === null ? null : columnOfValue(row.progress),
    row.result === null ? null : columnOfValue(row.result),
    // As JSON: an error's text may hold anything, lone surrogates included, and JSON can write all of it.
    row.failure === null ? null : JSON.stringify(row.failure),
  ]
}

/** When a settled run is to be forgotten. An interrupted one waits for a decision, however long (O10). */
export function expiryOf(row: RunRow): number | null {
  if (row.retainMs === null || row.settledAt === null || row.status === "interrupted" || row.pinned) return null
  return row.settledAt + row.retainMs
}

/** The row of columns whose checksum was right: they are what {@link columnsOfRun} wrote, so their types are known. */
export function runOfColumns(columns: readonly Column[]): RunRow {
  // By position: a listing makes thousands of them.
  const [
    identity,
    generation,
    operation,
    version,
    status,
    paused,
    priority,
    arrival,
    notBefore,
    createdAt,
    startedAt,
    settledAt,
    ,
    attempt,
    failures,
    crashes,
    effects,
    key,
    args,
    retry,
    concurrency,
    keyed,
    attemptTimeoutMs,
    retainMs,
    abandon,
    steps,
    progress,
    result,
    failure,
  ] = columns as unknown as StoredRun
  return {
    identity,
    generation,
    operation,
    version,
    status,
    paused: (paused & PAUSED) !== 0,
    pinned: (paused & PINNED) !== 0,
    priority,
    arrival,
    notBefore,
    createdAt,
    startedAt,
    settledAt,
    attempt,
    failures,
    crashes,
    effects,
    key,
    args: valueOfColumn(args),
    retry: retryOfText(retry),
    concurrency,
    keyed: keyed === null ? null : keyedOfText(keyed),
    attemptTimeoutMs,
    retainMs,
    abandon,
    steps: steps === null ? [] : stepsOfColumn(steps),
    progress: progress === null ? null : valueOfColumn(progress),
    result: result === null ? null : valueOfColumn(result),
    failure: failure === null ? null : (JSON.parse(failure) as Failure),
  }
}

/** Columns as they come from the table, in the order of {@link RUN_COLUMNS}. */
type StoredRun = readonly [
  identity: RunRow["identity"],
  generation: RunRow["generation"],
  operation: string,
  version: number,
  status: RunRow["status"],
  paused: number,
  priority: number,
  arrival: number,
  notBefore: number,
  createdAt: number,
  startedAt: number | null,
  settledAt: number | null,
  expiresAt: number | null,
  attempt: number,
  failures: number,
  crashes: number,
  effects: RunRow["effects"],
  key: string | null,
  args: Uint8Array,
  retry: string,
  concurrency: number | null,
  keyed: string | null,
  attemptTimeoutMs: number | null,
  retainMs: number | null,
  abandon: RunRow["abandon"],
  steps: Uint8Array | null,
  progress: Uint8Array | null,
  result: Uint8Array | null,
  failure: string | null,
]

/** JSON has no Infinity, which is a fine bound here. */
function textOfNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

function textOfRetry({ maxAttempts, initialMs, factor, maxMs }: RetryPolicy): string {
  return JSON.stringify([maxAttempts, initialMs, factor, maxMs].map(textOfNumber))
}

function retryOfText(text: string): RetryPolicy {
  const [maxAttempts = 0, initialMs = 0, factor = 0, maxMs = 0] = (JSON.parse(text) as unknown[]).map(Number)
  return { maxAttempts, initialMs, factor, maxMs }
}

function keyedOfText(text: string): { readonly key: string; readonly count: number } {
  const [key, count] = JSON.parse(text) as [string, number | string] // Written by columnsOfRun.
  return { key, count: Number(count) }
}

/** Names and outcomes in turn, as one CBOR array: outcomes are bytes within it, or numbers. */
function columnOfSteps(steps: RunRow["steps"]): Uint8Array {
  const parts = steps.flatMap((step) => [step.name, step.outcome])
  return encodeDeterministic(parts, { what: "the steps of a run", chooseStandIn: () => undefined, outerSteps: 0 })
}

function stepsOfColumn(column: Uint8Array): RunRow["steps"] {
  const parts = decode(column, { sha256: null, resolve: null, blobs: null }) as (string | Value)[] // Written by columnOfSteps.
  const steps: { name: string; outcome: Value }[] = []
  for (let index = 0; index < parts.length; index += 2) {
    steps.push({ name: parts[index] as string, outcome: parts[index + 1] as Value })
  }
  return steps
}
