/**
 * The keeper: one kernel for all sessions of a store, what it says held back until what it rests on is durable.
 *
 *     request ─▶ kernel.apply ─▶ outcome, events ──rests on nothing──▶ sent at the end of the tick
 *                    │                 └──────rests on batch n──▶ held ──batch n durable──▶ sent
 *                    ├─▶ live changes ─▶ live log (written, no flush) before anything of the tick is sent
 *                    └─▶ row changes ──▶ batch ──one at a time──▶ journal (flushed)
 *
 * 1. Nobody learns of a fact before what it rests on is durable; which is what, `rests.ts` says (C5, O2, O3, S3).
 * 2. While one batch flushes the next gathers and the kernel goes on; batches become durable in order (S3).
 * 3. Grants, tickets, claims and sessions of other processes are written before they are answered; the end of a claim is
 *    written once the batch that says why is durable, so that a keeper killed in between still knows the claim (O1, O5).
 * 4. The outcome of a request that changes rows is stored with its effect until the client acknowledges it (S4).
 * 5. A token is handed out only when a durable reservation covers it (L2).
 * 6. A batch that did not fit the disk is as if it had never been: the kernel is restored from what is durable (S5). Any
 *    other failure ends the keeper, and nothing more is answered.
 */
import type { Env, Timer } from "../../../env/index.ts"
import {
  assertInvariant,
  type CellRow,
  type CellView,
  type ClaimRow,
  type Command,
  describeStrange,
  HoldfastError,
  type Identity,
  isHoldfastError,
  Kernel,
  type LiveKey,
  type LiveRow,
  type Outcome,
  type RequestId,
  type RowKey,
  type RunFilter,
  type RunId,
  type RunRow,
  type SessionHolding,
  type SessionId,
  type StoredRow,
  type StoreEvent,
  type StoreView,
  type Transition,
  type Value,
} from "../../../kernel/index.ts"
import { reach } from "../fail-point.ts"
import { cutView, type StoreReport } from "./admin.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import type { BlobNews, EvictableResult } from "../journal/blob-index.ts"
import { BlobCare, type BlobFiles, type BlobIndex } from "./blob-care.ts"
import { commitAgain } from "./commit-again.ts"
import { Durability, HeldBack } from "./durability.ts"
import { type KeeperLiveLog, LiveBook } from "./live-book.ts"
import { type CompletedClaim, type LogEntry, replyKey } from "./live-lines.ts"
import type { ClientMessage, KeeperMessage, Peer } from "./peer.ts"
import { Replies } from "./replies.ts"
import { lastMoment } from "./last-moment.ts"
import { isRelaxed, restOfClaim, restOfEvent, restOfOutcome } from "./rests.ts"
import { Traffic } from "./traffic.ts"

/** What goes into the journal in one step. */
export interface JournalBatch {
  readonly number: number
  readonly rows: readonly { readonly key: RowKey; readonly row: StoredRow["row"] }[]
  readonly replies: {
    readonly put: readonly { readonly client: string; readonly sequence: number; readonly outcome: Outcome }[]
    /** Acknowledged: no longer needed. */
    readonly drop: readonly { readonly client: string; readonly through: number }[]
    readonly dropClients: readonly string[]
  }
  readonly tokenCeiling: number | null
  readonly blobs?: BlobNews | undefined
}

/** What the keeper needs of the journal. */
export interface KeeperJournal {
  /** Which files of large values durable rows name; absent where values all lie in rows. */
  readonly blobs?: BlobIndex
  readonly tokenCeiling: number
  readonly lastArrival: number
  /** The number of the last durable batch; the next is larger. */
  readonly lastBatch: number
  load(keys: readonly RowKey[]): readonly StoredRow[]
  openRuns(): Iterable<RunRow>
  listRuns(filter: RunFilter): readonly RunRow[]
  listCells(prefix: string, limit: number): readonly CellView[]
  countRuns(): StoreView["runs"]["byStatus"]
  /** Identities of runs whose retention was over by then, at most so many. */
  expired(now: number, limit: number): readonly string[]
  /** When retention is over next. */
  nextExpiry(): number | undefined
  replies(): readonly { readonly client: string; readonly sequence: number; readonly outcome: Outcome }[]
  /** Resolves when durable. @throws HoldfastError STORE_FULL where nothing of it was written, anything else is the end */
  append(batch: JournalBatch): Promise<void>
}

export interface KeeperOptions {
  readonly env: Env
  readonly journal: KeeperJournal
  readonly live: KeeperLiveLog
  /** The files of large values; absent where values all lie in rows. */
  readonly files?: BlobFiles
  /** The store's time less `env`'s monotonic clock, in milliseconds. */
  readonly epochMs: number
  /** Asserts every invariant after every command. */
  readonly check: boolean
  /** Whether a client of an earlier keeper is still alive; asked until it is back. */
  readonly isAlive: (client: string) => boolean
  /** Told once, when the keeper can answer nothing any more. */
  readonly onFailed: (error: Error) => void
}

/** Tokens reserved beyond those handed out; used up in tens of milliseconds at most, far longer than a flush takes. */
const TOKENS_AHEAD = 1_000

/** Idle rows let go when so many more than at the last time are in memory: some tens of megabytes. */
const EVICT_AFTER_ROWS = 20_000

/** Retention is swept in steps of so many runs, so that nobody waits behind a sweep. */
const SWEPT_RUNS = 200

/** How long between two sweeps at least. */
const SWEEP_MS = 1_000

/** How long a batch that did not fit the disk waits for room where nobody asks for anything. */
const FULL_RETRY_MS = 1_000

/** How long between two steps of clearing files away: nobody waits for it, and nobody is to wait because of it. */
const CLEAR_MS = 10

/** How often the sign of life of clients that have not come back is looked at: no event tells of a lock let go. */
const AWAY_LOOK_MS = 50

/** A longer result waits for its flush: written twice it would cost more than it gains. */
const WRITTEN_BYTES = 32 * 1024

/** Something that waits for a batch. */
type Held =
  | { readonly kind: "message"; readonly to: Connection; readonly message: KeeperMessage }
  /** A request that is answered from what is stored, once all that was applied is. */
  | { readonly kind: "listing"; readonly to: Connection; readonly sequence: number; readonly list: () => Reply }
  | { readonly kind: "call"; readonly resolve: () => void }

type Reply = Exclude<Outcome, { readonly kind: "need" }>

export class Keeper {
  readonly #env: Env
  readonly #journal: KeeperJournal
  readonly #book: LiveBook
  #epochMs: number
  readonly #check: boolean
  readonly #isAlive: (client: string) => boolean
  readonly #onFailed: (error: Error) => void
  #kernel = new Kernel({ backed: true })
  #durability: Durability
  #held = new HeldBack<Held>()
  /** What is sent at the end of the tick. */
  #sending: { readonly to: Connection; readonly message: KeeperMessage }[] = []
  /** The batch that gathers. */
  #rows = new Map<RowKey, StoredRow["row"]>()
  #newReplies: { client: string; sequence: number; outcome: Outcome }[] = []
  readonly #replies = new Replies()
  readonly #traffic = new Traffic()
  #isFlushing = false
  /** The last batch did not fit: the next is tried when somebody asks for a change, or after a while. */
  #isFull: Timer | null = null
  #flushed: (() => void)[] = []
  /** Tokens up to here may be handed out, and up to there once the batch under way is durable. */
  #durableCeiling: number
  #askedCeiling: number
  /** Live rows of the keeper's own process, which does not outlive it. */
  readonly #local = new Set<LiveKey>()
  readonly #connections = new Set<Connection>()
  readonly #owners = new Map<SessionId, Connection>()
  /** Sessions of before this kernel by their client, until they are back or known to be dead. */
  readonly #away = new Map<SessionId, string>()
  #transitions: Transition[] = []
  /** While a run is asked for: under which request, and what it rested on before. */
  #before: number | null = null
  #claimant: RequestId | null = null
  #failure: Error | null = null
  #isOver = false
  /** What comes now is for the next keeper: it is not heard, so its clients send it again (S4). */
  #isLeaving = false
  #alarm: { at: number; timer: Timer } | null = null
  #awayTimer: Timer | null = null
  readonly #blobs: BlobCare | null
  #clearTimer: Timer | null = null
  #residentRows = 0
  #nextSweep = 0

  constructor(options: KeeperOptions) {
    this.#env = options.env
    this.#journal = options.journal
    this.#book = new LiveBook(options.live, options.journal.lastBatch)
    this.#epochMs = options.epochMs
    this.#check = options.check
    this.#isAlive = options.isAlive
    this.#onFailed = options.onFailed
    this.#loadReplies()
    this.#durableCeiling = this.#journal.tokenCeiling
    this.#askedCeiling = this.#durableCeiling
    this.#durability = new Durability({ lastToken: this.#durableCeiling, lastBatch: this.#journal.lastBatch })
    const { files, isAlive } = options
    const { blobs: index } = options.journal
    const isOpen = (session: SessionId): boolean => this.#kernel.hasSession(session)
    this.#blobs = files === undefined || index === undefined ? null : new BlobCare({ files, index, isOpen, isAlive })
    this.#restore(this.#durableCeiling)
    this.#endTick()
  }

  /** Outcomes that nobody has acknowledged yet. */
  #loadReplies(): void {
    for (const entry of this.#book.entries().values()) {
      if (entry.kind === "reply") this.#replies.keep(entry.client, entry.sequence, { ...entry, isLogged: true })
      if (entry.kind !== "completed" || entry.reply === null) continue
      // It goes to the journal with its run.
      const { client, sequence, outcome } = entry.reply
      this.#replies.keep(client, sequence, { outcome, isLogged: false })
      this.#newReplies.push({ client, sequence, outcome })
    }
    for (const { client, sequence, outcome } of this.#journal.replies()) {
      // Stored as it was answered.
      this.#replies.keep(client, sequence, { outcome: outcome as Reply, isLogged: false })
    }
  }

  /** Whether sessions of before this keeper are still on their way back. */
  get awaySessions(): number {
    return this.#away.size
  }

  connect(peer: Peer): Connection {
    const connection = new Connection(this, peer)
    this.#connections.add(connection)
    // Its live keys, and none of what a reply is kept under.
    if (peer.isLocal) for (const key of this.#book.unlog(peer.client)) this.#local.add(key as LiveKey)
    // What its sessions hold by now, so that it learns what it missed.
    const sessions: { session: SessionId; holding: SessionHolding }[] = []
    for (const [session, client] of this.#away) {
      const holding = client === peer.client ? this.#kernel.holdingOf(session) : null
      if (holding === null) continue
      this.#owners.set(session, connection)
      sessions.push({ session, holding })
    }
    // A claim is as good as new: what it rests on must be durable before its body is started.
    connection.restoredRest = this.#durability.restOfAll
    connection.restoredRest = this.#tell(connection, { kind: "restored", sessions }, connection.restoredRest)
    try {
      this.#endTick()
    } catch (error) {
      // Not the greeted one's fault, and nobody else's to catch.
      this.#fail(error)
    }
    return connection
  }

  /** @internal What a connection brought, in order. */
  receive(connection: Connection, messages: readonly ClientMessage[]): void {
    if (this.#isOver || this.#isLeaving) return
    try {
      for (const message of messages) this.#hear(connection, message)
      this.#endTick()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** @internal The other end is gone: its sessions died with it (L6, O6). */
  disconnected(connection: Connection): void {
    if (!this.#connections.delete(connection) || this.#isOver) return
    try {
      for (const [session, owner] of this.#owners) if (owner === connection) this.#endSession(session, connection)
      this.#replies.forget(connection.peer.client)
      this.#blobs?.resume(connection)
      this.#observe()
      this.#endTick()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** @internal No file of a large value goes until they are released, or the connection ends. */
  holdFiles(connection: Connection): void {
    if (this.#connections.has(connection)) this.#blobs?.pause(connection)
  }

  /** @internal False where files may have gone meanwhile. */
  releaseFiles(connection: Connection): boolean {
    const wasHeld = this.#connections.has(connection) && this.#blobs?.resume(connection) !== false
    this.#armClearing()
    return wasHeld
  }

  /** @internal Somebody began or ceased to observe transitions. */
  #observe(): void {
    const isObserved = [...this.#connections].some((connection) => connection.isObserving)
    this.#kernel.observe(isObserved ? (transition) => this.#transitions.push(transition) : null)
  }

  /** Flushes what was applied and takes nothing more. Connections stay open: their clients find the next keeper. */
  async close(): Promise<void> {
    this.#isLeaving = true
    this.#inTick(() => this.#tryAgain())
    if (!this.#isOver && this.#durability.restOfAll > 0) {
      await new Promise<void>((resolve) => {
        this.#flushed.push(resolve)
      })
    }
    this.#stop()
  }

  // Looking after it

  /** What the store holds, as far as it is durable now: once it is another revision than `since`, or the bound is over. */
  async report(since: number | null, bound: Promise<void>): Promise<KeeperReport> {
    if (since !== null) await this.#traffic.whenChanged(since, bound)
    const rest = this.#durability.restOfAll
    if (rest > 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#held.hold(rest, { kind: "call", resolve })
      })
    }
    const { revision, results } = this.#traffic
    // What came due by now has happened by now.
    this.#inTick(() => {
      this.#apply({ kind: "advanceTime" })
      this.#collect(null)
    })
    const view = this.#kernel.view()
    const byStatus = this.#journal.countRuns()
    return { revision, at: this.#now(), results, ...cutView({ ...view, runs: { ...view.runs, byStatus } }) }
  }

  // Hearing

  #hear(connection: Connection, message: ClientMessage): void {
    switch (message.kind) {
      case "request":
        this.#serve(connection, message)
        break
      case "acknowledge":
        this.#replies.acknowledge(connection.peer.client, message.through)
        break
      case "observe":
        connection.isObserving = message.on
        this.#observe()
        break
      case "returned":
        if (this.#owners.get(message.session) !== connection) break
        this.#away.delete(message.session)
        this.#kernel.sessionReturned(message.session)
        this.#collect(null)
        break
      case "administer":
        // Done where it came in (see host/reception.ts).
        break
    }
  }

  #serve(connection: Connection, request: Extract<ClientMessage, { readonly kind: "request" }>): void {
    const { sequence, command } = request
    const known = request.isAgain ? this.#recall(connection, request) : undefined
    if (known !== undefined) {
      this.#send(connection, { kind: "outcome", sequence, outcome: known })
      return
    }
    const refused = this.#refuseStranger(connection, command)
    if (refused !== null) {
      this.#send(connection, { kind: "outcome", sequence, outcome: refused })
      return
    }
    try {
      if (this.#blobs !== null && this.#serveBlobs(this.#blobs, connection, request)) return
      if (!this.#serveListing(connection, sequence, command)) this.#answer(connection, request)
    } catch (error) {
      // A row that cannot be read is named and not served (S2); whatever else breaks is the end.
      if (!isHoldfastError(error) || error.code !== "STORE_DAMAGED") throw error
      const { code, message, details } = error
      this.#send(connection, { kind: "fault", sequence, code, message, details })
    }
  }

  #answer(
    connection: Connection,
    { sequence, command, isAgain }: Extract<ClientMessage, { readonly kind: "request" }>,
  ): void {
    this.#before = command.kind === "claimRun" ? this.#durability.restOf(`run:${command.spec.identity}`) : null
    this.#claimant = command.kind === "claimRun" ? command.request : null
    reach("before-apply")
    const isDoubtful = isAgain && command.kind === "commitCells"
    const applied = isDoubtful ? commitAgain(command, (asked) => this.#apply(asked)) : this.#apply(command)
    reach("after-apply")
    this.#traffic.answered(command, applied)
    const outcome = isAgain ? this.#withItsClaim(command, applied) : applied
    if (command.kind === "openSession" && outcome.kind === "done") this.#owners.set(command.session, connection)
    const completed = command.kind === "completeRun" ? this.#completedAtOnce(connection, sequence, command) : null
    // Before the events: those of the session itself go where it is.
    const { isChanged } = this.#collect(command, completed)
    if (isChanged) this.#tryAgain()
    if (command.kind === "endSession") this.#owners.delete(command.session)
    const shown = command.kind === "readCells" && !command.head ? this.#asDurable(outcome) : outcome
    const before = this.#before
    this.#before = null
    const rest = restOfOutcome(this.#durability, this.#kernel, {
      command,
      outcome,
      isChanged,
      isWritten: completed !== null,
      before,
    })
    if (outcome.kind === "settled" && outcome.settlement.kind === "completed") {
      this.#blobs?.use(outcome.settlement.result, this.#now())
    }
    if (!connection.peer.isLocal && isKept(command))
      this.#keep(connection, { sequence, outcome: shown, isChanged, rest })
    this.#tell(connection, { kind: "outcome", sequence, outcome: shown }, rest)
  }

  /** What is asked about files of large values, or cannot be asked without them. */
  #serveBlobs(
    blobs: BlobCare,
    connection: Connection,
    { sequence, command }: Extract<ClientMessage, { readonly kind: "request" }>,
  ): boolean {
    const missing = blobs.missing(command, this.#durability.gatheringBatch)
    if (missing !== null) {
      this.#send(connection, { kind: "fault", sequence, ...faultOfMissing(missing) })
      return true
    }
    if (command.kind !== "holdBlobs" && command.kind !== "setBlobBudget" && command.kind !== "evictBlobs") return false
    let outcome = this.#apply(command)
    let rest = 0
    if (outcome.kind !== "refused") {
      if (command.kind === "holdBlobs") blobs.hold(command.session, command)
      else if (command.kind === "setBlobBudget") {
        blobs.setBudget(command.bytes)
        rest = this.#durability.gather()
        this.#evict(blobs, blobs.overBudget(this.#durability.durableBatch))
      } else {
        outcome = { kind: "evicted", ...this.#evict(blobs, blobs.above(command.maxBytes)) }
        rest = this.#durability.restOfAll
      }
    }
    this.#tell(connection, { kind: "outcome", sequence, outcome }, rest)
    return true
  }

  /** Forgets results to make room (O9); those that changed meanwhile may stay. */
  #evict(blobs: BlobCare, results: readonly EvictableResult[]): { readonly runs: number; readonly bytes: number } {
    if (results.length === 0) return { runs: 0, bytes: 0 }
    this.#apply({ kind: "evictRuns", identities: results.map(({ identity }) => identity) })
    this.#collect(null)
    const gone = results.filter(({ identity }) => this.#rows.get(`run:${identity}`) === null)
    const runs = new Set(gone.map(({ identity }) => identity)).size
    blobs.noteEvicted(runs, this.#durability.gatheringBatch)
    return { runs, bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  #apply(command: Command): Reply {
    let outcome = this.#kernel.apply(command, this.#now())
    for (let round = 1; outcome.kind === "need"; round++) {
      assertInvariant(round <= 2, "O9", `"${command.kind}" still needs ${outcome.keys.join(", ")}`)
      // Listings are answered from what is stored, so the kernel need not have it.
      this.#kernel.load(this.#journal.load(outcome.keys), outcome.scan)
      outcome = this.#kernel.apply(command, this.#now())
    }
    if (this.#check) this.#kernel.check()
    return outcome
  }

  /** Takes what the kernel changed and has to say; `command` is null where time did it. */
  #collect(command: Command | null, completed: CompletedClaim | null = null): { readonly isChanged: boolean } {
    const changes = this.#kernel.takeChanges()
    if (changes.length > 0) this.#traffic.changed()
    const isVisibleAtOnce = command?.kind === "commitCells" && isRelaxed(command)
    for (const { key, row } of changes) {
      this.#rows.set(key, row)
      if (isVisibleAtOnce && this.#durability.isDurable(key)) this.#durability.gather()
      else this.#durability.changed(key)
    }
    if (completed !== null) this.#durability.written(`run:${completed.run.identity}`)
    this.#collectLive(changes.length > 0, completed)
    for (const event of this.#kernel.takeEvents()) this.#emit(event)
    const rest = this.#durability.restOfAll
    for (const transition of this.#transitions.splice(0)) {
      for (const connection of this.#connections) {
        if (connection.isObserving) this.#tell(connection, { kind: "transition", transition }, rest)
      }
    }
    return { isChanged: changes.length > 0 }
  }

  /** What became of runs is true of claims and sessions only once it is durable; locks and queues rest on nothing. */
  #collectLive(isChanged: boolean, completed: CompletedClaim | null): void {
    const liveChanges = this.#kernel.takeLiveChanges()
    if (liveChanges.length > 0) this.#traffic.changed()
    for (const { key, row } of liveChanges) {
      const before = this.#book.get(key)
      if (row === null && completed !== null && isClaimOf(before, completed.run)) {
        this.#noteCompleted(key, completed)
        this.#local.delete(key)
        continue
      }
      const owner = row === null ? undefined : this.#owners.get(row.session)
      const isLocal = owner === undefined ? this.#local.has(key) : owner.peer.isLocal
      if (row === null) {
        // The session's id follows the prefix of its key.
        if (key.startsWith("session:")) this.#blobs?.sessionEnded(key.slice("session:".length) as SessionId)
        const isEnd = isChanged && (key.startsWith("claim:") || key.startsWith("session:"))
        this.#book.note({ key, entry: null, batch: isEnd ? this.#durability.restOfAll : 0 }, { isLogged: !isLocal })
        this.#local.delete(key)
        continue
      }
      if (isLocal) this.#local.add(key)
      const client =
        owner?.peer.client ?? (before?.kind === "live" ? before.client : undefined) ?? this.#away.get(row.session) ?? ""
      const run = row.kind === "claim" ? this.#undurableRun(row.identity) : null
      const batch = row.kind === "claim" ? this.#restOfClaim(row) : 0
      this.#book.note({ key, entry: { kind: "live", client, row, run }, batch }, { isLogged: !isLocal })
    }
  }

  /** A `pure` run that its executor has just completed, where the live log can take its result (O3). */
  #completedAtOnce(
    { peer }: Connection,
    sequence: number,
    { token, result }: Extract<Command, { readonly kind: "completeRun" }>,
  ): CompletedClaim | null {
    const claim = this.#book.get(`claim:${String(token)}`)
    if (claim?.kind !== "live" || claim.row.kind !== "claim" || sizeOf(result) > WRITTEN_BYTES) return null
    const run = this.#kernel.storedRun(claim.row.identity)
    if (run?.status !== "completed" || run.effects !== "pure" || !isClaimOf(claim, run)) return null
    const outcome = { kind: "status", status: "completed" } as const
    return { kind: "completed", run, reply: peer.isLocal ? null : { client: peer.client, sequence, outcome } }
  }

  /** Written in the place of its claim, whoever executed it: others are told. Once it is durable it is nothing of note. */
  #noteCompleted(key: LiveKey, completed: CompletedClaim): void {
    const batch = this.#durability.restOf(`run:${completed.run.identity}`)
    this.#book.note({ key, entry: completed, batch: 0 }, { isLogged: true })
    this.#book.note({ key, entry: null, batch }, { isLogged: true })
  }

  #restOfClaim({ identity, generation, request }: ClaimRow): number {
    const run = `${identity}@${String(generation)}` as RunId // As the kernel names it.
    const before = request === this.#claimant ? this.#before : null
    return restOfClaim(this.#durability, this.#kernel, { run, before })
  }

  #emit(event: StoreEvent): void {
    const to = this.#owners.get(event.session)
    if (to !== undefined) this.#tell(to, { kind: "event", event }, restOfEvent(this.#durability, this.#kernel, event))
  }

  /**
   * Sends a message when the batch it rests on is durable, and the token in it is covered. None overtakes the news of what
   * its client's sessions hold: a grant that came first would be missing there, and be taken for lost. Returns the batch.
   */
  #tell(to: Connection, message: KeeperMessage, rest: number): number {
    const covered = this.#kernel.lastToken <= this.#durableCeiling ? 0 : this.#reserve()
    const batch = Math.max(rest, covered, to.restoredRest)
    if (this.#durability.isSettled(batch)) this.#send(to, message)
    else this.#held.hold(batch, { kind: "message", to, message })
    return batch
  }

  #send(to: Connection, message: KeeperMessage): void {
    this.#sending.push({ to, message })
  }

  /** The batch with which the tokens handed out by now are covered. */
  #reserve(): number {
    return this.#durability.gather()
  }

  // Listings

  /** What lists rows is answered from the journal, once all that was applied is in it. */
  #serveListing(connection: Connection, sequence: number, command: Command): boolean {
    const list = this.#listing(command)
    if (list === null) return false
    const rest = this.#durability.restOfAll
    if (rest === 0) this.#send(connection, { kind: "outcome", sequence, outcome: list() })
    else this.#held.hold(rest, { kind: "listing", to: connection, sequence, list })
    return true
  }

  #listing(command: Command): (() => Reply) | null {
    // A session that is over is refused by the kernel, as for everything else.
    if (!("session" in command) || !this.#kernel.hasSession(command.session)) return null
    switch (command.kind) {
      case "listRuns":
        return () => ({
          kind: "runs",
          views: this.#journal.listRuns(command.filter).map((row) => this.#kernel.viewStored(row)),
        })
      case "listCells":
        return () => ({ kind: "cells", cells: this.#journal.listCells(command.prefix, command.limit) })
      case "inspect":
        return () => this.#inspect(command)
      case "watchCells": {
        const { pattern } = command
        if (pattern.kind !== "prefix") return null
        // Registered now, so that nothing after this moment is missed; what comes in between is told again.
        const outcome = this.#apply(command)
        this.#collect(command)
        return () =>
          outcome.kind === "cells"
            ? { kind: "cells", cells: this.#journal.listCells(pattern.prefix, Number.MAX_SAFE_INTEGER) }
            : outcome
      }
      default:
        return null
    }
  }

  #inspect(command: Command): Reply {
    const outcome = this.#apply(command)
    if (outcome.kind !== "view") return outcome
    const { view } = outcome
    const blobs = this.#blobs?.view ?? view.blobs
    return { kind: "view", view: { ...view, runs: { ...view.runs, byStatus: this.#journal.countRuns() }, blobs } }
  }

  /** Cells as readers may see them: what is not durable yet as it was before, all as of one moment (C3, C5). */
  #asDurable(outcome: Reply): Reply {
    if (outcome.kind !== "cells") return outcome
    const ahead = outcome.cells
      .map(({ name }) => `cell:${name}` as const)
      .filter((key) => !this.#durability.isDurable(key))
    if (ahead.length === 0) return outcome
    const stored = new Map(this.#journal.load(ahead).map(({ key, row }) => [key, row]))
    const cells = outcome.cells.map((cell) => {
      if (!stored.has(`cell:${cell.name}`)) return cell
      // The row stored under a cell's key is a cell's.
      const row = (stored.get(`cell:${cell.name}`) ?? null) as CellRow | null
      return { name: cell.name, version: row?.version ?? 0, value: row?.value ?? null }
    })
    return { kind: "cells", cells }
  }

  // Requests that come again

  /** What became of a request that was sent before, where that is known (S4). */
  #recall(
    { peer }: Connection,
    { sequence, command }: Extract<ClientMessage, { readonly kind: "request" }>,
  ): Reply | undefined {
    if (command.kind === "acquireLock") return this.#recallGrant(peer.client, sequence, command)
    if (command.kind !== "takeRun") return this.#replies.find(peer.client, sequence)
    const claims = this.#kernel.holdingOf(command.session)?.claims
    const handed = claims?.find(({ request }) => request === command.request)
    return handed === undefined ? undefined : { kind: "claimed", claim: handed.claim, waiting: false }
  }

  /**
   * A lock that was granted while nobody could be told is granted, though the first outcome was a place in the queue; one
   * whose place or grant has gone meanwhile is asked for anew.
   */
  #recallGrant(
    client: string,
    sequence: number,
    { session, request }: Extract<Command, { readonly kind: "acquireLock" }>,
  ): Reply | undefined {
    const first = this.#replies.find(client, sequence)
    if (first?.kind !== "granted" && first?.kind !== "parked") return first
    const holding = this.#kernel.holdingOf(session)
    const grant = holding?.grants.find((each) => each.request === request)
    if (grant !== undefined) return { kind: "granted", token: grant.token, at: grant.at }
    return first.kind === "parked" && holding?.waiting.includes(request) === true ? first : undefined
  }

  /** Whoever waits again for a run that it was handed before executes it. */
  #withItsClaim(command: Command, outcome: Reply): Reply {
    if (outcome.kind !== "joined" || (command.kind !== "claimRun" && command.kind !== "awaitRun")) return outcome
    const claims = this.#kernel.holdingOf(command.session)?.claims
    const handed = claims?.find(({ request }) => request === command.request)
    return handed === undefined ? outcome : { kind: "claimed", claim: handed.claim, waiting: true }
  }

  /** Keeps an outcome with its effect: with rows in the journal, with live state in the live log. */
  #keep(
    { peer: { client } }: Connection,
    {
      sequence,
      outcome,
      isChanged,
      rest,
    }: { readonly sequence: number; readonly outcome: Reply; readonly isChanged: boolean; readonly rest: number },
  ): void {
    this.#replies.keep(client, sequence, { outcome, isLogged: !isChanged })
    if (isChanged) {
      this.#newReplies.push({ client, sequence, outcome })
      this.#durability.gather()
    } else {
      const entry = { kind: "reply", client, sequence, outcome } as const
      // It tells of what others did: where that is lost, it is as well.
      this.#book.note({ key: replyKey(client, sequence), entry, batch: rest }, { isLogged: true })
    }
  }

  /** A session is its opener's alone. */
  #refuseStranger(connection: Connection, command: Command): Reply | null {
    if (!("session" in command) || command.kind === "openSession") return null
    const owner = this.#owners.get(command.session)
    if (owner === connection || owner === undefined) return null
    const message = `session ${command.session} belongs to another connection; use the one that opened it`
    return { kind: "refused", code: "SESSION_LOST", message, details: {} }
  }

  // Sessions of before

  #endSession(session: SessionId, owner: Connection | null): void {
    this.#apply({ kind: "endSession", session, reason: "died", unstarted: [] })
    this.#collect(null)
    this.#away.delete(session)
    if (owner === null || this.#owners.get(session) === owner) this.#owners.delete(session)
  }

  /** Clients that are not back are looked at until each is back or dead; a frozen one blocks what it holds, and no more. */
  #lookAway(): void {
    this.#awayTimer?.cancel()
    this.#awayTimer = null
    if (this.#away.size === 0 || this.#isOver) return
    const dead = new Set<string>()
    for (const [session, client] of this.#away) {
      if (this.#owners.has(session)) continue
      if (dead.has(client) || !this.#isAlive(client)) {
        dead.add(client)
        this.#endSession(session, null)
      }
    }
    for (const client of dead) this.#replies.forget(client)
    this.#awayTimer = this.#env.timers.after(
      AWAY_LOOK_MS,
      () => {
        this.#inTick(() => {
          this.#lookAway()
        })
      },
      { keepAlive: false },
    )
  }

  // Ticks

  /** Live changes are written, then what they rest on nothing else is sent, and what changed is on its way to the disk. */
  #endTick(): void {
    this.#book.write(() => this.#replies.takeForLog())
    const sending = this.#sending
    this.#sending = []
    for (const { to, message } of sending) if (this.#connections.has(to)) to.peer.send(message)
    this.#flush()
    this.#armClearing()
    this.#armAlarm()
  }

  #inTick(work: () => void): void {
    if (this.#isOver) return
    try {
      work()
      this.#endTick()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** A run that is handed out before it is durable must not be lost by whoever executes it. */
  #undurableRun(identity: Identity): RunRow | null {
    const key = `run:${identity}` as const
    return this.#durability.isDurable(key) ? null : this.#kernel.storedRun(identity)
  }

  #flush(): void {
    if (this.#isFlushing || this.#isOver || this.#isFull !== null) return
    const isLow = this.#kernel.lastToken + TOKENS_AHEAD / 2 > this.#askedCeiling
    if (isLow) this.#durability.gather()
    const isGathering = this.#rows.size > 0 || this.#newReplies.length > 0 || isLow
    if (!isGathering && this.#durability.restOfAll === 0) return
    const tokenCeiling = isLow ? this.#kernel.lastToken + TOKENS_AHEAD : null
    if (tokenCeiling !== null) this.#askedCeiling = tokenCeiling
    const batch: JournalBatch = {
      number: this.#durability.seal(this.#kernel.lastToken),
      rows: [...this.#rows].map(([key, row]) => ({ key, row })),
      replies: { put: this.#newReplies, ...this.#replies.takeForJournal() },
      tokenCeiling,
      blobs: this.#blobs?.takeNews(),
    }
    this.#rows = new Map()
    this.#newReplies = []
    this.#isFlushing = true
    void this.#append(batch)
  }

  async #append(batch: JournalBatch): Promise<void> {
    try {
      await this.#journal.append(batch)
    } catch (error) {
      this.#isFlushing = false
      if (isHoldfastError(error) && error.code === "STORE_FULL") {
        this.#inTick(() => {
          this.#rollBack(batch, error)
        })
      } else {
        this.#fail(error)
      }
      return
    }
    this.#isFlushing = false
    this.#inTick(() => {
      this.#settled(batch)
    })
  }

  #settled(batch: JournalBatch): void {
    if (batch.tokenCeiling !== null) this.#durableCeiling = batch.tokenCeiling
    this.#durability.settle(batch.number)
    this.#book.settle(batch.number)
    for (const held of this.#held.release(batch.number)) this.#letGo(held)
    if (this.#blobs !== null) {
      this.#blobs.settled(batch.number)
      this.#evict(this.#blobs, this.#blobs.overBudget(batch.number))
    }
    if (this.#kernel.residentRows() > this.#residentRows + EVICT_AFTER_ROWS) {
      this.#kernel.evictIdle((key) => this.#durability.isDurable(key) && !this.#rows.has(key))
      this.#residentRows = this.#kernel.residentRows()
    }
    if (this.#durability.restOfAll === 0) for (const resolve of this.#flushed.splice(0)) resolve()
  }

  #letGo(held: Held): void {
    switch (held.kind) {
      case "message":
        this.#send(held.to, held.message)
        break
      case "call":
        held.resolve()
        break
      case "listing": {
        const { to, sequence, list } = held
        try {
          this.#send(to, { kind: "outcome", sequence, outcome: list() })
        } catch (error) {
          if (!isHoldfastError(error)) throw error
          const { code, message, details } = error
          this.#send(to, { kind: "fault", sequence, code, message, details })
        }
        break
      }
    }
  }

  // Restoring

  #restore(reserved: number): void {
    // A grant may have been written before the reservation that covers it, and then was told to nobody.
    let lastToken = reserved
    const live: LiveRow[] = []
    const names = new Set<string>()
    let lastArrival = this.#journal.lastArrival
    const completed = new Map<LiveKey, CompletedClaim>()
    for (const [key, entry] of this.#book.entries()) {
      if (entry.kind === "reply") continue
      if (entry.kind === "completed") {
        // A reply's key is none of these.
        completed.set(key as LiveKey, entry)
        lastArrival = Math.max(lastArrival, entry.run.arrival)
        continue
      }
      const { client, row } = entry
      live.push(row)
      if (row.kind === "session") this.#away.set(row.session, client)
      if (row.kind === "grant" || row.kind === "claim") lastToken = Math.max(lastToken, row.token)
      if (row.kind === "grant") for (const name of row.names) names.add(name)
      if (row.kind !== "ticket") continue
      for (const name of row.command.names) names.add(name)
      lastArrival = Math.max(lastArrival, row.arrival)
    }
    const { claimed, lastClaimed } = this.#claimedRuns()
    const isCompleted = new Set([...completed.values()].map(({ run }) => run.identity))
    const runs = [...this.#journal.openRuns()].filter(({ identity }) => !isCompleted.has(identity))
    // The clock may have been set back while the machine was off; what has happened has happened before now.
    this.#epochMs += Math.max(0, lastMoment(runs, live) - this.#now())
    const logged = [...claimed, ...[...completed.values()].map(({ run }) => run)]
    for (const { args, result, progress, steps } of logged) {
      const values = [args, result, progress, ...steps.map(({ outcome }) => outcome)]
      this.#blobs?.protect(values, this.#durability.gatheringBatch)
    }
    reach("during-restoring")
    this.#kernel.load(this.#journal.load([...names].map((name) => `limit:${name}` as const)), null)
    this.#kernel.restore({
      now: this.#now(),
      lastToken,
      lastArrival: Math.max(lastArrival, lastClaimed),
      runs,
      claimed,
      completed: [...completed.values()].map(({ run }) => run),
      live,
    })
    // What came due while nobody kept the store.
    this.#apply({ kind: "advanceTime" })
    this.#collect(null)
    for (const [key, entry] of completed) {
      // Unless what it was kept for is over by now.
      if (this.#kernel.storedRun(entry.run.identity)?.status !== "completed") continue
      this.#durability.written(`run:${entry.run.identity}`)
      this.#noteCompleted(key, entry)
    }
    this.#lookAway()
  }

  /** Files that nobody needs are removed in small steps, once it is known what sessions of before hold. */
  #armClearing(): void {
    const blobs = this.#blobs
    if (blobs === null || this.#clearTimer !== null || this.#isOver || !blobs.hasWork) return
    const step = (): void => {
      this.#clearTimer = null
      if (this.#isOver) return
      if (this.#away.size === 0) blobs.step()
      this.#armClearing()
    }
    this.#clearTimer = this.#env.timers.after(CLEAR_MS, step, { keepAlive: false })
  }

  /** Runs that were handed out and had not reached the journal. */
  #claimedRuns(): { readonly claimed: readonly RunRow[]; readonly lastClaimed: number } {
    const claimed: RunRow[] = []
    let lastClaimed = 0
    for (const entry of this.#book.entries().values()) {
      const run = entry.kind === "live" ? entry.run : null
      if (run === null) continue
      lastClaimed = Math.max(lastClaimed, run.arrival)
      const [stored] = this.#journal.load([`run:${run.identity}`])
      // The row stored under a run's key is a run's.
      const known = (stored?.row ?? null) as RunRow | null
      if (known === null || isOlder(known, run)) claimed.push(run)
    }
    return { claimed, lastClaimed }
  }

  /** The batch did not fit: whoever waits for it is told, and all go on from what is durable (S5). */
  #rollBack(failed: JournalBatch, error: HoldfastError): void {
    const { lastToken } = this.#kernel
    const { code, message, details } = error
    for (const held of this.#held.releaseAll()) {
      if (held.kind === "call") held.resolve()
      if (held.kind === "call" || (held.kind === "message" && held.message.kind !== "outcome")) continue
      const sequence = held.kind === "listing" ? held.sequence : outcomeSequence(held.message)
      if (this.#connections.has(held.to)) held.to.peer.send({ kind: "fault", sequence, code, message, details })
    }
    this.#rows = new Map()
    this.#newReplies = []
    this.#book.rollBack()
    this.#replies.clear()
    this.#loadReplies()
    this.#sending = []
    this.#askedCeiling = this.#durableCeiling
    this.#blobs?.rollBack()
    this.#durability = new Durability({ lastToken: this.#durableCeiling, lastBatch: failed.number })
    this.#kernel = new Kernel({ backed: true })
    this.#away.clear()
    this.#owners.clear()
    const connections = [...this.#connections]
    this.#connections.clear()
    this.#restore(Math.min(lastToken, this.#durableCeiling))
    this.#observe()
    this.#isFull = this.#env.timers.after(FULL_RETRY_MS, () => this.#inTick(() => this.#tryAgain()), {
      keepAlive: false,
    })
    // What is left to be flushed is in the live log.
    if (this.#isLeaving) this.#stop()
    // Their waits are asked for anew, as after any other keeper.
    for (const { peer } of connections) peer.disconnect()
  }

  /** Whether or not the disk has room by now. */
  #tryAgain(): void {
    this.#isFull?.cancel()
    this.#isFull = null
  }

  // Time

  #now(): number {
    return this.#epochMs + this.#env.clock.monotonic()
  }

  #armAlarm(): void {
    const due = this.#isOver ? undefined : this.#nextDue()
    if (this.#alarm?.at === due) return
    this.#alarm?.timer.cancel()
    this.#alarm = null
    if (due === undefined) return
    const fire = (): void => {
      this.#alarm = null
      this.#inTick(() => {
        this.#passTime()
      })
    }
    const timer = this.#env.timers.after(Math.max(0, due - this.#now()), fire, { keepAlive: false })
    this.#alarm = { at: due, timer }
  }

  #nextDue(): number | undefined {
    const deadlines = [this.#kernel.nextDeadline(), this.#sweepDue()].filter((at) => at !== undefined)
    return deadlines.length === 0 ? undefined : Math.min(...deadlines)
  }

  #sweepDue(): number | undefined {
    const next = Math.min(this.#kernel.nextExpiry() ?? Infinity, this.#journal.nextExpiry() ?? Infinity)
    return next === Infinity ? undefined : Math.max(next, this.#nextSweep)
  }

  #passTime(): void {
    const now = this.#now()
    const sweep = this.#sweepDue()
    if (sweep !== undefined && sweep <= now) {
      const due = this.#journal.expired(now, SWEPT_RUNS)
      // Loaded, they are forgotten as those in memory are.
      this.#kernel.load(this.#journal.load(due.map((identity) => `run:${identity}` as const)), null)
      this.#nextSweep = due.length < SWEPT_RUNS ? now + SWEEP_MS : now
    }
    this.#apply({ kind: "advanceTime" })
    this.#collect(null)
  }

  // The end

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.#stop()
    this.#onFailed(this.#failure)
  }

  #stop(): void {
    this.#isOver = true
    this.#alarm?.timer.cancel()
    this.#alarm = null
    this.#awayTimer?.cancel()
    this.#awayTimer = null
    this.#isFull?.cancel()
    this.#clearTimer?.cancel()
    this.#clearTimer = null
    for (const resolve of this.#flushed.splice(0)) resolve()
  }
}

/** What the keeper knows of a report. */
export type KeeperReport = Omit<StoreReport, "keeper" | "store">

/** One client's connection, at the keeper's end. */
export class Connection {
  readonly peer: Peer
  isObserving = false
  /** @internal The batch that the first message to it, what its sessions hold, rests on. */
  restoredRest = 0
  readonly #keeper: Keeper

  /** @internal Made by {@link Keeper.connect}. */
  constructor(keeper: Keeper, peer: Peer) {
    this.#keeper = keeper
    this.peer = peer
  }

  receive(messages: readonly ClientMessage[]): void {
    this.#keeper.receive(this, messages)
  }

  disconnected(): void {
    this.#keeper.disconnected(this)
  }

  /** No file of a large value goes until they are released, or the connection ends. */
  holdFiles(): void {
    this.#keeper.holdFiles(this)
  }

  /** False where files may have gone meanwhile. */
  releaseFiles(): boolean {
    return this.#keeper.releaseFiles(this)
  }
}

function isClaimOf(entry: LogEntry | undefined, { identity, generation }: RunRow): boolean {
  if (entry?.kind !== "live" || entry.row.kind !== "claim") return false
  return entry.row.identity === identity && entry.row.generation === generation
}

function sizeOf(value: Value): number {
  return value instanceof Uint8Array ? value.byteLength : 0
}

/** The file may just have been removed, as nobody named it: the client writes it again. */
function faultOfMissing({
  digest,
}: Blob): Pick<Extract<KeeperMessage, { readonly kind: "fault" }>, "code" | "message" | "details"> {
  return {
    code: "STORE_DAMAGED",
    message: describeStrange("the request", digest),
    details: { digest, missing: true },
  }
}

/** What registers or only looks is done again instead; the rest must not happen twice. */
function isKept({ kind }: Command): boolean {
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

/** Every claim counts an attempt, so what was stored before a run was handed out has seen fewer. */
function isOlder(stored: RunRow, handed: RunRow): boolean {
  return (
    stored.generation < handed.generation ||
    (stored.generation === handed.generation && stored.attempt < handed.attempt)
  )
}

function outcomeSequence(message: KeeperMessage): number {
  assertInvariant(message.kind === "outcome", "S5", "something other than an outcome is refused")
  return message.sequence
}
