/**
 * How threads pass one lock among themselves: every step is one atomic operation on one word, and whatever state the
 * words are left in when a thread dies between two of them, the others can go on from.
 *
 *               tryTake                               release, nobody waits
 *     free ───────────────────▶ held by s ───────────────────────────────────▶ free
 *       │                        ▲     │
 *       │ settle: the lowest     │     │ release, or repair of a dead s (which marks the word abandoned)
 *       │ ticket is w            │     ▼
 *       └──────────────▶ given to w (takeTurn: held by w)
 *                            │
 *                            └── w has withdrawn ──▶ settle: given to the next ticket, or free
 *
 * A slot stands for one thread. It waits exactly while its ticket is not 0.
 *
 * - T1: one slot holds at a time (L1). The owner word leaves "held by s" only by s, or by the repair of s once it is dead.
 * - T2: the lock is never free, or given to one who left, while a slot waits and nobody is about to see it. Whoever makes
 *   the word so looks at the tickets again afterwards (`settle`), whoever draws a ticket looks at the word afterwards,
 *   and the repair of a dead thread does both in its place.
 * - T3: a look for the lowest ticket misses none that was there when it began. A ticket drawn while another thread is
 *   looking may be passed over by that one look, so at most once by each other thread, and by nothing else.
 * - T4: a withdrawn ticket leaves nothing behind: a lock given to it goes to the next (L4).
 * - T5: a thread that dies while it holds passes the lock on marked abandoned; dying anywhere else passes it on unmarked.
 *
 * Only compare-and-exchange changes the owner word, and always from a value just read. The word needs no version: a
 * change that arrives late is correct at whatever later moment the word reads the same, except that it may give the
 * lock to one who has left meanwhile, and `settle` looks again after each of its own changes for that very reason.
 */
import {
  LAST_TICKET_AT,
  OWNER_AT,
  ticketAt,
  TOKEN_HIGH_AT,
  TOKEN_LOW_AT,
  USED_AT,
  wakeAt,
  type Words,
} from "./lock-words.ts"

/** What came of trying to take the lock: `abandoned` is taken, too, from a thread that died while it held. */
export type Taken = "busy" | "taken" | "abandoned"

// The owner word: the slot + 1 above two marks. Free is slot + 1 = 0.
const GIVEN = 1
const ABANDONED = 2
const SLOT_SHIFT = 2

const NOBODY = -1
const NO_TICKET = 0

/** Takes the lock if it is free this moment. */
export function tryTake(words: Words, slot: number): Taken {
  let seen = words.load(OWNER_AT)
  if (!isFree(seen)) {
    // It may only look taken: given to a thread that has withdrawn, or died, before it was told.
    settle(words)
    seen = words.load(OWNER_AT)
    if (!isFree(seen)) return "busy"
  }
  return take(words, slot, seen)
}

/** Draws a ticket: from here on `slot` waits, until `takeTurn` takes or `withdraw` gives up. */
export function enroll(words: Words, slot: number): void {
  let ticket = NO_TICKET
  // Tickets wrap around after 2^32 draws, and 0 is none.
  while (ticket === NO_TICKET) ticket = (words.add(LAST_TICKET_AT, 1) + 1) | 0
  words.store(ticketAt(slot), ticket)
}

/**
 * Takes the lock if it is the turn of `slot`, which has enrolled. When it is not, sleep on the slot's wake counter, read
 * before this was called: it changes when the lock is given.
 */
export function takeTurn(words: Words, slot: number): Taken {
  settle(words)
  const seen = words.load(OWNER_AT)
  if (!isGivenTo(seen, slot)) return "busy"
  const taken = take(words, slot, seen)
  if (taken !== "busy") words.store(ticketAt(slot), NO_TICKET)
  return taken
}

/** Gives up waiting; a lock that was given meanwhile goes to the next. */
export function withdraw(words: Words, slot: number): void {
  words.store(ticketAt(slot), NO_TICKET)
  settle(words)
}

/** Passes the lock on. Only for the slot that holds it. */
export function release(words: Words, slot: number): void {
  passOn(words, slot, 0)
}

/** Does what a dead thread left undone: ends its wait, passes on what it held, and wakes whom it may not have woken. */
export function repair(words: Words, slot: number): void {
  words.store(ticketAt(slot), NO_TICKET)
  passOn(words, slot, ABANDONED)
  const seen = words.load(OWNER_AT)
  if (isGiven(seen)) wake(words, slotOf(seen))
}

/** The next token of this lock. Only for the thread that holds it, so that plain steps are enough. */
export function nextToken(words: Words): number {
  const low = words.load(TOKEN_LOW_AT)
  if (low !== -1) {
    words.store(TOKEN_LOW_AT, low + 1)
    return tokenOf(words.load(TOKEN_HIGH_AT), low + 1)
  }
  // The high half first: a thread that dies in between leaves a number above every token given out.
  const high = words.load(TOKEN_HIGH_AT) + 1
  words.store(TOKEN_HIGH_AT, high)
  words.store(TOKEN_LOW_AT, 0)
  return tokenOf(high, 0)
}

/** How things stand, read word by word while others go on: a picture for people, not for decisions. */
export interface OwnerView {
  /** The slot that holds the lock or has it coming, null when it is free. */
  readonly slot: number | null
  readonly isAbandoned: boolean
}

export function viewOwner(words: Words): OwnerView {
  const seen = words.load(OWNER_AT)
  return { slot: isFree(seen) ? null : slotOf(seen), isAbandoned: (seen & ABANDONED) !== 0 }
}

/** The slots that wait, lowest ticket first. */
export function viewWaiting(words: Words): number[] {
  const waiting: { readonly slot: number; readonly ticket: number }[] = []
  const used = words.load(USED_AT)
  for (let slot = 0; slot < used; slot += 1) {
    const ticket = words.load(ticketAt(slot))
    if (ticket !== NO_TICKET) waiting.push({ slot, ticket })
  }
  return waiting.toSorted((a, b) => (a.ticket - b.ticket) | 0).map(({ slot }) => slot)
}

function take(words: Words, slot: number, seen: number): Taken {
  const isAbandoned = (seen & ABANDONED) !== 0
  if (words.compareExchange(OWNER_AT, seen, heldBy(slot)) !== seen) return "busy"
  return isAbandoned ? "abandoned" : "taken"
}

/** From "held by slot" to whoever is next. For a dead slot it may find something else there, and leaves that alone. */
function passOn(words: Words, slot: number, mark: number): void {
  const held = heldBy(slot)
  if (words.load(OWNER_AT) === held) {
    const next = findFirst(words)
    words.compareExchange(OWNER_AT, held, (next === NOBODY ? 0 : givenTo(next)) | mark)
    if (next !== NOBODY) wake(words, next)
  }
  settle(words)
}

/**
 * Leaves the lock held, given to one who waits, or free with nobody waiting: T2. Anybody may do it at any time, and
 * several at once. It goes round again only when another thread has changed something in between.
 */
function settle(words: Words): void {
  for (;;) {
    const seen = words.load(OWNER_AT)
    if (isHeld(seen)) return
    if (isGiven(seen) && words.load(ticketAt(slotOf(seen))) !== NO_TICKET) return
    const next = findFirst(words)
    if (next === NOBODY && isFree(seen)) return
    const changed = (next === NOBODY ? 0 : givenTo(next)) | (seen & ABANDONED)
    if (words.compareExchange(OWNER_AT, seen, changed) === seen && next !== NOBODY) wake(words, next)
  }
}

/** The waiting slot with the lowest ticket. */
function findFirst(words: Words): number {
  let first = NOBODY
  let lowest = NO_TICKET
  const used = words.load(USED_AT)
  for (let slot = 0; slot < used; slot += 1) {
    const ticket = words.load(ticketAt(slot))
    // Tickets wrap around, so the lower of two is told by their difference.
    if (ticket !== NO_TICKET && (first === NOBODY || ((ticket - lowest) | 0) < 0)) {
      first = slot
      lowest = ticket
    }
  }
  return first
}

function wake(words: Words, slot: number): void {
  words.add(wakeAt(slot), 1)
  words.notify(wakeAt(slot))
}

function heldBy(slot: number): number {
  return (slot + 1) << SLOT_SHIFT
}

function givenTo(slot: number): number {
  return heldBy(slot) | GIVEN
}

function slotOf(owner: number): number {
  return (owner >> SLOT_SHIFT) - 1
}

function isFree(owner: number): boolean {
  return owner >> SLOT_SHIFT === 0
}

function isGiven(owner: number): boolean {
  return (owner & GIVEN) !== 0
}

function isGivenTo(owner: number, slot: number): boolean {
  return (owner & ~ABANDONED) === givenTo(slot)
}

function isHeld(owner: number): boolean {
  return !isFree(owner) && !isGiven(owner)
}

function tokenOf(high: number, low: number): number {
  return high * 2 ** 32 + (low >>> 0)
}
