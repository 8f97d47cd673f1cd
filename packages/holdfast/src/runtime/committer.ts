/** Sends reads and commits of cells, and turns what comes back into values and errors. */
import {
  cellQueueName,
  type CellView,
  type CellWrite,
  type CommitCells,
  type RequestId,
  type Token,
} from "../kernel/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import { closedError, refusalError, unexpected } from "./refusal.ts"
import type { Session } from "./session.ts"

/** What a commit came to, faults aside. */
export type CommitOutcome = Extract<
  StoreOutcome,
  { readonly kind: "committed" | "conflict" | "contended" | "recorded" }
>

/** A commit without what every commit has. */
export type CommitParts = Omit<CommitCells, "kind" | "session">

export class Committer {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  /** One cell: its last durable version, or its `head` for what will be told only when that is durable (C5). */
  read(name: string, { head }: { readonly head: boolean }): CellView | Promise<CellView> {
    const outcome = this.#session.execute({ kind: "readCells", session: this.#session.id, names: [name], head })
    return outcome instanceof Promise ? outcome.then(firstCell) : firstCell(outcome)
  }

  /** Several cells at one instant, in the order asked. */
  async readAll(names: readonly string[], { head }: { readonly head: boolean }): Promise<readonly CellView[]> {
    return cellsOf(await this.#session.execute({ kind: "readCells", session: this.#session.id, names, head }))
  }

  /** Cells that have a value and whose name starts with the prefix, by name. */
  async list(prefix: string, limit: number): Promise<readonly CellView[]> {
    return cellsOf(await this.#session.execute({ kind: "listCells", session: this.#session.id, prefix, limit }))
  }

  /** To be taken before the first read of a commit. */
  get term(): number {
    return this.#session.term
  }

  /**
   * `term` is the one in which its reads were made: heads of an earlier one may be void, and are then a lost race (C3).
   *
   * @throws HoldfastError FENCED and other refusals; conflicts are outcomes.
   */
  commit(parts: CommitParts, term: number): CommitOutcome | Promise<CommitOutcome> {
    const [first] = parts.reads
    if (first !== undefined && term !== this.#session.term) {
      const { name, version } = first
      return this.#check({ kind: "conflict", name, expected: version, found: version }, parts)
    }
    const outcome = this.#session.execute({ kind: "commitCells", session: this.#session.id, ...parts })
    if (outcome instanceof Promise) return outcome.then((late) => this.#check(late, parts))
    return this.#check(outcome, parts)
  }

  /** Writes one cell whatever its version, in its turn where others queue for it; returns the version it made. */
  async write(write: CellWrite, holding: readonly Token[]): Promise<number> {
    const asked = this.commit(justWrite(write, holding), this.term)
    const outcome = asked instanceof Promise ? await asked : asked
    if (outcome.kind === "committed") return versionOf(outcome)
    return await this.inTurn(write.name, holding, async (turn) =>
      versionOf(await this.commit(justWrite(write, turn), this.term)),
    )
  }

  /** Queues for a cell and runs `fn` while nobody else can write it; `turn` is what its commits hold (C2). */
  async inTurn<T>(cell: string, holding: readonly Token[], fn: (turn: readonly Token[]) => Promise<T>): Promise<T> {
    const token = await this.#queueFor(cell, holding)
    try {
      return await fn([...holding, token])
    } finally {
      // Not awaited: what came of the commit is what its caller is told, whatever giving back comes to and when (S4).
      this.#session.giveBack(token)
    }
  }

  async #queueFor(cell: string, holding: readonly Token[]): Promise<Token> {
    const session = this.#session
    const request: RequestId = session.nextRequest()
    // Nobody's bound: whoever updates a cell does so in a moment, and the kernel refuses what would wait for itself.
    const answer = session.wait(request, {})
    const outcome = await this.#ask(request, cell, holding)
    if (outcome.kind !== "parked") session.unpark(request)
    if (outcome.kind === "granted") return outcome.token
    if (outcome.kind === "refused") throw refusalError(outcome)
    const late = await answer
    if (late.kind === "lockGranted") return late.token
    throw late.kind === "requestRefused" ? refusalError(late) : closedError()
  }

  async #ask(request: RequestId, cell: string, holding: readonly Token[]): Promise<StoreOutcome> {
    const session = this.#session
    try {
      return await session.execute({
        kind: "acquireLock",
        session: session.id,
        request,
        names: [cellQueueName(cell)],
        mode: "exclusive",
        permits: 1,
        limit: null,
        leaseMs: null,
        holding,
        wait: true,
      })
    } catch (error) {
      session.unpark(request)
      throw error
    }
  }

  #check(outcome: StoreOutcome, parts: CommitParts): CommitOutcome {
    const { metrics } = this.#session
    if (outcome.kind === "committed") {
      for (const { name } of parts.writes) metrics.cell(name).commits += 1
      return outcome
    }
    if (outcome.kind === "conflict" || outcome.kind === "contended") {
      metrics.cell(outcome.name).conflicts += 1
      return outcome
    }
    if (outcome.kind === "recorded") return outcome
    if (outcome.kind !== "refused") throw unexpected("commitCells", outcome)
    if (outcome.code === "FENCED") for (const { name } of parts.writes) metrics.cell(name).fenced += 1
    throw refusalError(outcome)
  }
}

function justWrite(write: CellWrite, holding: readonly Token[]): CommitParts {
  return { holding, reads: [], writes: [write], starts: [], step: null, complete: null }
}

function versionOf(outcome: CommitOutcome): number {
  const version = outcome.kind === "committed" ? outcome.versions[0]?.version : undefined
  if (version === undefined) throw unexpected("commitCells", outcome)
  return version
}

function cellsOf(outcome: StoreOutcome): readonly CellView[] {
  if (outcome.kind === "cells") return outcome.cells
  throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("readCells", outcome)
}

function firstCell(outcome: StoreOutcome): CellView {
  const cell = cellsOf(outcome)[0]
  if (cell === undefined) throw unexpected("readCells", outcome)
  return cell
}
