/** Which thread has which slot, and what the end of a thread gives back. */
import { describe, expect, it } from "vitest"
import { lockBytes, SharedWords } from "./lock-words.ts"
import { enroll, tryTake, viewOwner, viewWaiting } from "./protocol.ts"
import { isGuarded, join, repairThread, reserve, threadOf } from "./roster.ts"

describe("the roster", () => {
  it("gives a thread its reserved slot, and an emptied one to the next", () => {
    const words = newWords(2)
    expect(join(words, 0, 2)).toBe(0)
    reserve(words, 7, 0, 2)
    expect(join(words, 7, 2)).toBe(1)
    expect([isGuarded(words, 0), isGuarded(words, 7), isGuarded(words, 8)]).toEqual([true, true, false])
    expect(() => join(words, 8, 2)).toThrow(expect.objectContaining({ code: "OVERLOADED" }))
    repairThread(words, 7)
    expect(threadOf(words, 1)).toBeUndefined()
    expect(join(words, 8, 2)).toBe(1)
    expect(isGuarded(words, 8)).toBe(false)
  })

  it("repairs the threads that a dead thread had started with it (T5)", () => {
    const words = newWords(4)
    join(words, 0, 4)
    reserve(words, 1, 0, 4)
    reserve(words, 2, 1, 4)
    reserve(words, 3, 2, 4)
    expect(tryTake(words, join(words, 3, 4))).toBe("taken")
    enroll(words, join(words, 2, 4))
    repairThread(words, 1)
    expect([1, 2, 3].map((slot) => threadOf(words, slot))).toEqual([undefined, undefined, undefined])
    expect(viewWaiting(words)).toEqual([])
    expect(viewOwner(words)).toEqual({ slot: null, isAbandoned: true })
  })
})

function newWords(slotCount: number): SharedWords {
  return new SharedWords(new SharedArrayBuffer(lockBytes(slotCount)))
}
