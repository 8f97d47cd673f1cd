/**
 * Which thread has which slot of a lock, and what is done when one of them ends.
 *
 *     empty ──join (the thread itself) or reserve (its guardian)──▶ taken ──repairThread──▶ empty
 *
 * 1. A slot is emptied only after its thread has ended, as the last step of its repair: a repair cut off by the death of
 *    the thread that did it is found again and done again by that one's guardian, and doing it twice changes nothing.
 * 2. Threads started by a thread end before it does, so the repair of a thread repairs those it guarded first.
 */
import { HoldfastError } from "../kernel/errors.ts"
import { guardianAt, threadAt, USED_AT, type Words } from "./lock-words.ts"
import { repair } from "./protocol.ts"

/** Thread ids start at 0 (the main thread), and an empty slot reads 0. */
const ID_OFFSET = 1
const EMPTY = 0

/** The slot of a thread: the one its guardian reserved, or the first empty one. */
export function join(words: Words, thread: number, slotCount: number): number {
  return findThread(words, thread) ?? takeEmpty(words, thread, slotCount)
}

/** Has a slot ready for a thread that `guardian` started, so that the death of both is repaired by the guardian's. */
export function reserve(words: Words, thread: number, guardian: number, slotCount: number): void {
  // A thread that joins at this very moment may end up with two slots. One of them stays idle until both are emptied.
  words.store(guardianAt(join(words, thread, slotCount)), guardian + ID_OFFSET)
}

/** Only for a thread that has ended, and with it all it started. */
export function repairThread(words: Words, thread: number): void {
  const used = words.load(USED_AT)
  for (let slot = 0; slot < used; slot += 1) {
    const guarded = words.load(threadAt(slot))
    if (guarded === EMPTY || guarded === thread + ID_OFFSET) continue
    if (words.load(guardianAt(slot)) === thread + ID_OFFSET) repairThread(words, guarded - ID_OFFSET)
  }
  for (let slot = 0; slot < used; slot += 1) {
    if (words.load(threadAt(slot)) !== thread + ID_OFFSET) continue
    repair(words, slot)
    words.store(guardianAt(slot), EMPTY)
    words.store(threadAt(slot), EMPTY)
  }
}

/** Whether the thread's end will be noticed. The main thread needs no guardian: everything ends with it. */
export function isGuarded(words: Words, thread: number): boolean {
  if (thread === 0) return true
  const used = words.load(USED_AT)
  for (let slot = 0; slot < used; slot += 1) {
    if (words.load(threadAt(slot)) === thread + ID_OFFSET && words.load(guardianAt(slot)) !== EMPTY) return true
  }
  return false
}

/** The id of a slot's thread, or undefined when the slot is empty. */
export function threadOf(words: Words, slot: number): number | undefined {
  const found = words.load(threadAt(slot))
  return found === EMPTY ? undefined : found - ID_OFFSET
}

function findThread(words: Words, thread: number): number | undefined {
  const used = words.load(USED_AT)
  for (let slot = 0; slot < used; slot += 1) if (words.load(threadAt(slot)) === thread + ID_OFFSET) return slot
  return undefined
}

function takeEmpty(words: Words, thread: number, slotCount: number): number {
  for (let slot = 0; slot < slotCount; slot += 1) {
    if (words.compareExchange(threadAt(slot), EMPTY, thread + ID_OFFSET) !== EMPTY) continue
    raiseUsed(words, slot + 1)
    return slot
  }
  throw new HoldfastError(
    "OVERLOADED",
    `this shared lock has room for ${String(slotCount)} threads and all of it is taken; make it with a larger maxThreads, and have every worker guarded (lock.guard(worker)), since the room of one that ended unguarded is never given back`,
    { details: { maxThreads: slotCount } },
  )
}

/** Before the slot's first ticket, so that no scan that could see the ticket stops short of it. */
function raiseUsed(words: Words, least: number): void {
  for (let used = words.load(USED_AT); used < least;) {
    const found = words.compareExchange(USED_AT, used, least)
    if (found === used) return
    used = found
  }
}
