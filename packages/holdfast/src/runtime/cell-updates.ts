/**
 * Updates and merges of cells, combined: those of one cell that wait for the same commit travel in one.
 *
 *     update() ──▶ batch ──read, apply each, commit──▶ settled
 *                    │        └──lost the race──▶ queue for the cell, read, apply, commit ──▶ settled   (never lost again)
 *                    └──guess, apply each, commit──▶ settled
 *                             └──wrong guess──▶ read, as above
 *
 * 1. One batch a cell is under way at a time; what arrives meanwhile is the next batch.
 * 2. Updates of a batch hold the same grants, so that a fence refuses them together or not at all (L8).
 * 3. Merges of one cell are committed one after the other; those that come meanwhile are combined into the next.
 * 4. What waits behind a request that the store did not answer within its bound ends with it: it would wait as long again.
 * 5. An update function that throws ends its own update; the others of its batch go on from the value before it.
 * 6. A guess is what this session wrote last to a cell that nobody else has written since, as far as it knows. What is told
 *    of one is what its commit made of it; a function that throws at one is asked again with what the store has.
 */
import type { CellView, Merge, Token, Value } from "../kernel/index.ts"
import type { CommitOutcome, Committer, CommitParts } from "./committer.ts"
import { LastWrites } from "./last-writes.ts"
import { isUnanswered, unexpected, unsentError } from "./refusal.ts"
import type { Session } from "./session.ts"

interface Update {
  readonly apply: (current: CellView) => Value
  readonly holding: readonly Token[]
  readonly resolve: (written: Value) => void
  readonly reject: (error: unknown) => void
}

interface PendingMerge {
  readonly merge: Merge
  readonly holding: readonly Token[]
  value: Value
  /** False once its commit is under way. */
  isOpen: boolean
  done: Promise<void>
}

/** A commit of more updates than this is more work at once than a store should do for one session. */
const MAX_BATCH = 1_000

export class CellUpdates {
  readonly #session: Session
  readonly #committer: Committer
  readonly #waiting = new Map<string, Update[]>()
  readonly #merges = new Map<string, PendingMerge>()
  readonly #lastWrites = new LastWrites()

  constructor(session: Session, committer: Committer) {
    this.#session = session
    this.#committer = committer
  }

  /** Applies `apply` to the newest version and commits; resolves to what was written (C2). */
  update(name: string, apply: (current: CellView) => Value, holding: readonly Token[]): Promise<Value> {
    return new Promise((resolve, reject) => {
      const update: Update = { apply, holding, resolve, reject }
      const waiting = this.#waiting.get(name)
      if (waiting !== undefined) {
        waiting.push(update)
        return
      }
      this.#waiting.set(name, [update])
      const work = this.#drain(name)
      if (work !== undefined) this.#session.background(work)
    })
  }

  /** Merges into what is to be committed next; resolves once it is. */
  merge(name: string, merge: Merge, value: Value, holding: readonly Token[]): Promise<void> {
    const pending = this.#merges.get(name)
    if (pending !== undefined && pending.isOpen && pending.merge === merge && isSame(pending.holding, holding)) {
      pending.value = combine(merge, pending.value, value)
      return pending.done
    }
    // One after the other, so that the last value stays the last; what comes meanwhile joins the one that waits.
    const entry: PendingMerge = { merge, holding, value, isOpen: true, done: Promise.resolve() }
    entry.done = this.#commitMerge(name, entry, pending?.done)
    this.#merges.set(name, entry)
    return entry.done
  }

  async #commitMerge(name: string, entry: PendingMerge, before: Promise<void> | undefined): Promise<void> {
    try {
      // Without a predecessor, too, it leaves only after the rest of this tick has joined.
      await this.#follow(before)
      entry.isOpen = false
      const { merge, value, holding } = entry
      await this.#committer.write({ kind: "merge", name, merge, value }, holding)
    } finally {
      if (this.#merges.get(name) === entry) this.#merges.delete(name)
    }
  }

  async #follow(before: Promise<void> | undefined): Promise<void> {
    try {
      await before
    } catch (error) {
      // Those who merged then have been told.
      if (isUnanswered(error)) throw unsentError(error)
    }
  }

  /** Commits batch after batch; synchronous as long as the store is, so that a commit costs no promise. */
  #drain(name: string): Promise<void> | undefined {
    for (;;) {
      const batch = this.#nextBatch(name)
      if (batch.length === 0) {
        this.#waiting.delete(name)
        return undefined
      }
      const work = this.#commitOnce(name, batch)
      if (work !== undefined) return work.then(() => this.#drain(name))
    }
  }

  #nextBatch(name: string): Update[] {
    const waiting = this.#waiting.get(name) ?? []
    const holding = waiting[0]?.holding
    const other = waiting.findIndex((update, index) => index >= MAX_BATCH || !isSame(update.holding, holding ?? []))
    return waiting.splice(0, other === -1 ? waiting.length : other)
  }

  #commitOnce(name: string, batch: readonly Update[]): Promise<void> | undefined {
    try {
      const { term } = this.#committer
      const guess = this.#lastWrites.read(name, term)
      if (guess !== undefined) return this.#commitGuess(guess, batch, term)
      const read = this.#committer.read(name, { head: true })
      if (read instanceof Promise) return this.#commitLater(name, batch, { asked: read, term })
      const attempt = applyAll(read, batch)
      rejectFailed(attempt)
      const outcome = this.#commitAttempt(attempt, term)
      if (outcome instanceof Promise) return this.#finishLater(attempt, outcome, term)
      if (outcome === null || outcome.kind === "committed") {
        settle(attempt.results)
        return undefined
      }
      return this.#retryInTurn(name, attempt)
    } catch (error) {
      rejectAll(batch, error)
      return undefined
    }
  }

  async #commitGuess(guess: CellView, batch: readonly Update[], term: number): Promise<void> {
    const { name } = guess
    const attempt = applyAll(guess, batch)
    try {
      const outcome = attempt.failures.length > 0 ? null : await this.#commitAttempt(attempt, term)
      if (outcome === null || outcome.kind === "conflict") {
        this.#lastWrites.drop(name)
        const { term: now } = this.#committer
        await this.#commitLater(name, batch, { asked: this.#committer.read(name, { head: true }), term: now })
      } else {
        await this.#finishLater(attempt, outcome, term)
      }
    } catch (error) {
      this.#fail(name, batch, error)
    }
  }

  async #commitLater(
    name: string,
    batch: readonly Update[],
    { asked, term }: { readonly asked: CellView | Promise<CellView>; readonly term: number },
  ): Promise<void> {
    try {
      const attempt = applyAll(await asked, batch)
      rejectFailed(attempt)
      const outcome = this.#commitAttempt(attempt, term)
      if (outcome !== null) await this.#finishLater(attempt, outcome, term)
    } catch (error) {
      this.#fail(name, batch, error)
    }
  }

  /** Null where there is nothing to commit, every function having thrown. */
  #commitAttempt({ read, written, updates }: Attempt, term: number): CommitOutcome | Promise<CommitOutcome> | null {
    if (written === null) return null
    return this.#committer.commit(putAt(read, written, updates[0]?.holding ?? []), term)
  }

  async #finishLater(attempt: Attempt, asked: CommitOutcome | Promise<CommitOutcome>, term: number): Promise<void> {
    const { read } = attempt
    try {
      const outcome = await asked
      if (outcome.kind === "committed") {
        // A commit advances its cell by one version (C1).
        this.#lastWrites.wrote(read.version, { ...read, version: read.version + 1, value: attempt.written }, term)
        settle(attempt.results)
      } else {
        this.#lastWrites.drop(read.name)
        await this.#retryInTurn(read.name, attempt)
      }
    } catch (error) {
      this.#fail(read.name, attempt.updates, error)
    }
  }

  /** After one lost race the batch queues for the cell; while it has its turn nobody else can commit to it (C2). */
  async #retryInTurn(name: string, attempt: Attempt): Promise<void> {
    const { updates } = attempt
    const holding = updates[0]?.holding ?? []
    this.#session.metrics.cell(name).retries += 1
    try {
      await this.#committer.inTurn(name, holding, async (turn) => {
        // Nobody writes past the one in turn; but a head that was not durable may be gone with the store's keeper.
        for (;;) {
          const { term } = this.#committer
          const read = await this.#committer.read(name, { head: true })
          const again = applyAll(read, updates)
          rejectFailed(again)
          const put = again.written === null ? null : putAt(read, again.written, turn)
          const outcome = put === null ? null : await this.#committer.commit(put, term)
          if (outcome?.kind === "conflict") continue
          if (outcome !== null && outcome.kind !== "committed") throw unexpected("commitCells", outcome)
          settle(again.results)
          return
        }
      })
    } catch (error) {
      this.#fail(name, updates, error)
    }
  }

  #fail(name: string, updates: readonly Update[], error: unknown): void {
    rejectAll(updates, error)
    if (!isUnanswered(error)) return
    const behind = this.#waiting.get(name)?.splice(0) ?? []
    if (behind.length > 0) rejectAll(behind, unsentError(error))
  }
}

interface Attempt {
  readonly read: CellView
  /** Updates that produced a value, with it. */
  readonly updates: readonly Update[]
  readonly results: readonly { readonly update: Update; readonly value: Value }[]
  /** Updates whose function threw, with what it threw. */
  readonly failures: readonly { readonly update: Update; readonly error: unknown }[]
  readonly written: Value | null
}

/** Applies one update after the other; those that throw leave the value as it was. */
function applyAll(read: CellView, batch: readonly Update[]): Attempt {
  const updates: Update[] = []
  const results: { update: Update; value: Value }[] = []
  const failures: { update: Update; error: unknown }[] = []
  let current = read
  for (const update of batch) {
    try {
      const value = update.apply(current)
      current = { ...read, value }
      updates.push(update)
      results.push({ update, value })
    } catch (error) {
      failures.push({ update, error })
    }
  }
  return { read, updates, results, failures, written: results.length === 0 ? null : current.value }
}

function rejectFailed({ failures }: Attempt): void {
  for (const { update, error } of failures) update.reject(error)
}

function putAt(read: CellView, value: Value, holding: readonly Token[]): CommitParts {
  const { name, version } = read
  return {
    holding,
    reads: [{ name, version }],
    writes: [{ kind: "put", name, value }],
    starts: [],
    step: null,
    complete: null,
  }
}

function settle(results: Attempt["results"]): void {
  for (const { update, value } of results) update.resolve(value)
}

function rejectAll(updates: readonly Update[], error: unknown): void {
  for (const update of updates) update.reject(error)
}

function isSame(a: readonly Token[], b: readonly Token[]): boolean {
  return a === b || (a.length === b.length && a.every((token, index) => token === b[index]))
}

function combine(merge: Merge, a: Value, b: Value): Value {
  if (merge === "last" || typeof a !== "number" || typeof b !== "number") return b
  return merge === "max" ? Math.max(a, b) : a + b
}
