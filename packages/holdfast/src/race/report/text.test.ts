import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cut, pad, readable, readableLines, showTime, widthOf, wrap } from "./text.ts"

describe("widths", () => {
  it.each([
    ["abc", 3],
    ["", 0],
    ["é", 1],
    ["e\u0301", 1],
    ["日本", 4],
    ["한", 2],
    ["🚀", 2],
    ["👩‍👩‍👧", 2],
    ["→…", 2],
    ["ﾊ", 1],
    ["Ａ", 2],
  ])("of %j are %d", (text, width) => {
    expect(widthOf(text)).toBe(width)
  })

  it("are kept by cutting and wrapping, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 80 }),
        fc.integer({ min: 4, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        (text, width, maxLines) => {
          const shown = readable(text)
          expect(widthOf(cut(shown, width))).toBeLessThanOrEqual(width)
          const lines = wrap(shown, width, maxLines)
          expect(lines.length).toBeLessThanOrEqual(maxLines)
          for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width)
        },
      ),
    )
  })

  it("are filled up", () => {
    expect(pad("日本", 6)).toBe("日本  ")
    expect(pad("too long", 3)).toBe("too long")
  })
})

describe("wrapping", () => {
  it("breaks at spaces, in words only where there is none near, and cuts the last line", () => {
    expect(wrap("one two three", 8, 5)).toEqual(["one two", "three"])
    expect(wrap("a extraordinarily", 8, 5)).toEqual(["a extrao", "rdinaril", "y"])
    expect(wrap("one two three four", 8, 2)).toEqual(["one two", "three f…"])
    expect(wrap("", 8, 2)).toEqual([""])
    expect(wrap('{"a":1,"b":2}', 8, 3)).toEqual(['{"a":1,', '"b":2}'])
  })

  it("loses nothing where there is room", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme-ascii", maxLength: 80 }),
        fc.integer({ min: 1, max: 20 }),
        (text, width) => {
          expect(wrap(text, width, 100).join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""))
        },
      ),
    )
  })
})

describe("times", () => {
  it.each([
    [0, "0 ms"],
    [3.333_33, "3.33 ms"],
    [5_000, "5000 ms"],
    [300_000, "300 s"],
    [12_345.678, "12.35 s"],
  ])("of %d ms are %s", (ms, shown) => {
    expect(showTime(ms)).toBe(shown)
  })
})

describe("what is readable", () => {
  it("holds nothing that moves the cursor, ends the line or turns the direction", () => {
    expect(readable("a\nb\tc\u001B[31m\u202Ed\u2028\uD800\uFEFF\u0085")).toBe(
      String.raw`a\nb\tc\u001b[31m\u202ed\u2028\ud800\ufeff\u0085`,
    )
    expect(readable("naïve → 日本 👩‍👧")).toBe("naïve → 日本 👩‍👧")
  })

  it("may have lines of its own", () => {
    expect(readableLines("a\r\nb\u0007\nc")).toEqual(["a", String.raw`b\u0007`, "c"])
  })
})
