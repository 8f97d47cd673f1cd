/**
 * One step of evaluation: what a node becomes once the inputs it needs are in normal form.
 *
 * Normal forms are constants, lists (whose items are nodes, evaluated only in a `forced` one), and images by name: an
 * application of a heavy primitive to normal inputs, or a file's content.
 */
import { runCode } from "../graph/code.ts"
import { type Constant, CONSTANT, type Graph, type Handle } from "../graph/graph.ts"
import { FORCED, type Fold, KEEP, LIST, type Operator } from "../graph/operator.ts"
import { parameterAt, type ValueType } from "../language/signature.ts"
import { chooseOverload } from "../primitives/overload.ts"
import type { Primitive, Value } from "../primitives/primitive.ts"

export type Rewritten =
  | { readonly kind: "normal"; readonly handle: Handle }
  /** Has the normal form of another node, made after it. */
  | { readonly kind: "becomes"; readonly handle: Handle }
  | Computed

/** Has the normal form of a node that is known later. */
export interface Computed {
  readonly kind: "computed"
  readonly handle: Promise<Handle>
}

/** What evaluation asks of the world. */
export interface World {
  /** What a heavy primitive that makes no image comes to; `node` is its application to normal inputs. */
  computed(node: Handle): Promise<Value>
  /** Does what a primitive does outside; `args` are its normal inputs. */
  performed(primitive: Primitive, args: readonly Handle[]): Promise<Value>
  /** The image of programs that speak of one only. @throws Error where there is none */
  baseImage(): Handle
  /** The operator of what the file holds now. */
  fileAt(path: string): Promise<Operator>
}

export class Rewriting {
  readonly #graph: Graph
  readonly #world: World

  constructor(graph: Graph, world: World) {
    this.#graph = graph
    this.#world = world
  }

  /** How many of the node's inputs, from the first, must be normal before it is rewritten. */
  neededInputs(handle: Handle): number {
    switch (this.#graph.operatorOf(handle).kind) {
      case "constant":
      case "list":
      case "file":
      case "call":
        return 0
      case "map":
      case "filter":
      case "fold":
        return 1
      case "apply":
      case "forced":
      case "keep":
      case "index":
      case "slice":
        return this.#graph.inputCount(handle)
    }
  }

  /** @throws Error where there is nothing it could become */
  rewrite(handle: Handle, normals: readonly Handle[]): Rewritten {
    const graph = this.#graph
    const operator = graph.operatorOf(handle)
    const [first] = normals
    switch (operator.kind) {
      case "constant":
      case "list":
      case "file":
        return { kind: "normal", handle }
      case "forced":
        return { kind: "normal", handle: graph.add(FORCED, normals, graph.siteOf(handle)) }
      case "call":
        return { kind: "becomes", handle: runCode(graph, operator.code, graph.inputs(handle)) }
      case "map":
        return { kind: "normal", handle: this.#list(handle, this.#callAll(handle, operator, first)) }
      case "filter": {
        const inputs = [required(first), ...this.#callAll(handle, operator, first)]
        return { kind: "becomes", handle: graph.add(KEEP, inputs, graph.siteOf(handle)) }
      }
      case "keep": {
        const items = this.#itemsOf(required(first), "filter")
        const kept = items.filter((_, at) => this.#isTrue(normals[at + 1]))
        return { kind: "normal", handle: this.#list(handle, kept) }
      }
      case "fold":
        return { kind: "becomes", handle: this.#fold(handle, operator.fold, operator.hasInitial, required(first)) }
      case "index":
        return { kind: "becomes", handle: this.#item(required(first), required(normals[1])) }
      case "slice": {
        const items = this.#itemsOf(required(first), "a slice")
        const start = operator.hasStart ? this.#bound(required(normals[1]), "the start of a slice") : 0
        const stopAt = operator.hasStart ? 2 : 1
        const stop = operator.hasStop ? this.#bound(required(normals[stopAt]), "the stop of a slice") : items.length
        return { kind: "normal", handle: this.#list(handle, items.slice(start, Math.max(start, stop))) }
      }
      case "apply":
        return this.#apply(handle, operator, normals)
    }
  }

  // Sequences

  #list(handle: Handle, items: readonly Handle[]): Handle {
    return this.#graph.add(LIST, items, this.#graph.siteOf(handle))
  }

  /** The function of every item, as a call with what the loop captures. */
  #callAll(
    handle: Handle,
    operator: Extract<Operator, { readonly kind: "map" | "filter" }>,
    sequence: Handle | undefined,
  ): Handle[] {
    const graph = this.#graph
    const [, ...captures] = graph.inputs(handle)
    const call = this.#callOf(operator)
    const site = graph.siteOf(handle)
    return this.#itemsOf(required(sequence), "a loop").map((item) => graph.add(call, [item, ...captures], site))
  }

  readonly #calls = new Map<Operator, Operator>()

  /** One operator a loop, so that the same item is the same node. */
  #callOf(loop: Extract<Operator, { readonly kind: "map" | "filter" }>): Operator {
    const known = this.#calls.get(loop)
    if (known !== undefined) return known
    const call: Operator = { kind: "call", code: loop.code }
    this.#calls.set(loop, call)
    return call
  }

  #fold(handle: Handle, fold: Fold, hasInitial: boolean, sequence: Handle): Handle {
    const graph = this.#graph
    const items = this.#itemsOf(sequence, `fold ${fold.name}`)
    if (!hasInitial && fold.needsInitial) {
      throw new Error(`fold ${fold.name} must be told what to begin with, as in "fold ${fold.name} 1 xs"`)
    }
    let total: Handle | undefined
    if (hasInitial) total = graph.input(handle, 1)
    else if (fold.initial !== undefined) total = graph.constant(fold.initial)
    const site = graph.siteOf(handle)
    for (const item of items) total = total === undefined ? item : graph.add(fold.combine, [total, item], site)
    if (total === undefined)
      throw new Error(`fold ${fold.name} of an empty sequence has no value; give it one to begin with`)
    return total
  }

  #item(sequence: Handle, index: Handle): Handle {
    const items = this.#itemsOf(sequence, "an index")
    const at = this.#bound(index, "an index")
    const item = items[at]
    if (item !== undefined) return item
    throw new Error(`expected an index below ${String(items.length)}, the length of the sequence, found ${String(at)}`)
  }

  #itemsOf(sequence: Handle, what: string): Handle[] {
    if (isList(this.#graph.operatorOf(sequence))) return this.#graph.inputs(sequence)
    throw new Error(`${what} takes a sequence, found ${this.#describe(sequence)}`)
  }

  #bound(handle: Handle, what: string): number {
    const value = this.#graph.constantOf(handle)
    if (typeof value === "number" && Number.isSafeInteger(value)) {
      if (value >= 0) return value
      if (what !== "an index") return 0
    }
    throw new Error(`${what} must be a whole number from 0, found ${this.#describe(handle)}`)
  }

  #isTrue(handle: Handle | undefined): boolean {
    const value = this.#graph.constantOf(required(handle))
    if (typeof value === "boolean") return value
    if (typeof value === "number") return value !== 0
    throw new Error(`filter takes what is true or false of an item, found ${this.#describe(required(handle))}`)
  }

  // Primitives

  #apply(
    handle: Handle,
    operator: Extract<Operator, { readonly kind: "apply" }>,
    normals: readonly Handle[],
  ): Rewritten {
    const graph = this.#graph
    const site = graph.siteOf(handle)
    // A primitive is given sequences whole.
    if (normals.some((input) => graph.operatorOf(input).kind === "list")) {
      const inputs = normals.map((input) =>
        graph.operatorOf(input).kind === "list" ? graph.add(FORCED, graph.inputs(input), site) : input,
      )
      return { kind: "becomes", handle: graph.add(operator, inputs, site) }
    }
    const canonical = graph.add(operator, normals, site)
    if (canonical !== handle) return { kind: "becomes", handle: canonical }

    const primitive = this.chosen(handle)
    if (primitive.isElementwise === true) return this.#spread(handle, operator, normals)
    const complete = completeArguments(graph, primitive, normals)
    if (complete !== null) return { kind: "becomes", handle: graph.add(operator, complete, site) }
    switch (primitive.work.kind) {
      case "cheap":
        return {
          kind: "normal",
          handle: this.handleOf(primitive.work.evaluate(normals.map((input) => this.valueOf(input)))),
        }
      case "heavy":
        if (primitive.signature.result === "image") return { kind: "normal", handle }
        return { kind: "computed", handle: this.#handleLater(this.#world.computed(handle)) }
      case "file":
        return { kind: "computed", handle: this.#file(normals) }
      case "based": {
        const inputs = [...graph.inputs(handle), this.#world.baseImage()]
        return { kind: "becomes", handle: graph.add(operator, inputs, site) }
      }
      case "effect":
        return { kind: "computed", handle: this.#handleLater(this.#world.performed(primitive, normals)) }
    }
  }

  /** The primitive that is meant by a node whose inputs are in normal form. @throws Error where none takes them */
  chosen(handle: Handle): Primitive {
    const operator = this.#graph.operatorOf(handle)
    if (operator.kind !== "apply") throw new Error(`a node of kind ${operator.kind} applies nothing`)
    return chooseOverload(
      operator.overloads,
      this.#graph.inputs(handle).map((input) => this.#typeOf(input)),
    )
  }

  /** Item by item where an argument is a sequence; several have as many items each. */
  #spread(handle: Handle, operator: Operator, normals: readonly Handle[]): Rewritten {
    const graph = this.#graph
    const lists = normals.map((input) => (isList(graph.operatorOf(input)) ? graph.inputs(input) : null))
    const lengths = new Set(lists.flatMap((list) => (list === null ? [] : [list.length])))
    if (lengths.size > 1) {
      throw new Error(`sequences that are combined must have as many items each, found ${[...lengths].join(" and ")}`)
    }
    const [length = 0] = lengths
    const site = graph.siteOf(handle)
    const items = Array.from({ length }, (_, at) =>
      graph.add(
        operator,
        normals.map((input, which) => lists[which]?.[at] ?? input),
        site,
      ),
    )
    return { kind: "normal", handle: this.#list(handle, items) }
  }

  async #file(normals: readonly Handle[]): Promise<Handle> {
    const path = this.#graph.constantOf(required(normals[0]))
    if (typeof path !== "string")
      throw new Error(`a file is named by a string, found ${this.#describe(required(normals[0]))}`)
    return this.#graph.add(await this.#world.fileAt(path), [], this.#graph.siteOf(required(normals[0])))
  }

  async #handleLater(value: Promise<Value>): Promise<Handle> {
    return this.handleOf(await value)
  }

  // Values

  /** The type of a normal form. */
  #typeOf(handle: Handle): ValueType {
    const operator = this.#graph.operatorOf(handle)
    if (isList(operator)) return "sequence"
    if (operator !== CONSTANT) return "image"
    const value = this.#graph.constantOf(handle)
    if (value === null) return "any"
    return typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "string"
  }

  /** The value of a normal form without images. @throws Error where there is one */
  valueOf(handle: Handle): Value {
    const operator = this.#graph.operatorOf(handle)
    if (isList(operator)) return this.#graph.inputs(handle).map((item) => this.valueOf(item))
    const value = this.#graph.constantOf(handle)
    if (value === undefined) throw new Error("expected numbers, strings or truth, found an image")
    return value
  }

  /** The normal form of a value without images. */
  handleOf(value: Value): Handle {
    if (isConstant(value)) return this.#graph.constant(value)
    if (isSequence(value)) {
      return this.#graph.add(
        FORCED,
        value.map((item) => this.handleOf(item)),
        { file: "", start: 0, end: 0 },
      )
    }
    throw new Error("an image has no node but the one that makes it")
  }

  #describe(handle: Handle): string {
    const type = this.#typeOf(handle)
    const value = this.#graph.constantOf(handle)
    if (value === undefined) return type === "image" ? "an image" : "a sequence"
    return `the ${type} ${JSON.stringify(value)}`
  }
}

/**
 * The arguments as the primitive's signature has them, so that all ways of writing one computation are one node: what is
 * left out is its default, and truth is no number where a number is needed. Null where they are so already.
 */
function completeArguments(graph: Graph, { signature }: Primitive, normals: readonly Handle[]): Handle[] | null {
  const { parameters } = signature
  const complete = normals.map((input, at) => {
    const value = graph.constantOf(input)
    const types = parameterAt(signature, at)?.types ?? []
    if (typeof value === "boolean" && !types.includes("boolean") && types.includes("number")) {
      return graph.constant(value ? 1 : 0)
    }
    if (typeof value === "number" && !types.includes("number") && types.includes("boolean")) {
      return graph.constant(value !== 0)
    }
    return input
  })
  for (const parameter of parameters.slice(normals.length)) {
    if (parameter.default === null) break
    complete.push(graph.constant(parameter.default))
  }
  const isComplete = complete.length === normals.length && complete.every((input, at) => input === normals[at])
  return isComplete ? null : complete
}

export function isList(operator: Operator): boolean {
  return operator.kind === "list" || operator.kind === "forced"
}

function isConstant(value: Value): value is Constant {
  return typeof value !== "object" || value === null
}

function isSequence(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

function required(handle: Handle | undefined): Handle {
  if (handle === undefined) throw new Error("a node lacks an input that its operator has")
  return handle
}
