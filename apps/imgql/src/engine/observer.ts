/**
 * What a run tells of itself while it goes on, to whoever shows it: nothing here changes what is computed. Observers are
 * called where things happen, must not throw, and read the clock themselves.
 */
import type { Saved } from "../files/save.ts"
import type { Handle, Site } from "../graph/graph.ts"
import type { Goal } from "../graph/load.ts"
import type { Shown } from "./shown.ts"

export interface RunObserver {
  /** The program prints a line by itself. */
  readonly line: (line: string) => void
  /** What became of a goal. Goals are told in the order they are written. */
  readonly goal: (outcome: GoalOutcome) => void
  /** So much more of all that the goals ask for has been begun, and is done. Both add up to 1. */
  readonly share: (change: ShareChange) => void
  readonly operation: (event: OperationEvent) => void
  /** Something that took time has ended. */
  readonly worked: (event: WorkEvent) => void
}

/** What has been begun is taken back where it turns out to be many. */
export interface ShareChange {
  readonly begun: number
  readonly done: number
}

export type GoalOutcome =
  | { readonly kind: "printed"; readonly goal: Goal; readonly value: Shown }
  | { readonly kind: "saved"; readonly goal: Goal; readonly saved: Saved }
  | GoalFailure

export interface GoalFailure {
  readonly kind: "failed"
  readonly goal: Goal
  /** What kind of failure it is, where that has a name. */
  readonly code: string | null
  readonly message: string
  /** Where in the program the cause lies. */
  readonly site: Site
}

/**
 *     wanted ──▶ stored
 *        ├─────▶ joined
 *        ├──started──▶ ran
 *        │     └─────▶ stopped ──┐
 *        └───────────────────────┴──▶ failed
 *
 * What the store has evicted meanwhile is started again without being wanted anew.
 */
export type OperationStage =
  /** Somebody asks for it; once an operation. */
  | "wanted"
  /** Its result was in the store. */
  | "stored"
  /** Somebody else has computed it meanwhile. */
  | "joined"
  /** It is asked for once more, and there or on its way. */
  | "shared"
  /** It is computed here. */
  | "started"
  | "ran"
  /** It was computed here and has no result. */
  | "stopped"
  /** Whoever wanted it is told that there is none. */
  | "failed"

export interface OperationEvent {
  readonly stage: OperationStage
  /** What names it in the store. */
  readonly id: string
  readonly node: Handle
}

export interface WorkEvent {
  /** Running a kernel; reading an image file; fetching an image from the store; putting a result there. */
  readonly kind: "kernel" | "read" | "fetch" | "store"
  /** Of a kernel its name, of a file its path. */
  readonly name: string
  /** The operations it was done for. */
  readonly ids: readonly string[]
  /** By `performance.now()`. */
  readonly startedMs: number
  readonly endedMs: number
}

/** For whoever is not interested. */
export const NO_OBSERVER: RunObserver = {
  line: ignore,
  goal: ignore,
  share: ignore,
  operation: ignore,
  worked: ignore,
}

function ignore(): void {
  // Nobody looks.
}
