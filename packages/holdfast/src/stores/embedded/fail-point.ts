/**
 * Named points of the keeper's work at which a process can be made to die or to stop, so that crash tests strike where
 * it hurts. Nothing happens, and next to nothing is spent, unless the environment variable HOLDFAST_FAIL_POINTS names a
 * control file when the module loads.
 *
 *     idle ──an order is written into the file──▶ armed ──reached as often as asked──▶ hit, recorded in the file, then
 *                                                                                     the signal, in place
 *
 * 1. The record comes before the signal: what a point has done is counted by the point itself.
 * 2. Each thread counts for itself; a point belongs to one kind of thread.
 */
import { openSync, readSync, writeSync } from "node:fs"
import { sinceBootMs } from "../../env/index.ts"

/** Where a process may be made to die or stop. */
export const FAIL_POINTS = [
  "before-apply",
  "after-apply",
  "before-flush",
  "after-flush-before-answer",
  "during-election",
  "during-restoring",
  "blob-rename",
] as const

export type FailPoint = (typeof FAIL_POINTS)[number]

/** What to do where. `id` tells orders apart; the signal is sent at the `countdown`-th time, 1 being the next. */
export interface FailOrder {
  readonly id: number
  readonly point: FailPoint
  readonly countdown: number
  readonly signal: "SIGKILL" | "SIGSTOP"
}

/** A control file is one record of this length, so that it is read and written in one piece. */
export const FAIL_RECORD_BYTES = 64

/** What the record starts with. */
const ARMED = "+"
const HIT = "!"

/** Far longer than a stop signal needs to reach every thread of its process. */
const STOPPING_MS = 100

const path = process.env["HOLDFAST_FAIL_POINTS"]
const control = path === undefined ? null : openSync(path, "r+")
const buffer = Buffer.alloc(FAIL_RECORD_BYTES)
let current = { id: -1, left: 0 }

/** The record of an order. */
export function encodeFailOrder({ id, point, countdown, signal }: FailOrder): string {
  return `${ARMED}${String(id)} ${point} ${String(countdown)} ${signal}`.padEnd(FAIL_RECORD_BYTES)
}

/** What a point recorded: which one was hit, and when by the machine's monotonic clock; null while none was. */
export function decodeFailHit(record: string): { readonly point: FailPoint; readonly at: number } | null {
  if (!record.startsWith(HIT)) return null
  const [, point, at] = record.trimEnd().split(" ")
  // As `consult` writes it.
  return { point: point as FailPoint, at: Number(at) }
}

/** Says that this point is reached; dies or stops here where that was ordered. */
export function reach(point: FailPoint): void {
  if (control !== null) consult(control, point)
}

function consult(descriptor: number, point: FailPoint): void {
  readSync(descriptor, buffer, 0, FAIL_RECORD_BYTES, 0)
  const record = buffer.toString("latin1")
  if (!record.startsWith(ARMED)) return
  const [id, where, countdown, signal] = record.slice(ARMED.length).trimEnd().split(" ")
  if (where !== point) return
  if (current.id !== Number(id)) current = { id: Number(id), left: Number(countdown) }
  current.left -= 1
  if (current.left > 0) return
  writeSync(descriptor, `${HIT}${String(id)} ${point} ${String(sinceBootMs())}`.padEnd(FAIL_RECORD_BYTES), 0)
  process.kill(process.pid, signal)
  // A signal to stop may be taken by another thread first: this one goes no further until it reaches all of them.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STOPPING_MS)
}
