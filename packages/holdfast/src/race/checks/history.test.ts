import { describe, expect, it } from "vitest"
import { History, unseen } from "./history.ts"

describe("a history", () => {
  it("numbers invocations and returns in the order they happen", () => {
    const history = new History<string, number>()
    const first = history.invoke("a", "one")
    const second = history.invoke("b", "two")
    second.returned(2)
    first.returned(1)
    expect(history.operations).toEqual([
      { actor: "a", input: "one", invokedAt: 0, returnedAt: 3, output: 1 },
      { actor: "b", input: "two", invokedAt: 1, returnedAt: 2, output: 2 },
    ])
  })

  it("leaves what threw or never answered pending", async () => {
    const history = new History<string, number>()
    history.invoke("a", "lost")
    const failure = new Error("connection lost")
    await expect(
      history.record("b", "broken", () => {
        throw failure
      }),
    ).rejects.toBe(failure)
    await expect(history.record("c", "fine", async () => 3)).resolves.toBe(3)
    expect(history.operations.map(({ returnedAt, output }) => ({ returnedAt, output }))).toEqual([
      { returnedAt: null, output: unseen },
      { returnedAt: null, output: unseen },
      { returnedAt: 3, output: 3 },
    ])
  })

  it("refuses a second answer", () => {
    const history = new History<string, number>()
    const call = history.invoke("a", "one")
    call.returned(1)
    expect(() => call.returned(2)).toThrow("got a second")
    expect(history.operations[0]).toMatchObject({ output: 1, returnedAt: 1 })
  })

  it("is not changed by what happens after it was read", () => {
    const history = new History<string, number>()
    const call = history.invoke("a", "one")
    const before = history.operations
    call.returned(1)
    expect(before[0]).toMatchObject({ returnedAt: null })
  })
})
