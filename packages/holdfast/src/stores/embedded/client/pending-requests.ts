/**
 * The requests of a client that have no outcome yet, and the numbers they go by.
 *
 *     pending ──its outcome came──▶ received
 *        └──not answered within the bound──▶ abandoned ──its late outcome came, or another keeper──▶ received
 *
 * 1. A number is given once and its outcome taken once: one that comes a second time is not heard (S4).
 * 2. Every outcome up to `received` has come: the keeper need not keep those any longer.
 * 3. What was abandoned is known until it is received: a grant or claim that it brings must be given back (L4).
 */
import type { Command, RequestId, SessionId, Token } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"

/** A request that has no outcome yet. */
export interface Pending {
  readonly sequence: number
  /** As it is sent, and as it was asked where its large values travel as files. */
  command: Command
  readonly asked: Command
  /** How often the keeper has missed a file that it names. */
  readonly missed: number
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
  /** Its outcome is wanted with references in the place of large values. */
  readonly isRaw: boolean
  /** Asked by the client itself, to go on with a new keeper; the one after that is asked anew. */
  readonly isOwn: boolean
  readonly resolve: (outcome: StoreOutcome) => void
  readonly reject: (error: unknown) => void
}

/** What is known of a request when it is asked. */
export type Asking = Pick<
  Pending,
  "command" | "missed" | "since" | "term" | "isOrphan" | "isRaw" | "isOwn" | "resolve" | "reject"
>

export class PendingRequests {
  readonly #pending = new Map<number, Pending>()
  /** Requests given up, whose late outcomes may bring something that must be given back. */
  readonly #abandoned = new Map<number, Command>()
  /** Of the pending ones, those that were sent on an earlier line too. */
  readonly #again = new Map<number, Pending>()
  #lastSequence = 0
  /** Outcomes up to here have all been received. */
  #received = 0
  readonly #receivedBeyond = new Set<number>()

  get received(): number {
    return this.#received
  }

  get size(): number {
    return this.#pending.size
  }

  /** In the order in which they were asked. */
  values(): MapIterator<Pending> {
    return this.#pending.values()
  }

  has(pending: Pending): boolean {
    return this.#pending.get(pending.sequence) === pending
  }

  /** Registers a request under the next number. */
  add({ command, missed, since, term, isOrphan, isRaw, isOwn, resolve, reject }: Asking): Pending {
    this.#lastSequence += 1
    const sequence = this.#lastSequence
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
      isOrphan,
      hasFound: false,
      isRaw,
      isOwn,
      resolve,
      reject,
    }
    this.#pending.set(sequence, pending)
    return pending
  }

  /** It is sent, maybe not for the first time. */
  sent(pending: Pending): void {
    pending.isSentAgain = pending.isSent
    pending.isSent = true
    if (pending.isSentAgain) this.#again.set(pending.sequence, pending)
  }

  /** The outcome of this request is here, or none will be heard; null where it is not awaited any more. */
  settle(sequence: number): Pending | null {
    if (sequence <= this.#received || this.#receivedBeyond.has(sequence)) return null
    this.#receivedBeyond.add(sequence)
    while (this.#receivedBeyond.delete(this.#received + 1)) this.#received += 1
    const pending = this.#pending.get(sequence)
    this.#pending.delete(sequence)
    this.#again.delete(sequence)
    return pending ?? null
  }

  /** Nobody awaits any of them. */
  clear(): void {
    this.#pending.clear()
    this.#again.clear()
  }

  // Giving up

  /** Nobody awaits it any more, and its outcome may still come. */
  abandon({ sequence, command }: Pending): void {
    this.#pending.delete(sequence)
    this.#again.delete(sequence)
    this.#abandoned.set(sequence, command)
  }

  /** The command of an abandoned request whose outcome came. */
  takeAbandoned(sequence: number): Command | undefined {
    const command = this.#abandoned.get(sequence)
    this.#abandoned.delete(sequence)
    return command
  }

  /** Whatever came of requests that were given up, another keeper is not asked for it. */
  forgetAbandoned(): void {
    for (const sequence of this.#abandoned.keys()) this.settle(sequence)
    this.#abandoned.clear()
  }

  // What is asked

  some(test: (command: Command) => boolean): boolean {
    for (const { command } of this.#pending.values()) if (test(command)) return true
    return false
  }

  /** The session may still open, whoever waits for that. */
  isOpening(session: SessionId): boolean {
    const isOpening = (each: Command): boolean => each.kind === "openSession" && each.session === session
    return this.some(isOpening) || [...this.#abandoned.values()].some(isOpening)
  }

  /** What was asked under this request, save its withdrawal: who withdraws wants nothing of what it brings. */
  under(session: SessionId, request: RequestId): Command | undefined {
    for (const { command } of this.#pending.values()) {
      if (!("request" in command) || command.kind === "withdrawRequest") continue
      if (command.session === session && command.request === request) return command
    }
    return undefined
  }

  /** A lock was asked for under this request before the keeper was this one, and whatever it granted is the outcome, too. */
  isRecalled(session: SessionId, request: RequestId): boolean {
    for (const { command } of this.#again.values()) {
      if (command.kind === "acquireLock" && command.session === session && command.request === request) return true
    }
    return false
  }

  withdrawalOf(session: SessionId, request: RequestId): Pending | undefined {
    for (const pending of this.#pending.values()) {
      const { command } = pending
      if (command.kind === "withdrawRequest" && command.session === session && command.request === request) {
        return pending
      }
    }
    return undefined
  }

  /** The grant is being given back. */
  isGivenBack(session: SessionId, token: Token): boolean {
    return this.some((command) => {
      return command.kind === "releaseLock" && command.session === session && command.token === token
    })
  }

  /** The end of the claim is being reported. */
  isReported(session: SessionId, token: Token): boolean {
    return this.some((command) => {
      if (!("session" in command) || command.session !== session) return false
      if (command.kind === "commitCells") return command.complete?.token === token
      const isReport = command.kind === "completeRun" || command.kind === "failRun" || command.kind === "returnRun"
      return isReport && command.token === token
    })
  }
}
