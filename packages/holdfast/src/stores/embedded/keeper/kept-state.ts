/**
 * The kernel of a keeper, with all that its changes go to: rows to the journal, live state to the live log, news to those
 * it is for.
 *
 *     remains ──restore──▶ kernel ◀──apply──▶ outcome
 *        ▲                   └──collect──▶ rows: batch · live state: live log · events: answers
 *        └── roll back, as what is durable is what remains
 *
 * 1. Whatever is applied is collected before anything else is told: no change without its news, no news without its rest.
 * 2. Rows that the kernel lacks are read from the journal, and given to it in one go: it asks once for each command.
 * 3. A batch that did not fit the disk is as if it had never been: the kernel is restored from what is durable (S5).
 */
import type { Env } from "../../../env/index.ts"
import {
  assertInvariant,
  type Command,
  Kernel,
  type SessionId,
  type StoreEvent,
  type Transition,
} from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import { reach } from "../fail-point.ts"
import type { EvictableResult } from "../journal/blob-index.ts"
import { Answers } from "./answers.ts"
import { type BatchEvents, Batches } from "./batches.ts"
import { BlobCare, type BlobFiles } from "./blob-care.ts"
import type { Connection } from "./connection.ts"
import { Durability } from "./durability.ts"
import type { JournalBatch, KeeperJournal } from "./journal-port.ts"
import { lastMoment } from "./last-moment.ts"
import { type KeeperLiveLog, LiveBook } from "./live-book.ts"
import { type CompletedClaim, replyKey } from "./live-lines.ts"
import { type AskedRun, LiveNotes } from "./live-notes.ts"
import { Owners } from "./owners.ts"
import type { KeeperMessage } from "./peer.ts"
import { readRemains } from "./remains.ts"
import { Replies } from "./replies.ts"
import { isRelaxed, restOfEvent } from "./rests.ts"
import { Traffic } from "./traffic.ts"

export interface KeptStateOptions {
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
}

/** Idle rows let go when so many more than at the last time are in memory: some tens of megabytes. */
const EVICT_AFTER_ROWS = 20_000

/** Retention is swept in steps of so many runs, so that nobody waits behind a sweep. */
const SWEPT_RUNS = 200

/** How long between two sweeps at least. */
const SWEEP_MS = 1_000

export class KeptState {
  readonly journal: KeeperJournal
  readonly durability: Durability
  readonly batches: Batches
  readonly answers: Answers
  readonly owners: Owners
  readonly replies: Replies = new Replies()
  readonly traffic: Traffic = new Traffic()
  readonly notes: LiveNotes
  readonly blobs: BlobCare | null
  readonly #env: Env
  readonly #book: LiveBook
  readonly #connections: ReadonlySet<Connection>
  readonly #check: boolean
  #epochMs: number
  #kernel = new Kernel({ backed: true })
  #transitions: Transition[] = []
  #residentRows = 0
  #nextSweep = 0

  /** Nothing is restored yet. */
  constructor(options: KeptStateOptions, connections: ReadonlySet<Connection>, events: BatchEvents) {
    const { env, journal, live, files, isAlive } = options
    this.#env = env
    this.journal = journal
    this.#book = new LiveBook(live, journal.lastBatch)
    this.#connections = connections
    this.#check = options.check
    this.#epochMs = options.epochMs
    this.durability = new Durability({ lastToken: journal.tokenCeiling, lastBatch: journal.lastBatch })
    const { durability, replies } = this
    const isOpen = (session: SessionId): boolean => this.#kernel.hasSession(session)
    this.blobs =
      files === undefined || journal.blobs === undefined
        ? null
        : new BlobCare({ files, index: journal.blobs, isOpen, isAlive })
    this.batches = new Batches({ env, journal, durability, replies, blobs: this.blobs, events })
    this.answers = new Answers(durability, connections)
    this.owners = new Owners(isAlive)
    this.notes = new LiveNotes({ book: this.#book, durability, owners: this.owners, blobs: this.blobs })
  }

  get kernel(): Kernel {
    return this.#kernel
  }

  now(): number {
    return this.#epochMs + this.#env.clock.monotonic()
  }

  // Applying

  apply(command: Command): StoreOutcome {
    let outcome = this.#kernel.apply(command, this.now())
    for (let round = 1; outcome.kind === "need"; round++) {
      assertInvariant(round <= 2, "O9", `"${command.kind}" still needs ${outcome.keys.join(", ")}`)
      // Listings are answered from what is stored, so the kernel need not have it.
      this.#kernel.load(this.journal.load(outcome.keys), outcome.scan)
      outcome = this.#kernel.apply(command, this.now())
    }
    if (this.#check) this.#kernel.check()
    return outcome
  }

  /** Takes what the kernel changed and has to say; `command` is null where time did it. Whether rows changed. */
  collect(command: Command | null, completed: CompletedClaim | null = null, asked: AskedRun | null = null): boolean {
    const changes = this.#kernel.takeChanges()
    const isChanged = changes.length > 0
    if (isChanged) this.traffic.changed()
    const isVisibleAtOnce = command?.kind === "commitCells" && isRelaxed(command)
    for (const change of changes) {
      this.batches.change(change)
      if (isVisibleAtOnce && this.durability.isDurable(change.key)) this.durability.gather()
      else this.durability.changed(change.key)
    }
    if (completed !== null) this.durability.written(`run:${completed.run.identity}`)
    // What became of runs is true of claims and sessions only once it is durable; locks and queues rest on nothing.
    const liveChanges = this.#kernel.takeLiveChanges()
    if (liveChanges.length > 0) {
      this.traffic.changed()
      this.notes.note(this.#kernel, liveChanges, { isChanged, completed, asked })
    }
    for (const event of this.#kernel.takeEvents()) this.#emit(event)
    const rest = this.durability.restOfAll
    for (const transition of this.#transitions.splice(0)) {
      for (const connection of this.#connections) {
        if (connection.isObserving) this.tell(connection, { kind: "transition", transition }, rest)
      }
    }
    return isChanged
  }

  #emit(event: StoreEvent): void {
    const to = this.owners.ownerOf(event.session)
    if (to !== undefined) this.tell(to, { kind: "event", event }, restOfEvent(this.durability, this.#kernel, event))
  }

  /** Tells when the batch it rests on is durable, and the token in it is covered. Returns the batch. */
  tell(to: Connection, message: KeeperMessage, rest: number): number {
    const covered = this.batches.coveringOf(this.#kernel.lastToken)
    return this.answers.tell(to, message, Math.max(rest, covered))
  }

  /** Keeps an outcome with its effect: with rows in the journal, with live state in the live log. */
  keepReply(
    client: string,
    {
      sequence,
      outcome,
      isChanged,
      rest,
    }: {
      readonly sequence: number
      readonly outcome: StoreOutcome
      readonly isChanged: boolean
      readonly rest: number
    },
  ): void {
    this.replies.keep(client, sequence, { outcome, isLogged: !isChanged })
    if (isChanged) {
      this.batches.reply({ client, sequence, outcome })
      this.durability.gather()
    } else {
      const entry = { kind: "reply", client, sequence, outcome } as const
      // It tells of what others did: where that is lost, it is as well.
      this.#book.note({ key: replyKey(client, sequence), entry, batch: rest }, { isLogged: true })
    }
  }

  /** Whether anybody is told of transitions. */
  observe(isObserved: boolean): void {
    this.#kernel.observe(isObserved ? (transition) => this.#transitions.push(transition) : null)
  }

  /** Its client is gone for good. */
  endSession(session: SessionId, owner: Connection | null): void {
    this.apply({ kind: "endSession", session, reason: "died", unstarted: [] })
    this.collect(null)
    this.owners.ended(session, owner)
  }

  /** Forgets results to make room (O9); those that changed meanwhile may stay. */
  evict(blobs: BlobCare, results: readonly EvictableResult[]): { readonly runs: number; readonly bytes: number } {
    if (results.length === 0) return { runs: 0, bytes: 0 }
    this.apply({ kind: "evictRuns", identities: results.map(({ identity }) => identity) })
    this.collect(null)
    const gone = results.filter(({ identity }) => this.batches.removes(`run:${identity}`))
    const runs = new Set(gone.map(({ identity }) => identity)).size
    blobs.noteEvicted(runs, this.durability.gatheringBatch)
    return { runs, bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  // Time

  /** What came due by now has happened by now. */
  advance(): void {
    this.apply({ kind: "advanceTime" })
    this.collect(null)
  }

  /** When something comes due next. */
  nextDue(): number | undefined {
    const deadlines = [this.#kernel.nextDeadline(), this.#sweepDue()].filter((at) => at !== undefined)
    return deadlines.length === 0 ? undefined : Math.min(...deadlines)
  }

  #sweepDue(): number | undefined {
    const next = Math.min(this.#kernel.nextExpiry() ?? Infinity, this.journal.nextExpiry() ?? Infinity)
    return next === Infinity ? undefined : Math.max(next, this.#nextSweep)
  }

  passTime(): void {
    const now = this.now()
    const sweep = this.#sweepDue()
    if (sweep !== undefined && sweep <= now) {
      const due = this.journal.expired(now, SWEPT_RUNS)
      // Loaded, they are forgotten as those in memory are.
      this.#kernel.load(this.journal.load(due.map((identity) => `run:${identity}` as const)), null)
      this.#nextSweep = due.length < SWEPT_RUNS ? now + SWEEP_MS : now
    }
    this.advance()
  }

  // The disk

  /** Live changes are written, then what they rest on nothing else is sent, and what changed is on its way to the disk. */
  endTick(isOver: boolean): void {
    this.#book.write(() => this.replies.takeForLog())
    this.answers.sendAll()
    if (!isOver) this.batches.flush(this.#kernel.lastToken)
  }

  settled(batch: JournalBatch): void {
    this.batches.settle(batch)
    this.durability.settle(batch.number)
    this.#book.settle(batch.number)
    this.answers.release(batch.number)
    if (this.blobs !== null) {
      this.blobs.settled(batch.number)
      this.evict(this.blobs, this.blobs.overBudget(batch.number))
    }
    if (this.#kernel.residentRows() > this.#residentRows + EVICT_AFTER_ROWS) {
      this.#kernel.evictIdle((key) => this.durability.isDurable(key) && !this.batches.changes(key))
      this.#residentRows = this.#kernel.residentRows()
    }
    if (this.durability.restOfAll === 0) this.batches.tellFlushed()
  }

  /** The batch did not fit: all go on from what is durable (S5). Whoever waits has been told. */
  rollBack(failed: JournalBatch): void {
    const { lastToken } = this.#kernel
    const { durableCeiling } = this.batches
    this.batches.rollBack()
    this.#book.rollBack()
    this.replies.clear()
    this.blobs?.rollBack()
    this.durability.rollBack({ lastToken: durableCeiling, lastBatch: failed.number })
    this.#kernel = new Kernel({ backed: true })
    this.owners.clear()
    this.restore(Math.min(lastToken, durableCeiling))
    this.batches.pause()
  }

  // Restoring

  /** Begins with what remains; tokens up to `reserved` may have been handed out. */
  restore(reserved: number): void {
    this.#loadReplies()
    const { live, sessions, names, lastToken, lastArrival, runs, claimed, completed } = readRemains(
      this.#book.entries(),
      this.journal,
      reserved,
    )
    for (const { session, client } of sessions) this.owners.expect(session, client)
    // The clock may have been set back while the machine was off; what has happened has happened before now.
    this.#epochMs += Math.max(0, lastMoment(runs, live) - this.now())
    const completedRuns = [...completed.values()].map(({ run }) => run)
    for (const { args, result, progress, steps } of [...claimed, ...completedRuns]) {
      const values = [args, result, progress, ...steps.map(({ outcome }) => outcome)]
      this.blobs?.protect(values, this.durability.gatheringBatch)
    }
    reach("during-restoring")
    this.#kernel.load(this.journal.load([...names].map((name) => `limit:${name}` as const)), null)
    this.#kernel.restore({ now: this.now(), lastToken, lastArrival, runs, claimed, completed: completedRuns, live })
    // What came due while nobody kept the store.
    this.advance()
    for (const [key, entry] of completed) {
      // Unless what it was kept for is over by now.
      if (this.#kernel.storedRun(entry.run.identity)?.status !== "completed") continue
      this.durability.written(`run:${entry.run.identity}`)
      this.notes.noteCompleted(key, entry)
    }
  }

  /** Outcomes that nobody has acknowledged yet. */
  #loadReplies(): void {
    for (const entry of this.#book.entries().values()) {
      if (entry.kind === "reply") this.replies.restore(entry.client, entry.sequence, { ...entry, isLogged: true })
      if (entry.kind !== "completed" || entry.reply === null) continue
      // It goes to the journal with its run.
      const { client, sequence, outcome } = entry.reply
      this.replies.restore(client, sequence, { outcome, isLogged: false })
      this.batches.reply({ client, sequence, outcome })
    }
    for (const { client, sequence, outcome } of this.journal.replies()) {
      // Stored as it was answered.
      this.replies.restore(client, sequence, { outcome: outcome as StoreOutcome, isLogged: false })
    }
  }
}
