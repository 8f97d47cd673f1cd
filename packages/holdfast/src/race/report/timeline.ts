/** A failure as text: what was thrown, what happened in which order, and how to run it again. */
import type { ScheduleFailure } from "../explore.ts"
import type { TraceEntry } from "../trace.ts"

/** Renders a failure for a test's message. */
export function describeFailure({ choices, trace, seed, error }: ScheduleFailure): string {
  const lines = trace.map((entry, index) => `  ${index + 1}. ${describeEntry(entry)}`)
  return [
    error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`,
    "in this schedule",
    ...lines,
    `replay it with { seed: ${seed}, replay: ${JSON.stringify(choices)} }`,
  ].join("\n")
}

function describeEntry({ kind, actor, label, atMs }: TraceEntry): string {
  return kind === "timer" ? `timer, at ${atMs} ms` : `${actor}: ${label}`
}
