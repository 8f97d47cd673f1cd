/**
 * Canonical text of a program: one command a line, `let` before every definition, one space around infix operators, and
 * parentheses only where something else would be read without them. Reading it gives the same tree, but for its spans.
 */
import { isName, isUpperCase } from "./lexer.ts"
import type { CallExpression, Command, Expression, FoldExpression, Program } from "./syntax.ts"

/** What an expression is laid out as: text, and parts that become text. */
type Piece = string | Expression

/** The canonical text of a program, each command ended by a line break. */
export function printProgram({ commands }: Pick<Program, "commands">): string {
  return commands.map((command) => `${printCommand(command)}\n`).join("")
}

export function printCommand(command: Command): string {
  switch (command.kind) {
    case "let": {
      const { name, parameters, body } = command
      const list = parameters === null ? "" : `(${parameters.map((parameter) => parameter.name).join(", ")})`
      return `let ${name}${list} = ${printExpression(body)}`
    }
    case "save":
      return `save "${command.target}" ${printExpression(command.value)}`
    case "print":
      return `print "${command.label}" ${printExpression(command.value)}`
    case "import":
      return `import "${command.path}"`
  }
}

export function printExpression(root: Expression): string {
  const pieces: string[] = []
  // What is still to be written, the next of it last.
  const rest: Piece[] = [root]
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === "string") pieces.push(next)
    else for (const piece of layOut(next).toReversed()) rest.push(piece)
  }
  return pieces.join("")
}

/** An expression as the words and parts it consists of. */
function layOut(expression: Expression): readonly Piece[] {
  switch (expression.kind) {
    case "number":
      return [printNumber(expression.value)]
    case "boolean":
      return [String(expression.value)]
    case "string":
      return [`"${expression.value}"`]
    case "name":
      return [expression.name]
    case "call":
      return layOutCall(expression)
    case "let-in":
      return [`let ${expression.binder.name} = `, expression.value, " in ", expression.body]
    case "for":
    case "filter":
      return [`${expression.kind} ${expression.binder.name} in `, expression.sequence, " do ", expression.body]
    case "fold":
      return layOutFold(expression)
    case "list":
      return ["[", ...separate(expression.items), "]"]
    case "index":
      return [...unless(expression.sequence, isPrimary), "[", expression.index, "]"]
    case "slice": {
      const { sequence, start, stop } = expression
      const colon = stop !== null && beginsWithSymbol(stop) ? ": " : ":"
      return [...unless(sequence, isPrimary), "[", start ?? "", colon, stop ?? "", "]"]
    }
  }
}

/** Any number that JavaScript writes is read again, `1e+21` too; an infinite one is what is too large to be finite. */
export function printNumber(value: number): string {
  if (Object.is(value, -0)) return "-0"
  return Number.isFinite(value) ? String(value) : value < 0 ? "-1e999" : "1e999"
}

function layOutCall(call: CallExpression): readonly Piece[] {
  const { callee, arguments: args } = call
  const [left, right] = args
  const isUpper = isUpperCase(callee)
  if (left !== undefined && right !== undefined && isInfix(call)) {
    // A name before `=` would be defined, and an upper-case one before another applied to it.
    const mayBeLeft = (part: Expression) =>
      callee !== "=" && (isInfix(part) || isOperand(part)) && !(isUpper && endsInUpperCase(part))
    const mayBeRight = (part: Expression) => isOperand(part) && !(isUpper && beginsWithSymbol(part))
    return [...unless(left, mayBeLeft), ` ${callee} `, ...unless(right, mayBeRight)]
  }
  if (left !== undefined && isPrefix(call) && (!isUpper || isNamed(left))) {
    return [callee, ...(needsSpace(callee, left) ? [" "] : []), ...unless(left, isRightOfPrefix)]
  }
  return [callee, "(", ...separate(args), ")"]
}

/** Two values in a row: each is put in parentheses that could be taken for more or less than it is. */
function layOutFold({ operator, initial, sequence }: FoldExpression): readonly Piece[] {
  const first = initial === null ? [] : [...unless(initial, (part) => part.kind === "number"), " "]
  return [`fold ${operator} `, ...first, ...unless(sequence, isPlainSequence)]
}

function separate(items: readonly Expression[]): readonly Piece[] {
  return items.flatMap((item, at) => (at === 0 ? [item] : [", ", item]))
}

/** A part, in parentheses unless it may stand without. */
function unless(part: Expression, mayStand: (part: Expression) => boolean): readonly Piece[] {
  return mayStand(part) ? [part] : ["(", part, ")"]
}

function isInfix(part: Expression): boolean {
  return part.kind === "call" && part.spelling === "infix" && part.arguments.length === 2 && isOperator(part.callee)
}

function isPrefix(part: Expression): boolean {
  return part.kind === "call" && part.spelling === "prefix" && part.arguments.length === 1 && isOperator(part.callee)
}

/** Whether a name may be written before or between values. */
function isOperator(name: string): boolean {
  return isUpperCase(name) || !isName(name)
}

/** What `[ ]` may follow. */
function isPrimary(part: Expression): boolean {
  switch (part.kind) {
    case "let-in":
    case "for":
    case "filter":
    case "fold":
      return false
    case "call":
      return !isInfix(part) && !isPrefix(part)
    default:
      return true
  }
}

/** What may stand beside an operator. */
function isOperand(part: Expression): boolean {
  return isPrimary(part) || isPrefix(part)
}

/** Whether the last word of an expression is an upper-case name, which would be applied to a name that followed. */
function endsInUpperCase(expression: Expression): boolean {
  let last: Expression | undefined = expression
  while (last?.kind === "call" && (isInfix(last) || isPrefix(last))) last = last.arguments.at(-1)
  return last?.kind === "name" && isUpperCase(last.name)
}

/**
 * Whether an expression begins with a name or a literal without a sign, as what an upper-case name stands before must. After
 * a value, `_` would not begin a name.
 */
function isNamed(expression: Expression): boolean {
  const first = firstOf(expression)
  switch (first.kind) {
    case "number":
      return first.value > 0 || Object.is(first.value, 0)
    case "boolean":
    case "string":
      return true
    case "name":
      return !first.name.startsWith("_")
    case "call":
      // In front of `[ ]` a prefix call is in parentheses.
      if (isPrefix(first)) return first === expression && isUpperCase(first.callee)
      return !isInfix(first) && isName(first.callee) && !first.callee.startsWith("_")
    default:
      return false
  }
}

/** What a fold can be given without parentheses, whatever is before it. */
function isPlainSequence(part: Expression): boolean {
  return (part.kind === "name" || (part.kind === "call" && part.spelling === "call")) && isNamed(part)
}

/** What a prefix operator may be followed by; with a parenthesis it would be called, whatever follows that. */
function isRightOfPrefix(operand: Expression): boolean {
  const first = firstOf(operand)
  return first === operand ? isOperand(operand) : isPrimary(first)
}

/** Whether a prefix operator and what follows would be taken for something else if nothing stood between them. */
function needsSpace(operator: string, operand: Expression): boolean {
  if (!isRightOfPrefix(operand)) return false
  return /[\w$]$|^[A-Z]/.test(operator) || firstOf(operand).kind === "number" || beginsWithSymbol(operand)
}

/** Whether the first character of an expression would be joined with a symbol before it. */
function beginsWithSymbol(expression: Expression): boolean {
  let first = firstOf(expression)
  while (isInfix(first) && first.kind === "call") {
    const [left] = first.arguments
    if (left === undefined) break
    first = firstOf(left)
  }
  switch (first.kind) {
    case "number":
      return first.value < 0 || Object.is(first.value, -0)
    case "name":
      return !/^[A-Za-z]/.test(first.name)
    case "call":
      return !/^[A-Za-z]/.test(first.callee)
    default:
      return false
  }
}

/** What is before all brackets of an expression. */
function firstOf(expression: Expression): Expression {
  let first = expression
  while (first.kind === "index" || first.kind === "slice") first = first.sequence
  return first
}
