/**
 * Commands made of drawn numbers: mostly what a program would send, sometimes what only a broken or hostile one does.
 * The same draws give the same commands, whatever they are applied to.
 */
import { cellQueueName, type Command, type Identity, type Outcome, type RequestId } from "../../src/kernel/index.ts"
import type { RunId, RunSpec, SessionId, StoreEvent, Token, WorkerId } from "../../src/kernel/index.ts"
import { specOf } from "./scope.ts"

/** What one command is made of. */
export type Draw = readonly [kind: number, who: number, what: number, how: number]

const SESSIONS = ["s1", "s2", "s3"] as SessionId[] // Brand constructor.
const NAMES = ["a", "b", "pool", cellQueueName("x")]
const CELLS = ["x", "y", "x/1"]

/** What the programs know of, as outcomes and events told them. */
export class Knowledge {
  readonly #tokens: { readonly session: SessionId; readonly token: Token }[] = []
  readonly #requests: { readonly session: SessionId; readonly request: RequestId }[] = []
  readonly runs: RunId[] = []
  #nextRequest = 0

  learn(command: Command, outcome: Outcome, events: readonly StoreEvent[]): void {
    const session = "session" in command ? command.session : null
    if (session !== null && "request" in command) this.#keep(this.#requests, { session, request: command.request })
    if (session !== null && outcome.kind === "granted") this.#keep(this.#tokens, { session, token: outcome.token })
    if (session !== null && outcome.kind === "claimed") this.#learnClaim(session, outcome.claim)
    if (outcome.kind === "joined" || outcome.kind === "enqueued" || outcome.kind === "settled") {
      this.#keep(this.runs, outcome.run)
    }
    for (const event of events) {
      if (event.kind === "lockGranted") this.#keep(this.#tokens, event)
      if (event.kind === "runAssigned") this.#learnClaim(event.session, event.claim)
    }
  }

  request(): RequestId {
    this.#nextRequest += 1
    return this.#nextRequest as RequestId // Brand constructor.
  }

  /** What the session was given; anybody's where `stolen`. */
  tokensOf(session: SessionId, isStolen: boolean): Token[] {
    return this.#tokens.filter((known) => isStolen || known.session === session).map(({ token }) => token)
  }

  requestsOf(session: SessionId): RequestId[] {
    return this.#requests.filter((known) => known.session === session).map(({ request }) => request)
  }

  #learnClaim(session: SessionId, claim: { readonly token: Token; readonly run: RunId }): void {
    this.#keep(this.#tokens, { session, token: claim.token })
    this.#keep(this.runs, claim.run)
  }

  /** Remembers the newest few: older ones are over, mostly, and stand for zombies. */
  #keep<T>(list: T[], item: T): void {
    list.push(item)
    if (list.length > 20) list.shift()
  }
}

/** The command these numbers stand for. */
export function commandOf([kind, who, what, how]: Draw, knows: Knowledge): Command {
  const session = SESSIONS[who % SESSIONS.length] as SessionId // In range.
  const tokens = knows.tokensOf(session, how % 10 === 0)
  const token = pick(tokens, what) ?? (99_999 as Token)
  const run = pick(knows.runs, what) ?? ("nonsense" as RunId)
  const request = pick(knows.requestsOf(session), what) ?? (1 as RequestId)
  const holding = how % 3 === 0 ? [] : [token, ...(how % 5 === 0 ? tokens.slice(-2) : [])]
  const spec = specFor(what, how)
  const name = NAMES[what % NAMES.length] as string // In range.
  const isShared = name === "pool" || how % 5 === 0
  switch (kind % 30) {
    case 0:
      return { kind: "openSession", session, label: session }
    case 1:
      return how % 3 === 0
        ? { kind: "endSession", session, reason: how % 2 === 0 ? "died" : "closed", unstarted: [] }
        : { kind: "advanceTime" }
    case 2:
    case 3:
    case 4:
    case 5:
      return {
        kind: "acquireLock",
        session,
        request: how % 23 === 0 ? request : knows.request(),
        names:
          how % 4 === 0 ? [name, NAMES[(what + 1 + (how % 2)) % NAMES.length] as string] : how % 37 === 0 ? [] : [name],
        mode: isShared ? "shared" : "exclusive",
        permits: how % 29 === 0 ? Number.NaN : isShared || how % 31 === 0 ? 1 + (how % 2) : 1,
        limit: how % 7 === 0 ? 1 + (what % 4) : null,
        leaseMs: how % 11 === 0 ? 1 + (how % 50) : null,
        holding,
        wait: how % 6 !== 0,
      }
    case 6:
    case 7:
      return { kind: "withdrawRequest", session, request, reason: how % 2 === 0 ? "timeout" : "abort" }
    case 8:
    case 9:
      return { kind: "releaseLock", session, token }
    case 10:
      return { kind: "renewLock", session, token, leaseMs: how % 7 === 0 ? -1 : 1 + (how % 60) }
    case 11:
      return { kind: "resizeLock", session, name, limit: how % 13 === 0 ? 0 : 1 + (how % 4) }
    case 12:
    case 13:
      return { kind: "claimRun", session, request: knows.request(), spec, holding, force: how % 4 === 0 }
    case 14:
      return { kind: "enqueueRun", session, spec, force: how % 4 === 0 }
    case 15:
      return { kind: "awaitRun", session, request: knows.request(), run, holding, execute: how % 2 === 0 }
    case 16:
      return {
        kind: "openWorker",
        session,
        worker: (what % 2) as WorkerId,
        operations:
          how % 2 === 0
            ? [{ operation: "one", version: 1 }]
            : ["one", "two"].map((operation) => ({ operation, version: 1 })),
        slots: 1 + (how % 3),
      }
    case 17:
      return { kind: "closeWorker", session, worker: (what % 2) as WorkerId }
    case 18:
      return { kind: "takeRun", session, request: knows.request(), worker: (what % 2) as WorkerId }
    case 19:
      return { kind: "completeRun", session, token, result: how }
    case 20: {
      const failure = { code: "RUN_FAILED", name: "Error", message: "no", stack: null } as const
      return { kind: "failRun", session, token, failure, final: how % 4 === 0 }
    }
    case 21:
      return { kind: "returnRun", session, token, started: true }
    case 22:
      return {
        kind: "controlRun",
        session,
        run,
        action: (["cancel", "pause", "resume", "retry", "pin", "unpin"] as const)[how % 6] ?? "retry",
      }
    case 23:
      return how % 2 === 0
        ? { kind: "reportProgress", session, token, progress: how }
        : { kind: how % 4 === 1 ? "readRun" : "peekRun", session, identity: spec.identity }
    case 24:
      return how % 4 === 1
        ? { kind: "evictRuns", identities: [spec.identity] }
        : how % 4 === 3
          ? { kind: "discardResult", session, run }
          : { kind: "watchRun", session, request: knows.request(), run }
    case 25:
      return how % 2 === 0
        ? { kind: "putResult", session, spec, result: how }
        : { kind: "forgetResult", session, identity: spec.identity }
    case 26:
      return how % 2 === 0
        ? {
            kind: "listRuns",
            session,
            filter: {
              operation: what % 2 === 0 ? "one" : null,
              statuses: how % 3 === 0 ? ["pending"] : null,
              limit: 3,
            },
          }
        : { kind: "listCells", session, prefix: "x", limit: 2 }
    case 27:
      return how % 2 === 0
        ? {
            kind: "watchCells",
            session,
            request: knows.request(),
            pattern: what % 2 === 0 ? { kind: "name", name: "x" } : { kind: "prefix", prefix: "x" },
          }
        : { kind: "inspect", session }
    default:
      return commit(session, [kind, who, what, how], { holding, token, spec })
  }
}

function commit(
  session: SessionId,
  [, who, what, how]: Draw,
  { holding, token, spec }: { holding: Token[]; token: Token; spec: RunSpec },
): Command {
  const cell = CELLS[what % CELLS.length] as string // In range.
  const value = how % 17 === 0 ? new Uint8Array([1]) : how
  return {
    kind: "commitCells",
    session,
    holding: how % 4 === 0 ? holding : [],
    reads: how % 3 === 0 ? [{ name: cell, version: who % 4 }] : [],
    writes: [
      how % 5 === 0
        ? { kind: "delete", name: cell }
        : how % 2 === 0
          ? { kind: "put", name: cell, value }
          : { kind: "merge", name: cell, merge: (["max", "counter", "last"] as const)[how % 3] ?? "last", value },
      ...(how % 19 === 0 ? [{ kind: "delete", name: "x" } as const] : []),
    ],
    starts: how % 7 === 0 ? [spec] : [],
    step: how % 8 === 0 ? { token, name: `step ${String(how % 2)}`, outcome: how } : null,
    complete: how % 9 === 0 ? { token, result: how } : null,
  }
}

function specFor(what: number, how: number): RunSpec {
  const operation = what % 3 === 0 ? "two" : "one"
  const options = {
    effects: (["pure", "idempotent", "once"] as const)[what % 3] ?? "pure",
    args: how % 41 === 0 ? 1 : 0,
    key: what % 4 === 0 ? "key" : null,
    retry: { maxAttempts: how % 43 === 0 ? 0 : 1 + (what % 3), initialMs: 5, factor: 2, maxMs: 15 },
    concurrency: operation === "two" ? 1 + (how % 2) : what % 5 === 0 ? 2 : null,
    keyed: what % 2 === 0 ? { key: "k", count: 1 + (how % 2) } : null,
    attemptTimeoutMs: what % 4 === 1 ? 25 : null,
    retainMs: what % 5 < 2 ? 30 : null,
    abandon: what % 7 === 0 ? "cancel" : "keep",
    priority: how % 3,
    delayMs: how % 6 === 0 ? 12 : 0,
  } as const
  return {
    ...specOf(operation, String(what % 6), options),
    identity: `hf1:${operation}/${String(what % 6)}` as Identity,
  }
}

function pick<T>(list: readonly T[], index: number): T | undefined {
  return list.length === 0 ? undefined : list[index % (list.length + 1)]
}
