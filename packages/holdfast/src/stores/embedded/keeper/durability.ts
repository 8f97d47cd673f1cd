/**
 * What is durable, what is not yet, and who must wait for it (C5, O3, S3).
 *
 *     changed ──▶ gathering (batch n) ──seal──▶ flushing (n) ──settle──▶ durable
 *                     gathering goes on as batch n + 1        └──did not fit──▶ nothing of it, or after it, happened
 *
 * 1. Batches become durable in their order, so what rests on a batch rests on all before it.
 * 2. A row's newest change decides: it is durable when the batch of that change is.
 * 3. What is written (in the live log) outlives every process: it is told before it is durable where power loss may take it.
 * 4. Batch 0 was durable before anything happened: what rests on nothing rests on it.
 */
import type { RowKey, Token } from "../../../kernel/index.ts"

export class Durability {
  #gathering: number
  #durable: number
  /** True while something is in the batch that gathers. */
  #isGathering = false
  readonly #undurable = new Map<RowKey, number>()
  /** Of these, the rows whose newest state is written. */
  readonly #written = new Set<RowKey>()
  /** The last token handed out when each batch was sealed; batches not durable yet only. */
  #seals: { readonly batch: number; readonly lastToken: number }[] = []
  #durableToken: number

  constructor(before: { readonly lastToken: number; readonly lastBatch: number }) {
    this.#durableToken = before.lastToken
    this.#durable = before.lastBatch
    this.#gathering = before.lastBatch + 1
  }

  /** The batch in which what happens now becomes durable. */
  get gatheringBatch(): number {
    return this.#gathering
  }

  get durableBatch(): number {
    return this.#durable
  }

  /** A row changed: its news rests on the batch that gathers. */
  changed(key: RowKey): void {
    this.#undurable.set(key, this.#gathering)
    this.#written.delete(key)
    this.#isGathering = true
  }

  /** The row's newest state is in the live log: its news rests on nothing. */
  written(key: RowKey): void {
    if (this.#undurable.has(key)) this.#written.add(key)
  }

  /** The batch that must be durable before anyone is told of the row's newest state. */
  restOfNews(key: RowKey): number {
    return this.#written.has(key) ? 0 : this.restOf(key)
  }

  /** Something without a row of its own goes into the batch. */
  gather(): number {
    this.#isGathering = true
    return this.#gathering
  }

  /** The batch with which the row's newest state is durable. */
  restOf(key: RowKey): number {
    return this.#undurable.get(key) ?? 0
  }

  isDurable(key: RowKey): boolean {
    return !this.#undurable.has(key)
  }

  /** The batch in which a run of this generation is first stored. */
  restOfGeneration(generation: Token): number {
    if (generation <= this.#durableToken) return 0
    return this.#seals.find(({ lastToken }) => generation <= lastToken)?.batch ?? this.#gathering
  }

  /** The batch with which everything that has happened so far is durable. */
  get restOfAll(): number {
    if (this.#isGathering) return this.#gathering
    return this.#gathering - 1 > this.#durable ? this.#gathering - 1 : 0
  }

  /** Closes the batch that gathers; returns its number. */
  seal(lastToken: number): number {
    const batch = this.#gathering
    this.#gathering += 1
    this.#isGathering = false
    this.#seals.push({ batch, lastToken })
    return batch
  }

  /** Batches up to this one are durable. */
  settle(batch: number): void {
    this.#durable = batch
    for (const [key, last] of this.#undurable) {
      if (last > batch) continue
      this.#undurable.delete(key)
      this.#written.delete(key)
    }
    for (const seal of this.#seals) if (seal.batch <= batch) this.#durableToken = seal.lastToken
    this.#seals = this.#seals.filter((seal) => seal.batch > batch)
  }

  isSettled(batch: number): boolean {
    return batch <= this.#durable
  }

  /** What was not durable never happened; `before` is what did. */
  rollBack(before: { readonly lastToken: number; readonly lastBatch: number }): void {
    this.#undurable.clear()
    this.#written.clear()
    this.#seals = []
    this.#isGathering = false
    this.#durableToken = before.lastToken
    this.#durable = before.lastBatch
    this.#gathering = before.lastBatch + 1
  }
}

/** Things kept back until a batch is durable, let go in the order of batches and, within one, of their coming. */
export class HeldBack<Item> {
  readonly #held = new Map<number, Item[]>()

  hold(batch: number, item: Item): void {
    const items = this.#held.get(batch)
    if (items === undefined) this.#held.set(batch, [item])
    else items.push(item)
  }

  /** Everything that rests on this batch or an earlier one. */
  release(batch: number): Item[] {
    const due = [...this.#held.keys()].filter((each) => each <= batch).toSorted((a, b) => a - b)
    const items = due.flatMap((each) => this.#held.get(each) ?? [])
    for (const each of due) this.#held.delete(each)
    return items
  }

  /** Everything, whatever it rests on. */
  releaseAll(): Item[] {
    return this.release(Infinity)
  }

  get size(): number {
    let size = 0
    for (const items of this.#held.values()) size += items.length
    return size
  }
}
