/**
 * What a client knows of one of its sessions: enough to ask a new keeper for everything anew, and to notice what changed
 * while it had none.
 *
 * 1. A wait is known from its outcome to the event that answers it, or to its withdrawal.
 * 2. One that was withdrawn before its own outcome came is never known: the two may come in either order.
 * 3. A token is known from the outcome or event that brought it until it is given back or lost.
 */
import { isDeepStrictEqual } from "node:util"
import type {
  AcquireLock,
  AwaitRun,
  CellView,
  ClaimRun,
  ClaimView,
  Command,
  OpenWorker,
  Outcome,
  RequestId,
  RunId,
  ReturnRun,
  RunView,
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
  | { readonly command: AcquireLock | TakeRun }
  /** `told` is the run as the watch was last told of it. */
  | { readonly command: WatchRun; told: RunView | null }
  /** `seen` is what was last told of each cell. */
  | { readonly command: WatchCells; readonly seen: Map<string, SeenCell> }
  | { readonly command: ClaimRun | AwaitRun; readonly run: RunId }

/** A claim that somebody has; `paused` is what its body was last told. */
export interface KnownClaim extends Pick<ClaimView, "run" | "identity" | "attempt"> {
  readonly paused: boolean
}

export interface SeenCell {
  readonly version: number
  readonly hasValue: boolean
}

type ClaimLoss = Extract<StoreEvent, { readonly kind: "claimControl" }>["reason"]

export class SessionRecord {
  readonly id: SessionId
  readonly waits: Map<RequestId, KnownWait> = new Map()
  /** Names of each grant held. */
  readonly grants: Map<Token, readonly string[]> = new Map()
  readonly claims: Map<Token, KnownClaim> = new Map()
  /** Claims whose end is reported and not answered yet: a report that is not taken leaves them as they were. */
  readonly #reported = new Map<Token, KnownClaim>()
  /** Claims that were to be given back, and how: by nobody else, as nobody has them any more. */
  readonly returning: Map<Token, ReturnRun> = new Map()
  readonly workers: Map<WorkerId, OpenWorker> = new Map()
  /** Waits that were given up before their own outcome came, which may rest on more than that of the withdrawal. */
  readonly #withdrawn = new Set<RequestId>()

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
      case "releaseLock":
        this.grants.delete(command.token)
        break
      case "returnRun":
        this.returning.delete(command.token)
        this.#report(command.token)
        break
      case "completeRun":
      case "failRun":
        this.#report(command.token)
        break
      case "commitCells":
        if (command.complete !== null) this.#report(command.complete.token)
        break
      case "withdrawRequest":
        if (!this.waits.has(command.request)) this.#withdrawn.add(command.request)
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

  /** A command was not taken, or nobody knows: what it was to end may go on. */
  failed(command: Command): void {
    switch (command.kind) {
      case "returnRun":
        this.#reported.delete(command.token)
        this.returning.set(command.token, command)
        break
      case "withdrawRequest":
        // Whoever waited has left, whatever becomes of the place: the next keeper is told (see resuming.ts).
        this.waits.delete(command.request)
        break
      case "completeRun":
      case "failRun":
        this.#keep(command.token)
        break
      case "commitCells":
        if (command.complete !== null) this.#keep(command.complete.token)
        break
      default:
        break
    }
  }

  /** A command was answered. */
  answered(command: Command, outcome: Outcome): void {
    this.#note(command, outcome)
    // One outcome a request: no other comes that could be taken for a wait.
    if ("request" in command && command.kind !== "withdrawRequest") this.#withdrawn.delete(command.request)
  }

  #note(command: Command, outcome: Outcome): void {
    switch (command.kind) {
      case "acquireLock":
        if (outcome.kind === "granted") this.grants.set(outcome.token, command.names)
        else if (outcome.kind === "parked") this.#wait({ command })
        break
      case "claimRun":
      case "awaitRun":
        if (outcome.kind === "joined") this.#wait({ command, run: outcome.run })
        if (outcome.kind !== "claimed") break
        this.#hold(outcome.claim)
        if (outcome.waiting) this.#wait({ command, run: outcome.claim.run })
        break
      case "takeRun":
        if (outcome.kind === "claimed") this.#hold(outcome.claim)
        else if (outcome.kind === "parked") this.#wait({ command })
        break
      case "watchCells":
        if (outcome.kind !== "cells") break
        this.#wait({ command, seen: new Map(outcome.cells.map((cell) => [cell.name, seenOf(cell)])) })
        break
      case "watchRun":
        if (outcome.kind === "run") this.#wait({ command, told: outcome.view })
        break
      case "completeRun":
      case "failRun":
      case "returnRun":
        this.#reported.delete(command.token)
        break
      case "commitCells":
        if (command.complete === null) break
        // One that lost a race is made again, and its body is still the same.
        if (outcome.kind === "committed") this.#reported.delete(command.complete.token)
        else this.#keep(command.complete.token)
        break
      case "withdrawRequest":
        this.waits.delete(command.request)
        break
      case "openWorker":
        if (outcome.kind === "done") this.workers.set(command.worker, command)
        break
      default:
        break
    }
  }

  /** Something came without being asked; false where it is no news, as a watch that was asked for anew tells again (C4). */
  told(event: StoreEvent): boolean {
    if (event.kind === "cellChanged") return this.#toldOfCell(event)
    if (event.kind === "runChanged") return this.#toldOfRun(event)
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
        this.#hold(event.claim)
        if (this.waits.get(event.request)?.command.kind === "takeRun") this.waits.delete(event.request)
        break
      case "claimControl":
        if (event.action === "lost") {
          this.claims.delete(event.token)
          this.#reported.delete(event.token)
          this.returning.delete(event.token)
        } else this.#pause(event.token, event.action === "pause")
        break
    }
    return true
  }

  /** Without its arguments, which may be long. */
  #hold({ token, run, identity, attempt, paused }: ClaimView): void {
    this.claims.set(token, { run, identity, attempt, paused })
  }

  #pause(token: Token, paused: boolean): void {
    const claim = this.claims.get(token)
    if (claim !== undefined) this.claims.set(token, { ...claim, paused })
  }

  #report(token: Token): void {
    const claim = this.claims.get(token)
    if (claim === undefined) return
    this.claims.delete(token)
    this.#reported.set(token, claim)
  }

  #keep(token: Token): void {
    const claim = this.#reported.get(token)
    if (claim === undefined) return
    this.#reported.delete(token)
    this.claims.set(token, claim)
  }

  /** Given up before its own outcome has come, which may still bring a wait. */
  isWithdrawn(request: RequestId): boolean {
    return this.#withdrawn.has(request)
  }

  #wait(wait: KnownWait): void {
    const { request } = wait.command
    if (!this.#withdrawn.has(request)) this.waits.set(request, wait)
  }

  #toldOfRun({ request, view }: Extract<StoreEvent, { readonly kind: "runChanged" }>): boolean {
    const wait = this.waits.get(request)
    if (wait === undefined || !("told" in wait)) return true
    // Who waits for the run is no change of it.
    const isSame = wait.told !== null && isDeepStrictEqual({ ...wait.told, waiters: 0 }, { ...view, waiters: 0 })
    wait.told = view
    return !isSame
  }

  #toldOfCell({ request, cell }: Extract<StoreEvent, { readonly kind: "cellChanged" }>): boolean {
    const wait = this.waits.get(request)
    // The watch's own outcome may still be on its way; whoever asked for it takes the newest of both.
    if (wait === undefined || !("seen" in wait)) return true
    if (cell.version <= (wait.seen.get(cell.name)?.version ?? 0)) return false
    wait.seen.set(cell.name, seenOf(cell))
    return true
  }
}

/** Why an attempt is over that nobody has reported on, as its run shows; null where that is forgotten. */
export function lossOf({ run, attempt }: KnownClaim, view: RunView | null): ClaimLoss {
  if (view?.run !== run) return "forgotten"
  if (view.status === "canceled") return "canceled"
  // A result of its own attempt that it has not reported; what came of a later one is no reason.
  return view.status === "completed" && view.attempt === attempt ? "stored" : "timeout"
}

function seenOf({ version, value }: CellView): SeenCell {
  return { version, hasValue: value !== null }
}
