/** Random programs: trees that can be written, for the properties of whatever reads and writes them. */
import fc from "fast-check"
import type { Binder, Command, Expression, Spelling } from "../../src/language/syntax.ts"

const SPAN = { start: 0, end: 0 }

const NAMES = ["a", "xs", "img", "_t", "N", "SUM", "T_MAX", "ReadImage", "simpleitk.ReadImage", "print", "$stem", "Lcc"]
const SYMBOLS = [
  "+",
  "-",
  "*",
  "/",
  "&",
  "!",
  "~>",
  ".<=",
  "./.",
  "|.",
  "=",
  "==",
  "+?",
  "_",
  "$",
  ".",
  "#;",
  "\\",
  "B+",
  "'",
]
const UPPER = ["N", "SUM", "T_MAX"]

const name: fc.Arbitrary<string> = fc.constantFrom(...NAMES)
const binder: fc.Arbitrary<Binder> = fc
  .constantFrom("a", "xs", "_t", "M2", "print")
  .map((text) => ({ name: text, span: SPAN }))
const text: fc.Arbitrary<string> = fc
  .array(fc.constantFrom("a", " ", "\\\\", '\\"', "/", "é", "\t", "(", "漢"), { maxLength: 6 })
  .map((chars) => chars.join(""))
const number: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: -20, max: 300 }),
  fc.double({ noNaN: true }),
  fc.constantFrom(-0, 1e21, 1e-7, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)

function call(callee: string, args: readonly Expression[], spelling: Spelling): Expression {
  return { kind: "call", callee, calleeSpan: SPAN, arguments: args, spelling, span: SPAN }
}

/** Whether an upper-case name is prefix in front of it. */
function mayFollowName(operand: Expression): boolean {
  if (operand.kind === "name") return !operand.name.startsWith("_")
  return operand.kind !== "number" || operand.value > 0 || Object.is(operand.value, 0)
}

/** Expressions as the parser makes them. */
export const expressions: fc.Arbitrary<Expression> = fc.letrec<{ tree: Expression }>((tie) => {
  const tree = tie("tree")
  const list = fc.array(tree, { maxLength: 3 })
  const plain: fc.Arbitrary<Expression> = fc.oneof(
    number.map((value) => ({ kind: "number", value, span: SPAN }) as const),
    fc.boolean().map((value) => ({ kind: "boolean", value, span: SPAN }) as const),
    text.map((value) => ({ kind: "string", value, span: SPAN }) as const),
    name.map((value) => ({ kind: "name", name: value, span: SPAN }) as const),
  )
  const operator = fc.constantFrom(...SYMBOLS)
  const between = fc.constantFrom(...SYMBOLS, ...UPPER)
  return {
    tree: fc.oneof(
      { depthSize: "small" },
      { weight: 3, arbitrary: plain },
      { weight: 2, arbitrary: fc.tuple(between, tree, tree).map(([op, a, b]) => call(op, [a, b], "infix")) },
      { weight: 2, arbitrary: fc.tuple(operator, tree).map(([op, a]) => call(op, [a], "prefix")) },
      fc
        .tuple(fc.constantFrom(...UPPER), plain)
        .filter(([, operand]) => mayFollowName(operand))
        .map(([op, a]) => call(op, [a], "prefix")),
      fc.tuple(name, list).map(([callee, items]) => call(callee, items, "call")),
      fc
        .tuple(operator, list)
        .filter(([, items]) => items.length !== 1)
        .map(([callee, items]) => call(callee, items, "call")),
      fc.record({ kind: fc.constant("let-in"), binder, value: tree, body: tree, span: fc.constant(SPAN) }),
      fc.record({
        kind: fc.constantFrom("for", "filter"),
        binder,
        sequence: tree,
        body: tree,
        span: fc.constant(SPAN),
      }),
      fc.record({
        kind: fc.constant("fold"),
        operator: fc.constantFrom("+", "-", "&&", "min", "max", "B+"),
        operatorSpan: fc.constant(SPAN),
        initial: fc.option(tree),
        sequence: tree,
        span: fc.constant(SPAN),
      }),
      fc.record({ kind: fc.constant("list"), items: list, span: fc.constant(SPAN) }),
      fc.record({ kind: fc.constant("index"), sequence: tree, index: tree, span: fc.constant(SPAN) }),
      fc.record({
        kind: fc.constant("slice"),
        sequence: tree,
        start: fc.option(tree),
        stop: fc.option(tree),
        span: fc.constant(SPAN),
      }),
    ),
  }
}).tree

export const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant("let"),
    name: fc.constantFrom("a", "f", "N", "+", "+?", "B+", "=", "print", "a.b", "_t"),
    nameSpan: fc.constant(SPAN),
    parameters: fc.option(fc.array(binder, { maxLength: 3 })),
    body: expressions,
    span: fc.constant(SPAN),
  }),
  fc.record({ kind: fc.constant("save"), target: text, value: expressions, span: fc.constant(SPAN) }),
  fc.record({ kind: fc.constant("print"), label: text, value: expressions, span: fc.constant(SPAN) }),
  fc.record({ kind: fc.constant("import"), path: text, pathSpan: fc.constant(SPAN), span: fc.constant(SPAN) }),
)
