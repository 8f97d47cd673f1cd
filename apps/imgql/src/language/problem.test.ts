import { describe, expect, it } from "vitest"
import { closest, formatProblem, quote, type Problem } from "./problem.ts"

function problemAt(source: string, marked: string, suggestion: string | null = null): Problem {
  const start = source.indexOf(marked)
  const span = { start, end: start + marked.length }
  return { code: "E_SYNTAX", message: "it is wrong", file: "p.imgql", span, suggestion }
}

describe("a problem", () => {
  it("is shown with its place, its line and a mark", () => {
    const source = "let x = 1\nlet y = foo(x)\n"
    expect(formatProblem(problemAt(source, "foo", "for"), source)).toBe(
      "p.imgql:2:9: error: it is wrong; did you mean `for`? [E_SYNTAX]\nlet y = foo(x)\n        ^~~",
    )
  })

  it("has its mark in the right column after tabs, wide and combining characters", () => {
    const lines = ['\tprint "漢字" bad', 'print "e\u0301" bad', 'print "\u{1F600}" bad', 'print "ｆ" bad']
    const shown = lines.map((line) => formatProblem(problemAt(line, "bad"), line).split("\n"))
    expect(shown.map(([head]) => head?.split(" ")[0])).toEqual([
      "p.imgql:1:13:",
      "p.imgql:1:12:",
      "p.imgql:1:11:",
      "p.imgql:1:11:",
    ])
    expect(shown.map(([, , mark]) => mark)).toEqual([
      `\t${" ".repeat(13)}^~~`,
      `${" ".repeat(10)}^~~`,
      `${" ".repeat(11)}^~~`,
      `${" ".repeat(11)}^~~`,
    ])
  })

  it("is shown where it begins if it goes on over lines", () => {
    const source = "let y = f(\r\n  1)\r\n"
    expect(formatProblem(problemAt(source, "f(\r\n  1)"), source).split("\n").slice(1)).toEqual([
      "let y = f(",
      "        ^~",
    ])
  })

  it("is shown at the end of the text, and in an empty one", () => {
    const at = (source: string) => ({ ...problemAt("", ""), span: { start: source.length, end: source.length } })
    expect(formatProblem(at("let x ="), "let x =").split("\n").slice(1)).toEqual(["let x =", "       ^"])
    expect(formatProblem(at("a\n"), "a\n")).toBe("p.imgql:2:1: error: it is wrong [E_SYNTAX]\n\n^")
    expect(formatProblem(at(""), "")).toBe("p.imgql:1:1: error: it is wrong [E_SYNTAX]\n\n^")
  })

  it("is shown with what is near it of a long line", () => {
    const source = `${"x".repeat(100_000)} bad ${"y".repeat(100_000)}`
    const [head, line, mark] = formatProblem(problemAt(source, "bad"), source).split("\n")
    expect(head).toContain("p.imgql:1:100002:")
    expect(line?.length).toBeLessThan(220)
    expect(line?.indexOf("bad")).toBe(mark?.indexOf("^"))
  })

  it("does nothing to a terminal", () => {
    const source = "\u001b[2Jbad\u202e\u0007"
    const shown = formatProblem(problemAt(source, "bad"), source)
    expect(["\u001b", "\u0007", "\u202e"].filter((char) => shown.includes(char))).toEqual([])
    expect(shown.split("\n")[1]).toBe("\uFFFD[2Jbad\uFFFD\uFFFD")
    expect(quote("a".repeat(100))).toBe(`\`${"a".repeat(57)}…\``)
  })
})

describe("the closest name", () => {
  it("is the one that differs least, by letters put in, left out, replaced or swapped", () => {
    const names = ["BinaryThreshold", "near", "interior", "percentiles", "ReadImage"]
    expect(closest("BinaryTreshold", names)).toBe("BinaryThreshold")
    expect(closest("naer", names)).toBe("near")
    expect(closest("readimage", names)).toBe("ReadImage")
    expect(closest("percentile", names)).toBe("percentiles")
    expect(closest("intreior", names)).toBe("interior")
  })

  it("is none if none is close, or if there is nothing to be close in", () => {
    expect(closest("threshold", ["near", "ReadImage"])).toBe(null)
    expect(closest("x", ["y", "z", "+"])).toBe(null)
    expect(closest("near", ["near"])).toBe(null)
    expect(closest("near", [])).toBe(null)
  })
})
