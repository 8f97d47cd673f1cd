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
import { type CellView, type CellWrite, HoldfastError, type RunSpec, type Token, type Value } from "../kernel/index.ts"
import { checkCount, checkFunction } from "./bounds.ts"
import type { Cell } from "./cell.ts"
import type { CommitOutcome, Committer, CommitParts } from "./committer.ts"
import type { Operation, StartOptions } from "./operation.ts"
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

/** What a commit carries beside the cells. */
export interface CommitExtras {
  readonly step: CommitParts["step"]
  readonly complete: (result: unknown) => CommitParts["complete"]
  /** The outcome recorded for the step, encoded from what `fn` returned. */
  readonly outcomeOf: (result: unknown) => Value | null
}

/** One attempt of a transaction, as its function sees it. Not usable after the function has returned. */
export class Transaction {
  readonly #committer: Committer
  readonly #reads = new Map<string, CellView>()
  readonly #writes = new Map<string, { readonly write: CellWrite; readonly value: Value | null }>()
  readonly #starts: RunSpec[] = []
  #isOver = false

  /** @internal Made by `hf.transact`. */
  constructor(committer: Committer) {
    this.#committer = committer
  }

  /** The cell's value in this transaction; a copy. */
  async get<T>(cell: Cell<T>): Promise<T> {
    this.#assertOpen()
    const written = this.#writes.get(cell.name)
    if (written !== undefined) return cell.decode({ name: cell.name, version: 0, value: written.value })
    return cell.decode(await this.#read(cell.name))
  }

  /** Several cells as of one instant. */
  async getAll<const Cells extends readonly Cell<unknown>[]>(cells: Cells): Promise<ValuesOf<Cells>> {
    this.#assertOpen()
    const missing = cells.map((cell) => cell.name).filter((name) => !this.#reads.has(name))
    for (const view of await this.#committer.readAll(missing)) this.#reads.set(view.name, view)
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

  /** Reads, applies `fn` and writes. */
  async update<T>(cell: Cell<T>, fn: (value: T) => T): Promise<T> {
    const value = fn(await this.get(cell))
    this.set(cell, value)
    return value
  }

  /** Starts a run of the operation if and when the transaction commits: an outbox. */
  start<Args extends readonly unknown[], R>(operation: Operation<Args, R>, args: Args, options: StartOptions = {}): void {
    this.#assertOpen()
    this.#starts.push(operation.specOf(args, options))
  }

  /** @internal What this attempt read and wrote. */
  parts(): Pick<CommitParts, "reads" | "writes" | "starts"> {
    return {
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
    const view = await this.#committer.read(name)
    // Another branch of the same function may have read it meanwhile; the first one counts for both.
    const first = this.#reads.get(name)
    if (first !== undefined) return first
    this.#reads.set(name, view)
    return view
  }

  #assertOpen(): void {
    if (!this.#isOver) return
    throw new HoldfastError("GRANT_LOST", "this transaction is over: its function has returned; await everything inside it")
  }
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
  const { result } = await transactWith(home, fn, { ...options, extras: null })
  return result
}

/** A transaction whose commit carries more: a step recorded, a run completed (O10). `recorded` is an earlier outcome. */
export async function transactWith<T>(
  home: TransactHome,
  fn: (tx: Transaction) => T | Promise<T>,
  options: TransactOptions & { readonly extras: CommitExtras | null },
): Promise<{ result: T; recorded: null } | { result: never; recorded: Value }> {
  checkFunction(fn, "the function of transact")
  const { maxAttempts = DEFAULT_ATTEMPTS, signal, extras } = options
  checkCount(maxAttempts, "maxAttempts")
  const { session, committer } = home
  const holding = currentHolding(session)
  let lost: CommitOutcome | null = null
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    signal?.throwIfAborted()
    if (attempt > 2) await backOff(session, attempt - 2, signal)
    const tx = new Transaction(committer)
    const ended = await attemptOnce(tx, fn)
    const parts = tx.parts()
    if (!ended.ok) {
      const stale = await findStale(committer, parts, holding)
      if (stale === null) throw ended.error
      lost = stale
      continue
    }
    const outcome = await commit(committer, { parts, holding, extras, result: ended.result })
    if (outcome === null || outcome.kind === "committed") return { result: ended.result, recorded: null }
    // The caller gets the outcome that was recorded first; what this attempt computed took no effect.
    if (outcome.kind === "recorded") return { result: undefined as never, recorded: outcome.outcome }
    lost = outcome
    const cell = outcome.name
    session.metrics.cell(cell).retries += 1
  }
  throw conflictError(lost, maxAttempts)
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

async function commit<T>(
  committer: Committer,
  attempt: {
    parts: ReturnType<Transaction["parts"]>
    holding: readonly Token[]
    extras: CommitExtras | null
    result: T
  },
): Promise<CommitOutcome | null> {
  const { parts, holding, extras, result } = attempt
  const outcome = extras?.outcomeOf(result) ?? null
  const step = extras?.step == null || outcome === null ? null : { ...extras.step, outcome }
  const complete = extras?.complete(result) ?? null
  return await committer.commit({ ...parts, holding, step, complete })
}

/** A commit of the reads alone: whether what `fn` saw was still true when it threw. */
async function findStale(
  committer: Committer,
  parts: ReturnType<Transaction["parts"]>,
  holding: readonly Token[],
): Promise<CommitOutcome | null> {
  if (parts.reads.length === 0) return null
  const outcome = await committer.commit({ holding, reads: parts.reads, writes: [], starts: [], step: null, complete: null })
  return outcome.kind === "committed" ? null : outcome
}

function backOff(session: Session, round: number, signal: AbortSignal | undefined): Promise<void> {
  const bound = Math.min(2 ** (round - 1), MAX_BACKOFF_MS)
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

function conflictError(lost: CommitOutcome | null, attempts: number): HoldfastError {
  const cell = lost !== null && "name" in lost ? `"${lost.name}"` : "a cell it read"
  const found = lost?.kind === "conflict" ? ` (read at version ${String(lost.expected)}, found ${String(lost.found)})` : ""
  return new HoldfastError(
    "CONFLICT",
    `the transaction lost the race for ${cell}${found} ${String(attempts)} times; use update() for one cell, hold a lock, or allow more attempts`,
    { details: { last: lost } },
  )
}
