/** How primitives on plain values are made, and those that touch what is outside. */
import { parseSignature } from "../language/signature.ts"
import type { Outside, Primitive, Value } from "./primitive.ts"

/** Done where it is wanted. */
export function cheap(namespace: string, line: string, evaluate: (args: readonly Value[]) => Value): Primitive {
  return { signature: parseSignature(namespace, line), version: 1, work: { kind: "cheap", evaluate } }
}

/** Done once a run. */
export function effect(
  namespace: string,
  line: string,
  perform: (args: readonly Value[], outside: Outside) => Promise<Value> | Value,
): Primitive {
  return { signature: parseSignature(namespace, line), version: 1, work: { kind: "effect", perform } }
}
