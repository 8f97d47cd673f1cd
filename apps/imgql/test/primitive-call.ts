/** A golden call computed as the engine computes it: the overload is chosen, defaults are filled in, and kernels run in parts. */
import type { ValueType } from "../src/language/signature.ts"
import { PRIMITIVES } from "../src/primitives/catalog.ts"
import { chooseOverload } from "../src/primitives/overload.ts"
import type { Means, Primitive, Value } from "../src/primitives/primitive.ts"
import { type Argument, type Call, isInput } from "./golden-calls.ts"
import { makeInput } from "./golden-inputs.ts"
import { runApart } from "./run-apart.ts"

export async function computeCall(call: Call, parts: number): Promise<Value> {
  const { work } = primitiveOf(call)
  if (work.kind !== "heavy") throw new Error(`${call.primitive} computes nothing on images.`)
  const means: Means = {
    run: async (kernel, inputs, parameters) => runApart(kernel, inputs, parameters, parts),
    print: () => {
      throw new Error("what computes on images prints nothing")
    },
  }
  return await work.compute(valuesOf(call), means)
}

/** The arguments of a call, those that it leaves out with them. */
export function valuesOf(call: Call): readonly Value[] {
  const args = call.args.map(valueOf)
  const left = primitiveOf(call).signature.parameters.slice(args.length)
  return [...args, ...left.map((parameter) => parameter.default)]
}

/** The overload that a call means. */
export function primitiveOf(call: Pick<Call, "primitive" | "args">): Primitive {
  const [namespace = "", ...rest] = call.primitive.split(".")
  const name = rest.join(".")
  const primitives = PRIMITIVES.filter(({ signature }) => signature.namespace === namespace && signature.name === name)
  return chooseOverload({ name: call.primitive, primitives }, call.args.map(typeOf))
}

function valueOf(argument: Argument): Value {
  if (isInput(argument)) return makeInput(argument)
  return typeof argument === "object" ? argument.map(valueOf) : argument
}

function typeOf(argument: Argument): ValueType {
  if (isInput(argument)) return "image"
  if (typeof argument === "object") return "sequence"
  return typeof argument === "number" ? "number" : typeof argument === "boolean" ? "boolean" : "string"
}
