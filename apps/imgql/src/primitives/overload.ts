/** Which primitive of a name is meant, once it is known what the arguments are. */
import { fewest, fits, formatSignature, most, parameterAt, type ValueType } from "../language/signature.ts"
import type { Overloads, Primitive } from "./primitive.ts"

/** @throws Error where none takes such arguments */
export function chooseOverload({ name, primitives }: Overloads, types: readonly ValueType[]): Primitive {
  const chosen = primitives.find((primitive) => takes(primitive, types))
  if (chosen !== undefined) return chosen
  const expected = primitives.map(({ signature }) => formatSignature(signature)).join(", or ")
  throw new Error(`expected ${expected}, found ${name}(${types.join(", ")})`)
}

function takes({ signature }: Primitive, types: readonly ValueType[]): boolean {
  if (types.length < fewest(signature) || types.length > most(signature)) return false
  return types.every((type, at) => fits(type, parameterAt(signature, at)?.types ?? []))
}
