/** What `npm run races` prints: a table for people, or data. */
import Table from "cli-table3"
import { reportFailure } from "holdfast/race"
import { failuresOf, type Outcome } from "./run.ts"

export const COLUMNS: readonly string[] = ["", "race", "seed", "broken after", "proven fixed", "redundant", "time", ""]

/** A row as {@link COLUMNS} name it. */
export function rowOf({ race, broken, fixed, tookMs, wrong }: Outcome): string[] {
  return [
    String(race.number),
    race.title,
    race.seed,
    count(broken.schedules),
    count(fixed.schedules),
    count(fixed.redundant),
    seconds(tookMs),
    wrong === null ? "right" : `WRONG: ${wrong}`,
  ]
}

export function drawTable(outcomes: readonly Outcome[]): string {
  const table = new Table({
    chars: PLAIN,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    head: [...COLUMNS],
    colAligns: ["right", "left", "left", "right", "right", "right", "right", "left"],
  })
  table.push(...outcomes.map(rowOf))
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
}

export function summarize(outcomes: readonly Outcome[]): string {
  const sum = (countOf: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + countOf(outcome), 0)
  const brokenCount = sum(({ broken }) => broken.schedules)
  const fixedCount = sum(({ fixed }) => fixed.schedules)
  const redundant = sum(({ fixed }) => fixed.redundant)
  const wrongCount = outcomes.filter(({ wrong }) => wrong !== null).length
  const races = `${String(outcomes.length)} race${outcomes.length === 1 ? "" : "s"}`
  const verdict = wrongCount === 0 ? "all of them right" : `${String(wrongCount)} of them WRONG`
  return `${races} in ${seconds(sum(({ tookMs }) => tookMs))}, ${verdict}: broken in ${count(brokenCount)} schedules, proven fixed in ${count(fixedCount)} (and ${count(redundant)} redundant ones cut off)`
}

/** What `--json` prints. */
export function toJson(outcomes: readonly Outcome[]): unknown {
  return {
    right: outcomes.every(({ wrong }) => wrong === null),
    races: outcomes.map((outcome) => {
      const { race, broken, fixed, tookMs, wrong } = outcome
      return {
        number: race.number,
        folder: race.folder,
        title: race.title,
        seed: race.seed,
        brokenAfter: broken.failure === null ? null : broken.schedules,
        provenFixed: { schedules: fixed.schedules, redundant: fixed.redundant, exhausted: fixed.exhausted },
        tookMs: Math.round(tookMs),
        wrong,
        failures: failuresOf(outcome).map(({ title, failure }) => ({ title, ...reportFailure(failure) })),
      }
    }),
  }
}

function count(number: number): string {
  return number.toLocaleString("en-US")
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}

/** Columns without lines between them: readable without a terminal, and by other programs. */
const PLAIN = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
}
