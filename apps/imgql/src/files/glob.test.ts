import { describe, expect, it } from "vitest"
import { matches, parseGlob } from "./glob.ts"

function fits(pattern: string, name: string): boolean {
  const [segment] = parseGlob(pattern)
  return segment !== undefined && segment !== "folders" && matches(segment, name)
}

describe("a pattern", () => {
  it.each([
    ["*", "a.nii"],
    ["*.nii", "a.nii"],
    ["?.nii", "a.nii"],
    ["[a-c]*", "b1"],
    ["[!a-c]*", "d1"],
    ["[]]x", "]x"],
    ["a*b*c", "aXbYbZc"],
    ["**x", "aax"],
    [".*", ".hidden"],
    ["é?", "éü"],
    ["*", "𝄞"],
    ["?", "𝄞"],
  ])("%s fits %s", (pattern, name) => {
    expect(fits(pattern, name)).toBe(true)
  })

  it.each([
    ["*", ".hidden"],
    ["?hidden", ".hidden"],
    ["[.]hidden", ".hidden"],
    ["*.nii", "a.nii.gz"],
    ["?.nii", "ab.nii"],
    ["[a-c]*", "d1"],
    ["[!a-c]*", "b1"],
    ["a*b*c", "aXcYb"],
    ["A", "a"],
  ])("%s does not fit %s", (pattern, name) => {
    expect(fits(pattern, name)).toBe(false)
  })

  it.each(["", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "[a", "*".repeat(2_000)])("%j is none", (pattern) => {
    expect(() => parseGlob(pattern)).toThrow(expect.objectContaining({ code: "PATTERN_INVALID" }))
  })

  it("takes no longer for many stars than for one", () => {
    expect(fits(`${"*a".repeat(400)}b`, "a".repeat(100_000))).toBe(false)
  })
})
