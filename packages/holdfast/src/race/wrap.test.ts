import { describe, expect, it } from "vitest"
import { writes } from "./access.ts"
import { explore } from "./explore.ts"

describe("wrapped objects", () => {
  class Counter {
    #count = 0
    async add(amount: number): Promise<number> {
      this.#count += amount
      return await Promise.resolve(this.#count)
    }
    peek(): number {
      return this.#count
    }
  }

  it("are called with their own private fields, named methods as steps and others at once", async () => {
    const outcomes = new Set<string>()
    await explore(async ({ actor, wrap }) => {
      const counter = wrap(new Counter(), { name: "counter", methods: ["add"] })
      const seen: number[] = []
      await Promise.all(
        [1, 10].map((amount) => actor(`adds ${amount}`, async () => void seen.push(await counter.add(amount)))),
      )
      outcomes.add(`${seen.join(" ")} of ${counter.peek()}`)
    })
    expect(outcomes).toEqual(new Set(["1 11 of 11", "11 1 of 11", "10 11 of 11", "11 10 of 11"]))
  })

  it("tell what a call touches, so that calls on different things are one order", async () => {
    const explored = async (path: (name: string) => string): Promise<number> => {
      const { schedules } = await explore(
        async ({ actor, wrap }) => {
          const counter = wrap(new Counter(), {
            name: "counter",
            methods: ["add"],
            touches: (method, [amount]) => [writes(path(`${method} ${String(amount)}`))],
          })
          await Promise.all([1, 10].map((amount) => actor(`adds ${amount}`, () => counter.add(amount))))
        },
        { shares: "declared" },
      )
      return schedules
    }
    expect(await explored((name) => name)).toBe(1)
    expect(await explored(() => "all")).toBe(2)
  })
})
