/** What is asked of a keeper about its store as a whole, as data: by those who look after it, on no session's behalf. */
import type { HolderView, LockView, RunId, RunStatus, StoreView } from "../../../kernel/index.ts"

export type AdminOrder =
  /** Answers at once: for whoever wonders whether the keeper still moves. */
  | { readonly kind: "ping" }
  /** With `since`, a revision, it is answered once there is a newer one, or after some seconds with the same. */
  | { readonly kind: "report"; readonly since: number | null }
  /** A copy of the journal in a new file, as it is when this is answered. */
  | { readonly kind: "backup"; readonly file: string }
  /** Moves the journal's log into the database; with `vacuum`, gives unused space back, which keeps writers waiting. */
  | { readonly kind: "compact"; readonly vacuum: boolean }
  /**
   * No file of a large value goes from when this is answered until `releaseFiles`, until the connection ends, or until
   * nothing was asked on it for minutes.
   */
  | { readonly kind: "holdFiles" }
  /** Refused with STORE_UNAVAILABLE where they were not held on this connection: files may have gone meanwhile. */
  | { readonly kind: "releaseFiles" }

export type AdminAnswer = { readonly kind: "done" } | { readonly kind: "report"; readonly report: StoreReport }

/** A run as the report lists it: all but what may be large. */
export interface RunLine {
  readonly run: RunId
  readonly operation: string
  readonly version: number
  readonly key: string | null
  readonly status: RunStatus
  readonly paused: boolean
  readonly attempt: number
  readonly waiters: number
  readonly createdAt: number
  readonly startedAt: number | null
}

/** A lock as the report lists it: at most some holders and waiters, and how many there are. */
export interface LockLine extends Omit<LockView, "holders"> {
  readonly holders: readonly HolderView[]
  readonly holderCount: number
}

/** What became of requests for results, since this keeper began. */
export interface ResultCounts {
  /** Answered from what was stored. */
  readonly served: number
  /** Answered by a run that was under way already. */
  readonly joined: number
  /** Handed out to be computed. */
  readonly computed: number
}

/** The store at one moment. Lists are cut at a thousand; the counts beside them are not. */
export interface StoreReport {
  /** Rises whenever anything changes; another keeper begins anew. */
  readonly revision: number
  /** The keeper's time, which `createdAt` and `startedAt` of runs are by. */
  readonly at: number
  readonly keeper: { readonly pid: number; readonly build: string; readonly startedAt: number }
  readonly store: { readonly instance: string; readonly createdAt: number; readonly build: string }
  readonly sessions: StoreView["sessions"]
  readonly sessionCount: number
  readonly locks: readonly LockLine[]
  readonly lockCount: number
  readonly runs: {
    readonly byStatus: StoreView["runs"]["byStatus"]
    readonly open: readonly RunLine[]
    readonly openCount: number
  }
  readonly queues: StoreView["queues"]
  /** How many have a value, counted up to `COUNTED_CELLS`, and of how many cells the keeper has the row in memory. */
  readonly cells: { readonly stored: number; readonly resident: number }
  readonly results: ResultCounts
}

/** Long enough to read, and a report stays below a megabyte or so. */
const LISTED = 1_000

/** More cells are not counted: it takes the keeper some milliseconds, and a picture asks every second. */
export const COUNTED_CELLS = 100_000

/** Holders of one lock: a semaphore may have very many. */
const LISTED_HOLDERS = 100

/** Takes from a view what a report shows of it. */
export function cutView(
  view: StoreView,
): Pick<StoreReport, "sessions" | "sessionCount" | "locks" | "lockCount" | "runs" | "queues"> {
  const { sessions, locks, runs, queues } = view
  return {
    sessions: sessions.slice(0, LISTED),
    sessionCount: sessions.length,
    locks: locks.slice(0, LISTED).map((lock) => ({
      ...lock,
      holders: lock.holders.slice(0, LISTED_HOLDERS),
      holderCount: lock.holders.length,
    })),
    lockCount: locks.length,
    runs: {
      byStatus: runs.byStatus,
      open: runs.open.slice(0, LISTED).map((run) => ({
        run: run.run,
        operation: run.operation,
        version: run.version,
        key: run.key,
        status: run.status,
        paused: run.paused,
        attempt: run.attempt,
        waiters: run.waiters,
        createdAt: run.createdAt,
        startedAt: run.startedAt,
      })),
      openCount: runs.open.length,
    },
    queues: queues.slice(0, LISTED),
  }
}
