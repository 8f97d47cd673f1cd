/**
 * Types of expressions, as far as they can be known before anything runs.
 *
 * A function is looked at once without knowing what it is given, and once for each combination of types it is called with,
 * up to a limit: the result of `a + b` is a number for numbers and an image for images. What a limit leaves out is `any`,
 * of which everything is expected, so that nothing is refused that might be right.
 */
import type { Bindings, DefinitionBinding, PrimitiveBinding } from "./binding.ts"
import { quote } from "./problem.ts"
import type { Report } from "./resolve.ts"
import { fewest, fits, formatParameters, most, parameterAt, type Signature, type ValueType } from "./signature.ts"
import {
  FOLD_OPERATORS,
  partsOf,
  type Binder,
  type CallExpression,
  type Expression,
  type FoldExpression,
} from "./syntax.ts"

/** Combinations of types that one function is looked at for. */
const MAX_COMBINATIONS = 16
/** Functions that are looked at within each other. */
const MAX_DEPTH = 24
/** Forms of a primitive that a message lists. */
const MAX_LISTED = 4

interface Outcome {
  readonly type: ValueType
  /** What is wrong inside when it is given these types. */
  readonly complaint: string | null
}

type Task =
  | { readonly kind: "enter" | "leave"; readonly expression: Expression }
  /** The value on top is that of a variable. */
  | { readonly kind: "set"; readonly binder: Binder }

export class Typing {
  readonly #bindings: Bindings
  readonly #values = new Map<DefinitionBinding["command"], ValueType>()
  readonly #outcomes = new Map<DefinitionBinding["command"], Map<string, Outcome>>()

  constructor(bindings: Bindings) {
    this.#bindings = bindings
  }

  /** The type of what a command gives; of a function, that is what a call of it gives. */
  define(binding: DefinitionBinding, report: Report): void {
    const { command } = binding
    const locals = new Map((command.parameters ?? []).map((binder) => [binder, "any"] as const))
    const type = this.#typeOf(command.body, locals, report, 0)
    this.#values.set(command, type)
    this.#outcomes.set(
      command,
      new Map([[(command.parameters ?? []).map(() => "any").join(), { type, complaint: null }]]),
    )
  }

  /** The type of an expression outside of definitions. */
  check(expression: Expression, report: Report): ValueType {
    return this.#typeOf(expression, new Map(), report, 0)
  }

  #typeOf(root: Expression, locals: Map<Binder, ValueType>, report: Report, depth: number): ValueType {
    const types: ValueType[] = []
    const rest: Task[] = [{ kind: "enter", expression: root }]
    for (let task = rest.pop(); task !== undefined; task = rest.pop()) {
      if (task.kind === "set") {
        locals.set(task.binder, types.at(-1) ?? "any")
        continue
      }
      const { expression } = task
      if (task.kind === "enter") {
        rest.push({ kind: "leave", expression })
        enterParts(expression, rest, locals)
        continue
      }
      const given = types.splice(types.length - partsOf(expression).length)
      types.push(this.#leave(expression, given, { locals, report, depth }))
    }
    return types[0] ?? "any"
  }

  #leave(expression: Expression, given: readonly ValueType[], around: Around): ValueType {
    switch (expression.kind) {
      case "number":
      case "boolean":
      case "string":
        return expression.kind
      case "name":
        return this.#typeOfName(expression, around)
      case "call":
        return this.#typeOfCall(expression, given, around)
      case "let-in":
        return given[1] ?? "any"
      case "for":
      case "filter":
        needSequence(expression.sequence, given[0], around.report)
        return "sequence"
      case "fold":
        return typeOfFold(expression, given, around.report)
      case "list":
        return "sequence"
      case "index":
        needSequence(expression.sequence, given[0], around.report)
        needNumber(expression.index, given[1], around.report)
        return "any"
      case "slice": {
        needSequence(expression.sequence, given[0], around.report)
        const [, ...bounds] = partsOf(expression)
        for (const [at, bound] of bounds.entries()) needNumber(bound, given[at + 1], around.report)
        return "sequence"
      }
    }
  }

  #typeOfName(expression: Expression, { locals, depth }: Around): ValueType {
    const binding = this.#bindings.get(expression)
    switch (binding?.kind) {
      case undefined:
        return "any"
      case "local":
        return locals.get(binding.binder) ?? "any"
      case "program-variable":
        return "string"
      case "primitive": {
        // A name alone calls what takes nothing.
        const alone = binding.signatures.find((signature) => fewest(signature) === 0)
        return alone?.result ?? "function"
      }
      case "definition": {
        const { parameters } = binding.command
        if (parameters === null) return this.#values.get(binding.command) ?? "any"
        return parameters.length === 0 ? this.#apply(binding, [], depth).type : "function"
      }
    }
  }

  #typeOfCall(call: CallExpression, given: readonly ValueType[], around: Around): ValueType {
    const binding = this.#bindings.get(call)
    const { report } = around
    switch (binding?.kind) {
      case undefined:
        return "any"
      case "primitive":
        return typeOfPrimitive(call, binding, given, report)
      case "local":
        return needFunction(call, around.locals.get(binding.binder) ?? "any", report)
      case "program-variable":
        return needFunction(call, "string", report)
      case "definition": {
        const { parameters } = binding.command
        if (parameters === null) return needFunction(call, this.#values.get(binding.command) ?? "any", report)
        if (parameters.length !== given.length) {
          const list = parameters.map((parameter) => parameter.name).join(", ")
          const takes = `${quote(call.callee)} takes ${count(parameters.length)}${list === "" ? "" : ` (${list})`}`
          report({ code: "E_ARITY", span: call.span, message: `${takes}, not ${given.length}` })
          return "any"
        }
        const outcome = this.#apply(binding, given, around.depth)
        if (outcome.complaint !== null) {
          const message = `${quote(call.callee)} given (${given.join(", ")}): ${outcome.complaint}`
          report({ code: "E_TYPE", span: call.span, message })
        }
        return outcome.type
      }
    }
  }

  /** What a function gives for those types. */
  #apply({ command }: DefinitionBinding, given: readonly ValueType[], depth: number): Outcome {
    const known = this.#outcomes.get(command)
    const parameters = command.parameters ?? []
    const generic = known?.get(parameters.map(() => "any").join()) ?? { type: "any", complaint: null }
    if (known === undefined) return generic
    const key = given.join()
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= MAX_COMBINATIONS || depth >= MAX_DEPTH) return generic
    let complaint: string | null = null
    const report: Report = ({ message }) => {
      complaint ??= message
    }
    const locals = new Map(parameters.map((binder, at) => [binder, given[at] ?? "any"] as const))
    const type = this.#typeOf(command.body, locals, report, depth + 1)
    const outcome: Outcome = { type, complaint }
    known.set(key, outcome)
    return outcome
  }
}

interface Around {
  readonly locals: ReadonlyMap<Binder, ValueType>
  readonly report: Report
  readonly depth: number
}

/** Makes the parts of an expression the next tasks, in order, with what they bind. */
function enterParts(expression: Expression, rest: Task[], locals: Map<Binder, ValueType>): void {
  if (expression.kind === "let-in") {
    rest.push({ kind: "enter", expression: expression.body }, { kind: "set", binder: expression.binder })
    rest.push({ kind: "enter", expression: expression.value })
    return
  }
  if (expression.kind === "for" || expression.kind === "filter") locals.set(expression.binder, "any")
  const parts = partsOf(expression)
  for (let at = parts.length - 1; at >= 0; at -= 1) {
    const part = parts[at]
    if (part !== undefined) rest.push({ kind: "enter", expression: part })
  }
}

function typeOfPrimitive(
  call: CallExpression,
  { signatures }: PrimitiveBinding,
  given: readonly ValueType[],
  report: Report,
): ValueType {
  const counted = signatures.filter((signature) => fewest(signature) <= given.length && given.length <= most(signature))
  const [only] = counted
  if (only === undefined) {
    const counts = [...new Set(signatures.map(countOf))].join(" or ")
    const message = `${quote(call.callee)} takes ${counts}, ${listForms(signatures)}, not ${given.length}`
    report({ code: "E_ARITY", span: call.span, message })
    return commonResult(signatures)
  }
  const fitting = counted.filter((signature) =>
    given.every((type, at) => fits(type, parameterAt(signature, at)?.types ?? [])),
  )
  const [first] = fitting
  // The first that fits is meant, if it is known what fits.
  if (first !== undefined) return given.includes("any") ? commonResult(fitting) : first.result
  if (counted.length === 1) {
    const at = given.findIndex((type, place) => !fits(type, parameterAt(only, place)?.types ?? []))
    const parameter = parameterAt(only, at)
    const needs = `${quote(call.callee)} needs ${(parameter?.types ?? []).map(article).join(" or ")}`
    const message = `${needs} for ${quote(parameter?.name ?? "")}, not ${article(given[at] ?? "any")}`
    report({ code: "E_TYPE", span: call.arguments[at]?.span ?? call.span, message })
  } else {
    const message = `${quote(call.callee)} takes ${listForms(counted)}, not (${given.join(", ")})`
    report({ code: "E_TYPE", span: call.span, message })
  }
  return commonResult(counted)
}

/** The type that all of them give, if it is one. */
function commonResult(signatures: readonly Signature[]): ValueType {
  const [first, ...others] = signatures
  if (first === undefined) return "any"
  return others.every((signature) => signature.result === first.result) ? first.result : "any"
}

function typeOfFold(fold: FoldExpression, given: readonly ValueType[], report: Report): ValueType {
  if (!FOLD_OPERATORS.includes(fold.operator)) {
    const known = FOLD_OPERATORS.map((operator) => quote(operator)).join(", ")
    const message = `a fold combines with one of ${known}, not with ${quote(fold.operator)}`
    report({ code: "E_UNSUPPORTED_FOLD", span: fold.operatorSpan, message })
  }
  if (fold.initial === null && fold.operator === "/") {
    const message = `a fold with ${quote("/")} needs an initial value: fold / FIRST SEQUENCE`
    report({ code: "E_UNSUPPORTED_FOLD", span: fold.operatorSpan, message })
  }
  needSequence(fold.sequence, given.at(-1), report)
  return fold.operator === "&&" || fold.operator === "||" ? "boolean" : "any"
}

function needSequence({ span }: Expression, type: ValueType | undefined, report: Report): void {
  if (fits(type ?? "any", ["sequence"])) return
  report({ code: "E_TYPE", span, message: `expected a sequence, found ${article(type ?? "any")}` })
}

function needNumber({ span }: Expression, type: ValueType | undefined, report: Report): void {
  if (fits(type ?? "any", ["number"])) return
  report({ code: "E_TYPE", span, message: `expected a number, found ${article(type ?? "any")}` })
}

function needFunction(call: CallExpression, type: ValueType, report: Report): ValueType {
  if (fits(type, ["function"])) return "any"
  const message = `${quote(call.callee)} is ${article(type)} and cannot be called`
  report({ code: "E_TYPE", span: call.calleeSpan, message })
  return "any"
}

function article(type: ValueType): string {
  return type === "any" ? "anything" : type === "image" ? "an image" : `a ${type}`
}

function count(number: number): string {
  return number === 0 ? "no arguments" : number === 1 ? "1 argument" : `${number} arguments`
}

function countOf(signature: Signature): string {
  const [least, greatest] = [fewest(signature), most(signature)]
  if (least === greatest) return count(least)
  return greatest === Number.POSITIVE_INFINITY ? `at least ${count(least)}` : `${least} to ${greatest} arguments`
}

function listForms(signatures: readonly Signature[]): string {
  const forms = signatures.slice(0, MAX_LISTED).map((signature) => `(${formatParameters(signature)})`)
  return signatures.length > MAX_LISTED ? `${forms.join(", ")} and more` : forms.join(" or ")
}
