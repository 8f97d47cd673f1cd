/**
 * Counters and histograms of one session, kept by plain increments so that they are always on.
 *
 * Labels are classes of names (the part before the first `:` or `/`), at most {@link MAX_CLASSES} a kind of thing; what
 * comes after that is counted under {@link OTHER_CLASS}. A metric never grows with the keys of a program.
 */
import { nameClass } from "../kernel/index.ts"
import { Histogram, type HistogramSnapshot } from "./histogram.ts"

/** More classes than a person reads; a program that makes more has put a key before the first `:`. */
const MAX_CLASSES = 200

/** Where the classes beyond the bound are counted. */
export const OTHER_CLASS = "(other)"

/** What locks of one class went through. */
export class LockMetrics {
  granted = 0
  /** Grants that had to wait. */
  contended = 0
  timeouts = 0
  aborted = 0
  deadlocks = 0
  /** Asked without waiting and found busy. */
  busy = 0
  /** Grants whose lease ended before they were released. */
  lost = 0
  waiting = 0
  held = 0
  readonly waitMs: Histogram = new Histogram()
  readonly holdMs: Histogram = new Histogram()
}

/** What cells of one class went through. */
export class CellMetrics {
  reads = 0
  commits = 0
  /** Commits refused because a version had moved on. */
  conflicts = 0
  /** Conflicts that led to another attempt. */
  retries = 0
  /** Commits refused because a grant or claim was no longer live. */
  fenced = 0
}

/** What runs of one operation went through, as this session saw it. */
export class OperationMetrics {
  /** Calls of the operation and waits for its runs. */
  calls = 0
  /** Calls answered from a stored result. */
  served = 0
  /** Calls that waited for a run somebody else executes. */
  joined = 0
  /** Bodies started here. */
  attempts = 0
  completed = 0
  failed = 0
  /** Attempts that ended without counting: canceled, timed out, taken over. */
  stale = 0
  executing = 0
  readonly bodyMs: Histogram = new Histogram()
}

/** Every count of a session at one moment. Durations are seconds. */
export interface MetricsSnapshot {
  readonly locks: Readonly<Record<string, LockMetricsSnapshot>>
  readonly cells: Readonly<Record<string, Readonly<Record<keyof CellMetrics, number>>>>
  readonly operations: Readonly<Record<string, OperationMetricsSnapshot>>
}

/** {@link LockMetrics} at one moment, durations in seconds. */
export type LockMetricsSnapshot = Readonly<Record<Exclude<keyof LockMetrics, "waitMs" | "holdMs">, number>> & {
  readonly waitSeconds: HistogramSnapshot
  readonly holdSeconds: HistogramSnapshot
}

/** {@link OperationMetrics} at one moment, durations in seconds. */
export type OperationMetricsSnapshot = Readonly<Record<Exclude<keyof OperationMetrics, "bodyMs">, number>> & {
  readonly bodySeconds: HistogramSnapshot
}

export class Metrics {
  readonly #locks = new Map<string, LockMetrics>()
  readonly #cells = new Map<string, CellMetrics>()
  readonly #operations = new Map<string, OperationMetrics>()

  lock(name: string): LockMetrics {
    return ofClass(this.#locks, name, () => new LockMetrics())
  }

  cell(name: string): CellMetrics {
    return ofClass(this.#cells, name, () => new CellMetrics())
  }

  operation(name: string): OperationMetrics {
    return ofClass(this.#operations, name, () => new OperationMetrics())
  }

  snapshot(): MetricsSnapshot {
    return {
      locks: entries(this.#locks, ({ waitMs, holdMs, ...counts }) => ({
        ...counts,
        waitSeconds: waitMs.snapshot(),
        holdSeconds: holdMs.snapshot(),
      })),
      cells: entries(this.#cells, ({ reads, commits, conflicts, retries, fenced }) => ({
        reads,
        commits,
        conflicts,
        retries,
        fenced,
      })),
      operations: entries(this.#operations, ({ bodyMs, ...counts }) => ({ ...counts, bodySeconds: bodyMs.snapshot() })),
    }
  }
}

function ofClass<M>(all: Map<string, M>, name: string, create: () => M): M {
  const label = nameClass(name)
  const known = all.get(label)
  if (known !== undefined) return known
  const bounded = all.size < MAX_CLASSES ? label : OTHER_CLASS
  const metrics = all.get(bounded) ?? create()
  all.set(bounded, metrics)
  return metrics
}

function entries<M, S>(all: Map<string, M>, snapshot: (metrics: M) => S): Record<string, S> {
  return Object.fromEntries([...all].map(([label, metrics]) => [label, snapshot(metrics)]))
}
