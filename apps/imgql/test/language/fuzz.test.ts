/**
 * Texts that are no programs, or hardly: whatever they are, reading and checking them ends, throws nothing, and tells
 * problems whose places are in the text. What is read is also read again after it is printed.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { checkProgram } from "../../src/language/check.ts"
import { readLibrary } from "../../src/language/library.ts"
import { parseExpression, parseProgram } from "../../src/language/parser.ts"
import { printProgram } from "../../src/language/print.ts"
import { formatProblem, type Problem } from "../../src/language/problem.ts"
import { programToJson } from "../../src/language/syntax-json.ts"
import { SAMPLES } from "./samples.ts"
import { showCommand } from "./show.ts"
import { SIGNATURES } from "./signatures.ts"

const SEED = 20_260_727
const LOADER = { library: readLibrary, file: () => ({ refused: "there are no files" }) }

const PIECES = [
  ["let ", "print ", "save ", "import ", "in ", "for ", "do ", "filter ", "fold ", "true ", "max "],
  ["a", "f", "N", "B+", "SUM", "x1", "_t", "$cwd", "a.b", "near", "0", "-1", ".5", "1e9", '"s"', '"'],
  ["(", ")", "[", "]", ",", ":", "=", "+", "-", "!", "~>", ".<=", ";", "//", "\n", " ", "\\", "é", "\u0000"],
].flat()

/** Everything that must hold of a text, whatever it is. */
function examine(text: string): void {
  const { program, problems } = parseProgram(text, "fuzz.imgql")
  for (const problem of problems) examineProblem(problem, text)
  examineProblem(parseExpression(text, "fuzz.imgql").problems[0], text)
  const printed = printProgram(program)
  const again = parseProgram(printed, "fuzz.imgql")
  expect({ text, printed, problems: again.problems }).toEqual({ text, printed, problems: [] })
  expect(again.program.commands.map(showCommand)).toEqual(program.commands.map(showCommand))
  JSON.parse(programToJson(program))
  const checked = checkProgram(program, { signatures: SIGNATURES, loader: LOADER })
  for (const problem of checked.problems) examineProblem(problem, checked.sources.get(problem.file) ?? "")
}

function examineProblem(problem: Problem | undefined, text: string): void {
  if (problem === undefined) return
  const { start, end } = problem.span
  expect(0 <= start && start <= end && end <= text.length).toBe(true)
  expect(formatProblem(problem, text)).toMatch(/^[\w./]+:\d+:\d+: error: /)
}

describe("any text", () => {
  it("of any characters is read", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), examine), { seed: SEED, numRuns: 200 })
    fc.assert(fc.property(fc.string({ maxLength: 200 }), examine), { seed: SEED, numRuns: 200 })
  })

  it("of pieces of programs is read", () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(""))
    fc.assert(fc.property(text, examine), { seed: SEED, numRuns: 600 })
  })

  it("that was a program before something was put in, left out or moved is read", () => {
    const samples = Object.values(SAMPLES).filter((sample) => sample.length < 1200)
    const change = fc.tuple(fc.nat(), fc.nat(12), fc.constantFrom("", ...PIECES))
    const text = fc
      .tuple(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 4 }))
      .map(([sample, changes]) =>
        changes.reduce((changed, [place, length, piece]) => {
          const at = place % (changed.length + 1)
          return changed.slice(0, at) + piece + changed.slice(at + length)
        }, sample),
      )
    fc.assert(fc.property(text, examine), { seed: SEED, numRuns: 300 })
  })
})
