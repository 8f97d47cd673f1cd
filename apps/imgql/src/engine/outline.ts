/**
 * What a program would compute, as far as that is known without computing anything: loops and functions expanded, numbers
 * worked out, images and what is measured of them left as operations. Operations that are the same are one.
 *
 * It evaluates in a world where nothing can be computed: what fails there is an operation, with what it was made of.
 */
import { resolve } from "node:path"
import { type Constant, type Graph, type Handle, type Site } from "../graph/graph.ts"
import { findBaseImage, type Goal } from "../graph/load.ts"
import type { Operator } from "../graph/operator.ts"
import { Evaluation, EvaluationFailed } from "./evaluation.ts"
import { isList, Rewriting, type World } from "./rewrite.ts"

export interface Outline {
  /** Inputs come before what they are inputs of. */
  readonly nodes: readonly OutlineNode[]
  readonly goals: readonly { readonly goal: Goal; readonly input: OutlineInput | null }[]
  /** Whether there was more than could be kept. */
  readonly isCut: boolean
}

export interface OutlineNode {
  readonly kind: "operation" | "sequence" | "file" | "other"
  /** What it applies, or the file. */
  readonly name: string
  readonly inputs: readonly OutlineInput[]
  readonly site: Site
  /** How many operations, sequences and goals use it. */
  uses: number
}

/** A node by its number, or a value that is known. */
export type OutlineInput =
  { readonly kind: "node"; readonly node: number } | { readonly kind: "constant"; readonly value: Constant }

export interface OutlineOptions {
  readonly graph: Graph
  readonly goals: readonly Goal[]
  readonly folder: string
  readonly maxNodes: number
}

/** The graph is changed: what was worked out is added to it. */
export async function outline(options: OutlineOptions): Promise<Outline> {
  return await new Outlining(options).run()
}

/** A node whose inputs are being gone through. */
interface Open {
  readonly handle: Handle
  readonly from: readonly Handle[]
  readonly inputs: OutlineInput[]
}

class Outlining {
  readonly #options: OutlineOptions
  readonly #evaluation: Evaluation
  readonly #nodes: OutlineNode[] = []
  readonly #known = new Map<Handle, OutlineInput>()
  /** What is the same once its inputs are worked out is one node, whatever it was written as. */
  readonly #numbers = new Map<string, number>()
  readonly #operators = new Map<Operator, number>()
  readonly #files = new Map<string, Operator>()
  #isCut = false

  constructor(options: OutlineOptions) {
    this.#options = options
    const { graph } = options
    this.#evaluation = new Evaluation(graph, new Rewriting(graph, this.#world()))
  }

  async run(): Promise<Outline> {
    const goals: { goal: Goal; input: OutlineInput | null }[] = []
    for (const goal of this.#options.goals) goals.push({ goal, input: await this.#walk(goal.handle) })
    for (const { input } of goals) this.#use(input)
    return { nodes: this.#nodes, goals, isCut: this.#isCut }
  }

  /** Null where there is no room for it. */
  async #walk(root: Handle): Promise<OutlineInput | null> {
    const first = await this.#resolve(root)
    const open: Open[] = []
    let last = this.#enter(first, open)
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (this.#nodes.length >= this.#options.maxNodes) {
        this.#isCut = true
        return null
      }
      const next = top.from[top.inputs.length]
      if (next === undefined) {
        open.pop()
        last = this.#add(top)
        open.at(-1)?.inputs.push(last)
        continue
      }
      const known = this.#enter(await this.#resolve(next), open)
      if (known !== null) top.inputs.push(known)
    }
    return last
  }

  /** What is known of a node; null where its inputs are to be gone through first. */
  #enter(handle: Handle, open: Open[]): OutlineInput | null {
    const known = this.#known.get(handle)
    if (known !== undefined) return known
    const value = this.#options.graph.constantOf(handle)
    if (value !== undefined) return { kind: "constant", value }
    open.push({ handle, from: this.#options.graph.inputs(handle), inputs: [] })
    return null
  }

  async #resolve(handle: Handle): Promise<Handle> {
    try {
      return await this.#evaluation.normalize(handle)
    } catch (error) {
      if (!(error instanceof EvaluationFailed)) throw error
      return this.#evaluation.furthest(handle)
    }
  }

  #add({ handle, inputs }: Open): OutlineInput {
    const { graph } = this.#options
    const operator = graph.operatorOf(handle)
    const number = this.#operators.get(operator) ?? this.#operators.size
    this.#operators.set(operator, number)
    const key = JSON.stringify([isList(operator) ? "list" : number, inputs])
    let node = this.#numbers.get(key)
    if (node === undefined) {
      node = this.#nodes.length
      this.#numbers.set(key, node)
      this.#nodes.push({ ...describe(operator), inputs, site: graph.siteOf(handle), uses: 0 })
      for (const input of inputs) this.#use(input)
    }
    const input: OutlineInput = { kind: "node", node }
    this.#known.set(handle, input)
    return input
  }

  #use(input: OutlineInput | null): void {
    const node = input?.kind === "node" ? this.#nodes[input.node] : undefined
    if (node !== undefined) node.uses += 1
  }

  #world(): World {
    return {
      computed: unknown,
      performed: unknown,
      baseImage: () => {
        const base = findBaseImage(this.#options.graph)
        if (base !== undefined) return base
        throw new Error("the program reads no image by name")
      },
      fileAt: (name) => {
        const path = resolve(this.#options.folder, name)
        const operator = this.#files.get(path) ?? { kind: "file", path, digest: path }
        this.#files.set(path, operator)
        return Promise.resolve(operator)
      },
    }
  }
}

function unknown(): Promise<never> {
  return Promise.reject(new Error("this is known once it is computed"))
}

function describe(operator: Operator): Pick<OutlineNode, "kind" | "name"> {
  switch (operator.kind) {
    case "apply":
      return { kind: "operation", name: operator.overloads.name }
    case "file":
      return { kind: "file", name: operator.path }
    case "list":
    case "forced":
      return { kind: "sequence", name: "sequence" }
    case "map":
      return { kind: "other", name: "for" }
    case "fold":
      return { kind: "other", name: `fold ${operator.fold.name}` }
    case "call":
      return { kind: "other", name: operator.code.name }
    case "constant":
    case "filter":
    case "keep":
    case "index":
    case "slice":
      return { kind: "other", name: operator.kind }
  }
}
