/**
 * What a primitive takes and gives: all that is known about it before it runs. A name may have several signatures, told
 * apart by how many arguments they take and of which types; the first that fits is meant.
 */

/**
 * The types of values. `any` is what nothing is known about, such as an item of a sequence. Truth counts as a number and a
 * number as truth, 0 being false, as in the original: `2 * (a .>. b)` is fine.
 */
export type ValueType = "number" | "boolean" | "string" | "image" | "sequence" | "function" | "any"

export interface ParameterType {
  readonly name: string
  /** Any one of these will do. */
  readonly types: readonly ValueType[]
  /** May be left out, and then so may all after it. */
  readonly optional: boolean
  /** What it is where it is left out, so that both ways of writing it are one expression; null where that is nothing. */
  readonly default: Default | null
  /** May be given any number of times, none included. Only the last one can be. */
  readonly variadic: boolean
}

export type Default = number | boolean | string

export interface Signature {
  readonly namespace: string
  readonly name: string
  readonly parameters: readonly ParameterType[]
  readonly result: ValueType
}

const TYPES: readonly ValueType[] = ["number", "boolean", "string", "image", "sequence", "function", "any"]

/**
 * A signature from one line: `range(start: number, stop?: number): sequence`, `sequence(items...: any): sequence`,
 * `+(a: number|sequence, b: number|sequence): any`, `Median(image: image, radius: number|sequence = 1): image`.
 *
 * @throws Error if the line is none; signatures are written by ourselves, so that is a bug.
 */
export function parseSignature(namespace: string, line: string): Signature {
  const match = /^([^\s(]+)\(([^)]*)\)\s*:\s*([a-z]+)$/.exec(line.trim())
  const [, name, list, result] = match ?? []
  if (name === undefined || list === undefined || result === undefined) throw new Error(`not a signature: ${line}`)
  const parameters = list.split(",").filter((part) => part.trim() !== "")
  return { namespace, name, parameters: parameters.map(parseParameter), result: parseType(result, line) }
}

function parseParameter(text: string): ParameterType {
  const match = /^\s*(\w+)(\?|\.\.\.)?\s*:\s*([a-z|\s]+?)\s*(?:=\s*(\S+))?$/.exec(text)
  const [, name, mark, types, given] = match ?? []
  if (name === undefined || types === undefined) throw new Error(`not a parameter: ${text}`)
  return {
    name,
    variadic: mark === "...",
    optional: mark === "?" || given !== undefined,
    default: given === undefined ? null : parseDefault(given, text),
    types: types.split("|").map((type) => parseType(type.trim(), text)),
  }
}

function parseDefault(word: string, context: string): Default {
  const value: unknown = JSON.parse(word)
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") return value
  throw new Error(`${word} is no default: ${context}`)
}

function parseType(word: string, context: string): ValueType {
  const type = TYPES.find((known) => known === word)
  if (type === undefined) throw new Error(`${word} is no type: ${context}`)
  return type
}

/** The line {@link parseSignature} reads. */
export function formatSignature(signature: Signature): string {
  return `${signature.name}(${formatParameters(signature)}): ${signature.result}`
}

/** What stands between the parentheses of that line. */
export function formatParameters({ parameters }: Signature): string {
  const list = parameters.map((parameter) => {
    const { name, types, variadic, optional, default: value } = parameter
    const mark = variadic ? "..." : optional && value === null ? "?" : ""
    return `${name}${mark}: ${types.join("|")}${value === null ? "" : ` = ${JSON.stringify(value)}`}`
  })
  return list.join(", ")
}

/** The fewest arguments a signature takes. */
export function fewest({ parameters }: Signature): number {
  const optional = parameters.findIndex((parameter) => parameter.optional || parameter.variadic)
  return optional === -1 ? parameters.length : optional
}

/** The most arguments a signature takes. */
export function most({ parameters }: Signature): number {
  return parameters.at(-1)?.variadic === true ? Number.POSITIVE_INFINITY : parameters.length
}

/** The parameter that takes the argument at a place, if one does. */
export function parameterAt({ parameters }: Signature, at: number): ParameterType | undefined {
  const last = parameters.at(-1)
  return parameters[at] ?? (last?.variadic === true ? last : undefined)
}

/** Whether a value of one type may stand where one of those types is needed. Of what is not known, anything may. */
export function fits(type: ValueType, needed: readonly ValueType[]): boolean {
  if (type === "any") return true
  return needed.some((one) => one === "any" || kin(one) === kin(type))
}

function kin(type: ValueType): ValueType {
  return type === "boolean" ? "number" : type
}

/** All primitives, by namespace and name. */
export class SignatureTable {
  readonly #namespaces = new Map<string, Map<string, Signature[]>>()

  constructor(signatures: Iterable<Signature>) {
    for (const signature of signatures) {
      let names = this.#namespaces.get(signature.namespace)
      if (names === undefined) this.#namespaces.set(signature.namespace, (names = new Map<string, Signature[]>()))
      const overloads = names.get(signature.name)
      if (overloads === undefined) names.set(signature.name, [signature])
      else overloads.push(signature)
    }
  }

  get namespaces(): readonly string[] {
    return [...this.#namespaces.keys()]
  }

  /** The names a namespace has. */
  namesIn(namespace: string): readonly string[] {
    return [...(this.#namespaces.get(namespace)?.keys() ?? [])]
  }

  /** The namespaces that have a name. */
  namespacesWith(name: string): readonly string[] {
    return this.namespaces.filter((namespace) => this.#namespaces.get(namespace)?.has(name) === true)
  }

  /**
   * All signatures of a name, of the imported namespaces in that order. A dotted name says which namespace it means, which
   * need not be imported then.
   */
  find(name: string, imported: readonly string[]): readonly Signature[] {
    const dot = name.indexOf(".")
    const qualified = dot < 1 ? undefined : this.#namespaces.get(name.slice(0, dot))?.get(name.slice(dot + 1))
    if (qualified !== undefined) return qualified
    return imported.flatMap((namespace) => this.#namespaces.get(namespace)?.get(name) ?? [])
  }
}
