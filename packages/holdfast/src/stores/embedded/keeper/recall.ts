/**
 * Requests that come again: what became of them is answered anew, where that is known (S4).
 *
 * 1. What must not happen twice is answered with its first outcome, which is kept until the client acknowledges it.
 * 2. What only registers or looks is done again, and finds what stands already.
 * 3. A grant or claim that was handed out while nobody could be told is what its request is answered with now.
 */
import type { AcquireLock, Command, Kernel } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { KeptState } from "./kept-state.ts"
import type { ClientRequest, Peer } from "./peer.ts"

/** What became of a request that was sent before, where that is known (S4). */
export function recall(
  { kernel, replies }: KeptState,
  peer: Peer,
  { sequence, command }: ClientRequest,
): StoreOutcome | undefined {
  if (command.kind === "acquireLock") {
    return recallGrant(kernel, replies.find(peer.client, sequence), command)
  }
  if (command.kind !== "takeRun") return replies.find(peer.client, sequence)
  const claims = kernel.holdingOf(command.session)?.claims
  const handed = claims?.find(({ request }) => request === command.request)
  return handed === undefined ? undefined : { kind: "claimed", claim: handed.claim, waiting: false }
}

/**
 * A lock that was granted while nobody could be told is granted, though the first outcome was a place in the queue; one
 * whose place or grant has gone meanwhile is asked for anew.
 */
function recallGrant(
  kernel: Kernel,
  first: StoreOutcome | undefined,
  { session, request }: AcquireLock,
): StoreOutcome | undefined {
  if (first?.kind !== "granted" && first?.kind !== "parked") return first
  const holding = kernel.holdingOf(session)
  const grant = holding?.grants.find((each) => each.request === request)
  if (grant !== undefined) return { kind: "granted", token: grant.token, at: grant.at }
  return first.kind === "parked" && holding?.waiting.includes(request) === true ? first : undefined
}

/** Whoever waits again for a run that it was handed before executes it. */
export function withItsClaim(kernel: Kernel, command: Command, outcome: StoreOutcome): StoreOutcome {
  if (outcome.kind !== "joined" || (command.kind !== "claimRun" && command.kind !== "awaitRun")) return outcome
  const claims = kernel.holdingOf(command.session)?.claims
  const handed = claims?.find(({ request }) => request === command.request)
  return handed === undefined ? outcome : { kind: "claimed", claim: handed.claim, waiting: true }
}

/** What registers or only looks is done again instead; the rest must not happen twice. */
export function isKept({ kind }: Command): boolean {
  switch (kind) {
    case "claimRun":
    case "awaitRun":
    case "takeRun":
    case "openWorker":
    case "endSession":
    case "watchRun":
    case "watchCells":
    case "readCells":
    case "readRun":
    case "peekRun":
    case "listCells":
    case "listRuns":
    case "flushRun":
    case "inspect":
    case "advanceTime":
      return false
    default:
      return true
  }
}
