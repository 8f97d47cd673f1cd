/** What a store tells a session, and what it lets observers see, as data. */
import type { LockMode } from "./command.ts"
import type { ErrorCode, ErrorDetails } from "./errors.ts"
import type { Identity } from "./identity.ts"
import type { RequestId, RunId, SessionId, Token } from "./ids.ts"
import type { CellView, ClaimView, RunView, Settlement } from "./outcome.ts"

/** An event for one session. Every parked request is answered by exactly one of granted, refused, settled or assigned. */
export type StoreEvent =
  | {
      readonly kind: "lockGranted"
      readonly session: SessionId
      readonly request: RequestId
      readonly token: Token
      readonly at: number
    }
  | {
      readonly kind: "requestRefused"
      readonly session: SessionId
      readonly request: RequestId
      readonly code: ErrorCode
      readonly message: string
      readonly details: ErrorDetails
    }
  /** A lease ended: the grant is gone and others may hold the names. */
  | {
      readonly kind: "grantLost"
      readonly session: SessionId
      readonly token: Token
      readonly names: readonly string[]
    }
  | {
      readonly kind: "runSettled"
      readonly session: SessionId
      readonly request: RequestId
      readonly run: RunId
      readonly settlement: Settlement
    }
  /** Execute this. A waiter stays a waiter of the run; a taker's request is over. */
  | {
      readonly kind: "runAssigned"
      readonly session: SessionId
      readonly request: RequestId
      readonly claim: ClaimView
    }
  /** `lost` ends the attempt: its signal is aborted and nothing it reports counts (O5). Only a client says `sessionLost`. */
  | {
      readonly kind: "claimControl"
      readonly session: SessionId
      readonly token: Token
      readonly action: "pause" | "resume" | "lost"
      readonly reason: "canceled" | "timeout" | "forgotten" | "stored" | "asked" | "sessionLost"
    }
  | { readonly kind: "cellChanged"; readonly session: SessionId; readonly request: RequestId; readonly cell: CellView }
  | { readonly kind: "runChanged"; readonly session: SessionId; readonly request: RequestId; readonly view: RunView }

/** A transition as observers see it; made only while somebody observes. */
export type Transition =
  | { readonly kind: "session.opened"; readonly at: number; readonly session: SessionId }
  | {
      readonly kind: "session.ended"
      readonly at: number
      readonly session: SessionId
      readonly reason: "closed" | "died"
    }
  | {
      readonly kind: "lock.waiting" | "lock.granted"
      readonly at: number
      readonly session: SessionId
      readonly names: readonly string[]
      readonly mode: LockMode
      readonly token: Token | null
      readonly waitedMs: number
    }
  | {
      readonly kind: "lock.released" | "lock.lost"
      readonly at: number
      readonly session: SessionId
      readonly names: readonly string[]
      readonly token: Token
      readonly heldMs: number
    }
  | {
      readonly kind: "lock.timeout" | "lock.withdrawn"
      readonly at: number
      readonly session: SessionId
      readonly names: readonly string[]
      readonly waitedMs: number
    }
  | { readonly kind: "lock.resized"; readonly at: number; readonly name: string; readonly limit: number }
  | { readonly kind: "deadlock.refused"; readonly at: number; readonly session: SessionId; readonly message: string }
  | {
      readonly kind: "commit.applied"
      readonly at: number
      readonly session: SessionId
      readonly cells: readonly string[]
    }
  | { readonly kind: "commit.conflict"; readonly at: number; readonly session: SessionId; readonly cell: string }
  | { readonly kind: "commit.fenced"; readonly at: number; readonly session: SessionId; readonly token: Token }
  | {
      readonly kind:
        | "run.enqueued"
        | "run.claimed"
        | "run.joined"
        | "run.completed"
        | "run.failed"
        | "run.retrying"
        | "run.crashed"
        | "run.returned"
        | "run.canceled"
        | "run.interrupted"
        | "run.paused"
        | "run.resumed"
        | "run.forgotten"
        | "run.stored"
        | "run.expired"
        | "run.evicted"
      readonly at: number
      readonly session: SessionId | null
      readonly run: RunId
      readonly identity: Identity
      readonly operation: string
      readonly attempt: number
    }
  | { readonly kind: "attempt.stale"; readonly at: number; readonly session: SessionId; readonly token: Token }
