import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { commands, expressions } from "../../test/language/programs.ts"
import { show, showCommand } from "../../test/language/show.ts"
import { parseExpression, parseProgram } from "./parser.ts"
import { printExpression, printProgram } from "./print.ts"

describe("canonical text", () => {
  it("of any expression is read as that expression", () => {
    fc.assert(
      fc.property(expressions, (tree) => {
        const text = printExpression(tree)
        const { expression, problems } = parseExpression(text, "test.imgql")
        expect({ text, problems }).toEqual({ text, problems: [] })
        expect(`${text} ${expression === null ? "" : show(expression)}`).toBe(`${text} ${show(tree)}`)
      }),
      { numRuns: 800 },
    )
  })

  it("of any program is read as that program, and printed the same", () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 6 }), (list) => {
        const text = printProgram({ commands: list })
        const { program, problems } = parseProgram(text, "test.imgql")
        expect({ text, problems }).toEqual({ text, problems: [] })
        expect(program.commands.map(showCommand)).toEqual(list.map(showCommand))
        expect(printProgram(program)).toBe(text)
      }),
      { numRuns: 300 },
    )
  })

  it("has parentheses only where they are needed", () => {
    const cases = [
      ["((1)+((2)*3))-4", "1 + (2 * 3) - 4"],
      ["(1+2)+3", "1 + 2 + 3"],
      ["!((a))&(!b)", "!a & !b"],
      ["! (!a)", "! !a"],
      ["-(5)", "- 5"],
      ["- (a+b)", "-(a + b)"],
      ["(N (a))", "N(a)"],
      ["(N a)&b", "N a & b"],
      ["(N) SUM 3", "(N) SUM 3"],
      ["4 SUM 9", "4 SUM 9"],
      ["+(a,b)", "+(a, b)"],
      ["(f(x))[0][1:2]", "f(x)[0][1:2]"],
      ["(a+b)[:]", "(a + b)[:]"],
      ["(for x in xs do x)", "for x in xs do x"],
      ["(let x = 1 in x) + 1", "(let x = 1 in x) + 1"],
      ["1 + (fold + 0 xs)", "1 + (fold + 0 xs)"],
      ["fold + (0) (xs)", "fold + 0 xs"],
      ["fold + (a) ([b])", "fold + (a) ([b])"],
      ["(a)=b", "(a) = b"],
      ["1e21", "1e+21"],
    ] as const
    expect(
      cases.map(([text]) => {
        const { expression } = parseExpression(text, "test.imgql")
        return [text, expression === null ? "" : printExpression(expression)]
      }),
    ).toEqual(cases)
  })

  it("is written of deep trees and long chains", () => {
    const size = 20_000
    for (const text of [
      `${"!(".repeat(size)}a + b${")".repeat(size)}`,
      Array.from({ length: size }, () => "a").join(" + "),
      `${"let x = 1 in ".repeat(size)}x`,
    ]) {
      const { expression } = parseExpression(text, "test.imgql")
      const printed = expression === null ? "" : printExpression(expression)
      expect(printed.length).toBeGreaterThan(size)
      expect(parseExpression(printed, "test.imgql").problems).toEqual([])
    }
  })
})
