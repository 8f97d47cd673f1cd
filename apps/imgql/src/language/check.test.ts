import { describe, expect, it } from "vitest"
import { SIGNATURES } from "../../test/language/signatures.ts"
import { checkProgram, checkSource, MAX_PROBLEMS, type CheckedProgram, type ImportLoader } from "./check.ts"
import { readLibrary } from "./library.ts"
import { parseProgram } from "./parser.ts"
import { formatProblem } from "./problem.ts"
import { postOrder } from "./syntax.ts"

/** Checks a program, with other files by their names. */
function check(source: string, files: Readonly<Record<string, string>> = {}): CheckedProgram {
  const loader: ImportLoader = {
    library: readLibrary,
    file: (path) => {
      const found = files[path.replace(/^\.\//, "")]
      return found === undefined
        ? { refused: "there is no such file" }
        : { file: path.replace(/^\.\//, ""), source: found }
    },
  }
  return checkSource(source, "main.imgql", { signatures: SIGNATURES, loader })
}

/** The problems of a program, as `CODE text it is about`. */
function problemsOf(source: string, files: Readonly<Record<string, string>> = {}): string[] {
  const { problems, sources } = check(source, files)
  return problems.map(({ code, span, file }) => `${code} ${sources.get(file)?.slice(span.start, span.end)}`)
}

function messagesOf(source: string, files: Readonly<Record<string, string>> = {}): string[] {
  return check(source, files).problems.map(
    ({ message, suggestion }) => message + (suggestion === null ? "" : ` (${suggestion}?)`),
  )
}

describe("names", () => {
  it("stand for what was defined last before them", () => {
    expect(problemsOf("aa = 1\nbb = aa + aa")).toEqual([])
    expect(problemsOf("aa = bb\nbb = 1")).toEqual(["E_UNBOUND_IDENTIFIER bb"])
    expect(messagesOf("aa = bb\n\nbb = 1")).toEqual([
      "there is nothing called `bb`: it is defined only at line 3, and must be before it is used",
    ])
    const { steps, bindings } = check('aa = 1\naa = aa + 1\nprint "a" aa')
    const [first, second, print] = steps.slice(-3)
    if (second?.command.kind !== "let" || print?.command.kind !== "print") throw new Error("other commands")
    const [inner] = postOrder(second.command.body)
    expect(inner && bindings.get(inner)).toEqual({ kind: "definition", ...first })
    expect(bindings.get(print.command.value)).toEqual({ kind: "definition", ...second })
  })

  it("of one letter are no primitives unless the program imports them: an undefined x is told", () => {
    expect(messagesOf('print "a" max(x)')).toEqual([
      'there is nothing called `x`: it is a primitive of `vox1`, so write import "vox1" first',
    ])
    expect(problemsOf("let f(a) = a + z")).toEqual(["E_UNBOUND_IDENTIFIER z"])
    expect(problemsOf('import "vox1"\nprint "a" max(x)')).toEqual([])
    expect(problemsOf('import "a.imgql"\nprint "a" max(x)', { "a.imgql": 'import "vox1"' })).toEqual([])
    expect(problemsOf('print "a" max(x(tt))\nprint "b" max(vox1.x)')).toEqual([])
    expect(problemsOf('print "a" for x in [1] do x\nlet y = 1\nprint "b" y')).toEqual([])
    expect(problemsOf('print "a" volume(tt & border)')).toEqual([])
  })

  it("have the scope in which they stand", () => {
    expect(problemsOf("f(aa) = let bb = aa in for cc in [bb] do filter dd in [cc] do aa + dd")).toEqual([])
    expect(problemsOf("f(aa) = 1\ng = aa")).toEqual(["E_UNBOUND_IDENTIFIER aa"])
    expect(problemsOf("g = (let aa = 1 in aa) + aa")).toEqual(["E_UNBOUND_IDENTIFIER aa"])
    expect(problemsOf("g = let aa = aa in aa")).toEqual(["E_UNBOUND_IDENTIFIER aa"])
    expect(problemsOf("g = [for aa in [1] do aa, aa]")).toEqual(["E_UNBOUND_IDENTIFIER aa"])
    expect(problemsOf("g = let aa = 1 in (let aa = [1] in aa[0]) + aa")).toEqual([])
    expect(problemsOf('print "a" concat($stem, $file, $filename, $dir, $cwd)\nimport "strings"')).toEqual([
      "E_UNKNOWN_CALLABLE concat",
    ])
  })

  it("that are close to others are told so", () => {
    expect(messagesOf("threshold = 1\na = treshold")).toEqual(["there is nothing called `treshold` (threshold?)"])
    expect(messagesOf("a = neer(tt)")).toEqual(["there is nothing called `neer` to call (near?)"])
    expect(messagesOf("a = f(1)")).toEqual(["there is nothing called `f` to call"])
    expect(messagesOf("a = BinaryThreshold(tt, 1, 2)")).toEqual([
      'there is nothing called `BinaryThreshold` to call: it is a primitive of `simpleitk`, so write import "simpleitk" first',
    ])
    expect(messagesOf('a = simpleitk.ReadImage("a")')).toEqual([])
  })

  it("that are operators are explained", () => {
    expect(messagesOf("a = 2*-1")).toEqual([
      "there is nothing called `*-` to call: symbols next to each other are one operator: put spaces between, as in `* -`",
    ])
    expect(messagesOf("a = 2 + !!true")).toEqual([
      "there is nothing called `!!` to call: symbols next to each other are one operator: put spaces between, as in `! !`",
    ])
    expect(messagesOf("f(bb) = M+bb")).toEqual([
      "there is nothing called `M+` to call: upper-case letters and the symbols next to them are one operator: put spaces between",
    ])
    expect(messagesOf("a = 1 = 2")).toEqual(["there is nothing called `=` to call: to compare, write `==`"])
    expect(messagesOf("b = 1\na = 1; b")).toEqual([
      "there is nothing called `;` to call: commands need nothing between them",
    ])
    expect(messagesOf("a = 1 ^^^ 2")).toEqual(["there is nothing called `^^^` to call"])
  })

  it("that are the program's own are never defined", () => {
    expect(problemsOf("$cwd = 1\nf($dir) = 1\na = let $file = 1 in for $stem in [] do 1")).toEqual([
      "E_RESERVED_PROGRAM_VARIABLE $cwd",
      "E_RESERVED_PROGRAM_VARIABLE $dir",
      "E_RESERVED_PROGRAM_VARIABLE $file",
      "E_RESERVED_PROGRAM_VARIABLE $stem",
    ])
    expect(problemsOf("$mine = 1\na = $mine")).toEqual([])
  })

  it("in a definition mean what was there before it, so that nothing is recursive", () => {
    expect(problemsOf("fact(n) = n * fact(n - 1)")).toEqual(["E_RECURSION fact"])
    expect(problemsOf("aa = aa + 1")).toEqual(["E_RECURSION aa"])
    expect(problemsOf("+(a, b) = addition(a + b, 0)")).toEqual([])
    expect(problemsOf("near(a) = near(near(a))\nb = near(tt)")).toEqual([])
    expect(problemsOf("even(n) = odd(n)\nodd(n) = even(n)")).toEqual(["E_UNKNOWN_CALLABLE odd"])
  })
})

describe("calls", () => {
  it("have as many arguments as are taken", () => {
    expect(problemsOf("f(a, b) = a\nc = f(1)\nd = f(1, 2, 3)\ne = f(1, 2)")).toEqual([
      "E_ARITY f(1)",
      "E_ARITY f(1, 2, 3)",
    ])
    expect(messagesOf("f(a, b) = a\nc = f(1)")).toEqual(["`f` takes 2 arguments (a, b), not 1"])
    expect(messagesOf("f() = 1\nc = f(1) + f() + f")).toEqual(["`f` takes no arguments, not 1"])
    expect(messagesOf("c = near()")).toEqual(["`near` takes 1 argument, (image: image), not 0"])
    expect(messagesOf("c = range(1, 2, 3)")).toEqual([
      "`range` takes 1 argument or 2 arguments, (stop: number) or (start: number, stop: number), not 3",
    ])
    expect(messagesOf("c = dir()")).toEqual([
      "`dir` takes 1 to 4 arguments, (root: string, glob?: string, recursive?: boolean, full?: boolean), not 0",
    ])
    expect(messagesOf("c = overlay()")).toEqual([
      "`overlay` takes at least 1 argument, (base: image, layers...: image), not 0",
    ])
    expect(problemsOf("c = overlay(tt)\nd = overlay(tt, ff, tt, ff)\ne = sequence()")).toEqual([])
  })

  it("are of what can be called", () => {
    expect(messagesOf("aa = 1\nb = aa(2)")).toEqual(["`aa` is a number and cannot be called"])
    expect(messagesOf("b = let aa = tt in aa(2)")).toEqual(["`aa` is an image and cannot be called"])
    expect(messagesOf("b = $cwd(2)")).toEqual(["`$cwd` is a string and cannot be called"])
    expect(problemsOf("twice(f, a) = f(f(a))\nb = twice(near, tt)\ng = near\nc = g(tt)")).toEqual([])
  })

  it("alone call what takes nothing", () => {
    expect(problemsOf("f() = 1\na = f + f() + 1\nb = near(tt)\nc = near(tt())")).toEqual([])
    expect(messagesOf("a = near + 1")).toEqual([
      "`+` given (function, number): `addition` takes (a: number, b: number) or (a: number|sequence, b: number|sequence) or (a: number|image, b: number|image), not (function, number)",
    ])
  })
})

describe("types", () => {
  it("are known for literals, primitives and what is made of them", () => {
    expect(problemsOf('a = near("x")')).toEqual(['E_TYPE "x"'])
    expect(messagesOf("a = near(1)")).toEqual(["`near` needs an image for `image`, not a number"])
    expect(problemsOf("bb = [1]\na = near(bb)")).toEqual(["E_TYPE bb"])
    expect(problemsOf("a = near(let bb = 1 in bb)")).toEqual(["E_TYPE let bb = 1 in bb"])
    expect(problemsOf("a = near(for bb in [1] do bb)")).toEqual(["E_TYPE for bb in [1] do bb"])
    expect(problemsOf("a = near([1][0:1])")).toEqual(["E_TYPE [1][0:1]"])
    expect(problemsOf("a = near($cwd)")).toEqual(["E_TYPE $cwd"])
    expect(problemsOf("a = near(fold && [true])")).toEqual(["E_TYPE fold && [true]"])
    expect(problemsOf("a = near([1][0])\nb = near(fold + [1])")).toEqual([])
    expect(problemsOf("a = map(near, [tt])\nb = map(1, [tt])")).toEqual(["E_TYPE 1"])
  })

  it("are known of functions for the types they are given", () => {
    expect(problemsOf("f(a, b) = a + b\nc = near(f(tt, 1))\nd = near(f(1, 1))")).toEqual(["E_TYPE f(1, 1)"])
    expect(messagesOf("f(a) = near(a)\ng(a) = f(a)\nb = g(3)")).toEqual([
      "`g` given (number): `f` given (number): `near` needs an image for `image`, not a number",
    ])
    expect(problemsOf("f(a) = let b = a in near(b)\nc = f(3)")).toEqual(["E_TYPE f(3)"])
    expect(problemsOf("f(g, a) = g(a)\nc = f(near, 1)")).toEqual([])
  })

  it("of what is indexed, gone through or folded are sequences", () => {
    expect(problemsOf("a = 1[0]\nb = tt[0:1]\nc = for x in 3 do x\nd = filter x in true do x\ne = fold + 1")).toEqual([
      "E_TYPE 1",
      "E_TYPE tt",
      "E_TYPE 3",
      "E_TYPE true",
      "E_TYPE 1",
    ])
    expect(problemsOf('a = [1]["x"]\nb = [1]["x":]')).toEqual(['E_TYPE "x"', 'E_TYPE "x"'])
    expect(messagesOf("a = fold ~ [1]\nb = fold / [1]")).toEqual([
      "a fold combines with one of `+`, `-`, `*`, `/`, `&&`, `||`, `min`, `max`, not with `~`",
      "a fold with `/` needs an initial value: fold / FIRST SEQUENCE",
    ])
    expect(problemsOf("b = fold / 1 [2]")).toEqual([])
  })

  it("take truth for a number, as in the original", () => {
    expect(problemsOf("a = 2 * (1 .>. 0)\nb = true + 1\nc = bconstant(1)\nd = and(1, 2 < 3)")).toEqual([])
  })
})

describe("imports", () => {
  it("put what they import in their place", () => {
    const { steps, problems } = check('import "a.imgql"\nc = aa', {
      "a.imgql": 'import "./b.imgql"\naa = bb',
      "b.imgql": "bb = 1",
    })
    expect(problems).toEqual([])
    expect(
      steps.slice(-3).map(({ command, program }) => [program.file, command.kind === "let" && command.name]),
    ).toEqual([
      ["b.imgql", "bb"],
      ["a.imgql", "aa"],
      ["main.imgql", "c"],
    ])
  })

  it("happen once", () => {
    const { steps, problems } = check('import "a.imgql"\nimport "./a.imgql"\nimport "vox1"\nimport "vox1"', {
      "a.imgql": "aa = 1",
    })
    expect(problems).toEqual([])
    const names = steps.flatMap(({ command }) => (command.kind === "let" ? [command.name] : []))
    expect(names.filter((name) => name === "aa" || name === "touch")).toEqual(["touch", "aa"])
  })

  it("that go in a circle are a problem", () => {
    const files = { "a.imgql": 'import "b.imgql"', "b.imgql": 'import "c.imgql"', "c.imgql": 'import "b.imgql"' }
    expect(messagesOf('import "a.imgql"', files)).toEqual([
      "`b.imgql` imports itself: b.imgql imports c.imgql imports b.imgql",
    ])
    expect(messagesOf('import "a.imgql"', { "a.imgql": 'import "main.imgql"', "main.imgql": "" })).toEqual([
      "`main.imgql` imports itself: main.imgql imports a.imgql imports main.imgql",
    ])
  })

  it("of what is not there are a problem, and what that may define is none", () => {
    expect(messagesOf('import "no.imgql"\na = unknown(mystery)')).toEqual([
      "cannot import `no.imgql`: there is no such file",
    ])
    expect(messagesOf('import "simpleit"')).toEqual(["there is no namespace `simpleit` (simpleitk?)"])
    expect(messagesOf('import "mystery"')[0]).toContain("namespaces are `default`, `vox1`")
  })

  it("of files with problems tell those problems", () => {
    const { problems, sources } = check('import "a.imgql"\nb = aa', { "a.imgql": "\naa = )" })
    expect(problems.map((problem) => formatProblem(problem, sources.get(problem.file) ?? ""))).toEqual([
      "a.imgql:2:6: error: expected a value, found `)` [E_SYNTAX]\naa = )\n     ^",
    ])
  })

  it("may be long chains, up to a bound", () => {
    const files = Object.fromEntries(
      Array.from({ length: 1200 }, (_, at) => [`f${at}.imgql`, `import "f${at + 1}.imgql"`]),
    )
    expect(messagesOf('import "f0.imgql"', files)).toEqual([
      expect.stringContaining("more than 1000 files are imported"),
    ])
  })

  it("of a namespace look in `default` first", () => {
    const { bindings, steps } = check('print "a" addition(1, 2)')
    const last = steps.at(-1)?.command
    const binding = last?.kind === "print" ? bindings.get(last.value) : undefined
    expect(binding?.kind === "primitive" && binding.signatures.map(({ namespace }) => namespace)).toEqual([
      "default",
      "default",
      "vox1",
    ])
  })
})

describe("a check", () => {
  it("tells problems up to a bound", () => {
    expect(problemsOf("a = unknown\n".repeat(10_000)).length).toBe(MAX_PROBLEMS)
  })

  it("tells nothing but how a text is written if that is wrong", () => {
    expect(problemsOf("a = unknown\nb = )")).toEqual(["E_SYNTAX )"])
  })

  it("needs no library", () => {
    const loader: ImportLoader = { library: () => null, file: () => ({ refused: "there are no files" }) }
    const { program } = parseProgram('import "test"\na = fibonacci(3)\nb = 1 + 2', "main.imgql")
    const { problems, steps } = checkProgram(program, { signatures: SIGNATURES, loader })
    expect(problems.map(({ message }) => message)).toEqual(["there is nothing called `+` to call"])
    expect(steps.length).toBe(2)
  })

  it("of programs that grow takes time that grows like them", () => {
    const chain = Array.from({ length: 20_000 }, (_, at) => (at === 0 ? "x0 = 1" : `x${at} = x${at - 1} + x${at - 1}`))
    expect(problemsOf(chain.join("\n"))).toEqual([])
    const functions = Array.from({ length: 5000 }, (_, at) =>
      at === 0 ? "f0(a) = a + 1" : `f${at}(a) = f${at - 1}(a) + f${at - 1}(a) + f${at - 1}(a)`,
    )
    expect(problemsOf(`${functions.join("\n")}\nprint "a" f4999(1)`)).toEqual([])
    expect(problemsOf(`a = ${Array.from({ length: 50_000 }, () => "1").join(" + ")}`)).toEqual([])
    expect(problemsOf(`a = ${"(let a = 1 in ".repeat(20_000)}a${")".repeat(20_000)}`)).toEqual([])
  })
})
