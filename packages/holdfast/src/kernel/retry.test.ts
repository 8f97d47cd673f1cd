import { describe, expect, it } from "vitest"
import { backoffMs } from "./retry.ts"

describe("backoffMs", () => {
  it("grows by the factor from one failure to the next, up to the bound", () => {
    const policy = { maxAttempts: 9, initialMs: 100, factor: 2, maxMs: 500 }
    expect([1, 2, 3, 4, 5].map((failures) => backoffMs(policy, failures))).toEqual([100, 200, 400, 500, 500])
  })

  it("stays at the bound where the power is no longer a number", () => {
    const policy = { maxAttempts: 9_999, initialMs: 100, factor: 10, maxMs: 500 }
    expect(backoffMs(policy, 5_000)).toBe(500)
    expect(backoffMs({ ...policy, initialMs: 0 }, 5_000)).toBe(500)
  })
})
