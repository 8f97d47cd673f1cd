/** Images in memory: what is used stays, what is idle goes, and one computation always goes on. */
import { describe, expect, it } from "vitest"
import { type Image, makeVoxels, plainGrid } from "../image/image.ts"
import { Residence } from "./residence.ts"

/** An image of 100 bytes. */
function image(): Image {
  return { ...plainGrid([10, 10]), type: "uint8", components: 1, voxels: makeVoxels("uint8", 100) }
}

describe("images in memory", () => {
  it("go when room is wanted, least recently used first, and never while they are used", () => {
    const residence = new Residence(250)
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
    const residence = new Residence(1_000)
    const first = image()
    expect(residence.keep("a", first)).toBe(first)
    expect(residence.keep("a", image())).toBe(first)
  })

  it("leave room for one computation under any bound, and for others in their order", async () => {
    const residence = new Residence(1)
    const order: string[] = []
    await residence.enter(500)
    const second = residence.enter(10).then(() => order.push("second"))
    const third = residence.enter(1).then(() => order.push("third"))
    await Promise.resolve()
    expect(order).toEqual([])
    residence.leave(500)
    await second
    expect(order).toEqual(["second"])
    residence.leave(10)
    await third
    expect(residence.peakBytes).toBe(500)
  })
})
