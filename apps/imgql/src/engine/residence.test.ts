/** Images in memory: what is used stays, what is idle goes, and one computation always goes on. */
import { describe, expect, it } from "vitest"
import { type Image, makeVoxels, plainGrid } from "../image/image.ts"
import { Residence } from "./residence.ts"

/** An image of 100 bytes. */
function image(): Image {
  return { ...plainGrid([10, 10]), type: "uint8", components: 1, voxels: makeVoxels("uint8", 100) }
}

/** With so much for what is there, half of the bound; half of that is for garbage. */
function make(presentBytes: number, collect = (): void => undefined): Residence {
  return new Residence({ maxBytes: 2 * presentBytes, collect })
}

describe("images in memory", () => {
  it("go when room is wanted, least recently used first, and never while they are used", () => {
    const residence = make(250)
    for (const id of ["a", "b"]) {
      residence.keep(id, image())
      residence.release(id)
    }
    expect(residence.use("a")).toBeDefined()
    residence.keep("c", image())
    expect(residence.use("b")).toBeUndefined()
    residence.keep("d", image())
    // Over the bound with nothing but what is used.
    expect(residence.use("a")).toBeDefined()
    residence.release("c")
    expect(residence.use("c")).toBeUndefined()
  })

  it("are one where two bring the same", () => {
    const residence = make(1_000)
    const first = image()
    expect(residence.keep("a", first)).toBe(first)
    expect(residence.keep("a", image())).toBe(first)
  })

  it("leave room for one computation under any bound, and for others in their order", async () => {
    const residence = make(1)
    const order: string[] = []
    const ends: (() => void)[] = []
    const compute = async (name: string, bytes: number): Promise<void> => {
      await residence.within(async (room) => {
        await room.take(bytes)
        order.push(name)
        await new Promise<void>((resolve) => ends.push(resolve))
      })
    }
    const all = [compute("first", 500), compute("second", 10), compute("third", 1)]
    for (const done of all) {
      // All that can go on has gone on once the tasks that are ready have run.
      await new Promise((resolve) => setImmediate(resolve))
      expect(order).toHaveLength(all.indexOf(done) + 1)
      ends.shift()?.()
      await done
    }
    expect(order).toEqual(["first", "second", "third"])
    expect(residence.peakBytes).toBe(500)
  })

  it("leave room for what somebody waits for who holds room", async () => {
    const residence = make(100)
    await residence.within(async (outer) => {
      await outer.take(90)
      await outer.aside(async () => {
        await residence.within(async (inner) => {
          await inner.take(50)
          expect(residence.peakBytes).toBe(140)
        })
      })
      outer.giveBack(90)
    })
    // All was given back: so much fits beside nothing else.
    await residence.within(async (room) => await room.take(100))
    expect(residence.peakBytes).toBe(140)
  })

  it("that are nowhere else are put away before they go, and stay where they cannot be", async () => {
    const residence = make(250)
    let finish = (): void => undefined
    const calls: string[] = []
    residence.keep("a", image(), async () => {
      calls.push("a")
      await new Promise<void>((resolve) => {
        finish = resolve
      })
    })
    residence.release("a")
    residence.keep("b", image(), () => {
      calls.push("b")
      return Promise.reject(new Error("the disk is full"))
    })
    residence.release("b")
    await residence.within(async (room) => {
      const taking = room.take(100)
      // All that is ready has gone on, and it still waits.
      await new Promise((resolve) => setImmediate(resolve))
      expect(residence.peakBytes).toBe(200)
      expect(residence.use("a")).toBeDefined()
      residence.release("a")
      finish()
      await taking
      expect(residence.use("a")).toBeUndefined()
      // Somebody goes on under any bound, and what cannot be put away is not lost for that.
      await room.take(200)
    })
    expect(residence.use("b")).toBeDefined()
    expect(calls).toEqual(["a", "b"])
  })

  it("are collected once a quarter of the bound is garbage, and no less than is worth it", async () => {
    const MEBIBYTE = 1024 ** 2
    let collected = 0
    const residence = make(2 * 64 * MEBIBYTE, () => {
      collected += 1
    })
    for (let round = 1; round <= 10; round += 1) {
      await residence.within(async (room) => await room.take(16 * MEBIBYTE))
      expect(collected).toBe(Math.floor(round / 4))
    }
  })
})
