import { describe, expect, it } from "vitest"
import { read, readAll } from "../../test/language/show.ts"
import { MAX_SYNTAX_PROBLEMS, parseExpression, parseProgram } from "./parser.ts"

/** Texts with the tree each is read as. */
function check(cases: readonly (readonly [string, string])[]): void {
  expect(cases.map(([text]) => [text, read(text)])).toEqual(cases)
}

function checkAll(cases: readonly (readonly [string, readonly string[]])[]): void {
  expect(cases.map(([text]) => [text, readAll(text)])).toEqual(cases)
}

describe("operators", () => {
  it("between values have no precedence and associate to the left", () => {
    check([
      ["2 + 3 * 4", "(*_._ (+_._ 2 3) 4)"],
      ["10 - 3 - 2", "(-_._ (-_._ 10 3) 2)"],
      ["2 + (3 * 4)", "(+_._ 2 (*_._ 3 4))"],
      ["a ~> b .<= c |. d", "(|._._ (.<=_._ (~>_._ a b) c) d)"],
      ["1 ./. 2", "(./._._ 1 2)"],
      ["a \\ b | c", "(|_._ (\\_._ a b) c)"],
      ["2 .+. 3", "(.+._._ 2 3)"],
    ])
  })

  it("after a value are never the sign of a number", () => {
    check([
      ["x+1", "(+_._ x 1)"],
      ["x-1", "(-_._ x 1)"],
      ["1+2", "(+_._ 1 2)"],
      ["x -1", "(-_._ x 1)"],
      ["x - -1", "(-_._ x -1)"],
      ["x * -1", "(*_._ x -1)"],
      ["range(lo, hi+1)", "(range lo (+_._ hi 1))"],
      ["5 -5", "(-_._ 5 5)"],
      ["(x)-1", "(-_._ x 1)"],
      ["xs[0]-1", "(-_._ xs[0] 1)"],
    ])
  })

  it("are as long as their symbols go on", () => {
    check([
      ["a*-1", "(*-_._ a 1)"],
      ["5--5", "(--_._ 5 5)"],
      ["1.<=.2", "(<=._._ 1 2)"],
      ["x.+.5", "(.+._._ x 5)"],
      ["a ==b", "(==_._ a b)"],
      ["a;b", "(;_._ a b)"],
    ])
  })

  it("before a value apply to it with its brackets, and before all infix ones", () => {
    check([
      ["!a & b", "(&_._ (!._ a) b)"],
      ["!xs[0]", "(!._ xs[0])"],
      ["! !a", "(!._ (!._ a))"],
      ["-x", "(-._ x)"],
      ["- 5", "(-._ 5)"],
      ["-5", "-5"],
      ["a - -b", "(-_._ a (-._ b))"],
      ["--1", "(--._ 1)"],
    ])
  })

  it("are called like functions", () => {
    check([
      ["+(i, 1)", "(+ i 1)"],
      ["!(a)", "(!._ a)"],
      ["!(a)[0]", "(!._ a)[0]"],
      ["- (a, b) * c", "(*_._ (- a b) c)"],
      ["B+(a)", "(B+._ a)"],
      [":(a, b)", "(: a b)"],
    ])
  })

  it("may be upper-case names, before and between values", () => {
    check([
      ["NEG 11", "(NEG._ 11)"],
      ["4 SUM 9", "(SUM_._ 4 9)"],
      ["N a", "(N._ a)"],
      ["N(a)", "(N a)"],
      ["N I a", "(N._ (I._ a))"],
      ["a & N b", "(&_._ a (N._ b))"],
      ["N a & b", "(&_._ (N._ a) b)"],
      ["B+ a", "(B+._ a)"],
      ["a B+ b", "(B+_._ a b)"],
      ["a T b S c", "(S_._ (T_._ a b) c)"],
      ["N -1", "(-_._ N 1)"],
      ["N[0]", "N[0]"],
      ["N a[0]", "(N._ a[0])"],
      ["T_MAX a", "(T_MAX._ a)"],
      ["!N", "(!._ N)"],
      ["N + 1", "(+_._ N 1)"],
    ])
    expect(read("Near a")).toBe("! expected an operator or the end, found `a`")
  })

  it("join upper-case letters, unless those are known to name a value", () => {
    checkAll([
      ["x = A+b", ["x = (A+._ b)"]],
      ["x = N.b", ["x = (N.._ b)"]],
      ["let N = 5\nx = N-1", ["N = 5", "x = (-_._ N 1)"]],
      ["f(N) = range(0, N-1)", ["f(N) = (range 0 (-_._ N 1))"]],
      ["let N = 5\nlet N-1(a) = a\nx = N-1(2)", ["N = 5", "N-1(a) = a", "x = (N-1._ 2)"]],
      ["let B = 5\nx = B+(a)", ["B = 5", "x = (B+._ a)"]],
      ["N=5", ["N = 5"]],
    ])
  })

  it("include = where nothing is defined", () => {
    check([
      ["(a) = b", "(=_._ a b)"],
      ["1 = 2", "(=_._ 1 2)"],
    ])
    checkAll([
      ["let =(a, b) = a == b\nx = (a)\n=(b)", ["=(a,b) = (==_._ a b)", "x = (=_._ a b)"]],
      ["let =(a, b) = a\nx = a\n+(b) = c", ["=(a,b) = a", "x = (=_._ (+_._ a b) c)"]],
    ])
  })
})

describe("values", () => {
  it("are numbers, all that can be written", () => {
    check([
      [".5", "0.5"],
      ["5.", "5"],
      ["-.5e3", "-500"],
      ["+5", "5"],
      ["1.e5", "100000"],
      ["1e-2", "0.01"],
      ["-0", "-0"],
    ])
  })

  it("are strings, of which nothing is unescaped", () => {
    check([
      ['"a\\"b"', '"a\\"b"'],
      ['"a\\n"', '"a\\n"'],
      ['"// no comment"', '"// no comment"'],
      ['""', '""'],
    ])
  })

  it("are names, dotted and reserved ones too", () => {
    check([
      ["simpleitk.ReadImage(f)", "(simpleitk.ReadImage f)"],
      ["$stem", "$stem"],
      ["_x", "_x"],
      ["true.a", "true.a"],
      ["trueish", "trueish"],
      ["print(1, x)", "(print 1 x)"],
      ["f(min, max)", "(f min max)"],
      ["a.b.c", "(._._ a.b c)"],
    ])
  })

  it("are calls, without arguments too", () => {
    check([
      ["f()", "(f)"],
      ["f ( a , b )", "(f a b)"],
      ["f(g(), [])", "(f (g) [])"],
    ])
  })

  it("are lists, their items and their slices", () => {
    check([
      ["[1, 2][0]", "[1 2][0]"],
      ["rows[1][1]", "rows[1][1]"],
      ["xs[a:b]", "xs[a:b]"],
      ["xs[:b]", "xs[:b]"],
      ["xs[a:]", "xs[a:]"],
      ["xs[:]", "xs[:]"],
      ["xs[A:B]", "xs[A:B]"],
      ["xs[i+1:n-1][0]", "xs[(+_._ i 1):(-_._ n 1)][0]"],
      ["[ ]", "[]"],
      ["f(x)[0]", "(f x)[0]"],
      ["(a + b)[0]", "(+_._ a b)[0]"],
    ])
  })

  it("are let, for and filter, as far to the right as they go", () => {
    check([
      ["let x = 1 in let x = x+10 in x+5", "{let x 1 {let x (+_._ x 10) (+_._ x 5)}}"],
      ["for i in range(0,5) do i + 10", "{for i (range 0 5) (+_._ i 10)}"],
      ["filter x in xs do x .>. 1", "{filter x xs (.>._._ x 1)}"],
      ["[let x = 1 in x, 2]", "[{let x 1 x} 2]"],
      ["(for i in xs do i)[0]", "{for i xs i}[0]"],
      ["for i in for j in xs do j do i", "{for i {for j xs j} i}"],
    ])
    expect(read("1 + let x = 1 in x")).toBe("! expected a value after `+`, found `let`")
    expect(read("!for x in xs do x")).toBe("! put `for` … in parentheses next to the operator `!`")
  })
})

describe("folds", () => {
  it("have one or two values in a row", () => {
    check([
      ["fold + xs", "{fold + - xs}"],
      ["fold + 0 xs", "{fold + 0 xs}"],
      ["fold +0 xs", "{fold + 0 xs}"],
      ["fold -1 xs", "{fold - 1 xs}"],
      ["fold * -1 xs", "{fold * -1 xs}"],
      ["fold max xs", "{fold max - xs}"],
      ["fold min(xs)", "{fold min - xs}"],
      ["fold max(a) xs", "{fold max a xs}"],
      ["fold && true xs", "{fold && true xs}"],
      ["fold + 0 [1, 2]", "{fold + 0 [1 2]}"],
      ["fold + [1, 2]", "{fold + - [1 2]}"],
      ["fold + 1 + 2 xs", "{fold + (+_._ 1 2) xs}"],
      ["fold + a (b)", "{fold + - (a b)}"],
      ["fold + (a) (b)", "{fold + a b}"],
      ["fold + N xs", "{fold + N xs}"],
      ["fold + (N a) xs", "{fold + (N._ a) xs}"],
      ["fold + 0 N xs", "{fold + 0 (N._ xs)}"],
      ["fold + xs -1", "{fold + - (-_._ xs 1)}"],
      ["fold + 0 fold + xs", "{fold + 0 {fold + - xs}}"],
      ["fold + fold + 0 xs", "{fold + - {fold + 0 xs}}"],
      ["fold + fold + a b c", "{fold + {fold + a b} c}"],
      ["fold + 0 let y = 1 in [y]", "{fold + 0 {let y 1 [y]}}"],
      ["fold + for x in a do x ys", "{fold + {for x a x} ys}"],
    ])
  })

  it("end where a command begins", () => {
    checkAll([
      ["s = fold + xs\nz=2", ["s = {fold + - xs}", "z = 2"]],
      ["s = fold + xs\nlet z = 2", ["s = {fold + - xs}", "z = 2"]],
      ["s = fold + xs\nlet f(a) = a", ["s = {fold + - xs}", "f(a) = a"]],
      ["s = fold + xs\nlet + = a", ["s = {fold + - xs}", "+ = a"]],
      ["s = fold + xs\nf(a, b) = a", ["s = {fold + - xs}", "f(a,b) = a"]],
      ['s = fold + xs\nprint "s" s', ["s = {fold + - xs}", "print s s"]],
      ["s = fold + xs\nlet t = fold + ys\nlet u = 1", ["s = {fold + - xs}", "t = {fold + - ys}", "u = 1"]],
      ["s = fold + N\nM(a) = a", ["s = {fold + - N}", "M(a) = a"]],
    ])
  })

  it("are read in time that grows with their number, commands that might be values after each", () => {
    const lines = Array.from({ length: 2000 }, (_, at) => `let x${at} = fold + a`)
    const { program, problems } = parseProgram(lines.join("\n"), "folds.imgql")
    expect(problems).toEqual([])
    expect(program.commands.length).toBe(2000)
  })
})

describe("commands", () => {
  it("define values and functions, with let or without", () => {
    checkAll([
      ["let x = 1", ["x = 1"]],
      ["x = 1 y = 2", ["x = 1", "y = 2"]],
      ["let f(a, b) = a", ["f(a,b) = a"]],
      ["f() = 3", ["f() = 3"]],
      ["let +?(a,b)=a * b + 1", ["+?(a,b) = (+_._ (*_._ a b) 1)"]],
      ["+(a,b) = addition(a,b)", ["+(a,b) = (addition a b)"]],
      ["let .<= (n,i) = geq_sv(n,i)", [".<=(n,i) = (geq_sv n i)"]],
      [
        "SUM(a,b) = a + b\n+?(a,b) = a * b + 1\nx = 4 SUM 9\ny = 5 +? 8",
        ["SUM(a,b) = (+_._ a b)", "+?(a,b) = (+_._ (*_._ a b) 1)", "x = (SUM_._ 4 9)", "y = (+?_._ 5 8)"],
      ],
      ["x = 3\nB+(a)=a\nN(a) = a\nM=4", ["x = 3", "B+(a) = a", "N(a) = a", "M = 4"]],
      ["x = (a)\n=(b,c)=d", ["x = a", "=(b,c) = d"]],
      ["let print(message, value) = f(message, value)", ["print(message,value) = (f message value)"]],
      ["x=-1 y=!a f(a)=-a z=.5", ["x = -1", "y = (!._ a)", "f(a) = (-._ a)", "z = 0.5"]],
      ["a.b = 1", ["a.b = 1"]],
      ["x = for _ in xs do 1", ["x = {for _ xs 1}"]],
      ["x = 1 SUM(a, b)=&a", ["x = 1", "SUM(a,b) = (&._ a)"]],
    ])
  })

  it("print, save and import", () => {
    checkAll([
      ['print "data" data', ["print data data"]],
      ['print "a" x save "b.nii.gz" N a', ["print a x", "save b.nii.gz (N._ a)"]],
      ['print "a" N\nprint "b" M\nimport "vox1"', ["print a N", "print b M", "import vox1"]],
      ['import "a" import "b.imgql"', ["import a", "import b.imgql"]],
    ])
  })

  it("may be divided by blanks and comments as one likes", () => {
    checkAll([
      ["\uFEFF// first\nx // the name\n=\t1 // one\r\n// last", ["x = 1"]],
      ["x = a +// and\n b", ["x = (+_._ a b)"]],
      ["x = f(a) // no\n  .<= b", ["x = (.<=_._ (f a) b)"]],
      ["", []],
      ["// only this", []],
    ])
  })
})

describe("problems", () => {
  it("are told with what was expected and what was found", () => {
    checkAll([
      ["let = 3", ["! expected `=`, found `3`"]],
      ["let f(a = 3", ["! expected a comma or a closing parenthesis, found `=`"]],
      ["let f(1) = 3", ["! expected the name of a parameter, found `1`"]],
      ["let 3 = x", ["! expected the name to define, found `3`"]],
      ["x == 3", ["! expected a command (let, print, save, import or NAME = …), found `x`"]],
      ["let x == 3", ["! expected `=`, found `==`"]],
      ["print x", ["! expected a label in quotes after `print`, found `x`"]],
      ["save x", ["! expected a file name in quotes after `save`, found `x`"]],
      ["import vox1", ["! expected what to import in quotes after `import`, found `vox1`"]],
      ['load a = "b.nii"', ['! there is no `load` command: write NAME = ReadImage("file")']],
      ["let filter = 1", ["! `filter` is a word of the language: choose another name"]],
      ["x = for(a)", ["! expected the name of a variable after `for`, found `(`"]],
      ["x = fold xs", ["! expected an operator after `fold`, found `xs`"]],
      ["x = let y = 1 y", ["! expected `in`, found `y`"]],
      ["x = for y in xs", ["! expected `do`, found the end of the text"]],
      ["x = for y = xs", ["! expected `in`, found `=`"]],
      ["x = in", ["! expected a value before `in`"]],
      ["x = (1", ["! expected an operator or `)`, found the end of the text"]],
      ["x = [1", ["! expected an operator, a comma or `]`, found the end of the text"]],
      ["x = f(a:b)", ["! expected an operator, a comma or `)`, found `:`"]],
      ["x = xs[1", ["! expected an operator or `]`, found the end of the text"]],
      ["x = a -(b, c)", ["! expected an operator or `)`, found `,`"]],
      ["x = )", ["! expected a value, found `)`"]],
      ["x = 1 +", ["! expected a value after `+`, found the end of the text"]],
      [
        "x = M-1",
        [
          "! expected a value after `M-1`, found the end of the text (upper-case letters and the symbols next to them are one operator: put spaces between)",
        ],
      ],
      ["x = 1; let y = 2", ["! commands need nothing between them: leave out the semicolon"]],
      ['x = "abc', ["! expected a value, found a string that does not end on its line"]],
      ["x = \u00e9", ["! expected a value, found the character U+00E9, which has no meaning here"]],
      ["x = \u{1F600}", ["! expected a value, found the character U+1F600, which has no meaning here"]],
    ])
    expect(readAll("x = a b")).toEqual([
      "x = a",
      "! expected an operator or a command (let, print, save, import or NAME = …), found `b`",
    ])
  })

  it("do not keep later commands from being read", () => {
    const text = [
      "let a = (1",
      "let b = 2 +",
      "",
      "  let c = )",
      "f(x, y) = [",
      "+?(a) = 3",
      'print "d" d',
      ")",
      "e = 5",
    ]
    const { program, problems } = parseProgram(text.join("\n"), "test.imgql")
    expect(problems.map(({ span }) => text.join("\n").slice(0, span.start).split("\n").length)).toEqual([2, 4, 4, 7, 8])
    expect(program.commands.map((command) => (command.kind === "let" ? command.name : command.kind))).toEqual([
      "print",
      "e",
    ])
  })

  it("are told up to a bound", () => {
    const { problems } = parseProgram("let x = )\n".repeat(1000), "test.imgql")
    expect(problems.length).toBe(MAX_SYNTAX_PROBLEMS)
  })
})

describe("large programs", () => {
  it("may be nested as deeply as they like", () => {
    const depth = 20_000
    for (const [open, close] of [
      ["(", ")"],
      ["[", "]"],
      ["f(", ")"],
      ["! ", ""],
      ["N ", ""],
      ["let x = 1 in ", ""],
      ["for x in xs do ", ""],
      ["fold + ", ""],
      ["fold + 0 ", ""],
      ["xs[", "]"],
      ["1 + (", ")"],
    ] as const) {
      const { expression, problems } = parseExpression(`${open.repeat(depth)}a${close.repeat(depth)}`, "deep.imgql")
      expect({ open, problems }).toEqual({ open, problems: [] })
      expect({ open, start: expression?.span.start }).toEqual({ open, start: open === "(" ? depth : 0 })
    }
    expect(parseExpression("(".repeat(depth), "deep.imgql").problems.length).toBe(1)
  })

  it("may have chains of operators as long as they like", () => {
    const length = 100_000
    const { expression } = parseExpression(Array.from({ length }, (_, at) => `x${at}`).join(" + "), "long.imgql")
    let steps = 0
    for (let left = expression; left?.kind === "call"; left = left.arguments[0] ?? null) steps += 1
    expect(steps).toBe(length - 1)
  })
})

describe("spans", () => {
  it("cover what was written", () => {
    const text = 'let f(ab) = (x + y)[0] - g(ab)\n  print "p"  !x // end'
    const { program } = parseProgram(text, "test.imgql")
    const [first, second] = program.commands
    const at = ({ span }: { span: { start: number; end: number } }) => text.slice(span.start, span.end)
    expect(first === undefined ? "" : at(first)).toBe("let f(ab) = (x + y)[0] - g(ab)")
    expect(second === undefined ? "" : at(second)).toBe('print "p"  !x')
    if (first?.kind !== "let" || first.body.kind !== "call") throw new Error("not a call")
    expect(first.parameters?.map(at)).toEqual(["ab"])
    expect(first.body.arguments.map(at)).toEqual(["(x + y)[0]", "g(ab)"])
    expect(text.slice(first.body.calleeSpan.start, first.body.calleeSpan.end)).toBe("-")
  })
})
