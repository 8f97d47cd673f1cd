/** What a benchmark prints: one Markdown table for each thing measured, ratios against Holdfast's row of the same run. */
import type { Machine } from "./machine.ts"

export interface Row {
  readonly name: string
  /** The median of the rounds, or null with the reason in `note`. */
  readonly nsPerOp: number | null
  readonly note: string | null
  /** Other rows are divided by this one. */
  readonly isReference: boolean
}

export interface Table {
  readonly title: string
  /** What one operation is. */
  readonly op: string
  readonly rows: readonly Row[]
}

/** Something else than times to compare: what its columns say, first what a row is about. */
export interface Grid {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export function printGrid({ title, columns, rows }: Grid): void {
  console.log(`\n## ${title}\n`)
  console.log(`| ${columns.join(" | ")} |`)
  console.log(`|${"---:|".repeat(columns.length)}`)
  for (const row of rows) console.log(`| ${row.join(" | ")} |`)
}

export function printMachine(machine: Machine): void {
  const { cpu, cores, memoryGiB, os, node, load } = machine
  console.log(`${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, Node ${node}, load ${load}`)
}

export function printTable(table: Table): void {
  const reference = table.rows.find((row) => row.isReference)?.nsPerOp ?? null
  console.log(`\n## ${table.title}\n`)
  console.log(`| | time per ${table.op} | ${table.op}s/s | ratio to Holdfast | |`)
  console.log("|---|---:|---:|---:|---|")
  for (const row of table.rows) {
    const note = row.note ?? ""
    if (row.nsPerOp === null) {
      console.log(`| ${row.name} | | | | not run: ${note} |`)
      continue
    }
    const perSecond = Math.round(1e9 / row.nsPerOp).toLocaleString("en-US")
    const ratio = reference === null ? "" : `${(row.nsPerOp / reference).toFixed(2)}x`
    console.log(`| ${row.name} | ${formatNs(row.nsPerOp)} | ${perSecond} | ${ratio} | ${note} |`)
  }
}

export function formatNs(ns: number): string {
  if (ns < 1e3) {
    return `${ns.toFixed(0)} ns`
  }
  return ns < 1e6 ? `${(ns / 1e3).toFixed(2)} us` : `${(ns / 1e6).toFixed(2)} ms`
}
