/**
 * The lines of an export, each a JSON object of one field that says what it is:
 *
 *     {"holdfast":{"format":1,…}} · {"blob":…} · {"limit":…} · {"cell":…} · {"run":…} · … · {"end":{…counts, digest of all before it}}
 */
import type { CellRow, RunRow, Value } from "../../../kernel/index.ts"
import type { BlobPart } from "./portable-blobs.ts"
import { packValue, type PortableValue, unpackValue } from "./portable-value.ts"

export const FORMAT = 1

export interface ExportHeader {
  readonly format: number
  readonly build: string
  /** The store it was taken of, for people. */
  readonly instance: string
  readonly exportedAt: number
  /** Above every token the store had handed out. */
  readonly tokenCeiling: number
}

export interface ExportCounts {
  readonly cells: number
  readonly limits: number
  readonly runs: number
}

export type ExportRecord =
  | { readonly holdfast: ExportHeader }
  | { readonly blob: BlobPart }
  | { readonly limit: { readonly name: string; readonly permits: unknown } }
  | { readonly cell: { readonly name: string; readonly version: number; readonly value: PortableValue | null } }
  | { readonly run: Readonly<Record<string, unknown>> }
  | { readonly end: ExportCounts & { readonly sha256: string } }

export function packCell(name: string, { version, value }: CellRow): ExportRecord {
  return { cell: { name, version, value: value === null ? null : packValue(value) } }
}

export function unpackCell({
  version,
  value,
}: {
  readonly version: number
  readonly value: PortableValue | null
}): CellRow {
  return { version, value: value === null ? null : unpackValue(value) }
}

export function packRun(row: RunRow): ExportRecord {
  const { args, progress, result, steps, ...plain } = row
  return {
    run: {
      ...(packNumbers(plain) as object),
      args: packValue(args),
      progress: packNullable(progress),
      result: packNullable(result),
      steps: steps.map(({ name, outcome }) => ({ name, outcome: packValue(outcome) })),
    },
  }
}

export function unpackRun(packed: Readonly<Record<string, unknown>>): RunRow {
  const { args, progress, result, steps, ...plain } = packed as Readonly<Record<string, unknown>> & PackedValues
  // What is wrong in it is found by the columns' types and the check of the whole.
  return {
    ...(unpackNumbers(plain) as Omit<RunRow, keyof PackedValues>),
    args: unpackValue(args),
    progress: unpackNullable(progress),
    result: unpackNullable(result),
    steps: steps.map(({ name, outcome }) => ({ name, outcome: unpackValue(outcome) })),
  }
}

interface PackedValues {
  readonly args: PortableValue
  readonly progress: PortableValue | null
  readonly result: PortableValue | null
  readonly steps: readonly { readonly name: string; readonly outcome: PortableValue }[]
}

function packNullable(value: Value | null): PortableValue | null {
  return value === null ? null : packValue(value)
}

function unpackNullable(value: PortableValue | null): Value | null {
  return value === null ? null : unpackValue(value)
}

/** JSON has no Infinity, which a backoff or a limit may be. */
export function packNumbers(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return packValue(value)
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, packNumbers(each)]))
}

export function unpackNumbers(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  if ("number" in value && Object.keys(value).length === 1) return Number(value.number)
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unpackNumbers(each)]))
}
