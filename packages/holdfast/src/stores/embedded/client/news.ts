/**
 * Outcomes and events on their way to the runtime: told once the large values in them are read.
 *
 *     news ──nothing to read──▶ told at once, or behind what its lane still reads
 *       └──large values──▶ reading ──read──▶ told
 *                             └──missing or altered──▶ replaced meanwhile: what is there now is told
 *                                                  └──▶ can be computed again: forgotten        else said to be damaged
 *
 * 1. What one request or watch is told keeps its order; all else goes ahead (`lanes.ts`).
 * 2. Each request is answered once, and each wait told of its end, whatever became of the files (O4, S2).
 * 3. A damaged result is not told, and forgotten where it can be computed again (O9).
 * 4. What was replaced before its file was opened is not damaged: a newer state is told in its place (C4, S2).
 */
import {
  type ClaimView,
  type Command,
  HoldfastError,
  type RequestId,
  type RunId,
  type SessionId,
  type StoreEvent,
} from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import { isDamage } from "../blobs/blob-folder.ts"
import { blobOf, type ClientBlobs } from "./client-blobs.ts"
import { laneOf } from "./command-kinds.ts"
import { Lanes } from "./lanes.ts"
import { isReplaced, type Look, lookAgain } from "./look-again.ts"
import type { Pending } from "./pending-requests.ts"
import type { KnownWait } from "./session-record.ts"

export interface NewsOptions {
  /** Absent where large values travel like the others. */
  readonly blobs: ClientBlobs | undefined
  readonly execute: (command: Command) => Promise<StoreOutcome>
  readonly look: Look
  readonly onEvent: (event: StoreEvent) => void
  /** A slot was handed a claim that nobody can execute: it asks for another. */
  readonly waitAgain: (session: SessionId, request: RequestId, wait: KnownWait) => void
  /** What is said where a value could not be read for a reason that is none of the store's. */
  readonly unavailable: (cause: unknown) => HoldfastError
}

/** Somebody who is overtaken by a writer so often in a row is told of the last file that was missed. */
const MAX_LOOKS = 16

export class News {
  readonly #options: NewsOptions
  readonly #lanes = new Lanes()
  /** Requests that are answered once the large values of their outcomes are read. */
  readonly #reading = new Set<Pending>()

  constructor(options: NewsOptions) {
    this.#options = options
  }

  get reading(): ReadonlySet<Pending> {
    return this.#reading
  }

  // Outcomes

  answer(pending: Pending, outcome: StoreOutcome): void {
    const { command } = pending
    // What was stored from outside is known to who stored it.
    const reading = command.kind === "putResult" ? null : (this.#options.blobs?.fillOutcome(outcome) ?? null)
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
      if (command.kind === "takeRun") this.#options.execute(command).then(resolve, reject)
      else resolve({ kind: "joined", run: outcome.claim.run })
    } else await this.#answerNow(pending, outcome, error)
  }

  async #answerNow({ command, resolve, reject }: Pending, outcome: StoreOutcome, error: unknown): Promise<void> {
    const { blobs, look } = this.#options
    let [told, fault] = [outcome, error]
    try {
      for (let looks = 0; isDamage(fault) && looks < MAX_LOOKS; looks += 1) {
        const now = await lookAgain(look, command, told)
        if (now === null) break
        told = now
        try {
          return resolve((await blobs?.fillOutcome(now)) ?? now)
        } catch (again) {
          fault = again
        }
      }
    } catch (again) {
      fault = again
    }
    reject(fault)
  }

  // Events

  /** `wait` is what the event's request waited for until now. */
  tell(event: StoreEvent, wait: KnownWait | undefined): void {
    const reading = this.#options.blobs?.fillEvent(event) ?? null
    this.#lanes.tell(laneOf(event), () => {
      if (reading !== null) return this.#tellLater(event, reading, wait)
      this.#options.onEvent(event)
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
    this.#options.onEvent(told)
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
      if (wait?.command.kind === "takeRun") this.#options.waitAgain(session, request, wait)
      return null
    } else if (isDamage(error)) {
      try {
        if (await isReplaced(this.#options.look, event)) return null
      } catch (again) {
        fault = again
      }
    }
    const known = fault instanceof HoldfastError ? fault : this.#options.unavailable(fault)
    const { code, message, details } = known
    return { kind: "requestRefused", session, request, code, message, details }
  }

  // Damage

  /** Has a damaged result forgotten; why it is not, where it cannot be computed again. */
  async #discard(session: SessionId, run: RunId, error: unknown): Promise<unknown> {
    const { blobs, execute } = this.#options
    const blob = isDamage(error) ? blobOf(error) : null
    if (blob === null || blobs === undefined) return error
    const { folder } = blobs
    try {
      // Before it is forgotten: who computes it again must not take the damaged file for its own.
      const isMoved = await folder.setAside(blob)
      const outcome = await execute({ kind: "discardResult", session, run })
      if (outcome.kind !== "refused" || outcome.code !== "STORE_DAMAGED") return null
      if (isMoved) await folder.putBack(blob.digest)
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
      await this.#options.execute({ kind: "failRun", session, token: claim.token, failure, final: isDamage(error) })
    } catch {
      // The store is gone, and the claim with it.
    }
  }
}
