/** A checked program to the nodes somebody wants: its prints and saves. Nothing is evaluated here. */
import type { CheckedProgram } from "../language/check.ts"
import type { Primitive } from "../primitives/primitive.ts"
import { runCode } from "./code.ts"
import { compile } from "./compile.ts"
import type { Graph, Handle, Site } from "./graph.ts"
import { Meaning } from "./meaning.ts"
import type { Operator } from "./operator.ts"

/** What a program asks for. */
export interface Goal {
  readonly kind: "print" | "save"
  /** What is printed before the value, or the file it is saved to. */
  readonly label: string
  readonly handle: Handle
  readonly site: Site
}

export interface LoadOptions {
  readonly primitives: readonly Primitive[]
  readonly programVariables: ReadonlyMap<string, string>
}

/** The first image file that a program reads, as far as it is known before anything is evaluated. */
export function findBaseImage(graph: Graph): Handle | undefined {
  for (let at = 0; at < graph.size; at += 1) {
    const handle = at as Handle // Below the graph's size.
    const operator = graph.operatorOf(handle)
    if (operator.kind === "apply" && operator.overloads.primitives.some(({ work }) => work.kind === "file"))
      return handle
  }
  return undefined
}

/** The goals of a program without problems, in the order they are written. */
export function loadProgram(graph: Graph, { steps, bindings }: CheckedProgram, options: LoadOptions): readonly Goal[] {
  const meaning = new Meaning({ bindings, ...options })
  const goals: Goal[] = []
  for (const { command, program } of steps) {
    const { file } = program
    if (command.kind !== "let") {
      const { start, end } = command.span
      const label = command.kind === "print" ? command.label : command.target
      const body = { name: `${command.kind} "${label}"`, parameters: [], expression: command.value, file }
      const handle = runCode(graph, compile(body, meaning), [])
      goals.push({ kind: command.kind, label, handle, site: { file, start, end } })
      continue
    }
    const { name, parameters, body } = command
    const code = compile({ name, parameters: parameters ?? [], expression: body, file }, meaning)
    if (parameters === null) {
      meaning.define(command, { kind: "value", handle: runCode(graph, code, []) })
    } else {
      const operator: Operator = { kind: "call", code }
      meaning.define(command, { kind: "function", operator, code })
    }
  }
  return goals
}
