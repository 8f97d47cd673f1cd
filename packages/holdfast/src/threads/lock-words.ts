/**
 * What a shared lock keeps in its buffer, word by word, and the atomic operations its protocol is written in.
 *
 *     word 0    layout      which layout this is, so that two versions of this package never share a buffer unawares
 *     word 1    owner       free, given to a slot, or held by a slot; with a mark when a holder died (protocol.ts)
 *     word 2    ticket      the last ticket drawn
 *     word 3,4  token       the last token given out, low and high half
 *     word 5    used        how many slots were ever taken: scans go no further
 *     word 8…   slots       4 words a thread: its id, its guardian's id, its ticket while it waits, its wake counter
 *
 * The operations are an interface, so that the exploration in protocol.test.ts runs the very code that runs on threads
 * and stops it, or ends it for ever, between any two of them.
 */

/** Sequentially consistent operations on shared 32-bit words. */
export interface Words {
  load(at: number): number
  store(at: number, value: number): void
  /** Answers what was found; it was replaced if and only if that is `expected`. */
  compareExchange(at: number, expected: number, replacement: number): number
  /** Answers what was found before. */
  add(at: number, amount: number): number
  /** Wakes everybody who sleeps on the word. */
  notify(at: number): void
}

/** Changes with the meaning of any word. */
export const LAYOUT = 0x48_4c_00_01

export const LAYOUT_AT = 0
export const OWNER_AT = 1
export const LAST_TICKET_AT = 2
export const TOKEN_LOW_AT = 3
export const TOKEN_HIGH_AT = 4
export const USED_AT = 5

const FIRST_SLOT_AT = 8
const WORDS_PER_SLOT = 4
const WORD_BYTES = 4

export function threadAt(slot: number): number {
  return FIRST_SLOT_AT + slot * WORDS_PER_SLOT
}

export function guardianAt(slot: number): number {
  return threadAt(slot) + 1
}

export function ticketAt(slot: number): number {
  return threadAt(slot) + 2
}

export function wakeAt(slot: number): number {
  return threadAt(slot) + 3
}

/** How long a buffer for this many threads must be. */
export function lockBytes(slotCount: number): number {
  return threadAt(slotCount) * WORD_BYTES
}

/** The real words: a view of the buffer that all threads of the lock share. */
export class SharedWords implements Words {
  /** For sleeping, which only a thread can do and no step of the protocol does. */
  readonly view: Int32Array<SharedArrayBuffer>
  readonly slotCount: number

  constructor(buffer: SharedArrayBuffer) {
    this.view = new Int32Array(buffer)
    this.slotCount = Math.floor((this.view.length - FIRST_SLOT_AT) / WORDS_PER_SLOT)
  }

  load(at: number): number {
    return Atomics.load(this.view, at)
  }

  store(at: number, value: number): void {
    Atomics.store(this.view, at, value)
  }

  compareExchange(at: number, expected: number, replacement: number): number {
    return Atomics.compareExchange(this.view, at, expected, replacement)
  }

  add(at: number, amount: number): number {
    return Atomics.add(this.view, at, amount)
  }

  notify(at: number): void {
    Atomics.notify(this.view, at)
  }
}
