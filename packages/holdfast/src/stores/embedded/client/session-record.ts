/**
 * What a client knows of one of its sessions: enough to ask a new keeper for everything anew, and to notice what changed
 * while it had none.
 *
 * 1. A wait is known from its outcome to the event that answers it, or to its withdrawal.
 * 2. A token is known from the outcome or event that brought it until it is given back or lost.
 */
import type {
  AcquireLock,
  AwaitRun,
  ClaimRun,
  Command,
  OpenWorker,
  Outcome,
  RequestId,
  RunId,
  SessionId,
  StoreEvent,
  TakeRun,
  Token,
  WatchCells,
  WatchRun,
  WorkerId,
} from "../../../kernel/index.ts"

/** A request that was parked or registered. A run's waiter knows which generation it waits for. */
export type KnownWait =
  | { readonly command: AcquireLock | TakeRun | WatchCells | WatchRun }
  | { readonly command: ClaimRun | AwaitRun; readonly run: RunId }

export class SessionRecord {
  readonly id: SessionId
  readonly waits: Map<RequestId, KnownWait> = new Map()
  /** Names of each grant held. */
  readonly grants: Map<Token, readonly string[]> = new Map()
  readonly claims: Set<Token> = new Set()
  readonly workers: Map<WorkerId, OpenWorker> = new Map()

  constructor(id: SessionId) {
    this.id = id
  }

  /** True while something may still come for the session without being asked. */
  get isExpecting(): boolean {
    return this.waits.size > 0
  }

  /** A command is about to be sent. */
  asked(command: Command): void {
    switch (command.kind) {
      case "withdrawRequest":
        this.waits.delete(command.request)
        break
      case "releaseLock":
        this.grants.delete(command.token)
        break
      case "completeRun":
      case "failRun":
      case "returnRun":
        this.claims.delete(command.token)
        break
      case "commitCells":
        if (command.complete !== null) this.claims.delete(command.complete.token)
        break
      case "closeWorker":
        this.workers.delete(command.worker)
        for (const [request, { command: wait }] of this.waits) {
          if (wait.kind === "takeRun" && wait.worker === command.worker) this.waits.delete(request)
        }
        break
      default:
        break
    }
  }

  /** A command was answered. */
  answered(command: Command, outcome: Outcome): void {
    switch (command.kind) {
      case "acquireLock":
        if (outcome.kind === "granted") this.grants.set(outcome.token, command.names)
        else if (outcome.kind === "parked") this.waits.set(command.request, { command })
        break
      case "claimRun":
      case "awaitRun":
        if (outcome.kind === "joined") this.waits.set(command.request, { command, run: outcome.run })
        if (outcome.kind !== "claimed") break
        this.claims.add(outcome.claim.token)
        if (outcome.waiting) this.waits.set(command.request, { command, run: outcome.claim.run })
        break
      case "takeRun":
        if (outcome.kind === "claimed") this.claims.add(outcome.claim.token)
        else if (outcome.kind === "parked") this.waits.set(command.request, { command })
        break
      case "watchCells":
      case "watchRun":
        if (outcome.kind === "cells" || outcome.kind === "run") this.waits.set(command.request, { command })
        break
      case "openWorker":
        if (outcome.kind === "done") this.workers.set(command.worker, command)
        break
      default:
        break
    }
  }

  /** Something came without being asked. */
  told(event: StoreEvent): void {
    switch (event.kind) {
      case "lockGranted": {
        const wait = this.waits.get(event.request)
        this.waits.delete(event.request)
        this.grants.set(event.token, wait?.command.kind === "acquireLock" ? wait.command.names : [])
        break
      }
      case "grantLost":
        this.grants.delete(event.token)
        break
      case "requestRefused":
      case "runSettled":
        this.waits.delete(event.request)
        break
      case "runAssigned":
        this.claims.add(event.claim.token)
        if (this.waits.get(event.request)?.command.kind === "takeRun") this.waits.delete(event.request)
        break
      case "claimControl":
        if (event.action === "lost") this.claims.delete(event.token)
        break
      case "cellChanged":
      case "runChanged":
        break
    }
  }
}
