/**
 * What names a node in the store: the content of everything it is made of, and nothing else (O7). Two programs that ask for
 * the same computation of the same bytes name it alike, wherever they are written and run.
 *
 * An identity is text: of a constant its value, of all else a digest of the operator and the identities of its inputs.
 */
import { hash } from "node:crypto"
import type { Graph, Handle } from "../graph/graph.ts"
import type { Operator } from "../graph/operator.ts"
import type { Primitive } from "../primitives/primitive.ts"

/** Raised when what an identity is made of changes. */
const SCHEME = "imgql1"

/** Which of a node's overloads was chosen. */
export type Chosen = (handle: Handle) => Primitive

export class Identities {
  readonly #graph: Graph
  readonly #chosen: Chosen
  readonly #known = new Map<Handle, string>()

  constructor(graph: Graph, chosen: Chosen) {
    this.#graph = graph
    this.#chosen = chosen
  }

  /** The identity of a node in normal form. Inputs are named before what they are inputs of, however deep that goes. */
  of(handle: Handle): string {
    const graph = this.#graph
    const open = [handle]
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (this.#known.has(top)) {
        open.pop()
        continue
      }
      const unknown = graph.inputs(top).filter((input) => !this.#known.has(input))
      if (unknown.length > 0) {
        open.push(...unknown)
        continue
      }
      open.pop()
      this.#known.set(top, this.#name(top, graph.operatorOf(top)))
    }
    return this.#known.get(handle) ?? ""
  }

  #name(handle: Handle, operator: Operator): string {
    const graph = this.#graph
    const inputs = graph.inputs(handle).map((input) => this.#known.get(input))
    switch (operator.kind) {
      case "constant":
        return nameOfConstant(graph.constantOf(handle))
      case "file":
        return digestOf(["file", operator.digest])
      case "list":
      case "forced":
        return digestOf(["list", ...inputs])
      case "apply": {
        const { signature, version, aliasOf } = this.#chosen(handle)
        return digestOf(["apply", signature.namespace, aliasOf ?? signature.name, version, ...inputs])
      }
      default:
        throw new Error(`a node of kind ${operator.kind} is no normal form`)
    }
  }
}

/** Types are kept apart, and so are 0 and -0. */
function nameOfConstant(value: ReturnType<Graph["constantOf"]>): string {
  if (typeof value === "string") return `string ${JSON.stringify(value)}`
  return `${typeof value} ${Object.is(value, -0) ? "-0" : String(value)}`
}

function digestOf(parts: readonly unknown[]): string {
  return hash("sha256", JSON.stringify([SCHEME, ...parts]), "hex")
}
