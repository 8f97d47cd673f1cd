/**
 * Transactions over many cells: read, decide, write; all or nothing.
 *
 *     reading ──fn returns──▶ committing ──▶ committed
 *        ▲                        └──somebody was faster──▶ backing off ──▶ reading      (bounded, then CONFLICT)
 *
 * 1. A transaction commits only if every version it read, absence included, is still current (C3).
 * 2. If `fn` throws after reading what was no longer current, its error may rest on a state that never was: the reads are
 *    checked, and a stale one means another attempt instead of the error.
 * 3. Reads inside see the transaction's own writes.
 */
import {
  assertInvariant,
  type CellView,
  type CellWrite,
  HoldfastError,
  type RunSpec,
  type Token,
  type Value,
} from "../kernel/index.ts"
import { checkCount, checkFunction, checkOptions, checkWait, NO_OPTIONS } from "./bounds.ts"
import type { Arguments } from "./call.ts"
import type { Cell } from "./cell.ts"
import type { CommitOutcome, Committer, CommitParts } from "./committer.ts"
import type { Operation, StartOptions } from "./operation.ts"
import { isUnanswered } from "./refusal.ts"
import { currentHolding } from "./scope.ts"
import type { Session } from "./session.ts"

/** How a transaction is retried. */
export interface TransactOptions {
  /** How often to try before CONFLICT. Default 20: with the backoff, about a second of losing every race. */
  readonly maxAttempts?: number
  /** Ends the retrying with the signal's reason. */
  readonly signal?: AbortSignal
}

const DEFAULT_ATTEMPTS = 20

/** Retries wait a random time below this bound, which doubles from 1 ms: losers spread out instead of meeting again. */
const MAX_BACKOFF_MS = 64

/** What a commit carries beside the cells, made of what `fn` returned. */
export interface CommitExtras {
  readonly step: (result: unknown) => CommitParts["step"]
  readonly complete: (result: unknown) => CommitParts["complete"]
}

/** One attempt of a transaction, as its function sees it. Not usable after the function has returned. */
export class Transaction {
  readonly #committer: Committer
  readonly #reads = new Map<string, CellView>()
  readonly #writes = new Map<string, { readonly write: CellWrite; readonly value: Value | null }>()
  readonly #starts: RunSpec[] = []
  #isOver = false
  /** The term of the store in which everything here is read. */
  readonly #term: number

  /** @internal Made by `hf.transact`. */
  constructor(committer: Committer) {
    this.#committer = committer
    this.#term = committer.term
  }

  /** The cell's value in this transaction; a copy. */
  async get<T>(cell: Cell<T>): Promise<T> {
    this.#assertOpen()
    const written = this.#writes.get(cell.name)
    if (written !== undefined) return cell.decode(viewOf(cell.name, written.value))
    return cell.decode(await this.#read(cell.name))
  }

  /** Several cells as of one instant. */
  async getAll<const Cells extends readonly Cell<unknown>[]>(cells: Cells): Promise<ValuesOf<Cells>> {
    this.#assertOpen()
    const names = cells.map((cell) => cell.name)
    const missing = [...new Set(names)].filter((name) => !this.#reads.has(name))
    const views = missing.length === 0 ? [] : await this.#committer.readAll(missing, { head: true })
    for (const view of views) this.#remember(view)
    const values = await Promise.all(cells.map((cell) => this.get(cell)))
    // One value a cell, in its type: the mapped tuple says so, Promise.all over a union cannot.
    return values as ValuesOf<Cells>
  }

  /** Writes the cell when the transaction commits. @throws HoldfastError VALUE_INVALID, VALUE_NOT_ENCODABLE */
  set<T>(cell: Cell<T>, value: T): void {
    this.#assertOpen()
    const encoded = cell.encode(value)
    this.#writes.set(cell.name, { write: { kind: "put", name: cell.name, value: encoded }, value: encoded })
  }

  /** Deletes the cell when the transaction commits. */
  delete(cell: Cell<unknown>): void {
    this.#assertOpen()
    this.#writes.set(cell.name, { write: { kind: "delete", name: cell.name }, value: null })
  }

  /**
   * Replaces the value by `fn` of it; the same rules for `fn` as in {@link Cell.update}.
   *
   * @throws HoldfastError VALUE_INVALID, VALUE_NOT_ENCODABLE, and what `fn` throws
   */
  async update<T>(cell: Cell<T>, fn: (value: T) => T): Promise<T> {
    this.#assertOpen()
    checkFunction(fn, "the function of update")
    const { name } = cell
    const read = this.#writes.has(name) ? null : await this.#read(name)
    this.#assertOpen()
    // From here on without waiting: another branch of the same function may have written since.
    const written = this.#writes.get(name)
    const current = written === undefined ? read : viewOf(name, written.value)
    assertInvariant(current !== null, "internal", "a write of a transaction has gone")
    const value = cell.apply(fn, current)
    this.#writes.set(name, { write: { kind: "put", name, value }, value })
    return cell.decodeValue(value)
  }

  /** Starts a run of the operation if and when the transaction commits: an outbox. */
  start<Args extends readonly unknown[], R>(
    operation: Operation<Args, R>,
    args: Arguments<Args>,
    options: Omit<StartOptions, "force"> = {},
  ): void {
    this.#assertOpen()
    checkFunction(operation, "what start takes")
    checkOptions(options)
    if ("force" in options) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        "a transaction starts no run by force; forget the result first, or start it after",
      )
    }
    this.#starts.push(operation.specOf(args, options))
  }

  /** @internal What this attempt read and wrote. */
  parts(): Attempted {
    return {
      term: this.#term,
      reads: [...this.#reads.values()].map(({ name, version }) => ({ name, version })),
      writes: [...this.#writes.values()].map(({ write }) => write),
      starts: this.#starts,
    }
  }

  /** @internal Ends the attempt. */
  end(): void {
    this.#isOver = true
  }

  async #read(name: string): Promise<CellView> {
    const known = this.#reads.get(name)
    if (known !== undefined) return known
    return this.#remember(await this.#committer.read(name, { head: true }))
  }

  /** Another branch of the same function may have read it meanwhile; the first one counts for both. */
  #remember(view: CellView): CellView {
    const first = this.#reads.get(view.name)
    if (first !== undefined) return first
    this.#reads.set(view.name, view)
    return view
  }

  #assertOpen(): void {
    if (!this.#isOver) return
    throw new HoldfastError(
      "GRANT_LOST",
      "this transaction is over: its function has returned; await everything inside it",
    )
  }
}

/** What an attempt read, in which term, and wants to write. */
type Attempted = Pick<CommitParts, "reads" | "writes" | "starts"> & { readonly term: number }

/** A value written in this transaction, as a version of its cell that is not there yet. */
function viewOf(name: string, value: Value | null): CellView {
  return { name, version: 0, value }
}

/** Values of a tuple of cells. */
export type ValuesOf<Cells extends readonly Cell<unknown>[]> = {
  -readonly [K in keyof Cells]: Cells[K] extends Cell<infer T> ? T : never
}

interface TransactHome {
  readonly session: Session
  readonly committer: Committer
}

/** Runs `fn` until its reads are current at the commit; see the header. */
export async function transact<T>(
  home: TransactHome,
  fn: (tx: Transaction) => T | Promise<T>,
  options: TransactOptions,
): Promise<T> {
  const { result } = await transactWith(home, fn, { options, extras: null })
  return result
}

/** A transaction whose commit carries more: a step recorded, a run completed (O10). `recorded` is an earlier outcome. */
export async function transactWith<T>(
  home: TransactHome,
  fn: (tx: Transaction) => T | Promise<T>,
  { options, extras }: { readonly options: TransactOptions; readonly extras: CommitExtras | null },
): Promise<{ result: T; recorded: null } | { result: never; recorded: Value }> {
  checkFunction(fn, "the function of transact")
  checkOptions(options)
  const { maxAttempts = DEFAULT_ATTEMPTS, signal } = options
  checkCount(maxAttempts, "maxAttempts")
  checkWait(signal === undefined ? NO_OPTIONS : { signal })
  const { session, committer } = home
  const holding = currentHolding(session)
  let lost: Lost | null = null
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    // The first loser tries again at once: with only two, nobody is in its way any more.
    if (attempt > 2) await backOff(session, attempt - 2, signal)
    const tx = new Transaction(committer)
    const ended = await attemptOnce(tx, fn)
    const parts = tx.parts()
    if (ended.ok) {
      signal?.throwIfAborted()
      const outcome = await commit(committer, { parts, holding, extras, result: ended.result })
      if (outcome.kind === "committed") return { result: ended.result, recorded: null }
      // The caller gets the outcome that was recorded first; what this attempt computed took no effect.
      if (outcome.kind === "recorded") return { result: undefined as never, recorded: outcome.outcome }
      lost = { outcome, error: null }
    } else {
      // A store that is silent says no more of what was read, and is not waited for twice.
      const outcome = isUnanswered(ended.error) ? null : await findStale(committer, parts)
      if (outcome === null) throw ended.error
      signal?.throwIfAborted()
      lost = { outcome, error: ended.error }
    }
    session.metrics.cell(lost.outcome.name).retries += 1
  }
  assertInvariant(lost !== null, "C3", "a transaction gave up without having lost")
  throw conflictError(lost, maxAttempts)
}

/** Why an attempt took no effect, and what its function threw, if it did. */
interface Lost {
  readonly outcome: Extract<CommitOutcome, { readonly kind: "conflict" | "contended" }>
  readonly error: unknown
}

async function attemptOnce<T>(
  tx: Transaction,
  fn: (tx: Transaction) => T | Promise<T>,
): Promise<{ ok: true; result: T } | { ok: false; error: unknown }> {
  try {
    return { ok: true, result: await fn(tx) }
  } catch (error) {
    return { ok: false, error }
  } finally {
    tx.end()
  }
}

async function commit(
  committer: Committer,
  attempt: {
    parts: Attempted
    holding: readonly Token[]
    extras: CommitExtras | null
    result: unknown
  },
): Promise<CommitOutcome> {
  const { parts, holding, extras, result } = attempt
  const { term, ...rest } = parts
  if (extras === null) return await committer.commit({ ...rest, holding, step: null, complete: null }, term)
  const { step, complete } = extras
  return await committer.commit({ ...rest, holding, step: step(result), complete: complete(result) }, term)
}

/** A commit of the reads alone: whether what `fn` saw was still true when it threw. Where that cannot be told, it was. */
async function findStale(committer: Committer, parts: Attempted): Promise<Lost["outcome"] | null> {
  if (parts.reads.length === 0) return null
  const check = { holding: [], reads: parts.reads, writes: [], starts: [], step: null, complete: null }
  try {
    const outcome = await committer.commit(check, parts.term)
    return outcome.kind === "conflict" || outcome.kind === "contended" ? outcome : null
  } catch {
    return null
  }
}

function backOff(session: Session, round: number, signal: AbortSignal | undefined): Promise<void> {
  const bound = Math.min(2 ** (round - 1), MAX_BACKOFF_MS)
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = session.env.timers.after(session.env.random.next() * bound, () => {
      signal?.removeEventListener("abort", stop)
      resolve()
    })
    signal?.addEventListener("abort", stop, { once: true })
  })
}

function conflictError({ outcome, error }: Lost, attempts: number): HoldfastError {
  const found =
    outcome.kind === "conflict"
      ? `read at version ${String(outcome.expected)}, found ${String(outcome.found)}`
      : "others queue for it"
  return new HoldfastError(
    "CONFLICT",
    `the transaction lost the race ${String(attempts)} times, last for cell "${outcome.name}" (${found}); use update() for one cell, hold a lock, or allow more attempts`,
    {
      details: { cell: outcome.name, attempts, last: outcome },
      // What the function threw on what it had read too late, where it did.
      ...(error === null ? {} : { cause: error }),
    },
  )
}
