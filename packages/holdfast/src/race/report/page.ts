/**
 * Failures as one HTML page that needs nothing else: a table of what ran, and for each failure a diagram, what was found
 * and the timeline as text. No scripts, no fonts, nothing from a network; dark where the reader's system is.
 */
import type { ScheduleFailure } from "../explore.ts"
import { drawDiagram, escapeHtml } from "./diagram.ts"
import { reportFailure } from "./json.ts"
import { readable } from "./text.ts"
import { describeFailure } from "./timeline.ts"

/** What a page shows. */
export interface RacePage {
  readonly title: string
  /** Paragraphs above everything else. */
  readonly introduction?: readonly string[]
  /** A table of what ran. */
  readonly table?: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  readonly failures: readonly PageFailure[]
}

/** A failure and what it is called. */
export interface PageFailure {
  readonly title: string
  readonly failure: ScheduleFailure
}

/** Renders a page. Whatever it is given is shown as text. */
export function renderPage({ title, introduction = [], table, failures }: RacePage): string {
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${show(title)}</title>`,
    `<style>${STYLE}</style>`,
    "</head>",
    "<body>",
    `<h1>${show(title)}</h1>`,
    ...introduction.map((paragraph) => `<p>${show(paragraph)}</p>`),
    ...(table === undefined ? [] : [drawTable(table)]),
    ...failures.map(drawFailure),
    "</body>",
    "</html>",
    "",
  ].join("\n")
}

function drawTable({ columns, rows }: NonNullable<RacePage["table"]>): string {
  const head = columns.map((column) => `<th>${show(column)}</th>`).join("")
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${show(cell)}</td>`).join("")}</tr>`)
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`
}

function drawFailure({ title, failure }: PageFailure, index: number): string {
  const report = reportFailure(failure)
  const { name, message } = report.error
  return [
    `<section id="failure-${index + 1}">`,
    `<h2>${show(title)}</h2>`,
    `<p class="error">${show(name === null ? `thrown: ${message}` : `${name}: ${message}`)}</p>`,
    ...report.findings.map(({ text }) => `<p class="finding">${show(text)}</p>`),
    `<div class="wide">${drawDiagram(report)}</div>`,
    `<details><summary>As text</summary><pre>${escapeHtml(describeFailure(failure))}</pre></details>`,
    "</section>",
  ].join("\n")
}

function show(text: string): string {
  return escapeHtml(readable(text))
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2433; --paper: #fbfbf9; --soft: #67708a; --line: #c9cedb; --bad: #c0262d; --good: #2f6fb0; --card: #ffffff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe4ee; --paper: #14171e; --soft: #8d97ad; --line: #39414f; --bad: #ff6b6b; --good: #74b3f0; --card: #1b1f29 }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 0 0 .5rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.25rem; margin: 1.5rem 0 }
table { border-collapse: collapse } th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
.wide { overflow-x: auto } .error, pre, svg text { font-family: ui-monospace, monospace } .error { overflow-wrap: anywhere }
.finding { color: var(--bad); margin: .25rem 0; overflow-wrap: anywhere } pre { overflow-x: auto; font-size: 13px }
svg text { font-size: 12px; fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 4px } svg .actor { font-weight: 700; font-size: 13px } svg .number, svg .result { fill: var(--soft); font-size: 11px }
svg .lane { stroke: var(--line); stroke-width: 2 } svg circle { fill: var(--card); stroke: var(--good); stroke-width: 2 }
svg .answer circle { fill: var(--line); stroke: var(--line) } svg .timer circle { stroke: var(--soft); stroke-dasharray: 2 2 } svg .fault circle { fill: var(--ink); stroke: var(--ink) }
svg .found circle { fill: var(--bad); stroke: var(--bad) } svg .note { fill: var(--bad); font-size: 11px }
svg .arrow { fill: none; stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 3 } svg .head { fill: var(--bad) }
svg .row:hover circle, svg .conflict:hover .arrow { stroke-width: 3 }
`
