import { describe, expect, it } from "vitest"
import { Pulse } from "./pulse.ts"

const SOON_MS = 5
const never = new Promise<never>(() => undefined)

describe("a pulse", () => {
  it("tells all who wait that the store does not answer", async () => {
    const pulse = new Pulse(() => Promise.reject(new Error("frozen")), SOON_MS)
    const ends = await Promise.allSettled([pulse.during(never), pulse.during(never)])
    expect(ends.map((end) => (end.status === "rejected" ? String(end.reason) : end.status))).toEqual([
      "Error: frozen",
      "Error: frozen",
    ])
  })

  it("asks again while somebody waits, and lets work end as it ends", async () => {
    let asked = 0
    let finish = (_value: string): void => undefined
    const work = new Promise<string>((resolve) => {
      finish = resolve
    })
    const pulse = new Pulse(() => {
      asked += 1
      if (asked === 3) finish("done")
      return Promise.resolve()
    }, SOON_MS)
    expect(await pulse.during(work)).toBe("done")
    expect(asked).toBe(3)
    await expect(pulse.during(Promise.reject(new Error("its own")))).rejects.toThrow("its own")
  })

  it("asks nothing once nobody waits", async () => {
    let asked = 0
    const pulse = new Pulse(() => Promise.resolve((asked += 1)), SOON_MS)
    expect(await pulse.during(Promise.resolve(1))).toBe(1)
    // Long enough for a timer that was left to go off.
    await new Promise((resolve) => setTimeout(resolve, 10 * SOON_MS))
    expect(asked).toBe(0)
  })

  it("tells whoever begins to wait while it is asking, too", async () => {
    let refuse = (_error: Error): void => undefined
    let begin = (): void => undefined
    const asking = new Promise<void>((resolve) => {
      begin = resolve
    })
    const pulse = new Pulse(async () => {
      begin()
      await new Promise((_, reject) => {
        refuse = reject
      })
    }, SOON_MS)
    const first = pulse.during(never)
    await asking
    const late = pulse.during(never)
    refuse(new Error("frozen"))
    await expect(first).rejects.toThrow("frozen")
    await expect(late).rejects.toThrow("frozen")
  })
})
