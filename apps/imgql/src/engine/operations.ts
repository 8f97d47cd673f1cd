/**
 * The store's operations: one a primitive and version, so that whoever looks at the store sees what its runs are. What of a
 * primitive is computed is in the one argument: the identity of the node.
 */
import type { Binary, Call, Holdfast, Operation, RunContext } from "holdfast"
import type { Primitive } from "../primitives/primitive.ts"

/** What the store keeps of a result: its bytes, or where they lie. */
export type Stored = Uint8Array | Binary

/** Before the names of all operations, and of nothing else in a store. */
export const OPERATION_PREFIX = "imgql/"

export class Operations {
  readonly #store: Holdfast
  readonly #compute: (context: RunContext, id: string) => Promise<Stored>
  /** Overloads of one name and version are one operation: their nodes have different identities. */
  readonly #operations = new Map<string, Operation<[id: string], Stored>>()
  readonly #known = new Map<Primitive, Operation<[id: string], Stored>>()

  constructor(store: Holdfast, compute: (context: RunContext, id: string) => Promise<Stored>) {
    this.#store = store
    this.#compute = compute
  }

  /** The call whose result is the node's of that identity. */
  callOf(primitive: Primitive, id: string): Call<Stored> {
    return (this.#known.get(primitive) ?? this.#define(primitive)).handle(id)
  }

  #define(primitive: Primitive): Operation<[id: string], Stored> {
    const { signature, version, aliasOf } = primitive
    const name = `${OPERATION_PREFIX}${signature.namespace}.${aliasOf ?? signature.name}`
    const key = `${name} ${String(version)}`
    const run = async (context: RunContext, id: string): Promise<Stored> => await this.#compute(context, id)
    const operation = this.#operations.get(key) ?? this.#store.operation(name, { version, effects: "pure", run })
    this.#operations.set(key, operation)
    this.#known.set(primitive, operation)
    return operation
  }
}
