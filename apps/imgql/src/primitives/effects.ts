/** Primitives that touch what is outside of the program: done once a run. */
import { parseSignature } from "../language/signature.ts"
import { num, text, whole } from "./argument.ts"
import type { Primitive, Value } from "./primitive.ts"

export const EFFECT_PRIMITIVES: readonly Primitive[] = [
  effect("default", "print_primitive(message: string, value: any): any", ([message, value], { print }) => {
    print(`${text(message)}=${JSON.stringify(value)}`)
    return value ?? null
  }),
  // Says so when it is really computed, which is once however often it is written.
  effect("test", "impure(value: any): any", ([value], { print }) => {
    print(`impure(${JSON.stringify(value)})`)
    return value ?? null
  }),
  cheap("test", "fibonacci(n: number): number", ([n]) => {
    let [a, b] = [0, 1]
    for (let left = whole(n); left > 0; left -= 1) [a, b] = [b, a + b]
    return a
  }),
  cheap("test", "timewaste(size: number, iterations: number): number", ([size, iterations]) => {
    const count = whole(size)
    let sum = 0
    for (let round = 0; round < num(iterations); round += 1) {
      for (let at = 0; at < count * count; at += 1) sum = (sum * 31 + at) % 1_000_003
    }
    return sum
  }),
]

type EffectWork = Extract<Primitive["work"], { readonly kind: "effect" }>

function effect(namespace: string, line: string, perform: EffectWork["perform"]): Primitive {
  return { signature: parseSignature(namespace, line), version: 1, work: { kind: "effect", perform } }
}

function cheap(namespace: string, line: string, evaluate: (args: readonly Value[]) => Value): Primitive {
  return { signature: parseSignature(namespace, line), version: 1, work: { kind: "cheap", evaluate } }
}
