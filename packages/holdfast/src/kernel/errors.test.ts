import { describe, expect, it } from "vitest"
import { assertInvariant, InvariantError, unreachable } from "./assert.ts"
import { ERROR_TABLE, HoldfastError, isHoldfastError } from "./errors.ts"

describe("HoldfastError", () => {
  it("carries its code, its details and what caused it", () => {
    const cause = new Error("the disk")
    const error = new HoldfastError("CONFLICT", "lost the race", { cause, details: { cell: "x" } })
    expect(error).toMatchObject({ name: "HoldfastError", code: "CONFLICT", details: { cell: "x" }, cause })
    expect(new HoldfastError("CLOSED", "closed")).toMatchObject({ details: {} })
    expect("cause" in new HoldfastError("CLOSED", "closed")).toBe(false)
    // A body may throw undefined, and that is a cause too.
    expect("cause" in new HoldfastError("RUN_FAILED", "failed", { cause: undefined })).toBe(true)
  })

  it("knows from the table whether the same call may succeed later", () => {
    for (const [code, { retryable }] of Object.entries(ERROR_TABLE)) {
      expect(new HoldfastError(code as keyof typeof ERROR_TABLE, "").retryable).toBe(retryable)
    }
  })

  it("is recognized by its code alone, across realms and processes", () => {
    expect(isHoldfastError(new HoldfastError("DEADLOCK", ""))).toBe(true)
    expect(isHoldfastError({ name: "HoldfastError", code: "DEADLOCK" }, "DEADLOCK")).toBe(true)
    expect(isHoldfastError({ name: "HoldfastError", code: "DEADLOCK" }, "FENCED")).toBe(false)
    const others = [null, undefined, "DEADLOCK", {}, { code: "DEADLOCK" }, { name: "Error", code: "DEADLOCK" }]
    for (const other of [...others, { name: "HoldfastError", code: 7 }, { name: "HoldfastError", code: "toString" }]) {
      expect(isHoldfastError(other)).toBe(false)
    }
  })

  it("documents each code for callers, HTTP and shells", () => {
    for (const { summary, httpStatus, exitCode } of Object.values(ERROR_TABLE)) {
      expect(summary).toMatch(/^[A-Z].*\.$/)
      expect(httpStatus).toBeGreaterThanOrEqual(400)
      expect(exitCode).toBeGreaterThan(0)
    }
  })
})

describe("assertions", () => {
  it("name the invariant that is broken", () => {
    assertInvariant(true, "L1", "never said")
    const broken = (): void => {
      assertInvariant(false, "L1", "two holders")
    }
    expect(broken).toThrow(InvariantError)
    expect(broken).toThrow("invariant L1 is broken: two holders")
    expect(() => unreachable("x" as never)).toThrow('unreachable: "x"')
  })
})
