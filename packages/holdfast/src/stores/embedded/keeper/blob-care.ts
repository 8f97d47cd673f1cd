/**
 * What the keeper does for large values, whose bytes it never sees: no file goes that a row, a request under way or a
 * live session needs, and none stays that nobody does.
 *
 *     named by a request ──row durable──▶ named by rows ──last row changed or gone──▶ doomed ──in small steps──▶ removed
 *            └──refused, or a crash in between: an orphan ──▶ doomed
 *
 * 1. A request is applied only where every file it names is there (S3): it may just have been removed.
 * 2. A file goes after the batch that dropped its last name is durable, and only if nothing else needs it by then.
 * 3. While sessions of before are on their way back nothing goes: what they hold is not known yet.
 * 4. Nothing goes either while somebody who looks after the store has asked for that: what a copy of the rows names is
 *    there for as long as it takes to name it again.
 */
import type { BlobsView, Command, Digest, SessionId, Value } from "../../../kernel/index.ts"
import { type Blob, blobsIn } from "../blobs/blob-reference.ts"
import { valuesOf } from "../blobs/values.ts"
import type { BlobNews, EvictableResult } from "../journal/blob-index.ts"

/** The files, as `BlobFolder` has them. */
export interface BlobFiles {
  has(blob: Blob): boolean
  remove(digest: Digest): void
  list(shard: number): readonly Digest[]
  temporaries(): readonly { readonly name: string; readonly client: string }[]
  removeTemporary(name: string): void
}

/** What is durable about them. */
export interface BlobIndex {
  isNamed(digest: Digest): boolean
  totals(): { readonly count: number; readonly bytes: number }
  budgetBytes(): number | null
  evictable(limit: number): readonly EvictableResult[]
  /** What no row names any more since the last call. */
  takeReleased(): readonly Digest[]
}

export interface BlobCareOptions {
  readonly files: BlobFiles
  readonly index: BlobIndex
  readonly isOpen: (session: SessionId) => boolean
  readonly isAlive: (client: string) => boolean
}

/** Files removed in one step: removing a large one takes the file system milliseconds. */
const REMOVED_FILES = 8

/** Results evicted in one step, so that nobody waits behind it. */
const EVICTED_RUNS = 256

/** One folder for each first byte of a digest. */
const SHARD_COUNT = 256

export class BlobCare {
  readonly #options: BlobCareOptions
  /** The batch after which a file that a request named must be named by a row, or goes. */
  readonly #underWay = new Map<Digest, number>()
  readonly #holders = new Map<Digest, Set<SessionId>>()
  readonly #doomed = new Set<Digest>()
  /** Who has asked that nothing goes until they have taken that back. */
  readonly #pausers = new Set<object>()
  /** Folders not looked through yet, for what crashes left behind. */
  #shardsLeft = SHARD_COUNT
  readonly #used = new Map<Digest, number>()
  #budget: number | null
  #isBudgetNews = false
  #evicted = 0
  /** Evicted with a batch that is not durable yet. */
  #undurablyEvicted = 0
  /** Until this batch is durable, what it evicts is still counted. */
  #evictingBatch = 0
  /** So many bytes were too many, and nothing could be evicted. */
  #stuckBytes = -1

  constructor(options: BlobCareOptions) {
    this.#options = options
    this.#budget = options.index.budgetBytes()
  }

  /** The first file that the command names and that is not there; the others are kept until `batch` is durable. */
  missing(command: Command, batch: number): Blob | null {
    const named = valuesOf(command).flatMap(blobsIn)
    this.#keep(named, batch)
    return named.find((blob) => !this.#options.files.has(blob)) ?? null
  }

  /** Keeps what these values name until the batch is durable. */
  protect(values: readonly (Value | null)[], batch: number): void {
    this.#keep(values.flatMap(blobsIn), batch)
  }

  #keep(blobs: readonly Blob[], batch: number): void {
    for (const { digest } of blobs) this.#underWay.set(digest, Math.max(batch, this.#underWay.get(digest) ?? 0))
  }

  hold(
    session: SessionId,
    { hold, drop }: { readonly hold: readonly Digest[]; readonly drop: readonly Digest[] },
  ): void {
    for (const digest of hold) {
      const holders = this.#holders.get(digest) ?? new Set()
      this.#holders.set(digest, holders.add(session))
    }
    for (const digest of drop) this.#letGo(digest, session)
  }

  sessionEnded(session: SessionId): void {
    for (const digest of this.#holders.keys()) this.#letGo(digest, session)
  }

  #letGo(digest: Digest, session: SessionId): void {
    const holders = this.#holders.get(digest)
    if (holders === undefined || !holders.delete(session) || holders.size > 0) return
    this.#holders.delete(digest)
    this.#doomed.add(digest)
  }

  /** A result was asked for: it is evicted later than those that were not. */
  use(value: Value, at: number): void {
    for (const { digest } of blobsIn(value)) this.#used.set(digest, at)
  }

  /** What the next batch brings. */
  takeNews(): BlobNews | undefined {
    if (this.#used.size === 0 && !this.#isBudgetNews) return undefined
    const used = [...this.#used].map(([digest, at]) => ({ digest, at }))
    const budgetBytes = this.#isBudgetNews ? this.#budget : undefined
    this.#used.clear()
    this.#isBudgetNews = false
    return { used, budgetBytes }
  }

  settled(batch: number): void {
    if (batch >= this.#evictingBatch) {
      this.#evicted += this.#undurablyEvicted
      this.#undurablyEvicted = 0
    }
    for (const digest of this.#options.index.takeReleased()) this.#doomed.add(digest)
    for (const [digest, last] of this.#underWay) {
      if (last > batch) continue
      this.#underWay.delete(digest)
      // Its request may have been refused.
      this.#doomed.add(digest)
    }
  }

  /** What was to be durable is as if it had never been (S5): the budget is the one that was durable last. */
  rollBack(): void {
    this.#budget = this.#options.index.budgetBytes()
    this.#isBudgetNews = false
    this.#undurablyEvicted = 0
    this.#evictingBatch = 0
    this.#stuckBytes = -1
    // Connections do not outlive it.
    this.#pausers.clear()
  }

  // Making room

  get view(): BlobsView {
    return { ...this.#options.index.totals(), budgetBytes: this.#budget, evicted: this.#evicted }
  }

  setBudget(bytes: number | null): void {
    this.#budget = bytes
    this.#isBudgetNews = true
    this.#stuckBytes = -1
  }

  /** What to evict so that the budget is kept again; none while an eviction is under way, or where there is nothing. */
  overBudget(durableBatch: number): readonly EvictableResult[] {
    if (this.#budget === null || durableBatch < this.#evictingBatch) return NONE
    const { bytes } = this.#options.index.totals()
    return bytes === this.#stuckBytes ? NONE : this.above(this.#budget)
  }

  /** What to evict so that at most so many bytes are left. */
  above(maxBytes: number): readonly EvictableResult[] {
    let surplus = this.#options.index.totals().bytes - maxBytes
    if (surplus <= 0) return NONE
    const chosen: EvictableResult[] = []
    const counted = new Set<Digest>()
    for (const result of this.#options.index.evictable(EVICTED_RUNS)) {
      if (surplus <= 0) break
      chosen.push(result)
      if (!counted.has(result.digest)) surplus -= result.bytes
      counted.add(result.digest)
    }
    return chosen
  }

  /** So many runs were evicted with what becomes durable in the batch. */
  noteEvicted(runs: number, batch: number): void {
    this.#undurablyEvicted += runs
    if (runs > 0) this.#evictingBatch = batch
    else this.#stuckBytes = this.#options.index.totals().bytes
  }

  // Clearing away

  get hasWork(): boolean {
    return this.#pausers.size === 0 && (this.#doomed.size > 0 || this.#shardsLeft > 0)
  }

  /** Until it is taken back nothing goes. */
  pause(by: object): void {
    this.#pausers.add(by)
  }

  /** Whether it had been asked for until now. */
  resume(by: object): boolean {
    return this.#pausers.delete(by)
  }

  /** One small step of removing what nobody needs. */
  step(): void {
    if (this.#pausers.size > 0) return
    try {
      if (this.#doomed.size > 0) this.#removeSome()
      else if (this.#shardsLeft > 0) this.#lookThrough()
    } catch {
      // What cannot be removed now stays in nobody's way; the next keeper, or the doctor, comes across it.
    }
  }

  #removeSome(): void {
    let removed = 0
    for (const digest of this.#doomed) {
      this.#doomed.delete(digest)
      if (this.#isNeeded(digest)) continue
      this.#options.files.remove(digest)
      removed += 1
      if (removed === REMOVED_FILES) return
    }
  }

  #lookThrough(): void {
    const { files, isAlive } = this.#options
    if (this.#shardsLeft === SHARD_COUNT) {
      for (const { name, client } of files.temporaries()) if (!isAlive(client)) files.removeTemporary(name)
    }
    this.#shardsLeft -= 1
    for (const digest of files.list(this.#shardsLeft)) if (!this.#isNeeded(digest)) this.#doomed.add(digest)
  }

  #isNeeded(digest: Digest): boolean {
    if (this.#underWay.has(digest)) return true
    for (const session of this.#holders.get(digest) ?? []) if (this.#options.isOpen(session)) return true
    return this.#options.index.isNamed(digest)
  }
}

const NONE: readonly EvictableResult[] = []
