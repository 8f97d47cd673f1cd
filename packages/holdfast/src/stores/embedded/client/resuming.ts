/**
 * Going on with a new keeper: what a session holds and awaits is compared with what the keeper says of it, the difference
 * is told as the events it would have been told by, and every wait is asked for anew.
 *
 * 1. What one side has and the other does not know of is not kept: a grant or claim that nobody wants is given back (L4),
 *    and one that the keeper lost is told to be lost.
 * 2. What is asked or reported under way decides for itself: it is sent again after all of this (S4).
 * 3. A wait that the keeper does not know is asked for anew under its own request, for the very generation of a run (O4).
 */
import type {
  CellView,
  Command,
  Outcome,
  RunView,
  SessionHolding,
  SessionId,
  StoreEvent,
  Token,
} from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { ClientBlobs } from "./client-blobs.ts"
import { isEnding } from "./command-kinds.ts"
import type { PendingRequests } from "./pending-requests.ts"
import { type KnownClaim, type KnownWait, lossOf, type SessionRecord } from "./session-record.ts"

/** The client that goes on. */
export interface Resumed {
  readonly blobs: ClientBlobs | undefined
  readonly sessions: Map<SessionId, SessionRecord>
  readonly pending: PendingRequests
  /** A request of the client's own, sent at once; `then` is told its outcome, `otherwise` that there is none. */
  readonly ask: (command: Command, then?: (outcome: Outcome) => void, otherwise?: () => void) => void
  /** The session learns of it, and whoever waits is told where it is news. */
  readonly tell: (event: StoreEvent) => void
  /** Told to the runtime as it is: the session is no more. */
  readonly tellEnd: (event: StoreEvent) => void
}

/** A keeper says what it knows of the sessions; it is asked anew for what it does not know. */
export function resumeSessions(client: Resumed, known: ReadonlyMap<SessionId, SessionHolding>): void {
  const { sessions, pending } = client
  for (const record of sessions.values()) {
    // One that is ending wants nothing any more: its end is sent again later.
    if (pending.some((command) => isEnding(command, record.id))) continue
    const holding = known.get(record.id)
    if (holding === undefined) loseSession(client, record)
    else resume(client, record, holding)
  }
  // The last keeper died before it could write down that these were over.
  for (const session of known.keys()) {
    if (sessions.has(session) || pending.some((command) => isEnding(command, session))) continue
    client.ask({ kind: "endSession", session, reason: "closed", unstarted: [] })
  }
}

/** What is asked again may begin a wait again whose withdrawal was answered by the last keeper (L4). */
export function withdrawAgain({ sessions, pending, ask }: Resumed): void {
  for (const { command } of pending.values()) {
    if (!("request" in command) || command.kind === "withdrawRequest") continue
    const { session, request } = command
    if (sessions.get(session)?.isWithdrawn(request) !== true) continue
    if (pending.withdrawalOf(session, request) !== undefined) continue
    ask({ kind: "withdrawRequest", session, request, reason: "abort" })
  }
}

/** The keeper took this client for dead: nothing of the session is left. */
export function loseSession({ sessions, tellEnd }: Resumed, record: SessionRecord): void {
  sessions.delete(record.id)
  const { id: session } = record
  for (const [token, names] of record.grants) tellEnd({ kind: "grantLost", session, token, names })
  for (const token of record.claims.keys()) {
    tellEnd({ kind: "claimControl", session, token, action: "lost", reason: "sessionLost" })
  }
  for (const request of record.waits.keys()) {
    const message = `session ${session} ended when its keeper did; open the store again`
    tellEnd({ kind: "requestRefused", session, request, code: "SESSION_LOST", message, details: {} })
  }
}

/** The outcome of a request that was given up: nobody here knows of what it brought. */
export function giveBack({ ask }: Resumed, command: Command, outcome: StoreOutcome): void {
  if (!("session" in command)) return
  const { session } = command
  if (outcome.kind === "granted") ask({ kind: "releaseLock", session, token: outcome.token })
  else if (outcome.kind === "claimed") {
    ask({ kind: "returnRun", session, token: outcome.claim.token, started: false })
  } else if ((outcome.kind === "parked" || outcome.kind === "joined") && "request" in command) {
    ask({ kind: "withdrawRequest", session, request: command.request, reason: "timeout" })
  }
}

function resume(client: Resumed, record: SessionRecord, holding: SessionHolding): void {
  const { id: session } = record
  const hold = client.blobs?.heldBy(session) ?? []
  if (hold.length > 0) client.ask({ kind: "holdBlobs", session, hold, drop: [] })
  for (const command of record.workers.values()) client.ask(command)
  tellLosses(client, record, holding)
  takeGrants(client, record, holding)
  takeClaims(client, record, holding)
  for (const [request, wait] of record.waits) {
    if (holding.waiting.includes(request)) continue
    const withdrawal = client.pending.withdrawalOf(session, request)
    // One that the last keeper knew of is not applied again, and would leave the new wait standing (L4).
    if (withdrawal === undefined) waitAgain(client, wait)
    else withdrawal.hasFound = true
  }
  for (const request of holding.waiting) {
    // Given up, or its withdrawal was, while a keeper did not answer: nobody waits there any more (L4).
    if (record.waits.has(request) || client.pending.under(session, request) !== undefined) continue
    if (client.pending.withdrawalOf(session, request) === undefined) {
      client.ask({ kind: "withdrawRequest", session, request, reason: "abort" })
    }
  }
}

// Grants and claims

function tellLosses(client: Resumed, record: SessionRecord, holding: SessionHolding): void {
  const { id: session } = record
  const held = new Set(holding.grants.map(({ token }) => token))
  for (const [token, names] of record.grants) {
    if (!held.has(token)) client.tell({ kind: "grantLost", session, token, names })
  }
  const claimed = new Set(holding.claims.map(({ claim }) => claim.token))
  for (const [token, claim] of record.claims) if (!claimed.has(token)) tellLost(client, record, { token, claim })
}

/** The keeper that ended a claim died before it said why: the run shows it. */
function tellLost(
  client: Resumed,
  record: SessionRecord,
  { token, claim }: { readonly token: Token; readonly claim: KnownClaim },
): void {
  const { id: session } = record
  const tell = (view: RunView | null): void => {
    // Reported meanwhile: its executor is answered instead.
    if (!record.claims.has(token)) return
    client.tell({ kind: "claimControl", session, token, action: "lost", reason: lossOf(claim, view) })
  }
  const look = { kind: "readRun", session, identity: claim.identity } as const
  // Where the run cannot be read, there is none for all anybody can tell.
  client.ask(
    look,
    (outcome) => {
      if (outcome.kind === "run") tell(outcome.view)
    },
    () => {
      tell(null)
    },
  )
}

/** Grants that the session does not know yet. */
function takeGrants({ pending, ask, tell }: Resumed, record: SessionRecord, { grants }: SessionHolding): void {
  const { id: session } = record
  for (const { token, request, at } of grants) {
    if (record.grants.has(token)) continue
    if (record.waits.has(request)) tell({ kind: "lockGranted", session, request, token, at })
    // Withdrawn meanwhile, or given back and the keeper does not know yet: either request is sent again later.
    else if (pending.under(session, request)?.kind !== "acquireLock" && !pending.isGivenBack(session, token)) {
      ask({ kind: "releaseLock", session, token })
    }
  }
}

/** Claims that the session does not know yet, or not as they are. */
function takeClaims({ pending, ask, tell }: Resumed, record: SessionRecord, { claims }: SessionHolding): void {
  const { id: session } = record
  for (const { request, claim } of claims) {
    // Known to be over: its report is sent again later.
    if (pending.isReported(session, claim.token)) continue
    const { token, paused } = claim
    const returning = record.returning.get(token)
    if (returning !== undefined) {
      record.returning.delete(token)
      ask(returning)
      continue
    }
    const known = record.claims.get(token)
    if (known !== undefined) {
      const action = paused ? "pause" : "resume"
      if (paused !== known.paused) tell({ kind: "claimControl", session, token, action, reason: "asked" })
      continue
    }
    if (record.waits.has(request)) tell({ kind: "runAssigned", session, request, claim })
    // Its outcome got lost on its way, and comes again; or nobody wants it any more.
    else if (pending.under(session, request) === undefined) {
      ask({ kind: "returnRun", session, token, started: false })
    }
  }
}

// Waits

/** Asks for it anew, under its own request. */
export function waitAgain(client: Resumed, wait: KnownWait): void {
  const { ask, tell } = client
  const { command } = wait
  const { session, request } = command
  switch (command.kind) {
    case "acquireLock":
      ask(command, (outcome) => {
        if (outcome.kind === "granted") {
          tell({ kind: "lockGranted", session, request, token: outcome.token, at: outcome.at })
        }
      })
      break
    case "takeRun":
      ask(command, (outcome) => {
        if (outcome.kind === "claimed") tell({ kind: "runAssigned", session, request, claim: outcome.claim })
      })
      break
    case "watchCells":
      ask(command, (outcome) => {
        if (outcome.kind !== "cells") return
        for (const cell of outcome.cells) tell({ kind: "cellChanged", session, request, cell })
        if ("seen" in wait) lookForDeleted(client, wait, outcome.cells)
      })
      break
    case "watchRun":
      ask(command, (outcome) => {
        if (outcome.kind === "run" && outcome.view !== null) {
          tell({ kind: "runChanged", session, request, view: outcome.view })
        }
      })
      break
    case "claimRun":
    case "awaitRun":
      if ("run" in wait) awaitAgain(client, wait)
      break
  }
}

/** A list of cells that have a value says nothing of those that lost theirs meanwhile. */
function lookForDeleted(
  { ask, tell }: Resumed,
  { command, seen }: Extract<KnownWait, { readonly seen: unknown }>,
  listed: readonly CellView[],
): void {
  const { session, request } = command
  const present = new Set(listed.map(({ name }) => name))
  const names = [...seen].filter(([name, { hasValue }]) => hasValue && !present.has(name)).map(([name]) => name)
  if (names.length === 0) return
  ask({ kind: "readCells", session, names, head: false }, (outcome) => {
    if (outcome.kind !== "cells") return
    for (const cell of outcome.cells) tell({ kind: "cellChanged", session, request, cell })
  })
}

/** Waits for the very generation it waited for. */
function awaitAgain({ ask, tell }: Resumed, { command, run }: Extract<KnownWait, { readonly run: unknown }>): void {
  const { session, request, holding } = command
  const execute = command.kind === "claimRun" || command.execute
  const again = { kind: "awaitRun", session, request, run, holding, execute } as const
  ask(again, (outcome) => {
    if (outcome.kind === "settled") {
      tell({ kind: "runSettled", session, request, run, settlement: outcome.settlement })
    } else if (outcome.kind === "claimed") {
      tell({ kind: "runAssigned", session, request, claim: outcome.claim })
    } else if (outcome.kind === "refused" && outcome.code !== "DEADLOCK") {
      tell({ kind: "runSettled", session, request, run, settlement: { kind: "forgotten" } })
    }
  })
}
