/**
 * A failure as text: what was thrown, what happened in which order, what went wrong, and how to run it again.
 *
 *      script                      audio
 *      |                           |
 * T1   R disk.read task.json       |              R and W: a read and a write that are part of what went wrong
 *      |   → '{"progress":{}}'     |              →: what the call answered
 * T2   |                           W disk.write task.json
 *      |                           |   ^ LOST at T3
 *
 * One column an actor, as long as the columns are wide enough to be read; with more actors, one list.
 */
import type { ScheduleFailure } from "../explore.ts"
import type { FoundAccess } from "./findings.ts"
import { type FailureReport, reportFailure } from "./json.ts"
import type { Row } from "./rows.ts"
import { cut, pad, readable, readableLines, showTime, widthOf, wrap } from "./text.ts"

/** How wide a timeline is at most. */
const WIDTH = 110
/** Narrower columns break most labels. */
const MIN_COLUMN = 22
const GAP = 2
const MAX_LABEL_LINES = 3
const MAX_VALUE_LINES = 2
const MAX_ACTOR_WIDTH = 24
/** Of longer schedules, the rows in the middle that no finding is about are left out. */
const MAX_FIRST_ROWS = 60
const MAX_LAST_ROWS = 60
/** Whatever else was found rarely says more. */
const MAX_FINDINGS = 3

/** Renders a failure for a test's message. */
export function describeFailure(failure: ScheduleFailure): string {
  const report = reportFailure(failure)
  const { error, rows, findings, seed, replay } = report
  const thrown = error.name === null ? `thrown: ${error.message}` : `${error.name}: ${error.message}`
  const told = findings.slice(0, MAX_FINDINGS).flatMap(({ text }) => hang(readable(text)))
  const hidden = findings.length - MAX_FINDINGS
  return [
    ...readableLines(thrown),
    "",
    ...(rows.length === 0 ? ["It happened before the first step."] : drawRows(report)),
    "",
    ...(told.length === 0 ? [] : [...told, ...(hidden > 0 ? [`and ${hidden} more of the kind`] : []), ""]),
    `replay it with { seed: ${seed}, replay: ${JSON.stringify(replay)} }`,
  ].join("\n")
}

function drawRows(report: FailureReport): string[] {
  const marks = collectMarks(report)
  const margin = `T${report.rows.length}`.length + 2
  const lines = report.actors.length === 0 ? null : drawLanes(report, marks, margin)
  return (lines ?? drawList(report, marks, margin)).map((line) => line.trimEnd())
}

/** What the findings that are told say about each row. */
type Marks = ReadonlyMap<number, readonly FoundAccess[]>

function collectMarks({ findings }: FailureReport): Marks {
  const marks = new Map<number, FoundAccess[]>()
  for (const access of findings.slice(0, MAX_FINDINGS).flatMap(({ accesses }) => accesses)) {
    const others = marks.get(access.row) ?? []
    const isTold = others.some(({ mode, note }) => mode === access.mode && note === access.note)
    if (!isTold) marks.set(access.row, [...others, access])
  }
  return marks
}

/** The rows, with a sentence in place of what is left out. */
function shownRows(rows: readonly Row[], marks: Marks): (Row | string)[] {
  const shown = rows.filter(
    ({ number }) => number <= MAX_FIRST_ROWS || number > rows.length - MAX_LAST_ROWS || marks.has(number),
  )
  return shown.flatMap((row, index) => {
    const hidden = row.number - (shown[index - 1]?.number ?? 0) - 1
    return hidden === 0 ? [row] : [`... ${hidden} more ...`, row]
  })
}

// One column an actor.

interface Lane {
  readonly actor: string
  readonly width: number
  /** What its line looks like while others act: it lives, is frozen, or is dead. */
  line: "|" | ":" | " "
}

function drawLanes({ actors, rows }: FailureReport, marks: Marks, margin: number): string[] | null {
  const room = Math.floor((WIDTH - margin - GAP * (actors.length - 1)) / actors.length)
  const lanes = actors.map((actor): Lane => {
    const bodies = rows.filter((row) => row.actor === actor).map((row) => bodyOf(row, marks))
    const widths = bodies.flatMap((body) => body.map((line, index) => widthOf(line) + (index === 0 ? 2 : 4)))
    return { actor, width: Math.min(Math.max(widthOf(readable(actor)), ...widths), room), line: "|" }
  })
  if (room < MIN_COLUMN && lanes.some(({ width }) => width === room)) return null
  const between = " ".repeat(GAP)
  const join = (label: string, cells: readonly string[]): string =>
    pad(label, margin) + cells.map((cell, index) => pad(cell, lanes[index]?.width ?? 0)).join(between)
  const lines = [
    join(
      "",
      lanes.map(({ actor, width }) => cut(readable(actor), width)),
    ),
    join(
      "",
      lanes.map(({ line }) => line),
    ),
  ]
  for (const row of shownRows(rows, marks)) {
    if (typeof row === "string") {
      lines.push(join("", [row]))
      continue
    }
    const own = lanes.find(({ actor }) => actor === row.actor)
    // Whoever was frozen is heard of again.
    if (own !== undefined && row.kind !== "fault" && row.kind !== "timer") own.line = "|"
    const cell = drawCell(row, marks, (own?.width ?? WIDTH - margin) - 2)
    if (own !== undefined && row.kind === "fault") own.line = row.label === FREEZES ? ":" : " "
    cell.forEach((text, index) => {
      const label = index === 0 ? `T${row.number}` : ""
      if (own === undefined) lines.push(join(label, [text]))
      else
        lines.push(
          join(
            label,
            lanes.map((lane) => (lane === own ? `${index === 0 ? "" : lane.line}${text}` : lane.line)),
          ),
        )
    })
  }
  return lines
}

/** As the schedule notes it. */
const FREEZES = "freezes"

/** The lines of a row in its column: the first begins with its sign, and the others leave its place to the lane's line. */
function drawCell(row: Row, marks: Marks, width: number): string[] {
  const [label = "", ...rest] = bodyOf(row, marks)
  const [first = "", ...more] = wrap(label, width, MAX_LABEL_LINES)
  return [
    `${signOf(row, marks)} ${first}`,
    ...more.map((line) => ` ${line}`),
    ...rest.flatMap((line) => wrap(line, width - 2, MAX_VALUE_LINES).map((part) => `   ${part}`)),
  ]
}

/** The label, and below it what came back, what was written and what went wrong. */
function bodyOf(row: Row, marks: Marks): string[] {
  const found = marks.get(row.number) ?? []
  const written = row.accesses.flatMap(({ mode, resource, value }) =>
    mode === "read" || value === null ? [] : [`${nameIn(row, resource, " ")}= ${readable(value)}`],
  )
  return [
    labelOf(row),
    ...(row.result === null ? [] : [`→ ${readable(row.result)}`]),
    ...new Set(written),
    ...found.map(({ resource, note }) => `^ ${nameIn(row, resource, ": ")}${readable(note)}`),
  ]
}

/** The resource with what follows it, where neither the label nor what else was touched tells which it is. */
function nameIn({ label, accesses }: Row, resource: string, then: string): string {
  const isOnly = accesses.every((access) => access.resource === resource)
  return isOnly || label.includes(resource.slice(resource.indexOf(" ") + 1)) ? "" : readable(resource) + then
}

/** Time is only told where it passed. */
function labelOf({ kind, label, atMs, passedMs }: Row): string {
  if (kind === "answer") return `... ${readable(label)} answers`
  if (kind !== "timer") return readable(label)
  return passedMs === 0 ? "timer" : `timer, at ${showTime(atMs)}`
}

function signOf({ number, kind, label }: Row, marks: Marks): string {
  const found = marks.get(number) ?? []
  if (found.length > 0) return found.some(({ mode }) => mode === "write") ? "W" : "R"
  if (kind === "fault") return label === FREEZES ? "~" : "X"
  return kind === "timer" ? "@" : kind === "answer" ? "|" : "o"
}

// One list.

function drawList({ actors, rows }: FailureReport, marks: Marks, margin: number): string[] {
  const actorWidth = Math.min(MAX_ACTOR_WIDTH, Math.max(0, ...actors.map((actor) => widthOf(readable(actor)))))
  const indent = margin + actorWidth + GAP
  return shownRows(rows, marks).flatMap((row) => {
    if (typeof row === "string") return [" ".repeat(margin) + row]
    const [label = "", ...rest] = bodyOf(row, marks)
    const [first = "", ...more] = wrap(label, WIDTH - indent - 2, MAX_LABEL_LINES)
    const head = pad(`T${row.number}`, margin) + pad(cut(readable(row.actor), actorWidth), actorWidth + GAP)
    return [
      `${head}${signOf(row, marks)} ${first}`,
      ...more.map((line) => `${" ".repeat(indent)}  ${line}`),
      ...rest.flatMap((line) =>
        wrap(line, WIDTH - indent - 4, MAX_VALUE_LINES).map((part) => `${" ".repeat(indent)}    ${part}`),
      ),
    ]
  })
}

function hang(text: string): string[] {
  const MAX_LINES = 10
  return wrap(text, WIDTH - 2, MAX_LINES).map((line, index) => (index === 0 ? line : `  ${line}`))
}
