/** Tells the harness. Written in one piece before anything else happens, so that a killed process has said all it did. */
import { writeSync } from "node:fs"
import type { Fault, Report } from "../words.ts"

export function say(report: Report): void {
  writeSync(1, `${JSON.stringify(report)}\n`)
}

export function accuse(fault: Fault, what: string): void {
  say({ kind: "fault", fault, what })
}

/** The machine's monotonic clock, one for all its processes, in milliseconds. */
export function sinceBoot(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
