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
  type CellView,
  type ClaimView,
  type Command,
  type ErrorDetails,
  HoldfastError,
  type Outcome,
  type RequestId,
  type RunId,
  type RunView,
  type SessionHolding,
  type SessionId,
  type StoreEvent,
  type Token,
  type Transition,
} from "../../../kernel/index.ts"
import type { Store, StoreOutcome } from "../../../store/index.ts"
import type { ClientMessage, KeeperMessage } from "../keeper/peer.ts"
import { type BlobFolder, isDamage } from "../blobs/blob-folder.ts"
import { blobOf, ClientBlobs } from "./client-blobs.ts"
import { Lanes } from "./lanes.ts"
import type { Dial, Line } from "./line.ts"
import { SendOrder } from "./send-order.ts"
import { type KnownClaim, type KnownWait, lossOf, type SeenCell, SessionRecord } from "./session-record.ts"

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

/** A request that has no outcome yet. */
interface Pending {
  readonly sequence: number
  /** As it is sent, and as it was asked where its large values travel as files. */
  command: Command
  readonly asked: Command
  /** How often the keeper has missed a file that it names. */
  missed: number
  /** When it was asked, by the monotonic clock; when its large values were written, where it has some. */
  since: number
  isWriting: boolean
  isSent: boolean
  /** Sent on an earlier line too: what became of it there is not known. */
  isSentAgain: boolean
  /** The term in which it was asked, and what it rests on was read. */
  readonly term: number
  /** It was asked when its session was over, or had never begun: nothing can come of it. */
  readonly isOrphan: boolean
  /** A withdrawal whose wait ended with an earlier keeper: it has found it, and nothing more comes of that. */
  hasFound: boolean
  /** Asked by the client itself, to go on with a new keeper; the one after that is asked anew. */
  readonly isOwn: boolean
  readonly resolve: (outcome: StoreOutcome) => void
  readonly reject: (error: unknown) => void
}

/** A file that was missed is written again so often; one that is missed for ever is of another store. */
const MISSED_BOUND = 3

export class EmbeddedClient implements Store {
  #instance = ""
  /** Lines lost so far: a keeper may have died with heads it had shown. */
  #term = 0
  /** Large values beside the store; see {@link Store.blobs}. */
  readonly blobs?: ClientBlobs
  readonly #order = new SendOrder<Pending>()
  readonly #lanes = new Lanes()
  /** Requests that are answered once the large values of their outcomes are read. */
  readonly #reading = new Set<Pending>()
  /** Large values on their way to the disk. */
  readonly #writing = new Set<Promise<void>>()
  readonly #env: Env
  readonly #dial: Dial
  readonly #onClosed: () => Promise<void> | void
  #line: Line | null = null
  readonly #pending = new Map<number, Pending>()
  /** Requests given up, whose late outcomes may bring something that must be given back. */
  readonly #abandoned = new Map<number, Command>()
  readonly #sessions = new Map<SessionId, SessionRecord>()
  #lastSequence = 0
  /** Outcomes up to here have all been received. */
  #received = 0
  readonly #receivedBeyond = new Set<number>()
  #acknowledged = 0
  #outbox: ClientMessage[] = []
  #isPosting = false
  #bound: Timer | null = null
  #handler: (event: StoreEvent) => void = ignore
  #observer: ((transition: Transition) => void) | null = null
  #closing: Promise<void> | null = null
  /** Why no keeper is found any more. */
  #end: HoldfastError | null = null
  #isRestored = false
  /** Who kept the store last, for messages people read. */
  #describeKeeper: () => string = () => "none so far"
  readonly #dialing = new AbortController()

  private constructor(options: ClientOptions) {
    this.#env = options.env
    this.#dial = options.dial
    this.#onClosed = options.onClosed
    const folder = options.blobs ?? null
    if (folder === null) return
    this.blobs = new ClientBlobs(folder, async (session, { hold, drop }) => {
      if (!this.#sessions.has(session)) return
      await this.execute({ kind: "holdBlobs", session, hold, drop })
    })
  }

  /** Connects for the first time. @throws HoldfastError STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED */
  static async connect(options: ClientOptions): Promise<EmbeddedClient> {
    const client = new EmbeddedClient(options)
    await client.#connect()
    return client
  }

  get id(): string {
    return this.#instance
  }

  get term(): number {
    return this.#term
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
    if (wasObserving !== (handler !== null)) this.#post({ kind: "observe", on: handler !== null })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#dialing.abort(new HoldfastError("CLOSED", "the store was closed while its keeper was looked for"))
    // A closed line ends what sessions are left, as the death of this process would.
    this.#line?.close()
    this.#line = null
    this.#bound?.cancel()
    const error = new HoldfastError("CLOSED", "the store was closed before this was answered; open it again to go on")
    for (const pending of [...this.#pending.values(), ...this.#reading]) pending.reject(error)
    this.#pending.clear()
    // Their temporary files are removed before this client counts as dead.
    await Promise.allSettled(this.#writing)
    if (this.#end === null) await this.#onClosed()
  }

  // Asking

  #ask(command: Command): Promise<StoreOutcome> {
    return new Promise((resolve, reject) => {
      this.#lastSequence += 1
      const pending = this.#pend({ command, isOwn: false, missed: 0, term: this.#term, resolve, reject })
      if ("session" in command) this.#sessions.get(command.session)?.asked(command)
      this.#armBound()
      this.#offer(pending)
      this.#mindLife()
    })
  }

  /** Registers a request under the last number. */
  #pend({
    command,
    isOwn,
    missed,
    term,
    resolve,
    reject,
  }: Pick<Pending, "command" | "isOwn" | "missed" | "term" | "resolve" | "reject">): Pending {
    const sequence = this.#lastSequence
    const since = this.#env.clock.monotonic()
    // One literal of all fields: one that grows from copied ones takes a dozen times as long.
    const pending: Pending = {
      sequence,
      command,
      asked: command,
      missed,
      since,
      isWriting: false,
      isSent: false,
      isSentAgain: false,
      term,
      isOrphan: this.#isOrphan(command),
      hasFound: false,
      isOwn,
      resolve,
      reject,
    }
    this.#pending.set(sequence, pending)
    return pending
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
      if (this.#pending.get(pending.sequence) === pending) this.#settle(pending.sequence)
      pending.reject(error)
    }
    pending.isWriting = false
    for (const next of this.#order.take()) {
      next.since = this.#env.clock.monotonic()
      // The store may have been closed, or given up, meanwhile.
      if (this.#isRestored && this.#pending.get(next.sequence) === next) this.#send(next)
    }
    this.#armBound()
    this.#mindLife()
  }

  #send(pending: Pending): void {
    const { sequence, command, isSent, term } = pending
    // What waited for its large values to be written was asked of an earlier keeper too, though that never heard of it.
    const isOfBefore = isSent || term !== this.#term
    this.#post({ kind: "request", sequence, command, isAgain: isOfBefore && !this.#isKnown(command) })
    pending.isSentAgain = pending.isSent
    pending.isSent = true
  }

  /** A wait of this request id stands already: what is asked under it now is something else. */
  #isKnown(command: Command): boolean {
    if (!("request" in command) || command.kind === "withdrawRequest") return false
    return this.#sessions.get(command.session)?.waits.has(command.request) === true
  }

  /** What is said in one turn goes in one piece. */
  #post(message: ClientMessage): void {
    if (this.#line === null) return
    this.#outbox.push(message)
    if (this.#isPosting) return
    this.#isPosting = true
    this.#env.microtask(() => {
      this.#isPosting = false
      const messages = this.#outbox
      this.#outbox = []
      if (this.#line !== null && messages.length > 0) this.#line.send(messages)
    })
  }

  // Hearing

  #hear(messages: readonly KeeperMessage[]): void {
    if (this.#closing !== null) return
    for (const message of messages) this.#take(message)
    if (this.#received > this.#acknowledged) {
      this.#acknowledged = this.#received
      this.#post({ kind: "acknowledge", through: this.#received })
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
        const pending = this.#settle(message.sequence)
        if (pending === null || this.#writeAgain(pending, message.details)) break
        this.#failed(pending.command)
        pending.reject(new HoldfastError(message.code, message.message, { details: message.details }))
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
    const pending = this.#settle(sequence)
    if (pending === null) {
      this.#giveBack(sequence, outcome)
      return
    }
    if (pending.isSentAgain && isLost(outcome) && isLasting(pending.command) && !pending.isOrphan) {
      // The session ended with the connection, and with it went what the keeper knew of the request (S4).
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
    if (pending.isOwn) pending.resolve(outcome)
    else {
      this.#learn(pending.command, outcome)
      this.#answer(pending, outcome.kind === "withdrawn" && pending.hasFound ? { ...outcome, found: true } : outcome)
    }
  }

  /** Answers once the large values of the outcome are read. */
  #answer(pending: Pending, outcome: StoreOutcome): void {
    const { command } = pending
    // What was stored from outside is known to who stored it.
    const reading = command.kind === "putResult" ? null : (this.blobs?.fillOutcome(outcome) ?? null)
    if (reading !== null) this.#reading.add(pending)
    this.#lanes.tell(laneOf(command), () => {
      if (reading !== null) return this.#answerLater(pending, outcome, reading)
      pending.resolve(outcome)
      return undefined
    })
  }

  async #answerLater(pending: Pending, outcome: StoreOutcome, reading: Promise<StoreOutcome>): Promise<void> {
    try {
      pending.resolve(await reading)
    } catch (error) {
      await this.#answerDamaged(pending, outcome, error)
    } finally {
      this.#reading.delete(pending)
    }
  }

  /** A large value of the outcome is missing or altered: what can be computed again is, and the rest is said (O9, S2). */
  async #answerDamaged(pending: Pending, outcome: StoreOutcome, error: unknown): Promise<void> {
    const { command, resolve, reject } = pending
    if (!("session" in command)) return reject(error)
    const { session } = command
    if (outcome.kind === "settled") {
      const fault = await this.#discard(session, outcome.run, error)
      if (fault === null) resolve({ ...outcome, settlement: { kind: "forgotten" } })
      else reject(fault)
    } else if (outcome.kind === "claimed") {
      await this.#failClaim(session, outcome.claim, error)
      // The wait goes on, and is told how the run ended; a slot asks for another.
      if (command.kind === "takeRun") this.#ask(command).then(resolve, reject)
      else resolve({ kind: "joined", run: outcome.claim.run })
    } else reject(error)
  }

  /** Has a damaged result forgotten; why it is not, where it cannot be computed again. */
  async #discard(session: SessionId, run: RunId, error: unknown): Promise<unknown> {
    const digest = isDamage(error) ? blobOf(error) : null
    if (digest === null || this.blobs === undefined) return error
    const { folder } = this.blobs
    try {
      // Before it is forgotten: who computes it again must not take the damaged file for its own.
      await folder.setAside(digest)
      const outcome = await this.execute({ kind: "discardResult", session, run })
      if (outcome.kind !== "refused" || outcome.code !== "STORE_DAMAGED") return null
      await folder.putBack(digest)
      return error
    } catch {
      return error
    }
  }

  /** A claim whose arguments are lost cannot be executed, here or elsewhere. */
  async #failClaim(session: SessionId, claim: ClaimView, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error)
    const name = isDamage(error) ? "HoldfastError [STORE_DAMAGED]" : "Error"
    const failure = { code: "RUN_FAILED", name, message, stack: null } as const
    try {
      await this.execute({ kind: "failRun", session, token: claim.token, failure, final: isDamage(error) })
    } catch {
      // The store is gone, and the claim with it.
    }
  }

  /** The keeper missed a file that it may just have swept: it is written again, and the request asked anew. */
  #writeAgain(pending: Pending, details: ErrorDetails): boolean {
    if (details["missing"] !== true || pending.missed >= MISSED_BOUND || pending.command === pending.asked) return false
    this.#lastSequence += 1
    const { asked, missed, term, resolve, reject } = pending
    this.#offer(this.#pend({ command: asked, isOwn: false, missed: missed + 1, term, resolve, reject }))
    return true
  }

  #isOver(command: Command): boolean {
    return "session" in command && command.kind !== "openSession" && !this.#sessions.has(command.session)
  }

  /** The session is not open and will not be: it is this client's alone, so every keeper refuses what is asked of it. */
  #isOrphan(command: Command): boolean {
    if (!("session" in command) || this.#sessions.has(command.session)) return false
    const { session } = command
    const isOpening = (each: Command): boolean => each.kind === "openSession" && each.session === session
    return !isOpening(command) && !this.#isPending(isOpening) && ![...this.#abandoned.values()].some(isOpening)
  }

  /** The outcome of a request that was given up: nobody here knows of what it brought. */
  #giveBack(sequence: number, outcome: StoreOutcome): void {
    const command = this.#abandoned.get(sequence)
    if (command === undefined || !("session" in command)) return
    this.#abandoned.delete(sequence)
    const { session } = command
    if (outcome.kind === "granted") {
      this.#askAgain({ kind: "releaseLock", session, token: outcome.token }, ignore)
    } else if (outcome.kind === "claimed") {
      this.#askAgain({ kind: "returnRun", session, token: outcome.claim.token, started: false }, ignore)
    } else if ((outcome.kind === "parked" || outcome.kind === "joined") && "request" in command) {
      this.#askAgain({ kind: "withdrawRequest", session, request: command.request, reason: "timeout" }, ignore)
    }
  }

  /** The outcome of this request is here. */
  #settle(sequence: number): Pending | null {
    if (sequence <= this.#received || this.#receivedBeyond.has(sequence)) return null
    this.#receivedBeyond.add(sequence)
    while (this.#receivedBeyond.delete(this.#received + 1)) this.#received += 1
    const pending = this.#pending.get(sequence)
    this.#pending.delete(sequence)
    return pending ?? null
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
    const record = this.#sessions.get(event.session)
    const wait = "request" in event ? record?.waits.get(event.request) : undefined
    if (record?.told(event) === false) return
    const reading = this.blobs?.fillEvent(event) ?? null
    this.#lanes.tell(laneOf(event), () => {
      if (reading !== null) return this.#tellLater(event, reading, wait)
      if (this.#closing === null) this.#handler(event)
      return undefined
    })
  }

  async #tellLater(event: StoreEvent, reading: Promise<StoreEvent>, wait: KnownWait | undefined): Promise<void> {
    let told = event
    try {
      told = await reading
    } catch (error) {
      const instead = await this.#instead(event, error, wait)
      if (instead === null) return
      told = instead
    }
    if (this.#closing === null) this.#handler(told)
  }

  /** What is told in the place of news whose large value is missing or altered; null where there is nothing to be told. */
  async #instead(event: StoreEvent, error: unknown, wait: KnownWait | undefined): Promise<StoreEvent | null> {
    if (!("request" in event)) return event
    const { session, request } = event
    let fault = error
    if (event.kind === "runSettled") {
      fault = await this.#discard(session, event.run, error)
      if (fault === null) return { ...event, settlement: { kind: "forgotten" } }
    } else if (event.kind === "runAssigned") {
      await this.#failClaim(session, event.claim, error)
      const record = this.#sessions.get(session)
      if (wait?.command.kind === "takeRun" && record !== undefined) {
        record.waits.set(request, wait)
        this.#waitAgain(session, request, wait)
      }
      return null
    }
    const known = fault instanceof HoldfastError ? fault : unavailable(this.#describeKeeper(), fault)
    const { code, message, details } = known
    return { kind: "requestRefused", session, request, code, message, details }
  }

  // Lines

  async #connect(): Promise<void> {
    // What comes before the line is known here.
    const early = { messages: [] as (readonly KeeperMessage[])[], isLost: false }
    const line = await this.#dial(
      {
        onMessages: (messages) => {
          if (this.#line === null) early.messages.push(messages)
          else this.#hear(messages)
        },
        onClosed: () => {
          if (this.#line === null) early.isLost = true
          else this.#lost()
        },
      },
      this.#dialing.signal,
    )
    if (this.#closing !== null) {
      line.close()
      return
    }
    this.#line = line
    this.#instance = line.instance
    this.#describeKeeper = () => line.keeper
    if (early.isLost) {
      this.#lost()
      return
    }
    if (this.#observer !== null) this.#post({ kind: "observe", on: true })
    for (const messages of early.messages) this.#hear(messages)
    this.#mindLife()
  }

  #lost(): void {
    if (this.#closing !== null || this.#line === null) return
    this.#line = null
    this.#term += 1
    this.#isRestored = false
    this.#outbox = []
    for (const { sequence, isOwn } of this.#pending.values()) if (isOwn) this.#settle(sequence)
    void this.#redial()
  }

  async #redial(): Promise<void> {
    try {
      await this.#connect()
    } catch (error) {
      if (this.#closing !== null) return
      const cause = error instanceof HoldfastError ? error : unavailable(this.#describeKeeper(), error)
      // Every session is over: what it held is nobody's to use, and what waits is told why.
      for (const record of this.#sessions.values()) this.#lose(record)
      for (const pending of this.#pending.values()) pending.reject(this.#unanswered(pending, cause))
      this.#pending.clear()
      // Nobody shall wait for what this client held in the belief that it comes back.
      this.#end = cause
      await this.#onClosed()
    }
  }

  /** A keeper says what it knows of our sessions; it is asked anew for what it does not know, and then for the rest. */
  #restore(known: ReadonlyMap<SessionId, SessionHolding>): void {
    for (const record of this.#sessions.values()) {
      // One that is ending wants nothing any more: its end is sent again below.
      if (this.#isPending((command) => isEnding(command, record.id))) continue
      const holding = known.get(record.id)
      if (holding === undefined) this.#lose(record)
      else this.#resume(record, holding)
    }
    // The last keeper died before it could write down that these were over.
    for (const session of known.keys()) {
      if (this.#sessions.has(session) || this.#isPending((command) => isEnding(command, session))) continue
      this.#askAgain({ kind: "endSession", session, reason: "closed", unstarted: [] }, ignore)
    }
    this.#isRestored = true
    // Whatever came of requests that were given up, this keeper is not asked for it again.
    for (const sequence of this.#abandoned.keys()) this.#settle(sequence)
    this.#abandoned.clear()
    for (const pending of this.#pending.values()) {
      if (!pending.isOwn && !this.#order.has(pending)) this.#send(pending)
    }
    this.#withdrawAgain()
    for (const session of known.keys()) this.#post({ kind: "returned", session })
  }

  /** What is asked again may begin a wait again whose withdrawal was answered by the last keeper (L4). */
  #withdrawAgain(): void {
    for (const { command } of this.#pending.values()) {
      if (!("request" in command) || command.kind === "withdrawRequest") continue
      const { session, request } = command
      if (this.#sessions.get(session)?.isWithdrawn(request) !== true) continue
      if (this.#withdrawalOf(session, request) !== undefined) continue
      this.#askAgain({ kind: "withdrawRequest", session, request, reason: "abort" }, ignore)
    }
  }

  /** The keeper took this client for dead: nothing of the session is left. */
  #lose(record: SessionRecord): void {
    this.#sessions.delete(record.id)
    const { id: session } = record
    for (const [token, names] of record.grants) this.#handler({ kind: "grantLost", session, token, names })
    for (const token of record.claims.keys()) {
      this.#handler({ kind: "claimControl", session, token, action: "lost", reason: "asked" })
    }
    for (const request of record.waits.keys()) {
      const message = `session ${session} ended when its keeper did; open the store again`
      this.#handler({ kind: "requestRefused", session, request, code: "SESSION_LOST", message, details: {} })
    }
  }

  #resume(record: SessionRecord, holding: SessionHolding): void {
    const { id: session } = record
    const hold = this.blobs?.heldBy(session) ?? []
    if (hold.length > 0) this.#askAgain({ kind: "holdBlobs", session, hold, drop: [] }, ignore)
    for (const command of record.workers.values()) this.#askAgain(command, ignore)
    const held = new Set(holding.grants.map(({ token }) => token))
    for (const [token, names] of record.grants) {
      if (!held.has(token)) this.#tell({ kind: "grantLost", session, token, names })
    }
    const claimed = new Set(holding.claims.map(({ claim }) => claim.token))
    for (const [token, claim] of record.claims) if (!claimed.has(token)) this.#tellLost(record, token, claim)
    for (const { token, request, at } of holding.grants) {
      if (record.grants.has(token)) continue
      if (record.waits.has(request)) this.#tell({ kind: "lockGranted", session, request, token, at })
      // Withdrawn meanwhile, or given back and the keeper does not know yet: either request is sent again below.
      else if (!this.#isAsked(session, request) && !this.#isGivenBack(session, token)) {
        this.#askAgain({ kind: "releaseLock", session, token }, ignore)
      }
    }
    for (const { request, claim } of holding.claims) {
      // Known to be over: its report is sent again below.
      if (this.#isReported(session, claim.token)) continue
      const { token, paused } = claim
      const returning = record.returning.get(token)
      if (returning !== undefined) {
        record.returning.delete(token)
        this.#askAgain(returning, ignore)
        continue
      }
      const known = record.claims.get(token)
      if (known !== undefined) {
        const action = paused ? "pause" : "resume"
        if (paused !== known.paused) this.#tell({ kind: "claimControl", session, token, action, reason: "asked" })
        continue
      }
      if (record.waits.has(request)) this.#tell({ kind: "runAssigned", session, request, claim })
      // Its outcome got lost on its way, and comes again; or nobody wants it any more.
      else if (this.#pendingOf(session, request) === undefined) {
        this.#askAgain({ kind: "returnRun", session, token, started: false }, ignore)
      }
    }
    for (const [request, wait] of record.waits) {
      if (holding.waiting.includes(request)) continue
      const withdrawal = this.#withdrawalOf(session, request)
      // One that the last keeper knew of is not applied again, and would leave the new wait standing (L4).
      if (withdrawal === undefined) this.#waitAgain(session, request, wait)
      else withdrawal.hasFound = true
    }
  }

  /** The keeper that ended a claim died before it said why: the run shows it. */
  #tellLost(record: SessionRecord, token: Token, claim: KnownClaim): void {
    const { id: session } = record
    const tell = (view: RunView | null): void => {
      // Reported meanwhile: its executor is answered instead.
      if (!record.claims.has(token)) return
      this.#tell({ kind: "claimControl", session, token, action: "lost", reason: lossOf(claim, view) })
    }
    const look = { kind: "readRun", session, identity: claim.identity } as const
    // Where the run cannot be read, there is none for all anybody can tell.
    this.#askAgain(
      look,
      (outcome) => {
        if (outcome.kind === "run") tell(outcome.view)
      },
      () => {
        tell(null)
      },
    )
  }

  #waitAgain(session: SessionId, request: RequestId, wait: KnownWait): void {
    const { command } = wait
    switch (command.kind) {
      case "acquireLock":
        this.#askAgain(command, (outcome) => {
          if (outcome.kind === "granted") {
            this.#tell({ kind: "lockGranted", session, request, token: outcome.token, at: outcome.at })
          }
        })
        break
      case "takeRun":
        this.#askAgain(command, (outcome) => {
          if (outcome.kind === "claimed") this.#tell({ kind: "runAssigned", session, request, claim: outcome.claim })
        })
        break
      case "watchCells":
        this.#askAgain(command, (outcome) => {
          if (outcome.kind !== "cells") return
          for (const cell of outcome.cells) this.#tell({ kind: "cellChanged", session, request, cell })
          if ("seen" in wait) this.#lookForDeleted(session, request, wait.seen, outcome.cells)
        })
        break
      case "watchRun":
        this.#askAgain(command, (outcome) => {
          if (outcome.kind === "run" && outcome.view !== null) {
            this.#tell({ kind: "runChanged", session, request, view: outcome.view })
          }
        })
        break
      case "claimRun":
      case "awaitRun":
        if ("run" in wait) this.#awaitAgain(wait)
        break
    }
  }

  /** A list of cells that have a value says nothing of those that lost theirs meanwhile. */
  #lookForDeleted(
    session: SessionId,
    request: RequestId,
    seen: ReadonlyMap<string, SeenCell>,
    listed: readonly CellView[],
  ): void {
    const present = new Set(listed.map(({ name }) => name))
    const names = [...seen].filter(([name, { hasValue }]) => hasValue && !present.has(name)).map(([name]) => name)
    if (names.length === 0) return
    this.#askAgain({ kind: "readCells", session, names, head: false }, (outcome) => {
      if (outcome.kind !== "cells") return
      for (const cell of outcome.cells) this.#tell({ kind: "cellChanged", session, request, cell })
    })
  }

  /** Waits for the very generation it waited for. */
  #awaitAgain({ command, run }: Extract<KnownWait, { readonly run: unknown }>): void {
    const { session, request, holding } = command
    const execute = command.kind === "claimRun" || command.execute
    const again = { kind: "awaitRun", session, request, run, holding, execute } as const
    this.#askAgain(again, (outcome) => {
      if (outcome.kind === "settled") {
        this.#tell({ kind: "runSettled", session, request, run, settlement: outcome.settlement })
      } else if (outcome.kind === "claimed") {
        this.#tell({ kind: "runAssigned", session, request, claim: outcome.claim })
      } else if (outcome.kind === "refused" && outcome.code !== "DEADLOCK") {
        this.#tell({ kind: "runSettled", session, request, run, settlement: { kind: "forgotten" } })
      }
    })
  }

  /** A request of the client's own; what it comes to is told as the event somebody waits for. */
  #askAgain(command: Command, then: (outcome: Outcome) => void, otherwise: () => void = ignore): void {
    this.#lastSequence += 1
    const resolve = (outcome: StoreOutcome): void => {
      then(outcome)
      if (outcome.kind === "refused" && "request" in command && "session" in command) {
        const { session, request } = command
        const { code, message, details } = outcome
        this.#tell({ kind: "requestRefused", session, request, code, message, details })
      }
    }
    this.#send(this.#pend({ command, isOwn: true, missed: 0, term: this.#term, resolve, reject: otherwise }))
  }

  #pendingOf(session: SessionId, request: RequestId): Pending | undefined {
    for (const pending of this.#pending.values()) {
      const { command } = pending
      // Who withdraws has a request of that number, and wants nothing of what it brings.
      if (!("request" in command) || command.kind === "withdrawRequest") continue
      if (command.session === session && command.request === request) return pending
    }
    return undefined
  }

  #isAsked(session: SessionId, request: RequestId): boolean {
    const command = this.#pendingOf(session, request)?.command
    return command?.kind === "acquireLock"
  }

  #isGivenBack(session: SessionId, token: number): boolean {
    return this.#isPending((command) => {
      return command.kind === "releaseLock" && command.session === session && command.token === token
    })
  }

  #withdrawalOf(session: SessionId, request: RequestId): Pending | undefined {
    for (const pending of this.#pending.values()) {
      const { command } = pending
      if (command.kind === "withdrawRequest" && command.session === session && command.request === request) {
        return pending
      }
    }
    return undefined
  }

  #isReported(session: SessionId, token: number): boolean {
    return this.#isPending((command) => {
      if (!("session" in command) || command.session !== session) return false
      if (command.kind === "commitCells") return command.complete?.token === token
      const isReport = command.kind === "completeRun" || command.kind === "failRun" || command.kind === "returnRun"
      return isReport && command.token === token
    })
  }

  #isPending(test: (command: Command) => boolean): boolean {
    for (const { command } of this.#pending.values()) if (test(command)) return true
    return false
  }

  // Bounds

  /** One timer for the oldest request that was sent. */
  #armBound(): void {
    if (this.#bound !== null) return
    let oldest = Infinity
    for (const pending of this.#pending.values())
      if (!this.#order.has(pending)) oldest = Math.min(oldest, pending.since)
    if (oldest === Infinity) return
    const delayMs = Math.max(0, oldest + REQUEST_BOUND_MS - this.#env.clock.monotonic())
    const expire = (): void => {
      this.#bound = null
      this.#expire()
      this.#armBound()
    }
    this.#bound = this.#env.timers.after(delayMs, expire, { keepAlive: false })
  }

  #expire(): void {
    const due = this.#env.clock.monotonic() - REQUEST_BOUND_MS
    for (const [sequence, pending] of this.#pending) {
      // A disk takes the time it takes for a large value.
      if (pending.since > due || this.#order.has(pending)) continue
      this.#pending.delete(sequence)
      this.#abandoned.set(sequence, pending.command)
      this.#failed(pending.command)
      pending.reject(this.#unanswered(pending, unavailable(this.#describeKeeper(), undefined)))
    }
  }

  #unanswered({ command, isSent }: Pending, cause: HoldfastError): HoldfastError {
    if (!isSent || isHarmless(command)) return new HoldfastError(cause.code, cause.message, { cause })
    return new HoldfastError(
      "OUTCOME_UNKNOWN",
      `"${command.kind}" was sent and not answered, so it may have taken effect or not: ${cause.message}`,
      { cause },
    )
  }

  /** What is asked or awaited keeps the process alive; an open store by itself does not. */
  #mindLife(): void {
    let isNeeded = this.#pending.size > 0 || this.#reading.size > 0
    for (const record of this.#sessions.values()) isNeeded ||= record.isExpecting
    this.#line?.keepAlive(isNeeded)
  }
}

/** What comes under one request keeps its order. */
function laneOf(news: Command | StoreEvent): string | null {
  if (!("request" in news) || news.kind === "withdrawRequest") return null
  return `${news.session} ${String(news.request)}`
}

function isLost(outcome: StoreOutcome): outcome is Extract<StoreOutcome, { readonly kind: "refused" }> {
  return outcome.kind === "refused" && outcome.code === "SESSION_LOST"
}

/** It leaves its session something that holds or waits. */
function isWait({ kind }: StoreOutcome): boolean {
  return kind === "granted" || kind === "parked" || kind === "joined" || kind === "claimed"
}

/** What it does outlives its session. */
function isLasting({ kind }: Command): boolean {
  switch (kind) {
    case "commitCells":
    case "enqueueRun":
    case "completeRun":
    case "failRun":
    case "controlRun":
    case "reportProgress":
    case "putResult":
    case "forgetResult":
    case "discardResult":
    case "evictRuns":
    case "evictBlobs":
    case "resizeLock":
      return true
    default:
      return false
  }
}

/** The session begins or ends with this request, which is sent again. */
function isEnding(command: Command, session: SessionId): boolean {
  return (command.kind === "openSession" || command.kind === "endSession") && command.session === session
}

/** Asking changes nothing that asking again would not. */
function isHarmless({ kind }: Command): boolean {
  switch (kind) {
    case "readCells":
    case "listCells":
    case "readRun":
    case "listRuns":
    case "flushRun":
    case "inspect":
    case "watchCells":
    case "watchRun":
    case "openSession":
    case "closeWorker":
    case "endSession":
      return true
    default:
      return false
  }
}

function unavailable(keeper: string, cause: unknown): HoldfastError {
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `the store's keeper (${keeper}) has not answered for ${String(REQUEST_BOUND_MS / 1_000)} s; if it is stopped, end it with "holdfast doctor DIR --evict"`,
    { cause },
  )
}

function ignore(): void {
  // Nobody has asked to be told.
}
