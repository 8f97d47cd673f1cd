/**
 * From names to what they stand for.
 *
 * Scopes are lexical, and a definition sees only what is defined before it: a function that names itself means an earlier
 * definition of that name or the primitive, as in `let +(a, b) = a + b`, and without one it is refused. So functions are
 * macros, of which every call can be replaced by the body: there is no recursion to run, and nothing that does not end.
 */
import type { Binding, DefinitionBinding, LocalBinding } from "./binding.ts"
import { isName } from "./lexer.ts"
import { closest, quote, type ProblemCode } from "./problem.ts"
import type { SignatureTable } from "./signature.ts"
import { PROGRAM_VARIABLES, type Binder, type Expression, type Program, type Span } from "./syntax.ts"

/** Where a problem was found; the file is known to whoever is told. */
export type Report = (problem: {
  readonly code: ProblemCode
  readonly span: Span
  readonly message: string
  readonly suggestion?: string | null
}) => void

/** What is known where a command stands. */
export interface Surroundings {
  readonly definitions: ReadonlyMap<string, DefinitionBinding>
  readonly signatures: SignatureTable
  /** The namespaces imported, in the order names are looked for. */
  readonly imported: readonly string[]
  /** Those of them that the program asks for itself, beside what every program finds imported. */
  readonly asked: readonly string[]
  readonly program: Program
  /** What is being defined, if the expression is the body of a definition. */
  readonly defining: string | null
  readonly report: Report
}

type Task = Expression | { readonly kind: "bind" | "unbind"; readonly binder: Binder }

/** Finds what the names of an expression stand for, and reports those that stand for nothing. */
export function resolveNames(
  root: Expression,
  parameters: readonly Binder[],
  surroundings: Surroundings,
  bindings: Map<Expression, Binding>,
): void {
  const locals = new Map<string, LocalBinding[]>()
  for (const binder of parameters) bind(locals, binder)
  const rest: Task[] = [root]
  for (let task = rest.pop(); task !== undefined; task = rest.pop()) {
    switch (task.kind) {
      case "bind":
        bind(locals, task.binder)
        break
      case "unbind":
        locals.get(task.binder.name)?.pop()
        break
      case "name":
      case "call": {
        const name = task.kind === "name" ? task.name : task.callee
        const isAlone = task.kind === "name"
        const binding = lookUp(name, locals, isAlone ? forNameAlone(name, surroundings) : surroundings)
        if (binding === null) reportUnknown(task, locals, surroundings)
        else bindings.set(task, binding)
        if (task.kind === "call") pushAll(rest, task.arguments)
        break
      }
      case "let-in":
        refuseReserved(task.binder, surroundings.report)
        rest.push({ kind: "unbind", binder: task.binder }, task.body, { kind: "bind", binder: task.binder }, task.value)
        break
      case "for":
      case "filter":
        refuseReserved(task.binder, surroundings.report)
        rest.push({ kind: "unbind", binder: task.binder }, task.body)
        rest.push({ kind: "bind", binder: task.binder }, task.sequence)
        break
      case "fold":
        pushAll(rest, task.initial === null ? [task.sequence] : [task.initial, task.sequence])
        break
      case "list":
        pushAll(rest, task.items)
        break
      case "index":
        pushAll(rest, [task.sequence, task.index])
        break
      case "slice":
        pushAll(
          rest,
          [task.sequence, task.start, task.stop].filter((part) => part !== null),
        )
        break
      case "number":
      case "boolean":
      case "string":
        break
    }
  }
}

/**
 * What may be meant by a name without arguments. One letter is what programs call their own variables: that `x` was never
 * defined must not go unnoticed because a primitive has that name, unless the program imports its namespace.
 */
function forNameAlone(name: string, surroundings: Surroundings): Surroundings {
  return name.length > 1 ? surroundings : { ...surroundings, imported: surroundings.asked }
}

/** Says so if a name must not be defined. */
export function refuseReserved({ name, span }: Binder, report: Report): void {
  if (!PROGRAM_VARIABLES.has(name)) return
  const message = `${quote(name)} is set by the system and cannot be defined: choose another name`
  report({ code: "E_RESERVED_PROGRAM_VARIABLE", span, message })
}

/** The first of them is to be the next task. */
function pushAll(rest: Task[], parts: readonly Expression[]): void {
  for (let at = parts.length - 1; at >= 0; at -= 1) {
    const part = parts[at]
    if (part !== undefined) rest.push(part)
  }
}

function bind(locals: Map<string, LocalBinding[]>, binder: Binder): void {
  const binding: LocalBinding = { kind: "local", binder }
  const outer = locals.get(binder.name)
  if (outer === undefined) locals.set(binder.name, [binding])
  else outer.push(binding)
}

function lookUp(
  name: string,
  locals: ReadonlyMap<string, readonly LocalBinding[]>,
  { definitions, signatures, imported }: Surroundings,
): Binding | null {
  const found = locals.get(name)?.at(-1) ?? definitions.get(name)
  if (found !== undefined) return found
  if (PROGRAM_VARIABLES.has(name)) return { kind: "program-variable", name }
  const overloads = signatures.find(name, imported)
  return overloads.length === 0 ? null : { kind: "primitive", name, signatures: overloads }
}

function reportUnknown(
  expression: Expression & { readonly kind: "name" | "call" },
  locals: ReadonlyMap<string, readonly LocalBinding[]>,
  surroundings: Surroundings,
): void {
  const isCall = expression.kind === "call"
  const name = isCall ? expression.callee : expression.name
  const span = isCall ? expression.calleeSpan : expression.span
  const { defining, report, signatures, imported, definitions } = surroundings
  if (name === defining) {
    const message = `${quote(name)} is used in its own definition; what a name stands for replaces it, so use for or fold`
    report({ code: "E_RECURSION", span, message })
    return
  }
  const hint = explain(name, surroundings)
  const known = [
    ...[...locals].flatMap(([local, bound]) => (bound.length > 0 ? [local] : [])),
    ...definitions.keys(),
    ...imported.flatMap((namespace) => signatures.namesIn(namespace)),
    ...PROGRAM_VARIABLES,
  ]
  const suggestion = hint === null ? closest(name, known) : null
  const what = isCall ? `there is nothing called ${quote(name)} to call` : `there is nothing called ${quote(name)}`
  const message = hint === null ? what : `${what}: ${hint}`
  report({ code: isCall ? "E_UNKNOWN_CALLABLE" : "E_UNBOUND_IDENTIFIER", span, message, suggestion })
}

/** Why a name is not known, if there is more to say than that. */
function explain(name: string, surroundings: Surroundings): string | null {
  const { program, signatures, definitions, imported } = surroundings
  const [namespace] = signatures.namespacesWith(name)
  if (namespace !== undefined) return `it is a primitive of ${quote(namespace)}, so write import "${namespace}" first`
  const later = program.commands.find((command) => command.kind === "let" && command.name === name)
  if (later !== undefined)
    return `it is defined only at line ${lineOf(program, later.span)}, and must be before it is used`
  if (isName(name)) return null
  if (name === "=") return `to compare, write ${quote("==")}`
  if (name === ";") return "commands need nothing between them"
  if (name.startsWith(":")) return "the end of a slice that begins with a symbol needs a space after the colon"
  const apart = "put spaces between"
  if (/^[A-Z]/.test(name)) return `upper-case letters and the symbols next to them are one operator: ${apart}`
  const isKnown = (part: string) => definitions.has(part) || signatures.find(part, imported).length > 0
  for (let at = name.length - 1; at > 0; at -= 1) {
    const [left, right] = [name.slice(0, at), name.slice(at)]
    if (isKnown(left) && (isKnown(right) || /^[-+]$/.test(right))) {
      return `symbols next to each other are one operator: ${apart}, as in ${quote(`${left} ${right}`)}`
    }
  }
  return null
}

function lineOf({ source }: Program, { start }: Span): number {
  return source.slice(0, start).split("\n").length
}
