import { describe, expect, it } from "vitest"
import { checkSource } from "../../src/language/check.ts"
import { readLibrary } from "../../src/language/library.ts"
import { parseProgram } from "../../src/language/parser.ts"
import { printProgram } from "../../src/language/print.ts"
import { formatProblem } from "../../src/language/problem.ts"
import { SAMPLES } from "./samples.ts"
import { showCommand } from "./show.ts"
import { SIGNATURES } from "./signatures.ts"

describe("a sample program", () => {
  it.each(Object.entries(SAMPLES))("%s has no problems", (name, source) => {
    const loader = { library: readLibrary, file: () => ({ refused: "there are no files" }) }
    const { problems, sources } = checkSource(source, `${name}.imgql`, { signatures: SIGNATURES, loader })
    expect(problems.map((problem) => formatProblem(problem, sources.get(problem.file) ?? "")).join("\n")).toBe("")
  })

  it.each(Object.entries(SAMPLES))("%s is printed as the same program", (name, source) => {
    const { program } = parseProgram(source, name)
    const text = printProgram(program)
    const again = parseProgram(text, name)
    expect(again.program.commands.map(showCommand)).toEqual(program.commands.map(showCommand))
    expect(printProgram(again.program)).toBe(text)
  })
})
