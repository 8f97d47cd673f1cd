import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Token } from "./ids.ts"
import { TokenTable } from "./token-table.ts"

interface Held {
  readonly token: Token
}

function held(token: number): Held {
  return { token: token as Token }
}

describe("TokenTable", () => {
  it("finds what was added until it is removed, whatever else comes and goes (L2)", () => {
    const steps = fc.array(fc.record({ skip: fc.nat(200), remove: fc.nat(5) }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(steps, (plan) => {
        const table = new TokenTable<Held>()
        const model = new Map<number, Held>()
        let token = 0
        for (const { skip, remove } of plan) {
          token += skip + 1
          const entry = held(token)
          table.add(entry)
          model.set(token, entry)
          for (const [key, old] of [...model].slice(0, remove === 5 ? 2 : 0)) {
            table.delete(old)
            model.delete(key)
          }
          expect(table.size).toBe(model.size)
        }
        for (let each = 0; each <= token; each += 1) expect(table.get(each as Token)).toBe(model.get(each))
        expect(new Set(table.values())).toEqual(new Set(model.values()))
      }),
    )
  })

  it("stays small beside one old holder and tokens that come back to its slot", () => {
    const table = new TokenTable<Held>()
    const old = held(1)
    table.add(old)
    for (let round = 1; round < 200; round += 1) {
      const entry = held(1 + round * 2 ** 20)
      table.add(entry)
      expect(table.get(entry.token)).toBe(entry)
      expect(table.get(old.token)).toBe(old)
      table.delete(entry)
      expect(table.get(entry.token)).toBeUndefined()
    }
    expect([...table.values()]).toEqual([old])
  })

  it("ignores the removal of what is not in", () => {
    const table = new TokenTable<Held>()
    table.add(held(7))
    table.delete(held(7))
    table.delete(held(8))
    expect(table.size).toBe(1)
  })

  it("tells holders beyond 32 bits apart", () => {
    const table = new TokenTable<Held>()
    const low = held(5)
    const high = held(5 + 2 ** 32)
    table.add(low)
    table.add(high)
    expect(table.get(low.token)).toBe(low)
    expect(table.get(high.token)).toBe(high)
  })
})
