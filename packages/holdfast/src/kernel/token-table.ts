/**
 * Live grants and claims by their token.
 *
 * Tokens rise by one and most holders live shortly, so a token's low bits are a perfect slot nearly always: finding,
 * adding and removing touch one array element, where a Map would rebuild its table every few grants. Two live tokens
 * that want one slot double the table, up to a bound; beyond it the newer one goes to a Map.
 */
import type { Token } from "./ids.ts"

/** Small enough for a store that holds nothing; grows with what is held. */
const FIRST_SIZE = 64

/** The table doubles only while it stays within this many slots a holder: one old grant must not make it huge. */
const SLOTS_PER_HOLDER = 8

export class TokenTable<Holder extends { readonly token: Token }> {
  #slots: (Holder | undefined)[] = firstSlots.slice()
  readonly #overflow = new Map<Token, Holder>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(token: Token): Holder | undefined {
    const holder = this.#slots[token & (this.#slots.length - 1)]
    if (holder !== undefined && holder.token === token) return holder
    return this.#overflow.size === 0 ? undefined : this.#overflow.get(token)
  }

  add(holder: Holder): void {
    this.#size += 1
    while (this.#slots[this.#slotOf(holder)] !== undefined) {
      if (this.#slots.length >= FIRST_SIZE + this.#size * SLOTS_PER_HOLDER) {
        this.#overflow.set(holder.token, holder)
        return
      }
      this.#grow()
    }
    this.#slots[this.#slotOf(holder)] = holder
  }

  /** Removes the holder; nothing happens when it is not in. */
  delete(holder: Holder): void {
    const slot = this.#slotOf(holder)
    if (this.#slots[slot] === holder) this.#slots[slot] = undefined
    else if (!this.#overflow.delete(holder.token)) return
    this.#size -= 1
  }

  *values(): Generator<Holder, void, undefined> {
    for (const holder of this.#slots) if (holder !== undefined) yield holder
    yield* this.#overflow.values()
  }

  /** Doubling keeps what had a slot of its own in one of its own. */
  #grow(): void {
    const before = this.#slots
    this.#slots = emptySlots(before.length * 2)
    for (const holder of before) if (holder !== undefined) this.#slots[this.#slotOf(holder)] = holder
  }

  #slotOf(holder: Holder): number {
    return holder.token & (this.#slots.length - 1)
  }
}

/** Copied by every new table, which is faster than filling one: a simulation opens stores by the ten thousands. */
const firstSlots: undefined[] = emptySlots<undefined>(FIRST_SIZE)

function emptySlots<Holder>(size: number): (Holder | undefined)[] {
  return Array.from({ length: size }, () => undefined)
}
