/** Requests that would wait for themselves: refused at once, with the whole circle in the message. */
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"

describe("deadlocks", () => {
  it("are refused to whoever would complete the circle, with the whole of it in the message (L7)", async () => {
    const world = new RuntimeWorld()
    const [left, right] = [await world.open("left"), await world.open("right")]
    const both = [new Gate(), new Gate()]
    const ended = await Promise.all([
      left.lock("a").run(async () => {
        both[0]?.open()
        await both[1]?.opened
        return await left.lock("b").run(() => "got both")
      }),
      right.lock("b").run(async () => {
        both[1]?.open()
        await both[0]?.opened
        await settle()
        return await faultOf(right.lock("a").acquire(), "DEADLOCK")
      }),
    ])
    expect(ended[0]).toBe("got both")
    const { message, details } = ended[1]
    for (const word of ["left", "right", '"a"', '"b"']) expect(message).toContain(word)
    expect(details["cycle"]).toBeInstanceOf(Array)
    expect(right.metrics().locks["a"]).toMatchObject({ deadlocks: 1, granted: 0 })
    expectQuiet(await left.inspect())
  })

  it("are found through the store's answer where that takes time (L7)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.openDeferred(3)
    const error = await hf.lock("a").run(async () => await faultOf(hf.lock("a").acquire(), "DEADLOCK"))
    expect(error.message).toMatch(/not re-entrant/)
    expect(hf.metrics().locks["a"]?.deadlocks).toBe(1)
  })

  it("of one name are refused at once: locks are not re-entrant, also deep inside (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    await hf.lock(["a", "b"]).run(async () => {
      await hf.lock("c").run(async () => {
        const error = await faultOf(
          hf.lock("b").run(() => undefined),
          "DEADLOCK",
        )
        expect(error.message).toMatch(/lock "b" is already held by this scope or one around it/)
        await faultOf(hf.lock("a").shared().acquire(), "DEADLOCK")
      })
    })
    expectQuiet(await hf.inspect())
  })

  it("are none where siblings of one Promise.all ask for the same lock: they queue (L3, L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const order = await hf.lock("outer").run(async () => {
      const seen: number[] = []
      await Promise.all(
        [1, 2, 3].map((at) =>
          hf.lock("inner").run(async () => {
            seen.push(at)
            await Promise.resolve()
          }),
        ),
      )
      return seen
    })
    expect(order).toEqual([1, 2, 3])
  })

  it("of a semaphore whose holders all want one more are refused to the last of them (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const semaphore = hf.semaphore("s", 2)
    const slots = hf.semaphore("t", 2)
    const arrived = [new Gate(), new Gate()]
    const ended = await Promise.allSettled(
      [semaphore, slots].map((first, at) =>
        first.run(
          async () => {
            arrived[at]?.open()
            await arrived[1 - at]?.opened
            return await (first === semaphore ? slots : semaphore).run(() => "done")
          },
          { permits: 2 },
        ),
      ),
    )
    expect(ended.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"])
    expect(ended).toContainEqual({ status: "rejected", reason: expect.objectContaining({ code: "DEADLOCK" }) })
  })
})
