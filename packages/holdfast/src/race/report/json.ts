/** A failure as data: what the timeline and the page are drawn from, for whatever else wants to show it. */
import type { ScheduleFailure } from "../explore.ts"
import { type Finding, findRaces } from "./findings.ts"
import { type Row, toRows } from "./rows.ts"

/** A failure as JSON. Fields may be added; what is there keeps its meaning as long as `format` is the same. */
export interface FailureReport {
  readonly format: "holdfast-race-1"
  /** What was thrown; `name` is null where it was no Error. */
  readonly error: { readonly name: string | null; readonly message: string }
  /** With `replay`, the options that run this schedule again. */
  readonly seed: number
  readonly replay: readonly number[]
  /** How often an actor was put aside while it could have gone on. */
  readonly preemptions: number
  /** In the order in which they first did something. */
  readonly actors: readonly string[]
  readonly rows: readonly Row[]
  /** What went wrong, as far as the accesses show it, the surest first. */
  readonly findings: readonly Finding[]
}

/** A failure as data. */
export function reportFailure({ choices, trace, seed, preemptions, error }: ScheduleFailure): FailureReport {
  const { rows } = toRows(trace)
  return {
    format: "holdfast-race-1",
    error: describeThrown(error),
    seed,
    replay: choices,
    preemptions,
    actors: [...new Set(rows.map(({ actor }) => actor))].filter((actor) => actor !== ""),
    rows,
    findings: findRaces(rows),
  }
}

function describeThrown(error: unknown): FailureReport["error"] {
  if (error instanceof Error) return { name: error.name, message: error.message }
  return { name: null, message: String(error) }
}
