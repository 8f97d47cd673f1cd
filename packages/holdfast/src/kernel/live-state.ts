/**
 * Live state as rows: sessions, grants, tickets and claims, which are no rows of the journal and must outlive the
 * process that keeps them (L2, L3, L6, O1). A store whose kernel may die while its sessions live on writes them down and
 * gives them back to the next kernel; waits for runs, takers and watches are asked for anew by those who want them.
 *
 * 1. What comes and goes between two takes leaves no change behind.
 * 2. Changes are whole rows, so a later change of a key replaces an earlier one.
 */
import type { AcquireLock, LockMode } from "./command.ts"
import type { Identity } from "./identity.ts"
import type { RequestId, SessionId, Token, WorkerId } from "./ids.ts"
import type { ClaimView } from "./outcome.ts"
import type { Claim, Grant, LockRequest, Session } from "./state.ts"

export interface SessionRow {
  readonly kind: "session"
  readonly session: SessionId
  readonly label: string
}

export interface GrantRow {
  readonly kind: "grant"
  readonly session: SessionId
  readonly token: Token
  /** What it was asked under. */
  readonly request: RequestId
  readonly names: readonly string[]
  /** The limit each name had, whose own row may not have been written yet. */
  readonly limits: readonly (number | null)[]
  readonly mode: LockMode
  readonly permits: number
  readonly at: number
  /** When its lease ends, if it has one. */
  readonly leaseAt: number | null
}

/** A request's place in its queues. */
export interface TicketRow {
  readonly kind: "ticket"
  readonly session: SessionId
  readonly command: AcquireLock
  readonly arrival: number
  readonly since: number
}

export interface ClaimRow {
  readonly kind: "claim"
  readonly session: SessionId
  readonly token: Token
  readonly request: RequestId
  readonly identity: Identity
  readonly generation: Token
  readonly attempt: number
  readonly at: number
  readonly worker: WorkerId | null
  readonly timeoutAt: number | null
}

export type LiveRow = SessionRow | GrantRow | TicketRow | ClaimRow

/** Names a live row. */
export type LiveKey = `session:${string}` | `grant:${string}` | `ticket:${string}` | `claim:${string}`

/** A live row to be written, or deleted where `row` is null. */
export interface LiveChange {
  readonly key: LiveKey
  readonly row: LiveRow | null
}

/** What a session holds, by the requests it was asked under, and the lock requests that still wait. */
export interface SessionHolding {
  readonly grants: readonly { readonly token: Token; readonly request: RequestId; readonly at: number }[]
  readonly claims: readonly { readonly request: RequestId; readonly claim: ClaimView }[]
  readonly waiting: readonly RequestId[]
}

/** Rows by kind; tickets in order of arrival (L3). */
export function sortLiveRows(rows: readonly LiveRow[]): {
  readonly sessions: readonly SessionRow[]
  readonly grants: readonly GrantRow[]
  readonly claims: readonly ClaimRow[]
  readonly tickets: readonly TicketRow[]
} {
  return {
    sessions: rows.filter((row) => row.kind === "session"),
    grants: rows.filter((row) => row.kind === "grant"),
    claims: rows.filter((row) => row.kind === "claim"),
    tickets: rows.filter((row) => row.kind === "ticket").toSorted((a, b) => a.arrival - b.arrival),
  }
}

export class LiveChanges {
  readonly #changes = new Map<LiveKey, { readonly row: LiveRow | null; readonly isNew: boolean }>()

  sessionOpened({ id, label }: Session): void {
    this.#add(`session:${id}`, { kind: "session", session: id, label })
  }

  sessionEnded({ id }: Session): void {
    this.#drop(`session:${id}`)
  }

  granted(grant: Grant): void {
    this.#add(grantKey(grant), grantRow(grant))
  }

  /** Its lease lasts longer. */
  renewed(grant: Grant): void {
    const key = grantKey(grant)
    this.#changes.set(key, { row: grantRow(grant), isNew: this.#changes.get(key)?.isNew === true })
  }

  grantEnded(grant: Grant): void {
    this.#drop(grantKey(grant))
  }

  parked({ session, command, arrival, since }: LockRequest): void {
    this.#add(ticketKey(session, command), { kind: "ticket", session: session.id, command, arrival, since })
  }

  unparked({ session, command }: LockRequest): void {
    this.#drop(ticketKey(session, command))
  }

  claimed(claim: Claim): void {
    const { identity, generation } = claim.run.row
    this.#add(`claim:${String(claim.token)}`, {
      kind: "claim",
      session: claim.session.id,
      token: claim.token,
      request: claim.request,
      identity,
      generation,
      attempt: claim.attempt,
      at: claim.at,
      worker: claim.workerId,
      timeoutAt: claim.timeout?.at ?? null,
    })
  }

  claimEnded({ token }: Claim): void {
    this.#drop(`claim:${String(token)}`)
  }

  /** Hands over what changed since the last call. */
  take(): readonly LiveChange[] {
    if (this.#changes.size === 0) return NO_CHANGES
    const changes = [...this.#changes].map(([key, { row }]) => ({ key, row }))
    this.#changes.clear()
    return changes
  }

  /** No key is used twice: tokens, requests and sessions are not. */
  #add(key: LiveKey, row: LiveRow): void {
    this.#changes.set(key, { row, isNew: true })
  }

  #drop(key: LiveKey): void {
    if (this.#changes.get(key)?.isNew === true) this.#changes.delete(key)
    else this.#changes.set(key, { row: null, isNew: false })
  }
}

const NO_CHANGES: readonly LiveChange[] = []

function grantKey({ token }: Grant): LiveKey {
  return `grant:${String(token)}`
}

function grantRow(grant: Grant): GrantRow {
  return {
    kind: "grant",
    session: grant.session.id,
    token: grant.token,
    request: grant.request,
    names: grant.locks.map((lock) => lock.name),
    limits: grant.locks.map((lock) => lock.limit),
    mode: grant.mode,
    permits: grant.permits,
    at: grant.at,
    leaseAt: grant.lease?.at ?? null,
  }
}

function ticketKey(session: Session, { request }: AcquireLock): LiveKey {
  return `ticket:${session.id}/${String(request)}`
}
