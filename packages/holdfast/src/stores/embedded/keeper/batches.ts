/**
 * What the kernel changed, on its way into the journal: one batch at a time.
 *
 *     gathering ──flush──▶ under way ──durable──▶ settled
 *         ▲                    └──did not fit──▶ full ──somebody changes something, or a while──▶ gathering
 *         └──── goes on meanwhile
 *
 * 1. While one batch flushes the next gathers; batches become durable in order (S3).
 * 2. A token is handed out only when a durable reservation covers it (L2).
 * 3. A batch that did not fit the disk is as if it had never been, and so is what gathered behind it (S5).
 */
import type { Env, Timer } from "../../../env/index.ts"
import { type HoldfastError, isHoldfastError, type RowKey } from "../../../kernel/index.ts"
import type { BlobCare } from "./blob-care.ts"
import type { Durability } from "./durability.ts"
import type { JournalBatch, KeeperJournal } from "./journal-port.ts"
import type { Replies } from "./replies.ts"

/** What becomes of batches, told to who keeps the ticks. */
export interface BatchEvents {
  /** Does the work as a tick of its own. */
  readonly inTick: (work: () => void) => void
  readonly onSettled: (batch: JournalBatch) => void
  /** Nothing of the batch was written. */
  readonly onFull: (batch: JournalBatch, error: HoldfastError) => void
  /** Nobody knows what was written. */
  readonly onFailed: (error: unknown) => void
}

export interface BatchesOptions {
  readonly env: Env
  readonly journal: KeeperJournal
  readonly durability: Durability
  readonly replies: Replies
  readonly blobs: BlobCare | null
  readonly events: BatchEvents
}

type Change = JournalBatch["rows"][number]

type NewReply = JournalBatch["replies"]["put"][number]

/** Tokens reserved beyond those handed out; used up in tens of milliseconds at most, far longer than a flush takes. */
const TOKENS_AHEAD = 1_000

/** How long a batch that did not fit the disk waits for room where nobody asks for anything. */
const FULL_RETRY_MS = 1_000

export class Batches {
  readonly #options: BatchesOptions
  /** The batch that gathers. */
  #rows = new Map<RowKey, Change["row"]>()
  #replies: NewReply[] = []
  #isFlushing = false
  /** The last batch did not fit: the next is tried when somebody asks for a change, or after a while. */
  #full: Timer | null = null
  /** Tokens up to here may be handed out, and up to there once the batch under way is durable. */
  #durableCeiling: number
  #askedCeiling: number
  /** Who waits until there is nothing to flush. */
  #flushed: (() => void)[] = []

  constructor(options: BatchesOptions) {
    this.#options = options
    this.#durableCeiling = options.journal.tokenCeiling
    this.#askedCeiling = this.#durableCeiling
  }

  // Gathering

  change({ key, row }: Change): void {
    this.#rows.set(key, row)
  }

  /** Whether the row changes with the batch that gathers. */
  changes(key: RowKey): boolean {
    return this.#rows.has(key)
  }

  /** Whether the row goes with the batch that gathers. */
  removes(key: RowKey): boolean {
    return this.#rows.get(key) === null
  }

  /** Outcomes are stored with their effect until their clients acknowledge them (S4). */
  reply(reply: NewReply): void {
    this.#replies.push(reply)
  }

  // Tokens

  /** Tokens up to here are covered by what is durable. */
  get durableCeiling(): number {
    return this.#durableCeiling
  }

  /** The batch with which the tokens handed out by now are covered. */
  coveringOf(lastToken: number): number {
    return lastToken <= this.#durableCeiling ? 0 : this.#options.durability.gather()
  }

  // Flushing

  /** Sends on its way what has gathered, unless a batch is under way or the disk is full. */
  flush(lastToken: number): void {
    if (this.#isFlushing || this.#full !== null) return
    const { durability, replies, blobs } = this.#options
    const isLow = lastToken + TOKENS_AHEAD / 2 > this.#askedCeiling
    if (isLow) durability.gather()
    const isGathering = this.#rows.size > 0 || this.#replies.length > 0 || isLow
    if (!isGathering && durability.restOfAll === 0) return
    const tokenCeiling = isLow ? lastToken + TOKENS_AHEAD : null
    if (tokenCeiling !== null) this.#askedCeiling = tokenCeiling
    const batch: JournalBatch = {
      number: durability.seal(lastToken),
      rows: [...this.#rows].map(([key, row]) => ({ key, row })),
      replies: { put: this.#replies, ...replies.takeForJournal() },
      tokenCeiling,
      blobs: blobs?.takeNews(),
    }
    this.#rows = new Map()
    this.#replies = []
    this.#isFlushing = true
    void this.#append(batch)
  }

  async #append(batch: JournalBatch): Promise<void> {
    const { journal, events } = this.#options
    try {
      await journal.append(batch)
    } catch (error) {
      this.#isFlushing = false
      if (isHoldfastError(error) && error.code === "STORE_FULL") events.onFull(batch, error)
      else events.onFailed(error)
      return
    }
    this.#isFlushing = false
    events.onSettled(batch)
  }

  /** The batch is durable. */
  settle({ tokenCeiling }: JournalBatch): void {
    if (tokenCeiling !== null) this.#durableCeiling = tokenCeiling
  }

  /** Resolves when nothing is left to be flushed, or nothing more will be. */
  whenFlushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#flushed.push(resolve)
    })
  }

  /** Nothing is left to be flushed. */
  tellFlushed(): void {
    for (const resolve of this.#flushed.splice(0)) resolve()
  }

  // A full disk

  /** What gathered is as if it had never been. */
  rollBack(): void {
    this.#rows = new Map()
    this.#replies = []
    this.#askedCeiling = this.#durableCeiling
  }

  /** Waits for room. */
  pause(): void {
    const { env, events } = this.#options
    const retry = (): void => {
      events.inTick(() => {
        this.tryAgain()
      })
    }
    this.#full = env.timers.after(FULL_RETRY_MS, retry, { keepAlive: false })
  }

  /** Whether or not the disk has room by now. */
  tryAgain(): void {
    this.#full?.cancel()
    this.#full = null
  }

  stop(): void {
    this.#full?.cancel()
    this.tellFlushed()
  }
}
