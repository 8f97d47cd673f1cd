/**
 * Expressions to code. Names are followed to what they stand for here, once: inside, code knows slots, nodes and operators.
 *
 * Trees may be as deep as somebody writes them, so what is still to be done lies on a stack of this module's own.
 */
import type { Binding } from "../language/binding.ts"
import type { Binder, CallExpression, Expression, FoldExpression, NameExpression, Span } from "../language/syntax.ts"
import type { Code, Instruction } from "./code.ts"
import type { Site } from "./graph.ts"
import type { Meaning } from "./meaning.ts"
import { type Fold, INDEX, LIST, type Operator, sliceOperator } from "./operator.ts"

/** What a body is compiled from. */
export interface Body {
  readonly name: string
  readonly parameters: readonly Binder[]
  readonly expression: Expression
  readonly file: string
}

/** Something still to be done, the next on top. */
type Step =
  | { readonly kind: "visit"; readonly expression: Expression }
  | { readonly kind: "emit"; readonly instruction: Instruction }
  | { readonly kind: "bind"; readonly binder: Binder }
  | { readonly kind: "enter"; readonly binder: Binder }
  | { readonly kind: "leave"; readonly of: "map" | "filter"; readonly span: Span }

/** Code that is being made. A loop's body is code of its own, which captures what it uses of the code around it. */
class Draft {
  readonly outer: Draft | null
  readonly instructions: Instruction[] = []
  readonly inputSlots: number[] = []
  /** Slots of the outer code whose values are the last inputs here, in order. */
  readonly captures: number[] = []
  slotCount = 0
  readonly #slots = new Map<Binder, number>()

  constructor(outer: Draft | null, parameters: readonly Binder[]) {
    this.outer = outer
    for (const parameter of parameters) this.inputSlots.push(this.bind(parameter))
  }

  bind(binder: Binder): number {
    const slot = this.slotCount
    this.slotCount += 1
    this.#slots.set(binder, slot)
    return slot
  }

  has(binder: Binder): boolean {
    return this.#slots.has(binder)
  }

  /** The slot of what is bound here. */
  slotOf(binder: Binder): number {
    const slot = this.#slots.get(binder)
    if (slot === undefined) throw new Error(`"${binder.name}" is used where it is not bound`)
    return slot
  }

  /** Makes a value of the outer code an input. */
  capture(binder: Binder, outerSlot: number): void {
    this.captures.push(outerSlot)
    this.inputSlots.push(this.bind(binder))
  }

  finish(name: string): Code {
    return { name, inputSlots: this.inputSlots, slotCount: this.slotCount, instructions: this.instructions }
  }
}

export function compile(body: Body, meaning: Meaning): Code {
  return new Compilation(body, meaning).run()
}

class Compilation {
  readonly #body: Body
  readonly #meaning: Meaning
  readonly #steps: Step[] = []
  #draft: Draft

  constructor(body: Body, meaning: Meaning) {
    this.#body = body
    this.#meaning = meaning
    this.#draft = new Draft(null, body.parameters)
  }

  run(): Code {
    this.#plan(visit(this.#body.expression))
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) this.#do(step)
    return this.#draft.finish(this.#body.name)
  }

  #do(step: Step): void {
    switch (step.kind) {
      case "visit":
        return this.#visit(step.expression)
      case "emit":
        this.#draft.instructions.push(step.instruction)
        return
      case "bind":
        this.#draft.instructions.push({ kind: "store", slot: this.#draft.bind(step.binder) })
        return
      case "enter":
        this.#draft = new Draft(this.#draft, [step.binder])
        return
      case "leave": {
        const inner = this.#draft
        this.#draft = inner.outer ?? inner
        const code = inner.finish(`a ${step.of === "map" ? "for" : "filter"} of ${this.#body.name}`)
        const operator: Operator = { kind: step.of, code }
        this.#draft.instructions.push(this.#node(operator, 1, step.span, inner.captures))
      }
    }
  }

  #visit(expression: Expression): void {
    const { span } = expression
    switch (expression.kind) {
      case "number":
      case "boolean":
      case "string":
        this.#draft.instructions.push({ kind: "constant", value: expression.value })
        return
      case "name":
        this.#draft.instructions.push(this.#nameInstruction(expression))
        return
      case "call":
        return this.#visitCall(expression)
      case "let-in":
        this.#plan(visit(expression.value), { kind: "bind", binder: expression.binder }, visit(expression.body))
        return
      case "for":
      case "filter":
        this.#plan(visit(expression.sequence), { kind: "enter", binder: expression.binder }, visit(expression.body), {
          kind: "leave",
          of: expression.kind === "for" ? "map" : "filter",
          span,
        })
        return
      case "fold":
        return this.#visitFold(expression)
      case "list":
        this.#plan(...expression.items.map(visit), this.#emitNode(LIST, expression.items.length, span))
        return
      case "index":
        this.#plan(visit(expression.sequence), visit(expression.index), this.#emitNode(INDEX, 2, span))
        return
      case "slice": {
        const { sequence, start, stop } = expression
        const parts = [sequence, start, stop].filter((part) => part !== null)
        this.#plan(
          ...parts.map(visit),
          this.#emitNode(sliceOperator(start !== null, stop !== null), parts.length, span),
        )
      }
    }
  }

  #nameInstruction(expression: NameExpression): Instruction {
    const binding = this.#meaning.bindingOf(expression)
    switch (binding.kind) {
      case "local":
        return { kind: "load", slot: this.#slotOf(binding.binder) }
      case "program-variable":
        return { kind: "constant", value: this.#meaning.programVariable(binding.name) }
      case "primitive":
        // What takes no arguments may be written without parentheses.
        return this.#node(this.#operatorOf(binding), 0, expression.span)
      case "definition": {
        const definition = this.#meaning.definitionOf(binding.command)
        if (definition.kind === "value") return { kind: "known", handle: definition.handle }
        return this.#node(definition.operator, 0, expression.span)
      }
    }
  }

  /** The slot here of something bound here or around here, through all the loops in between. */
  #slotOf(binder: Binder): number {
    const between: Draft[] = []
    let owner = this.#draft
    while (!owner.has(binder) && owner.outer !== null) {
      between.push(owner)
      owner = owner.outer
    }
    let slot = owner.slotOf(binder)
    for (const draft of between.toReversed()) {
      draft.capture(binder, slot)
      slot = draft.slotOf(binder)
    }
    return slot
  }

  #visitCall(call: CallExpression): void {
    const { span } = call
    const binding = this.#meaning.bindingOf(call)
    const [first, sequence] = call.arguments
    if (isMap(binding) && first?.kind === "name" && sequence !== undefined && call.arguments.length === 2) {
      const operator: Operator = { kind: "map", code: this.#functionOf(first) }
      this.#plan(visit(sequence), this.#emitNode(operator, 1, span))
      return
    }
    this.#plan(...call.arguments.map(visit), this.#emitNode(this.#operatorOf(binding), call.arguments.length, span))
  }

  #visitFold({ operator, initial, sequence, span }: FoldExpression): void {
    const how = FOLDS.get(operator)
    if (how === undefined) throw new Error(`fold knows no operator "${operator}"`)
    const { primitive, initial: start, needsInitial = false } = how
    const fold: Fold = { name: operator, combine: this.#meaning.applicationOf(primitive), initial: start, needsInitial }
    const parts = initial === null ? [sequence] : [sequence, initial]
    this.#plan(
      ...parts.map(visit),
      this.#emitNode({ kind: "fold", fold, hasInitial: initial !== null }, parts.length, span),
    )
  }

  /** What calling something is. */
  #operatorOf(binding: Binding): Operator {
    if (binding.kind === "primitive") return this.#meaning.application(binding.name, binding.signatures)
    const definition = binding.kind === "definition" ? this.#meaning.definitionOf(binding.command) : undefined
    if (definition?.kind === "function") return definition.operator
    throw new Error("a program must be checked before its graph is made: something is called that is no function")
  }

  /** The code of a function that is given by its name, as to `map`. */
  #functionOf(expression: NameExpression): Code {
    const binding = this.#meaning.bindingOf(expression)
    const definition = binding.kind === "definition" ? this.#meaning.definitionOf(binding.command) : undefined
    if (definition?.kind === "function") return definition.code
    const load: Instruction = { kind: "load", slot: 0 }
    const apply = this.#node(this.#operatorOf(binding), 1, expression.span)
    return { name: expression.name, inputSlots: [0], slotCount: 1, instructions: [load, apply] }
  }

  #node(operator: Operator, count: number, span: Span, captures: readonly number[] = []): Instruction {
    const site: Site = { file: this.#body.file, start: span.start, end: span.end }
    return { kind: "node", operator, count, captures, site }
  }

  #emitNode(operator: Operator, count: number, span: Span): Step {
    return { kind: "emit", instruction: this.#node(operator, count, span) }
  }

  /** Puts on the stack what is to be done, in order: the first is done next. */
  #plan(...next: readonly Step[]): void {
    for (let at = next.length - 1; at >= 0; at -= 1) {
      const step = next[at]
      if (step !== undefined) this.#steps.push(step)
    }
  }
}

function visit(expression: Expression): Step {
  return { kind: "visit", expression }
}

/** Primitives whose first argument is a function. */
function isMap(binding: Binding): boolean {
  return binding.kind === "primitive" && (binding.name === "map" || binding.name === "dask_map")
}

/** The primitive each fold combines with, and what it begins with; `/` must be told. */
const FOLDS: ReadonlyMap<string, { readonly primitive: string } & Partial<Pick<Fold, "initial" | "needsInitial">>> =
  new Map([
    ["+", { primitive: "addition", initial: 0 }],
    ["-", { primitive: "subtraction", initial: 0 }],
    ["*", { primitive: "multiplication", initial: 1 }],
    ["/", { primitive: "division", needsInitial: true }],
    ["&&", { primitive: "and", initial: true }],
    ["||", { primitive: "or", initial: false }],
    ["min", { primitive: "lesser" }],
    ["max", { primitive: "greater" }],
  ])
