/**
 * One request, from its coming to its outcome.
 *
 *     request ──known from before──▶ its first outcome
 *        ├──of another's session──▶ refused
 *        ├──names a file that is missing──▶ fault
 *        ├──lists rows──▶ answered from the journal, once all that was applied is in it
 *        └──▶ applied ─▶ changes and events collected ─▶ outcome kept with its effect (S4), told once what it rests on is durable
 *
 * 1. What was applied before is not applied again: that is decided first (S4).
 * 2. A row that cannot be read is named and not served (S2); whatever else breaks is the keeper's end.
 */
import { describeStrange, isHoldfastError } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import { reach } from "../fail-point.ts"
import { faultOf } from "./answers.ts"
import type { BlobCare } from "./blob-care.ts"
import { commitAgain } from "./commit-again.ts"
import type { Connection } from "./connection.ts"
import type { KeptState } from "./kept-state.ts"
import { asDurable, listingOf } from "./listings.ts"
import type { ClientRequest, KeeperMessage } from "./peer.ts"
import { isKept, recall, withItsClaim } from "./recall.ts"
import { restOfOutcome } from "./rests.ts"

export function serve(state: KeptState, connection: Connection, request: ClientRequest): void {
  const { sequence, command } = request
  const known = request.isAgain ? recall(state, connection.peer, request) : undefined
  if (known !== undefined) {
    state.answers.send(connection, { kind: "outcome", sequence, outcome: known })
    return
  }
  const refused = state.owners.refuse(connection, command)
  if (refused !== null) {
    state.answers.send(connection, { kind: "outcome", sequence, outcome: refused })
    return
  }
  try {
    if (state.blobs !== null && serveBlobs(state, state.blobs, { connection, request })) return
    const list = listingOf(state, command)
    if (list === null) answer(state, connection, request)
    else state.answers.tellListing(connection, { sequence, list, rest: state.durability.restOfAll })
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "STORE_DAMAGED") throw error
    state.answers.send(connection, faultOf(sequence, error))
  }
}

function answer(state: KeptState, connection: Connection, { sequence, command, isAgain }: ClientRequest): void {
  const { kernel, durability } = state
  const { peer } = connection
  const asked =
    command.kind === "claimRun"
      ? { request: command.request, before: durability.restOf(`run:${command.spec.identity}`) }
      : null
  reach("before-apply")
  const isDoubtful = isAgain && command.kind === "commitCells"
  const applied = isDoubtful ? commitAgain(command, (each) => state.apply(each)) : state.apply(command)
  reach("after-apply")
  state.traffic.answered(command, applied)
  const outcome = isAgain ? withItsClaim(kernel, command, applied) : applied
  if (command.kind === "openSession" && outcome.kind === "done") state.owners.own(command.session, connection)
  const completed =
    command.kind === "completeRun" ? state.notes.completedAtOnce(kernel, peer, { sequence, command }) : null
  // Before the events: those of the session itself go where it is.
  const isChanged = state.collect(command, completed, asked)
  if (isChanged) state.batches.tryAgain()
  if (command.kind === "endSession") state.owners.ended(command.session, connection)
  const shown = command.kind === "readCells" && !command.head ? asDurable(state, outcome) : outcome
  const rest = restOfOutcome(durability, kernel, {
    command,
    outcome,
    isWritten: completed !== null,
    before: asked?.before ?? null,
  })
  if (outcome.kind === "settled" && outcome.settlement.kind === "completed") {
    state.blobs?.use(outcome.settlement.result, state.now())
  }
  if (!peer.isLocal && isKept(command)) {
    state.keepReply(peer.client, { sequence, outcome: shown, isChanged, rest })
  }
  state.tell(connection, { kind: "outcome", sequence, outcome: shown }, rest)
}

/** What is asked about files of large values, or cannot be asked without them. */
function serveBlobs(
  state: KeptState,
  blobs: BlobCare,
  { connection, request }: { readonly connection: Connection; readonly request: ClientRequest },
): boolean {
  const { durability } = state
  const { sequence, command } = request
  const missing = blobs.missing(command, durability.gatheringBatch)
  if (missing !== null) {
    state.answers.send(connection, faultOfMissing(sequence, missing))
    return true
  }
  if (command.kind !== "holdBlobs" && command.kind !== "setBlobBudget" && command.kind !== "evictBlobs") return false
  let outcome: StoreOutcome = state.apply(command)
  let rest = 0
  if (outcome.kind !== "refused") {
    if (command.kind === "holdBlobs") blobs.hold(command.session, command)
    else if (command.kind === "setBlobBudget") {
      blobs.setBudget(command.bytes)
      rest = durability.gather()
      state.evict(blobs, blobs.overBudget(durability.durableBatch))
    } else {
      outcome = { kind: "evicted", ...state.evict(blobs, blobs.above(command.maxBytes)) }
      rest = durability.restOfAll
    }
  }
  state.tell(connection, { kind: "outcome", sequence, outcome }, rest)
  return true
}

/** The file may just have been removed, as nobody named it: the client writes it again. */
function faultOfMissing(sequence: number, { digest }: Blob): KeeperMessage {
  const details = { digest, missing: true }
  return { kind: "fault", sequence, code: "STORE_DAMAGED", message: describeStrange("the request", digest), details }
}
