import { describe, expect, it } from "vitest"
import { SIGNATURES } from "../../test/language/signatures.ts"
import { checkSource, type CheckedProgram } from "./check.ts"
import { readLibrary } from "./library.ts"
import { formatProblem } from "./problem.ts"

function check(source: string): CheckedProgram {
  const loader = { library: readLibrary, file: () => ({ refused: "there are no files" }) }
  return checkSource(source, "main.imgql", { signatures: SIGNATURES, loader })
}

describe("the libraries", () => {
  it("have no problems", () => {
    const { problems, sources } = check("")
    expect(problems.map((problem) => formatProblem(problem, sources.get(problem.file) ?? ""))).toEqual([])
    expect([...sources.keys()]).toEqual(["main.imgql", "library/stdlib.imgql", "library/vox1.imgql"])
  })

  it("define what VoxLogicA 1 has, each with as many arguments", () => {
    const { steps } = check("")
    const arities = new Map(
      steps.flatMap(({ command }) =>
        command.kind === "let" ? [[command.name, command.parameters?.length] as const] : [],
      ),
    )
    const groups: readonly (readonly [number, string])[] = [
      [2, "+ - * / && || ./. .*. .+. .-. .&. .|. .=. .<=. .<. .>=. .>."],
      [2, ".= .<= .>= .< .> =. <=. <. >. >=. ./ .- /. -. +. *. .* .+ & | \\ ~>"],
      [1, "!. ! N I B+ pdt emptyB nemptyB"],
      [2, "mayReach touch grow surrounded distgeq distleq smoothen booleanToNumber norm maskCC minCC maxCC collect"],
      [2, "xor eqB neqB leqB erode dilate imopen imclose print"],
      [3, "ifB ifN overlayB divZ"],
      [4, "~"],
      [5, "overlayColor"],
    ]
    for (const [arity, names] of groups) {
      for (const name of names.split(" ")) expect([name, arities.get(name)]).toEqual([name, arity])
    }
  })

  it("give images where images are compared with numbers, and truth where numbers are", () => {
    const image = ".= .<= .>= .< .>".split(" ").map((name) => `near(1 ${name} tt)`)
    const other = "=. <=. <. >. >=.".split(" ").map((name) => `near(tt ${name} 1)`)
    const arithmetic = [
      "1 .+ tt",
      "1 .- tt",
      "1 .* tt",
      "1 ./ tt",
      "tt +. 1",
      "tt -. 1",
      "tt *. 1",
      "tt /. 1",
      "tt + ff",
    ]
    const good = [...image, ...other, ...arithmetic.map((text) => `near(${text})`), "volume(tt) .>. 0 && true"]
    expect(check(good.map((text) => `print "a" ${text}`).join("\n")).problems).toEqual([])
    const bad = ["near(1 .<=. 2)", "tt .<= tt", "1 =. tt", "near(1 + 2)", 'near(norm(1, "x"))']
    const { problems } = check(bad.map((text) => `print "a" ${text}`).join("\n"))
    expect(problems.map(({ code }) => code)).toEqual(bad.map(() => "E_TYPE"))
  })

  it("are read from nowhere else", () => {
    expect(readLibrary("default")).toBe(null)
    expect(readLibrary("../package")).toBe(null)
    expect(readLibrary("")).toBe(null)
  })
})
