/** `imgql list-primitives`: what programs are made of. */
import { closest } from "../language/problem.ts"
import { formatSignature } from "../language/signature.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"
import { DESCRIPTIONS } from "../primitives/descriptions.ts"
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
  for (const each of namespace === null ? namespaces : [namespace]) console.out.write(listNamespace(each))
}

/** By name: the ways to call it, and what it does. */
function listNamespace(namespace: string): string {
  const signatures = PRIMITIVES.map(({ signature }) => signature).filter(
    (signature) => signature.namespace === namespace,
  )
  const names = [...new Set(signatures.map(({ name }) => name))]
  const blocks = names.map((name) => {
    const forms = signatures.filter((signature) => signature.name === name)
    const lines = forms.map((signature) => `${namespace}.${formatSignature(signature)}\n`)
    return `${lines.join("")}    ${DESCRIPTIONS[namespace]?.[name] ?? ""}\n`
  })
  return blocks.join("")
}
