import { describe, expect, it } from "vitest"
import type { Token } from "../../../kernel/index.ts"
import { Durability, HeldBack } from "./durability.ts"

const BEFORE = { lastToken: 10, lastBatch: 4 }

describe("durability", () => {
  it("rests a row on the batch of its newest change, until that is durable (C5, S3)", () => {
    const durability = new Durability(BEFORE)
    expect([durability.restOf("cell:x"), durability.restOfAll]).toEqual([0, 0])
    durability.changed("cell:x")
    expect([durability.restOf("cell:x"), durability.restOfAll]).toEqual([5, 5])
    expect(durability.seal(12)).toBe(5)
    durability.changed("cell:y")
    expect([durability.restOf("cell:x"), durability.restOf("cell:y"), durability.restOfAll]).toEqual([5, 6, 6])
    durability.changed("cell:x")
    durability.settle(5)
    expect([durability.isDurable("cell:x"), durability.restOf("cell:x")]).toEqual([false, 6])
    expect([durability.isSettled(5), durability.isSettled(6), durability.durableBatch]).toEqual([true, false, 5])
    durability.seal(12)
    expect(durability.restOfAll).toBe(6)
    durability.settle(6)
    expect([durability.isDurable("cell:x"), durability.restOfAll]).toEqual([true, 0])
  })

  it("knows in which batch a generation is first stored (O3)", () => {
    const durability = new Durability(BEFORE)
    const rests = (): number[] => [10, 11, 15, 99].map((token) => durability.restOfGeneration(token as Token))
    expect(rests()).toEqual([0, 5, 5, 5])
    durability.gather()
    durability.seal(11)
    durability.gather()
    durability.seal(20)
    expect(rests()).toEqual([0, 5, 6, 7])
    durability.settle(5)
    expect(rests()).toEqual([0, 0, 6, 7])
  })
})

describe("what is held back", () => {
  it("is let go in the order of batches, and of its coming within one (S3)", () => {
    const held = new HeldBack<string>()
    held.hold(3, "c")
    held.hold(2, "a")
    held.hold(2, "b")
    held.hold(9, "d")
    expect(held.size).toBe(4)
    expect(held.release(1)).toEqual([])
    expect(held.release(3)).toEqual(["a", "b", "c"])
    expect(held.releaseAll()).toEqual(["d"])
    expect(held.size).toBe(0)
  })
})
