/**
 * One opener's end of a `file:` store: sends commands to the keeper, whoever that is at the moment, and goes on with the
 * next one where the last one left off.
 *
 *     dialing ──welcome──▶ restoring ──asked for everything anew──▶ connected
 *        ▲                                                             │
 *        └───────────────── the line closed ───────────────────────────┘        close() ends it from anywhere
 *
 * 1. A request is kept until its outcome came and sent again, under its number and marked as such, on every new line;
 *    the keeper answers with the first outcome (S4).
 * 2. A request that is not answered within the bound is given up: it was never sent, or nobody knows what came of it.
 *    A grant or claim that arrives for it afterwards is given back (L4).
 * 3. A client that finds no keeper any more is over: it gives up its sign of life, and with it all that it held.
 * 4. User code notices a keeper change as a pause: waits are asked for anew under their own requests, and what changed
 *    meanwhile (a lease that ended, a run that settled) is told by the events it would have been told by.
 */
import type { Env, Timer } from "../../../env/index.ts"
import {
  type Command,
  type ErrorDetails,
  HoldfastError,
  type Outcome,
  type SessionHolding,
  type SessionId,
  type StoreEvent,
  type Transition,
} from "../../../kernel/index.ts"
import type { Store, StoreOutcome } from "../../../store/index.ts"
import type { KeeperMessage } from "../keeper/peer.ts"
import type { BlobFolder } from "../blobs/blob-folder.ts"
import { ClientBlobs } from "./client-blobs.ts"
import { isHarmless, isLasting, isLost, isWait } from "./command-kinds.ts"
import { KeeperLink } from "./keeper-link.ts"
import type { Dial } from "./line.ts"
import { News } from "./news.ts"
import { type Asking, type Pending, PendingRequests } from "./pending-requests.ts"
import { giveBack, loseSession, type Resumed, resumeSessions, waitAgain, withdrawAgain } from "./resuming.ts"
import { SendOrder } from "./send-order.ts"
import { SessionRecord } from "./session-record.ts"

export interface ClientOptions {
  readonly env: Env
  /** Where large values lie; null where they travel like the others. */
  readonly blobs?: BlobFolder | null
  readonly dial: Dial
  /** Gives up the client's sign of life; told when the client is over. */
  readonly onClosed: () => Promise<void> | void
}

/** Long enough for any flush and election, short enough to say that a keeper is frozen: the one bound nobody asked for. */
const REQUEST_BOUND_MS = 10_000

/** Later than this after its time, a timer says that this process was stopped itself, or busy. */
const LATE_MS = 10

/** Then there may be answers in its socket, which is read after timers have run: they are waited for. */
const READING_MS = 100

/** A file that was missed is written again so often; one that is missed for ever is of another store. */
const MISSED_BOUND = 3

export class EmbeddedClient implements Store {
  /** Large values beside the store; see {@link Store.blobs}. */
  readonly blobs?: ClientBlobs
  readonly #env: Env
  readonly #onClosed: () => Promise<void> | void
  readonly #link: KeeperLink
  readonly #pending = new PendingRequests()
  readonly #order = new SendOrder<Pending>()
  /** Large values on their way to the disk. */
  readonly #writing = new Set<Promise<void>>()
  readonly #sessions = new Map<SessionId, SessionRecord>()
  readonly #news: News
  /** This client, as it goes on with a new keeper. */
  readonly #resumed: Resumed
  #acknowledged = 0
  #bound: Timer | null = null
  #handler: (event: StoreEvent) => void = ignore
  #observer: ((transition: Transition) => void) | null = null
  #closing: Promise<void> | null = null
  /** Why no keeper is found any more. */
  #end: HoldfastError | null = null
  #isRestored = false

  private constructor({ env, blobs: folder = null, dial, onClosed }: ClientOptions) {
    this.#env = env
    this.#onClosed = onClosed
    this.#link = new KeeperLink({
      env,
      dial,
      onConnected: () => {
        if (this.#observer !== null) this.#link.post({ kind: "observe", on: true })
        this.#mindLife()
      },
      onMessages: (messages) => {
        this.#hear(messages)
      },
      onLost: () => {
        this.#lost()
      },
    })
    if (folder !== null) {
      this.blobs = new ClientBlobs(folder, async (session, { hold, drop }) => {
        if (!this.#sessions.has(session)) return
        await this.execute({ kind: "holdBlobs", session, hold, drop })
      })
    }
    this.#news = new News({
      blobs: this.blobs,
      execute: (command) => this.execute(command),
      look: (command) => this.#ask(command, true),
      onEvent: (event) => {
        if (this.#closing === null) this.#handler(event)
      },
      waitAgain: (session, request, wait) => {
        const record = this.#sessions.get(session)
        if (record === undefined) return
        record.waits.set(request, wait)
        waitAgain(this.#resumed, wait)
      },
      unavailable: (cause) => this.#unavailable(cause),
    })
    this.#resumed = {
      blobs: this.blobs,
      sessions: this.#sessions,
      pending: this.#pending,
      ask: (command, then, otherwise) => {
        this.#askAgain(command, then, otherwise)
      },
      tell: (event) => {
        this.#tell(event)
      },
      tellEnd: (event) => {
        this.#handler(event)
      },
    }
  }

  /** Connects for the first time. @throws HoldfastError STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED */
  static async connect(options: ClientOptions): Promise<EmbeddedClient> {
    const client = new EmbeddedClient(options)
    await client.#link.connect()
    return client
  }

  get id(): string {
    return this.#link.instance
  }

  get term(): number {
    return this.#link.term
  }

  execute(command: Command): Promise<StoreOutcome> {
    if (this.#closing !== null) {
      return Promise.reject(new HoldfastError("CLOSED", "the store was closed; open it again to go on"))
    }
    const end = this.#end
    if (end !== null) return Promise.reject(new HoldfastError(end.code, end.message, { cause: end }))
    return this.#ask(command)
  }

  onEvent(handler: (event: StoreEvent) => void): void {
    this.#handler = handler
  }

  onTransition(handler: ((transition: Transition) => void) | null): void {
    const wasObserving = this.#observer !== null
    this.#observer = handler
    if (wasObserving !== (handler !== null)) this.#link.post({ kind: "observe", on: handler !== null })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // A closed line ends what sessions are left, as the death of this process would.
    this.#link.close()
    this.#bound?.cancel()
    const error = new HoldfastError("CLOSED", "the store was closed before this was answered; open it again to go on")
    for (const pending of [...this.#pending.values(), ...this.#news.reading]) pending.reject(error)
    this.#pending.clear()
    // Their temporary files are removed before this client counts as dead.
    await Promise.allSettled(this.#writing)
    if (this.#end === null) await this.#onClosed()
  }

  // Asking

  #ask(command: Command, isRaw = false): Promise<StoreOutcome> {
    return new Promise((resolve, reject) => {
      const pending = this.#pend({ command, isRaw, isOwn: false, missed: 0, term: this.#link.term, resolve, reject })
      if ("session" in command) this.#sessions.get(command.session)?.asked(command)
      this.#armBound()
      this.#offer(pending)
      this.#mindLife()
    })
  }

  /** A request of the client's own; what it comes to is told as the event somebody waits for. */
  #askAgain(command: Command, then: (outcome: Outcome) => void = ignore, otherwise: () => void = ignore): void {
    const resolve = (outcome: StoreOutcome): void => {
      then(outcome)
      if (outcome.kind === "refused" && "request" in command && "session" in command) {
        const { session, request } = command
        const { code, message, details } = outcome
        this.#tell({ kind: "requestRefused", session, request, code, message, details })
      }
    }
    const term = this.#link.term
    this.#send(this.#pend({ command, isRaw: true, isOwn: true, missed: 0, term, resolve, reject: otherwise }))
  }

  #pend({ command, isRaw, isOwn, missed, term, resolve, reject }: Omit<Asking, "since" | "isOrphan">): Pending {
    const since = this.#env.clock.monotonic()
    const isOrphan = this.#isOrphan(command)
    return this.#pending.add({ command, missed, since, term, isOrphan, isRaw, isOwn, resolve, reject })
  }

  /** The session is not open and will not be: it is this client's alone, so every keeper refuses what is asked of it. */
  #isOrphan(command: Command): boolean {
    if (!("session" in command) || command.kind === "openSession" || this.#sessions.has(command.session)) return false
    return !this.#pending.isOpening(command.session)
  }

  /** Sends a request in its turn: what has large values to be written first, and what must not pass it, wait. */
  #offer(pending: Pending): void {
    pending.isWriting = this.blobs?.isLarge(pending.command) === true
    if (pending.isWriting) {
      const writing = this.#write(pending)
      this.#writing.add(writing)
      void writing.then(() => this.#writing.delete(writing))
    }
    if (this.#order.keep(pending)) return
    if (this.#isRestored) this.#send(pending)
  }

  /** Never rejects: what cannot be written is the request's failure. */
  async #write(pending: Pending): Promise<void> {
    try {
      pending.command = (await this.blobs?.spill(pending.asked)) ?? pending.asked
    } catch (error) {
      this.#order.drop(pending)
      if (this.#pending.has(pending)) this.#pending.settle(pending.sequence)
      pending.reject(error)
    }
    pending.isWriting = false
    for (const next of this.#order.take()) {
      next.since = this.#env.clock.monotonic()
      // The store may have been closed, or given up, meanwhile.
      if (this.#isRestored && this.#pending.has(next)) this.#send(next)
    }
    this.#armBound()
    this.#mindLife()
  }

  #send(pending: Pending): void {
    const { sequence, command, isSent, term } = pending
    // What waited for its large values to be written was asked of an earlier keeper too, though that never heard of it.
    const isOfBefore = isSent || term !== this.#link.term
    this.#link.post({ kind: "request", sequence, command, isAgain: isOfBefore && !this.#isKnown(command) })
    this.#pending.sent(pending)
  }

  /** A wait of this request id stands already: what is asked under it now is something else. */
  #isKnown(command: Command): boolean {
    if (!("request" in command) || command.kind === "withdrawRequest") return false
    return this.#sessions.get(command.session)?.waits.has(command.request) === true
  }

  /** The keeper missed a file that it may just have swept: it is written again, and the request asked anew. */
  #writeAgain(pending: Pending, details: ErrorDetails): boolean {
    if (details["missing"] !== true || pending.missed >= MISSED_BOUND || pending.command === pending.asked) return false
    const { asked, missed, term, resolve, reject } = pending
    this.#offer(this.#pend({ command: asked, isRaw: false, isOwn: false, missed: missed + 1, term, resolve, reject }))
    return true
  }

  // Hearing

  #hear(messages: readonly KeeperMessage[]): void {
    if (this.#closing !== null) return
    for (const message of messages) this.#take(message)
    const { received } = this.#pending
    if (received > this.#acknowledged) {
      this.#acknowledged = received
      this.#link.post({ kind: "acknowledge", through: received })
    }
    this.#mindLife()
  }

  #take(message: KeeperMessage): void {
    switch (message.kind) {
      case "restored":
        this.#restore(new Map(message.sessions.map(({ session, holding }) => [session, holding])))
        break
      case "outcome":
        this.#answered(message.sequence, message.outcome)
        break
      case "fault": {
        const pending = this.#pending.settle(message.sequence)
        if (pending === null || this.#writeAgain(pending, message.details)) break
        this.#failed(pending.command)
        const fault = new HoldfastError(message.code, message.message, { details: message.details })
        pending.reject(isDoubtful(pending) && this.#isOver(pending.command) ? this.#unanswered(pending, fault) : fault)
        break
      }
      case "event":
        this.#tell(message.event)
        break
      case "transition":
        this.#observer?.(message.transition)
        break
      case "administered":
        // Asked for on lines of its own (see admin/keeper-line.ts).
        break
    }
  }

  #answered(sequence: number, outcome: StoreOutcome): void {
    const pending = this.#pending.settle(sequence)
    if (pending === null) {
      const abandoned = this.#pending.takeAbandoned(sequence)
      if (abandoned !== undefined) giveBack(this.#resumed, abandoned, outcome)
      return
    }
    if (isLost(outcome) && isDoubtful(pending)) {
      pending.reject(this.#unanswered(pending, new HoldfastError(outcome.code, outcome.message)))
      return
    }
    if (isWait(outcome) && this.#isOver(pending.command)) {
      // Kept by the keeper from before the session ended: nothing comes of it any more (O4).
      const message = "the session ended while this was asked; open the store again"
      pending.resolve({ kind: "refused", code: "SESSION_LOST", message, details: {} })
      return
    }
    // What the client asked for itself is news to the session, told as the event it would have been.
    if (pending.isOwn || pending.isRaw) pending.resolve(outcome)
    else {
      this.#learn(pending.command, outcome)
      this.#news.answer(
        pending,
        outcome.kind === "withdrawn" && pending.hasFound ? { ...outcome, found: true } : outcome,
      )
    }
  }

  #isOver(command: Command): boolean {
    return "session" in command && command.kind !== "openSession" && !this.#sessions.has(command.session)
  }

  #learn(command: Command, outcome: Outcome): void {
    if (command.kind === "openSession" && outcome.kind === "done") {
      this.#sessions.set(command.session, new SessionRecord(command.session))
    } else if (command.kind === "endSession") {
      this.#sessions.delete(command.session)
      this.blobs?.forget(command.session)
    } else if ("session" in command) {
      this.#sessions.get(command.session)?.answered(command, outcome)
    }
  }

  #failed(command: Command): void {
    if ("session" in command) this.#sessions.get(command.session)?.failed(command)
  }

  #tell(event: StoreEvent): void {
    // It would be told twice, and be given back the second time while whoever was told first has it (L1).
    if (event.kind === "lockGranted" && this.#pending.isRecalled(event.session, event.request)) return
    const record = this.#sessions.get(event.session)
    const wait = "request" in event ? record?.waits.get(event.request) : undefined
    if (record?.told(event) !== false) this.#news.tell(event, wait)
  }

  // Keepers

  #lost(): void {
    this.#isRestored = false
    for (const { sequence, isOwn } of this.#pending.values()) if (isOwn) this.#pending.settle(sequence)
    void this.#redial()
  }

  async #redial(): Promise<void> {
    try {
      await this.#link.connect()
    } catch (error) {
      if (this.#closing !== null) return
      const cause = error instanceof HoldfastError ? error : this.#unavailable(error)
      // Every session is over: what it held is nobody's to use, and what waits is told why.
      for (const record of this.#sessions.values()) loseSession(this.#resumed, record)
      for (const pending of this.#pending.values()) pending.reject(this.#unanswered(pending, cause))
      this.#pending.clear()
      // Nobody shall wait for what this client held in the belief that it comes back.
      this.#end = cause
      await this.#onClosed()
    }
  }

  /** A keeper says what it knows of our sessions: it is asked anew for what it does not know, and then for the rest. */
  #restore(known: ReadonlyMap<SessionId, SessionHolding>): void {
    resumeSessions(this.#resumed, known)
    this.#isRestored = true
    this.#pending.forgetAbandoned()
    for (const pending of this.#pending.values()) {
      if (!pending.isOwn && !this.#order.has(pending)) this.#send(pending)
    }
    withdrawAgain(this.#resumed)
    for (const session of known.keys()) this.#link.post({ kind: "returned", session })
  }

  // Bounds

  /** One timer for the oldest request that was sent. */
  #armBound(): void {
    if (this.#bound !== null) return
    let oldest = Infinity
    for (const pending of this.#pending.values())
      if (!this.#order.has(pending)) oldest = Math.min(oldest, pending.since)
    if (oldest === Infinity) return
    const { timers, clock } = this.#env
    const now = clock.monotonic()
    const dueAt = Math.max(oldest + REQUEST_BOUND_MS, now)
    const expire = (): void => {
      this.#bound = null
      this.#expire()
      this.#armBound()
    }
    const look = (): void => {
      if (clock.monotonic() - dueAt <= LATE_MS) return expire()
      this.#bound = timers.after(READING_MS, expire, { keepAlive: false })
    }
    this.#bound = timers.after(dueAt - now, look, { keepAlive: false })
  }

  #expire(): void {
    const due = this.#env.clock.monotonic() - REQUEST_BOUND_MS
    for (const pending of this.#pending.values()) {
      // A disk takes the time it takes for a large value.
      if (pending.since > due || this.#order.has(pending)) continue
      this.#pending.abandon(pending)
      this.#failed(pending.command)
      pending.reject(this.#unanswered(pending, this.#silent()))
    }
  }

  #unanswered({ command, isSent }: Pending, cause: HoldfastError): HoldfastError {
    const { code, message, details } = cause
    if (!isSent || isHarmless(command)) return new HoldfastError(code, message, { cause, details })
    return new HoldfastError(
      "OUTCOME_UNKNOWN",
      `"${command.kind}" was sent and not answered, so it may have taken effect or not: ${message}`,
      { cause, details },
    )
  }

  /** `details.unansweredMs` says that asking more of this keeper would be in vain for as long. */
  #silent(): HoldfastError {
    return new HoldfastError(
      "STORE_UNAVAILABLE",
      `the store's keeper (${this.#link.keeper}) has not answered for ${String(REQUEST_BOUND_MS / 1_000)} s; if it is stopped, end it with "holdfast doctor DIR --evict"`,
      { details: { unansweredMs: REQUEST_BOUND_MS } },
    )
  }

  /** For what fails with no code of its own. */
  #unavailable(cause: unknown): HoldfastError {
    return new HoldfastError(
      "STORE_UNAVAILABLE",
      `the store (kept by ${this.#link.keeper}) could not be reached or read: ${String(cause)}; try again`,
      { cause },
    )
  }

  /** What is asked or awaited keeps the process alive; an open store by itself does not. */
  #mindLife(): void {
    let isNeeded = this.#pending.size > 0 || this.#news.reading.size > 0
    for (const record of this.#sessions.values()) isNeeded ||= record.isExpecting
    this.#link.keepAlive(isNeeded)
  }
}

function ignore(): void {
  // Nobody has asked to be told.
}

/**
 * What came of it where it was first sent is not known to a keeper that knows nothing of its session: with the session
 * went what was known of its requests (S4).
 */
function isDoubtful({ isSentAgain, isOrphan, command }: Pending): boolean {
  return isSentAgain && isLasting(command) && !isOrphan
}
