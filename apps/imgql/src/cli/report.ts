/** What a run came to, as people read it: a line a goal, failures with their places, and what was shared in the last line. */
import type { GoalFailure, GoalOutcome } from "../engine/observer.ts"
import type { RunSummary } from "../engine/run.ts"
import { formatShown } from "../engine/shown.ts"
import type { Saved } from "../files/save.ts"
import { formatProblem, type Problem } from "../language/problem.ts"
import { formatSite } from "./location.ts"

/** So many goals are named that failed for one reason. */
const NAMED = 20

type Sources = ReadonlyMap<string, string>

/** The line of a goal that was reached. */
export function describeGoal(outcome: Exclude<GoalOutcome, GoalFailure>): string {
  if (outcome.kind === "saved") return describeSaved(outcome.saved)
  const value = formatShown(outcome.value)
  return outcome.goal.label === "" ? value : `${outcome.goal.label}=${value}`
}

function describeSaved({ path, bytes, lost }: Saved): string {
  const note = lost.length === 0 ? "" : `; not kept: ${lost.join(", ")}`
  return `saved ${path} (${bytes.toLocaleString("en-US")} bytes${note})`
}

/** Where and why there is no value, with the line of the program. */
export function describeFailure({ goal, message, code, site }: GoalFailure, sources: Sources): string {
  const { start, end, file } = site
  const what = goal.label === "" ? "" : `${nameOf(goal)} failed: `
  const cause = code === null ? message : `${message} (${code})`
  const problem = {
    code: "E_FAILED" as const,
    message: `${what}${cause}`,
    file,
    span: { start, end },
    suggestion: null,
  }
  return describeProblem(problem, sources)
}

/** Goals that failed for a reason that was told already, each with its place. */
export function describeAlike(alike: readonly GoalFailure[], sources: Sources): string {
  const [first] = alike
  if (first === undefined) return ""
  const named = alike.slice(0, NAMED).map(({ goal }) => `${nameOf(goal)} (${formatSite(goal.site, sources)})`)
  const rest = alike.length - named.length
  const more = rest === 0 ? "" : ` and ${String(rest)} more`
  const reason = `failed for the reason told at ${formatSite(first.site, sources)}`
  return `${count(alike.length, "other goal")} ${reason}: ${named.join(", ")}${more} [E_FAILED]`
}

function nameOf({ kind, label }: GoalFailure["goal"]): string {
  return `${kind} "${label}"`
}

export function describeProblem(problem: Problem, sources: Sources): string {
  return formatProblem(problem, sources.get(problem.file) ?? "")
}

/** The last line of a run. */
export function describeSummary(
  { ran, broken, shared, joined, stored, goals, failed, kernels }: RunSummary,
  ms: number,
): string {
  const all = count(goals, "goal")
  const reached = failed === 0 ? all : `${String(goals - failed)} of ${all}`
  const without = broken === 0 ? "" : `, ${String(broken)} failed`
  const ways = `${String(joined)} joined, ${String(stored)} from the store, ${String(shared)} shared${without}`
  return `${reached}: ${count(ran, "operation")} ran in ${count(kernels, "kernel")}, ${ways}, in ${(ms / 1_000).toFixed(2)} s`
}

function count(number: number, what: string): string {
  return `${String(number)} ${what}${number === 1 ? "" : "s"}`
}
