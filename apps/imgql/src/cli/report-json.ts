/** What a run came to, for programs: one document, whatever happened. */
import type { GoalOutcome } from "../engine/observer.ts"
import type { RunSummary } from "../engine/run.ts"
import { isShownList, type Shown } from "../engine/shown.ts"
import { placeOf, type Problem } from "../language/problem.ts"
import type { Tally } from "./tally.ts"
import { VERSION } from "./version.ts"

export interface ReportParts {
  readonly file: string
  /** The text of every file of the program, by name. */
  readonly sources: ReadonlyMap<string, string>
  readonly problems: readonly Problem[]
  readonly outcomes: readonly GoalOutcome[]
  /** What the program printed by itself. */
  readonly lines: readonly string[]
  /** Null where nothing was run, or not to its end. */
  readonly summary: RunSummary | null
  readonly tally: Tally
  readonly store: string | null
  readonly elapsedMs: number
  readonly isExecuted: boolean
  /** Why nothing was run or it was not run to its end, where it is no problem of the program. */
  readonly fault: { readonly code: string | null; readonly message: string } | null
}

/** The report as one line of JSON. */
export function reportAsJson(parts: ReportParts): string {
  const { file, sources, problems, outcomes, lines, summary, tally, store, elapsedMs, isExecuted, fault } = parts
  const place = (at: { readonly file: string; readonly start: number }): object => ({
    file: at.file,
    ...placeOf(sources.get(at.file) ?? "", at.start),
  })
  return JSON.stringify({
    imgql: VERSION,
    file,
    imports: [...sources.keys()].filter((name) => name !== file),
    problems: problems.map(({ code, message, suggestion, file: where, span }) => ({
      code,
      message,
      suggestion,
      location: place({ file: where, start: span.start }),
    })),
    error: fault,
    nodes: summary?.nodes ?? null,
    goals: outcomes.map((outcome) => goalAsJson(outcome, place)),
    printed: lines,
    execution: {
      success: problems.length === 0 && fault === null && (!isExecuted || summary?.failed === 0),
      completedOperations: tally.done,
      failedOperations: tally.failed,
      totalOperations: tally.known,
      executionTimeSeconds: Number((elapsedMs / 1_000).toFixed(3)),
      peakImageBytes: summary?.peakBytes ?? null,
    },
    cache:
      summary === null
        ? null
        : {
            store,
            ran: summary.ran,
            failed: summary.broken,
            shared: summary.shared,
            joined: summary.joined,
            stored: summary.stored,
            kernels: summary.kernels,
          },
  })
}

function goalAsJson(
  outcome: GoalOutcome,
  place: (at: { readonly file: string; readonly start: number }) => object,
): object {
  const { kind, label, site } = outcome.goal
  const goal = { goal: kind, label, location: place(site) }
  switch (outcome.kind) {
    case "printed":
      return { ...goal, status: "done", value: plain(outcome.value) }
    case "saved":
      return { ...goal, status: "done", saved: outcome.saved }
    case "failed": {
      const { code, message } = outcome
      return { ...goal, status: "failed", error: { code, message, location: place(outcome.site) } }
    }
  }
}

/** JSON has no NaN and no infinities: they are strings, as in what `save` writes. */
function plain(value: Shown): unknown {
  if (isShownList(value)) return value.map(plain)
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value
}
