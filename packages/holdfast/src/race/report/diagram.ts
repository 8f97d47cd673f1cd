/** A failure as a drawing: a lane an actor, a dot a row, and arrows between accesses whose order went wrong. Inline SVG. */
import type { Finding } from "./findings.ts"
import type { FailureReport } from "./json.ts"
import type { Row } from "./rows.ts"
import { cut, readable, showTime } from "./text.ts"

const ROW_HEIGHT = 34
const HEAD_HEIGHT = 44
const MARGIN = 56
const LANE_WIDTH = 260
/** How many columns of text of the size of labels fit into a lane. */
const LABEL_COLUMNS = 30
/** Pages stay small enough to open; the timeline below each diagram shows the end of such schedules. */
const MAX_ROWS = 400

/** Everything in it is escaped: labels are whatever a program calls things. */
export function drawDiagram({ actors, rows, findings }: FailureReport): string {
  const shown = rows.slice(0, MAX_ROWS)
  const width = MARGIN + Math.max(1, actors.length) * LANE_WIDTH
  const height = HEAD_HEIGHT + shown.length * ROW_HEIGHT + ROW_HEIGHT / 2
  const xOf = (actor: string): number => MARGIN + Math.max(0, actors.indexOf(actor)) * LANE_WIDTH + 14
  const notes = new Map<number, string[]>()
  for (const { row, note } of findings.flatMap(({ accesses }) => accesses)) {
    notes.set(row, [...new Set([...(notes.get(row) ?? []), note])])
  }
  const lanes = actors.flatMap((actor) => {
    const x = xOf(actor)
    const death = shown.find((row) => row.actor === actor && row.kind === "fault" && row.label === "is killed")
    const end = death === undefined ? height - 10 : yOf(death.number)
    return [
      `<text class="actor" x="${x - 6}" y="20">${escapeHtml(cut(readable(actor), LABEL_COLUMNS))}<title>${escapeHtml(readable(actor))}</title></text>`,
      `<line class="lane" x1="${x}" y1="${HEAD_HEIGHT - 16}" x2="${x}" y2="${end}"/>`,
    ]
  })
  const drawn = shown.map((row) => drawRow(row, xOf(row.actor), notes.get(row.number) ?? []))
  const arrows = findings.map((finding) => drawArrows(finding, xOf, shown.length))
  return [
    `<svg role="img" aria-label="the schedule as a diagram" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" xmlns="http://www.w3.org/2000/svg">`,
    ...lanes,
    ...arrows,
    ...drawn,
    "</svg>",
  ].join("\n")
}

function yOf(number: number): number {
  return HEAD_HEIGHT + (number - 1) * ROW_HEIGHT
}

function drawRow(row: Row, x: number, notes: readonly string[]): string {
  const y = yOf(row.number)
  const sign = notes.length > 0 ? "found" : row.kind
  const below = notes.length > 0 ? notes.join("; ") : (row.result ?? "")
  const kind = notes.length > 0 ? "note" : "result"
  return [
    `<g class="row ${sign}"><title>${escapeHtml(titleOf(row, notes))}</title>`,
    `<text class="number" x="8" y="${y + 4}">T${row.number}</text>`,
    `<circle cx="${x}" cy="${y}" r="5"/>`,
    `<text x="${x + 12}" y="${y + 4}">${escapeHtml(cut(captionOf(row), LABEL_COLUMNS))}</text>`,
    ...(below === ""
      ? []
      : [
          `<text class="${kind}" x="${x + 12}" y="${y + 17}">${escapeHtml(cut(readable(below), LABEL_COLUMNS + 4))}</text>`,
        ]),
    "</g>",
  ].join("")
}

function captionOf({ kind, label, atMs }: Row): string {
  if (kind === "answer") return `... ${readable(label)} answers`
  return kind === "timer" ? `timer, at ${showTime(atMs)}` : readable(label)
}

function titleOf(row: Row, notes: readonly string[]): string {
  const accesses = row.accesses.map(({ mode, resource, value }) => {
    const verb = mode === "read" ? "reads" : "writes"
    const what = resource === "*" ? "may touch anything" : `${verb} ${readable(resource)}`
    return value === null ? what : `${what}: ${readable(value)}`
  })
  return [
    `T${row.number} ${readable(row.actor)}: ${captionOf(row)}`,
    ...(row.result === null ? [] : [`answers ${readable(row.result)}`]),
    ...accesses,
    ...notes.map(readable),
  ].join("\n")
}

/** From each access of a finding to the next that another actor made. */
function drawArrows({ text, accesses }: Finding, xOf: (actor: string) => number, rowCount: number): string {
  const arrows = accesses.slice(1).flatMap((to, index) => {
    const from = accesses[index]
    if (from === undefined || from.row === to.row || to.row > rowCount) return []
    const [x1, y1, x2, y2] = [xOf(from.actor), yOf(from.row), xOf(to.actor), yOf(to.row)]
    const bend = x1 === x2 ? -22 : 0
    const middle = `${(x1 + x2) / 2 + bend} ${(y1 + y2) / 2}`
    const angle = (Math.atan2(y2 - y1, x2 - (x1 + bend)) * 180) / Math.PI
    return [
      `<path class="arrow" d="M ${x1} ${y1} Q ${middle} ${x2} ${y2}"/>`,
      `<path class="head" d="M -6 0 L -16 -5 L -16 5 Z" transform="translate(${x2} ${y2}) rotate(${angle.toFixed(1)})"/>`,
    ]
  })
  return `<g class="conflict"><title>${escapeHtml(readable(text))}</title>${arrows.join("")}</g>`
}

/** Text that is nothing but text in HTML and SVG, in attributes too. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)
}
