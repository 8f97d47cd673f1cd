/** Trees as short text: calls as `(callee arguments)`, prefix and infix ones marked with the place of the operator. */
import { parseExpression, parseProgram } from "../../src/language/parser.ts"
import type { Command, Expression } from "../../src/language/syntax.ts"

export function show(expression: Expression): string {
  switch (expression.kind) {
    case "number":
      return Object.is(expression.value, -0) ? "-0" : String(expression.value)
    case "boolean":
      return String(expression.value)
    case "string":
      return `"${expression.value}"`
    case "name":
      return expression.name
    case "call": {
      const mark = { call: "", infix: "_._", prefix: "._" }[expression.spelling]
      return `(${[`${expression.callee}${mark}`, ...expression.arguments.map(show)].join(" ")})`
    }
    case "let-in":
      return `{let ${expression.binder.name} ${show(expression.value)} ${show(expression.body)}}`
    case "for":
    case "filter":
      return `{${expression.kind} ${expression.binder.name} ${show(expression.sequence)} ${show(expression.body)}}`
    case "fold": {
      const initial = expression.initial === null ? "-" : show(expression.initial)
      return `{fold ${expression.operator} ${initial} ${show(expression.sequence)}}`
    }
    case "list":
      return `[${expression.items.map(show).join(" ")}]`
    case "index":
      return `${show(expression.sequence)}[${show(expression.index)}]`
    case "slice": {
      const { sequence, start, stop } = expression
      return `${show(sequence)}[${start === null ? "" : show(start)}:${stop === null ? "" : show(stop)}]`
    }
  }
}

export function showCommand(command: Command): string {
  switch (command.kind) {
    case "let": {
      const parameters = command.parameters === null ? "" : `(${command.parameters.map(({ name }) => name).join()})`
      return `${command.name}${parameters} = ${show(command.body)}`
    }
    case "save":
      return `save ${command.target} ${show(command.value)}`
    case "print":
      return `print ${command.label} ${show(command.value)}`
    case "import":
      return `import ${command.path}`
  }
}

/** An expression's tree, or its problems. */
export function read(text: string): string {
  const { expression, problems } = parseExpression(text, "test.imgql")
  if (expression === null) return problems.map(({ message }) => `! ${message}`).join("\n")
  return show(expression)
}

/** The commands of a program and its problems, one a line. */
export function readAll(text: string): string[] {
  const { program, problems } = parseProgram(text, "test.imgql")
  return [...program.commands.map(showCommand), ...problems.map(({ message }) => `! ${message}`)]
}
