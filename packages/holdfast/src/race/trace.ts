/** What happened in one schedule, in order: what timelines are drawn of and findings made from. */
import type { Access } from "./access.ts"

/** Something the scheduler did. */
export interface TraceEntry {
  /**
   * `step`: an actor went on, or a call of it took effect; `answer`: the answer of such a call arrived; `timer`: time
   * passed to the next timer; `fault`: an actor was killed or frozen.
   */
  readonly kind: "step" | "answer" | "timer" | "fault"
  /** Who it happened to; for a timer, who armed it, or "" where nobody knows. */
  readonly actor: string
  readonly label: string
  /** On the monotonic clock of the schedule. */
  readonly atMs: number
  /** What was touched until everything had settled, in order, as far as anybody told. */
  readonly accesses: readonly Access[]
  /** What the call answered or threw, as a timeline shows it; null where there was none. */
  readonly result: string | null
}
