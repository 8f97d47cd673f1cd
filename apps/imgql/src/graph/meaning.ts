/** What the names of a checked program mean to the graph: definitions to nodes and code, primitives to operators. */
import type { Binding, Bindings } from "../language/binding.ts"
import type { Signature } from "../language/signature.ts"
import type { Expression, LetCommand } from "../language/syntax.ts"
import type { Primitive } from "../primitives/primitive.ts"
import type { Code } from "./code.ts"
import type { Handle } from "./graph.ts"
import type { Operator } from "./operator.ts"

export type Definition =
  | { readonly kind: "value"; readonly handle: Handle }
  | { readonly kind: "function"; readonly operator: Operator; readonly code: Code }

export interface MeaningOptions {
  readonly bindings: Bindings
  readonly primitives: readonly Primitive[]
  /** The values of `$stem` and the like. */
  readonly programVariables: ReadonlyMap<string, string>
}

export class Meaning {
  readonly #options: MeaningOptions
  readonly #definitions = new Map<LetCommand, Definition>()
  readonly #primitiveOf: ReadonlyMap<Signature, Primitive>
  /** One operator for the same overloads, so that the same call is the same node. */
  readonly #applications = new Map<string, Operator>()
  readonly #known = new Map<readonly Signature[], Operator>()
  readonly #numbers: ReadonlyMap<Primitive, number>

  constructor(options: MeaningOptions) {
    this.#options = options
    this.#primitiveOf = new Map(options.primitives.map((primitive) => [primitive.signature, primitive]))
    this.#numbers = new Map(options.primitives.map((primitive, at) => [primitive, at]))
  }

  define(command: LetCommand, definition: Definition): void {
    this.#definitions.set(command, definition)
  }

  /** What a name or a callee stands for. */
  bindingOf(expression: Expression): Binding {
    return known(this.#options.bindings.get(expression))
  }

  definitionOf(command: LetCommand): Definition {
    return known(this.#definitions.get(command))
  }

  programVariable(name: string): string {
    return known(this.#options.programVariables.get(name))
  }

  /** The operator that applies primitives with these signatures. */
  application(name: string, signatures: readonly Signature[]): Operator {
    const operator = this.#known.get(signatures)
    if (operator !== undefined) return operator
    return this.#remember(
      name,
      signatures,
      signatures.map((signature) => known(this.#primitiveOf.get(signature))),
    )
  }

  /** The operator that applies the primitives of a name, those of `default` first. */
  applicationOf(name: string): Operator {
    const all = this.#options.primitives.filter(({ signature }) => signature.name === name)
    const first = all.filter(({ signature }) => signature.namespace === "default")
    return this.#remember(name, null, [...first, ...all.filter((primitive) => !first.includes(primitive))])
  }

  #remember(name: string, signatures: readonly Signature[] | null, primitives: readonly Primitive[]): Operator {
    const key = primitives.map((primitive) => this.#numbers.get(primitive)).join(" ")
    const operator: Operator = this.#applications.get(key) ?? { kind: "apply", overloads: { name, primitives } }
    this.#applications.set(key, operator)
    if (signatures !== null) this.#known.set(signatures, operator)
    return operator
  }
}

function known<T>(found: T | undefined): T {
  if (found === undefined) throw new Error("a program must be checked before its graph is made")
  return found
}
