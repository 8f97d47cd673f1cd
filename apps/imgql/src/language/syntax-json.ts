/**
 * The tree of a program as JSON, for `--save-syntax`: one object a node with its `kind` first and its `span` last, always
 * the same text for the same program. Written without recursion, as trees may be deep.
 */
import { printNumber } from "./print.ts"
import type { Binder, Command, Expression, Program, Span } from "./syntax.ts"

/** The form of the JSON, to be raised when it changes. */
const FORM = 1

export function programToJson({ file, commands }: Program): string {
  const lines = commands.map((command) => `\n    ${write(commandOf(command))}`)
  return `{\n  "form": ${FORM},\n  "file": ${JSON.stringify(file)},\n  "commands": [${lines.join(",")}\n  ]\n}\n`
}

export function expressionToJson(expression: Expression): string {
  return write([expression])
}

/** What is to be written: text, or an expression that becomes text. */
type Part = string | Expression

function write(parts: readonly Part[]): string {
  const pieces: string[] = []
  const rest: Part[] = parts.toReversed()
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === "string") pieces.push(next)
    else for (const part of expressionOf(next).toReversed()) rest.push(part)
  }
  return pieces.join("")
}

function commandOf(command: Command): readonly Part[] {
  const { kind, span } = command
  switch (kind) {
    case "let": {
      const parameters = command.parameters === null ? "null" : `[${command.parameters.map(binderOf).join(",")}]`
      return node(kind, span, { name: text(command.name), parameters: [parameters], body: [command.body] })
    }
    case "save":
      return node(kind, span, { target: text(command.target), value: [command.value] })
    case "print":
      return node(kind, span, { label: text(command.label), value: [command.value] })
    case "import":
      return node(kind, span, { path: text(command.path) })
  }
}

function expressionOf(expression: Expression): readonly Part[] {
  const { kind, span } = expression
  switch (kind) {
    case "number":
      return node(kind, span, { value: [printNumber(expression.value)] })
    case "boolean":
      return node(kind, span, { value: [String(expression.value)] })
    case "string":
      return node(kind, span, { value: text(expression.value) })
    case "name":
      return node(kind, span, { name: text(expression.name) })
    case "call": {
      const { callee, spelling } = expression
      return node(kind, span, {
        callee: text(callee),
        spelling: text(spelling),
        arguments: list(expression.arguments),
      })
    }
    case "let-in":
      return node(kind, span, {
        binder: [binderOf(expression.binder)],
        value: [expression.value],
        body: [expression.body],
      })
    case "for":
    case "filter":
      return node(kind, span, {
        binder: [binderOf(expression.binder)],
        sequence: [expression.sequence],
        body: [expression.body],
      })
    case "fold": {
      const { operator, initial, sequence } = expression
      return node(kind, span, { operator: text(operator), initial: [initial ?? "null"], sequence: [sequence] })
    }
    case "list":
      return node(kind, span, { items: list(expression.items) })
    case "index":
      return node(kind, span, { sequence: [expression.sequence], index: [expression.index] })
    case "slice": {
      const { sequence, start, stop } = expression
      return node(kind, span, { sequence: [sequence], start: [start ?? "null"], stop: [stop ?? "null"] })
    }
  }
}

function node(kind: string, { start, end }: Span, fields: Readonly<Record<string, readonly Part[]>>): readonly Part[] {
  const written = Object.entries(fields).flatMap(([name, parts]) => [`,"${name}":`, ...parts])
  return [`{"kind":"${kind}"`, ...written, `,"span":[${start},${end}]}`]
}

function list(items: readonly Expression[]): readonly Part[] {
  return ["[", ...items.flatMap((item, at) => (at === 0 ? [item] : [",", item])), "]"]
}

function text(value: string): readonly Part[] {
  return [JSON.stringify(value)]
}

function binderOf({ name, span }: Binder): string {
  return `{"name":${JSON.stringify(name)},"span":[${span.start},${span.end}]}`
}
