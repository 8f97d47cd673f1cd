/** `imgql list-primitives`: what programs are made of. */
import { closest } from "../language/problem.ts"
import { formatSignature } from "../language/signature.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"
import { CommandError } from "./command-error.ts"
import type { Console } from "./console.ts"

/** @throws CommandError E_USAGE for a namespace there is not */
export function listPrimitives(namespace: string | null, console: Console): void {
  const namespaces = [...new Set(PRIMITIVES.map(({ signature }) => signature.namespace))]
  if (namespace !== null && !namespaces.includes(namespace)) {
    const guess = closest(namespace, namespaces)
    const hint = guess === null ? `; there are ${namespaces.join(", ")}` : `; did you mean "${guess}"?`
    throw new CommandError("E_USAGE", `expected a namespace, found ${JSON.stringify(namespace)}${hint}`)
  }
  for (const { signature } of PRIMITIVES) {
    if (namespace !== null && signature.namespace !== namespace) continue
    console.out.write(`${signature.namespace}.${formatSignature(signature)}\n`)
  }
}
