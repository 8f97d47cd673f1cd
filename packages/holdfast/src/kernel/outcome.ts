/** What a command comes to, as data. A refusal is an outcome with a code; only a bug in Holdfast throws. */
import type { Effects, Failure, LockMode, RunStatus } from "./command.ts"
import type { ErrorCode, ErrorDetails } from "./errors.ts"
import type { Identity } from "./identity.ts"
import type { RequestId, RunId, SessionId, Token } from "./ids.ts"
import type { Value } from "./value.ts"

/** How a run ended, as its waiters are told. `forgotten` and `superseded` tell a caller to ask the identity again. */
export type Settlement =
  | { readonly kind: "completed"; readonly result: Value }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "canceled" }
  | { readonly kind: "interrupted"; readonly attempt: number }
  | { readonly kind: "forgotten" }

/** A claim as its executor receives it. */
export interface ClaimView {
  readonly run: RunId
  readonly identity: Identity
  readonly operation: string
  readonly version: number
  readonly args: Value
  readonly token: Token
  /** 1 for the first attempt; counts every claim of the generation. */
  readonly attempt: number
  /** Steps earlier attempts recorded, with their outcomes (O10). */
  readonly steps: readonly { readonly name: string; readonly outcome: Value }[]
  readonly paused: boolean
}

/** A run as anyone may see it. */
export interface RunView {
  readonly run: RunId
  readonly identity: Identity
  readonly operation: string
  readonly version: number
  readonly key: string | null
  readonly args: Value
  readonly effects: Effects
  readonly status: RunStatus
  readonly paused: boolean
  /** Kept from eviction and retention until it is unpinned. */
  readonly pinned: boolean
  readonly attempt: number
  readonly priority: number
  readonly progress: Value | null
  readonly result: Value | null
  readonly failure: Failure | null
  readonly createdAt: number
  /** Not taken before this time; backoff and delays. */
  readonly notBefore: number
  readonly startedAt: number | null
  readonly settledAt: number | null
  readonly waiters: number
}

export interface CellView {
  readonly name: string
  /** 0 for a cell that never was; deletion is a version too. */
  readonly version: number
  readonly value: Value | null
}

/** Who holds a lock. */
export interface HolderView {
  readonly session: SessionId
  readonly label: string
  readonly token: Token
  readonly mode: LockMode
  readonly permits: number
  readonly sinceMs: number
}

/** Who holds what and who waits, for one name. */
export interface LockView {
  readonly name: string
  readonly limit: number | null
  readonly holders: readonly HolderView[]
  readonly waiters: readonly {
    readonly session: SessionId
    readonly label: string
    readonly mode: LockMode
    readonly sinceMs: number
  }[]
  /** All of them; `waiters` lists at most the first 100. */
  readonly waiterCount: number
}

/** What a store keeps of large values; all zero where they lie with the others. */
export interface BlobsView {
  readonly count: number
  readonly bytes: number
  readonly budgetBytes: number | null
  /** Results forgotten to make room since the store's keeper began. */
  readonly evicted: number
}

/** What `inspect` answers. */
export interface StoreView {
  readonly sessions: readonly {
    readonly session: SessionId
    readonly label: string
    readonly grants: number
    readonly claims: number
    readonly waits: number
  }[]
  readonly locks: readonly LockView[]
  readonly runs: { readonly byStatus: Readonly<Record<RunStatus, number>>; readonly open: readonly RunView[] }
  /** Operations with open runs, by name and version. */
  readonly queues: readonly {
    readonly operation: string
    readonly version: number
    readonly pending: number
    readonly running: number
  }[]
  readonly cells: { readonly resident: number }
  readonly blobs: BlobsView
}

/** The command was understood and turned down; nothing changed. */
export interface Refused {
  readonly kind: "refused"
  readonly code: ErrorCode
  readonly message: string
  readonly details: ErrorDetails
}

/** Names a row of the working set: a cell, the current run of an identity, or the stored limit of a lock. */
export type RowKey = `cell:${string}` | `run:${string}` | `limit:${string}`

/** The kernel cannot answer before the store has loaded these rows; nothing changed. */
export interface Need {
  readonly kind: "need"
  readonly keys: readonly RowKey[]
  /** Tables to be loaded as far as the listing asks. */
  readonly scan: "runs" | "cells" | null
}

export type Outcome =
  | Refused
  | Need
  | { readonly kind: "done" }
  | { readonly kind: "granted"; readonly token: Token; readonly at: number }
  | { readonly kind: "parked" }
  | { readonly kind: "busy"; readonly lock: LockView }
  /**
   * `found` says that something waited under that request, of which nothing comes any more; without it, its answer has come
   * or is under way. `locks` is who held what and who waited at that moment; empty where no lock was waited for.
   */
  | { readonly kind: "withdrawn"; readonly found: boolean; readonly locks: readonly LockView[] }
  | { readonly kind: "released"; readonly heldMs: number }
  | { readonly kind: "unheld" }
  | { readonly kind: "settled"; readonly run: RunId; readonly settlement: Settlement }
  /** Execute this; `waiting` says that the request also waits for the run to settle. */
  | { readonly kind: "claimed"; readonly claim: ClaimView; readonly waiting: boolean }
  | { readonly kind: "joined"; readonly run: RunId }
  | { readonly kind: "enqueued"; readonly run: RunId; readonly created: boolean; readonly status: RunStatus }
  | { readonly kind: "retrying"; readonly notBefore: number }
  | { readonly kind: "status"; readonly status: RunStatus }
  | { readonly kind: "run"; readonly view: RunView | null }
  | { readonly kind: "runs"; readonly views: readonly RunView[] }
  | { readonly kind: "cells"; readonly cells: readonly CellView[] }
  | {
      readonly kind: "committed"
      readonly versions: readonly { readonly name: string; readonly version: number }[]
      readonly starts: readonly { readonly run: RunId; readonly created: boolean }[]
    }
  /** A version read is no longer current (C3). */
  | { readonly kind: "conflict"; readonly name: string; readonly expected: number; readonly found: number }
  /** Somebody queued for this cell and is being served; queue too (C2). */
  | { readonly kind: "contended"; readonly name: string }
  /** The step was recorded by an earlier commit; this is its outcome (O10). */
  | { readonly kind: "recorded"; readonly outcome: Value }
  | { readonly kind: "view"; readonly view: StoreView }
  /** So many results were forgotten to make room, and with them so many bytes. */
  | { readonly kind: "evicted"; readonly runs: number; readonly bytes: number }

export type { RequestId }
