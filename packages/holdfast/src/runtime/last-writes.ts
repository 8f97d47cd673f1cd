/**
 * What a session wrote last to cells that it alone seems to write, so that its next update of one need not read first.
 *
 *     (none) ──wrote──▶ once ──wrote, from that version──▶ twice: `read` tells it ──lost the race──▶ (none)
 *                        └──wrote, from another's version──▶ once
 *
 * 1. What is told is a guess: a commit that names its version is refused when it is not the newest (C3).
 * 2. A cell that others write, too, is told of at most once between two of their writes, so that a wrong guess stays rare.
 * 3. Bounded: only small values, and of those the ones used last.
 */
import type { CellView, Value } from "../kernel/index.ts"

interface LastWrite {
  readonly view: CellView
  /** The store's when it was written: a head of an earlier one may be void. */
  readonly term: number
  readonly isRepeated: boolean
}

/** Cells remembered at a time: with {@link MAX_BYTES} at most 4 MiB. */
const MAX_CELLS = 4_096
const MAX_BYTES = 1_024

export class LastWrites {
  readonly #writes = new Map<string, LastWrite>()

  /** What is probably the newest version; undefined where nothing speaks for one. */
  read(name: string, term: number): CellView | undefined {
    const last = this.#writes.get(name)
    return last !== undefined && last.isRepeated && last.term === term ? last.view : undefined
  }

  /** A commit that read version `from` of the cell wrote `written`. */
  wrote(from: number, written: CellView, term: number): void {
    const { name, value } = written
    const last = this.#writes.get(name)
    this.#writes.delete(name)
    if (!isSmall(value)) return
    this.#writes.set(name, { view: written, term, isRepeated: last?.view.version === from && last.term === term })
    if (this.#writes.size > MAX_CELLS) this.#dropOldest()
  }

  drop(name: string): void {
    this.#writes.delete(name)
  }

  #dropOldest(): void {
    for (const name of this.#writes.keys()) {
      this.#writes.delete(name)
      return
    }
  }
}

function isSmall(value: Value | null): boolean {
  return !(value instanceof Uint8Array) || value.byteLength <= MAX_BYTES
}
