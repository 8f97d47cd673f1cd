import { describe, expect, it } from "vitest"
import { HoldfastError } from "./errors.ts"
import { cellQueueName, checkName, describeName, nameClass } from "./names.ts"

function messageOf(name: unknown): string {
  try {
    checkName(name, "a lock's name")
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "ARGUMENT_INVALID") return error.message
    throw error
  }
  throw new Error("expected a refusal, but nothing was thrown")
}

describe("checkName", () => {
  it("takes text of 1 to 512 bytes, and again without checking", () => {
    for (const name of ["a", "ä".repeat(256), "漢".repeat(170), "🔒".repeat(128), "x".repeat(512), "a"]) {
      expect(() => {
        checkName(name, "a name")
      }).not.toThrow()
    }
  })

  it("says what was expected, what was found and what to do", () => {
    expect(messageOf(7)).toBe("a lock's name must be a string, found number; pass the name as text")
    expect(messageOf(null)).toContain("found null")
    expect(messageOf("")).toContain("found an empty string")
    expect(messageOf("x".repeat(513))).toContain("found 513 bytes")
    expect(messageOf("🔒".repeat(129))).toContain("found 516 bytes")
    expect(messageOf("a\ud800b")).toContain("a lone surrogate")
    expect(messageOf("\0cell:x")).toContain("NUL")
  })

  it("remembers only so many names", () => {
    for (let index = 0; index < 10_000; index += 1) checkName(`name ${String(index)}`, "a name")
    expect(messageOf("")).toContain("an empty string")
  })
})

describe("names", () => {
  it("have the part before the first : or / as their class", () => {
    expect(["user:42", "task/7", "plain", ":odd", "/odd"].map(nameClass)).toEqual([
      "user",
      "task",
      "plain",
      ":odd",
      "/odd",
    ])
  })

  it("tell a cell's queue from every lock a user can name", () => {
    expect(() => {
      checkName(cellQueueName("x"), "a lock's name")
    }).toThrow("NUL")
    expect(describeName(cellQueueName("x"))).toBe('the queue of cell "x"')
    expect(describeName("x")).toBe('lock "x"')
  })
})
