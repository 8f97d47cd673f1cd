/**
 * The rows of a timeline: a row an event, where a call and its answer are one when nothing of others happened in between.
 *
 * Which answer belongs to which of several equal calls of one actor is not in a trace. Such calls keep their results, and
 * their answers are rows without one.
 */
import type { Access } from "../access.ts"
import type { TraceEntry } from "../trace.ts"

/** A row of a timeline. */
export interface Row {
  /** Counted from 1: T1, T2, and so on. */
  readonly number: number
  /** `step`: an actor went on, or a call of it took effect; `answer`: the answer of a call arrived in a later row. */
  readonly kind: TraceEntry["kind"]
  /** Who it happened to; for a timer, who armed it, or "" where nobody knows. */
  readonly actor: string
  readonly label: string
  /** On the monotonic clock of the schedule. */
  readonly atMs: number
  /** How much time passed since the row before. */
  readonly passedMs: number
  /** What the call answered or threw, in the row where the actor learned it; null where there was nothing. */
  readonly result: string | null
  readonly accesses: readonly Access[]
}

/** The rows, and for each entry of the trace the number of its row. */
export interface Rows {
  readonly rows: readonly Row[]
  readonly rowOf: readonly number[]
}

export function toRows(trace: readonly TraceEntry[]): Rows {
  const calls = matchAnswers(trace)
  const rows: Row[] = []
  const rowOf: number[] = []
  let beforeMs = 0
  trace.forEach((entry, index) => {
    const { kind, actor, label, atMs, accesses } = entry
    const call = kind === "answer" ? (calls.callOf.get(index) ?? null) : null
    const merged = call !== null && isUndisturbed(trace, call, index) ? rows[(rowOf[call] ?? 0) - 1] : undefined
    if (call !== null && merged !== undefined) {
      const result = shownResult(trace[call]?.result ?? null)
      rows[merged.number - 1] = { ...merged, result, accesses: [...merged.accesses, ...accesses] }
      rowOf.push(merged.number)
      return
    }
    // The result of a call is shown where it arrives, unless nobody knows where that is.
    const isShownLater = calls.answered.has(index)
    const result = call === null ? (isShownLater ? null : entry.result) : (trace[call]?.result ?? null)
    rows.push({
      number: rows.length + 1,
      kind,
      actor,
      label,
      atMs,
      passedMs: atMs - beforeMs,
      result: shownResult(result),
      accesses,
    })
    rowOf.push(rows.length)
    beforeMs = atMs
  })
  return { rows, rowOf }
}

/** That nothing came back is not worth a line. */
function shownResult(result: string | null): string | null {
  return result === "undefined" ? null : result
}

interface Matches {
  /** The entry of the call by that of its answer. */
  readonly callOf: ReadonlyMap<number, number>
  /** The calls whose answers are known. */
  readonly answered: ReadonlySet<number>
}

/** The calls of one actor under one label whose answers are still to come. */
interface Open {
  count: number
  /** The one call, or null where there were several since there was none. */
  only: number | null
}

function matchAnswers(trace: readonly TraceEntry[]): Matches {
  const callOf = new Map<number, number>()
  const answered = new Set<number>()
  const opens = new Map<string, Open>()
  trace.forEach(({ kind, actor, label }, index) => {
    if (kind !== "step" && kind !== "answer") return
    const key = JSON.stringify([actor, label])
    const open = opens.get(key) ?? { count: 0, only: null }
    opens.set(key, open)
    if (kind === "step") {
      open.only = open.count === 0 ? index : null
      open.count += 1
      return
    }
    if (open.only !== null) {
      callOf.set(index, open.only)
      answered.add(open.only)
    }
    open.only = null
    open.count = Math.max(0, open.count - 1)
  })
  return { callOf, answered }
}

function isUndisturbed(trace: readonly TraceEntry[], call: number, answer: number): boolean {
  const { actor } = trace[call] ?? { actor: "" }
  return trace.slice(call + 1, answer).every((entry) => entry.actor === actor && entry.kind !== "timer")
}
