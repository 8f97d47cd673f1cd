/**
 * What a program of numbers means, read off its tree: an environment of names, nothing shared, nothing remembered but what
 * a name stands for. Values are computed when they are wanted, as the language has it, so what fails unwanted does not
 * fail the program.
 */
import { parseProgram } from "../../src/language/parser.ts"
import type { Command, Expression, LetCommand } from "../../src/language/syntax.ts"

export type Plain = number | readonly Plain[]
type Value = number | readonly Lazy[]
type Lazy = () => Value

interface Environment {
  readonly values: ReadonlyMap<string, Lazy>
  readonly functions: ReadonlyMap<string, { readonly command: LetCommand; readonly environment: Environment }>
}

/** The value of the last print. */
export function interpret(source: string): Plain {
  const { program, problems } = parseProgram(source, "test.imgql")
  if (problems.length > 0) throw new Error(problems[0]?.message)
  let environment: Environment = { values: new Map(), functions: new Map() }
  let printed: Plain | undefined
  for (const command of program.commands) {
    if (command.kind === "print") printed = plain(evaluate(command.value, environment))
    else environment = define(command, environment)
  }
  if (printed === undefined) throw new Error("the program prints nothing")
  return printed
}

function define(command: Command, environment: Environment): Environment {
  if (command.kind !== "let") throw new Error(`only definitions and prints are read here, found ${command.kind}`)
  const { values, functions } = environment
  if (command.parameters === null)
    return { functions, values: new Map([...values, [command.name, later(command.body, environment)]]) }
  return { values, functions: new Map([...functions, [command.name, { command, environment }]]) }
}

function plain(value: Value): Plain {
  return typeof value === "number" ? value : value.map((item) => plain(item()))
}

/** Computed once, when it is first wanted. */
function later(expression: Expression, environment: Environment): Lazy {
  let known: Value | undefined
  return () => (known ??= evaluate(expression, environment))
}

function bind(environment: Environment, name: string, value: Lazy): Environment {
  return { ...environment, values: new Map([...environment.values, [name, value]]) }
}

function evaluate(expression: Expression, environment: Environment): Value {
  const number = (part: Expression): number => asNumber(evaluate(part, environment))
  const list = (part: Expression): readonly Lazy[] => asList(evaluate(part, environment))
  switch (expression.kind) {
    case "number":
      return expression.value
    case "name": {
      const found = environment.values.get(expression.name)
      if (found === undefined) throw new Error(`${expression.name} is not defined`)
      return found()
    }
    case "call":
      return evaluateCall(expression.callee, expression.arguments, environment)
    case "let-in":
      return evaluate(expression.body, bind(environment, expression.binder.name, later(expression.value, environment)))
    case "for":
      return list(expression.sequence).map((item) =>
        later(expression.body, bind(environment, expression.binder.name, item)),
      )
    case "filter":
      return list(expression.sequence).filter(
        (item) => asNumber(evaluate(expression.body, bind(environment, expression.binder.name, item))) !== 0,
      )
    case "fold": {
      const items = list(expression.sequence).map((item) => asNumber(item()))
      return fold(expression.operator, expression.initial === null ? undefined : number(expression.initial), items)
    }
    case "list":
      return expression.items.map((item) => later(item, environment))
    case "index": {
      const found = list(expression.sequence)[number(expression.index)]
      if (found === undefined) throw new Error("there is no such item")
      return found()
    }
    case "slice": {
      const { start, stop } = expression
      return list(expression.sequence).slice(
        start === null ? 0 : number(start),
        stop === null ? undefined : number(stop),
      )
    }
    default:
      throw new Error(`no program here has a ${expression.kind}`)
  }
}

function evaluateCall(callee: string, args: readonly Expression[], environment: Environment): Value {
  const called = environment.functions.get(callee)
  if (called !== undefined) {
    const { command, environment: outer } = called
    const inner = (command.parameters ?? []).reduce((scope, { name }, at) => {
      const argument = args[at]
      if (argument === undefined) throw new Error(`${callee} lacks an argument`)
      return bind(scope, name, later(argument, environment))
    }, outer)
    return evaluate(command.body, inner)
  }
  const [a = Number.NaN, b = Number.NaN] = args.map((argument) => asNumber(evaluate(argument, environment)))
  if (callee === "counted") return a
  if (callee === "range") return Array.from({ length: a }, (_, at) => () => at)
  return combine(callee, a, b)
}

function fold(operator: string, initial: number | undefined, items: readonly number[]): number {
  const start = initial ?? { "+": 0, "-": 0, "*": 1 }[operator] ?? items[0]
  if (start === undefined) throw new Error("nothing is the least of nothing")
  return items.reduce((left, right) => combine(operator, left, right), start)
}

function combine(operator: string, a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b
    case "-":
      return a - b
    case "*":
      return a * b
    case "min":
      return Math.min(a, b)
    case "max":
      return Math.max(a, b)
    default:
      throw new Error(`no program here has ${operator}`)
  }
}

function asNumber(value: Value): number {
  if (typeof value === "number") return value
  throw new Error("a number was expected, found a list")
}

function asList(value: Value): readonly Lazy[] {
  if (typeof value !== "number") return value
  throw new Error("a list was expected, found a number")
}
