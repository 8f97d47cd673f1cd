/**
 * The graph of a program's expressions: every node once, however often and wherever it is written.
 *
 * A node is an operator and its inputs, which are nodes made before it; adding one that is there already gives the one that
 * is there. Nodes are numbers, and all that is known of one lies in flat arrays, so that millions of them cost little.
 *
 * 1. Inputs of a node have smaller numbers than the node: there are no cycles.
 * 2. Two nodes with the same operator and inputs are one node.
 * 3. A node never changes; what it comes to is kept by who evaluates it.
 */
import type { Operator } from "./operator.ts"

/** A node. */
export type Handle = number & { readonly brand: "Handle" }

/** Where in a program a node was first written. */
export interface Site {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** What stands in programs and comes of them beside images and sequences. */
export type Constant = number | boolean | string | null

const FIRST_CAPACITY = 1_024

export class Graph {
  readonly #operators: Operator[] = []
  readonly #operatorNumbers = new Map<Operator, number>()
  readonly #constants: Constant[] = []
  readonly #constantHandles = new Map<Constant, Handle>()
  readonly #sites: Site[] = []
  #count = 0
  #operatorOf = new Int32Array(FIRST_CAPACITY)
  #siteOf = new Int32Array(FIRST_CAPACITY)
  /** Where a node's inputs begin; they end where the next node's begin. */
  #firstInput = new Int32Array(FIRST_CAPACITY)
  #inputs = new Int32Array(2 * FIRST_CAPACITY)
  /** Open addressing: a node's number plus one, or 0. */
  #slots = new Int32Array(4 * FIRST_CAPACITY)

  /** Nodes so far. */
  get size(): number {
    return this.#count
  }

  /** The node of a value. -0 and 0 are two, and all NaN are one. */
  constant(value: Constant): Handle {
    const key = Object.is(value, -0) ? MINUS_ZERO : value
    const known = this.#constantHandles.get(key)
    if (known !== undefined) return known
    // Its input says which constant it is.
    const handle = this.#append(this.#numberOf(CONSTANT), [this.#constants.length as Handle], NOWHERE)
    this.#constants.push(value)
    this.#constantHandles.set(key, handle)
    return handle
  }

  /** The value of a constant's node; undefined for any other. */
  constantOf(handle: Handle): Constant | undefined {
    return this.operatorOf(handle) === CONSTANT ? this.#constants[this.#inputs[this.#at(handle)] ?? -1] : undefined
  }

  /** The node with that operator and those inputs. `site` counts only if it is new. */
  add(operator: Operator, inputs: readonly Handle[], site: Site): Handle {
    const number = this.#numberOf(operator)
    const mask = this.#slots.length - 1
    let slot = hashOf(number, inputs, 0, inputs.length) & mask
    for (;;) {
      const found = (this.#slots[slot] ?? 0) - 1
      if (found < 0) break
      if (this.#operatorOf[found] === number && this.#hasInputs(found, inputs)) return found as Handle
      slot = (slot + 1) & mask
    }
    const handle = this.#append(number, inputs, site)
    this.#slots[slot] = handle + 1
    if (2 * this.#count > this.#slots.length) this.#rehash()
    return handle
  }

  operatorOf(handle: Handle): Operator {
    const operator = this.#operators[this.#operatorOf[handle] ?? -1]
    if (operator === undefined) throw new Error(`${String(handle)} is no node of this graph`)
    return operator
  }

  /** How many inputs a node has; none for a constant. */
  inputCount(handle: Handle): number {
    return this.operatorOf(handle) === CONSTANT ? 0 : this.#at(handle + 1) - this.#at(handle)
  }

  /** One input of a node. */
  input(handle: Handle, index: number): Handle {
    // A number that was put there as a handle.
    return this.#inputs[this.#at(handle) + index] as Handle
  }

  /** The inputs of a node, as a list of the caller's own. */
  inputs(handle: Handle): Handle[] {
    const count = this.inputCount(handle)
    const list: Handle[] = []
    for (let index = 0; index < count; index += 1) list.push(this.input(handle, index))
    return list
  }

  siteOf(handle: Handle): Site {
    return this.#sites[this.#siteOf[handle] ?? 0] ?? NOWHERE
  }

  #at(handle: number): number {
    return this.#firstInput[handle] ?? 0
  }

  #hasInputs(handle: number, inputs: readonly Handle[]): boolean {
    const first = this.#at(handle)
    if (this.#at(handle + 1) - first !== inputs.length) return false
    for (let index = 0; index < inputs.length; index += 1) {
      if (this.#inputs[first + index] !== inputs[index]) return false
    }
    return true
  }

  #numberOf(operator: Operator): number {
    const known = this.#operatorNumbers.get(operator)
    if (known !== undefined) return known
    const number = this.#operators.length
    this.#operators.push(operator)
    this.#operatorNumbers.set(operator, number)
    return number
  }

  #append(operator: number, inputs: readonly Handle[], site: Site): Handle {
    const handle = this.#count
    const first = this.#at(handle)
    const end = first + inputs.length
    if (handle + 2 > this.#firstInput.length) {
      this.#operatorOf = grown(this.#operatorOf)
      this.#siteOf = grown(this.#siteOf)
      this.#firstInput = grown(this.#firstInput)
    }
    while (end > this.#inputs.length) this.#inputs = grown(this.#inputs)
    this.#operatorOf[handle] = operator
    this.#siteOf[handle] = this.#siteNumber(site)
    for (let index = 0; index < inputs.length; index += 1) this.#inputs[first + index] = inputs[index] ?? 0
    this.#firstInput[handle + 1] = end
    this.#count += 1
    return handle as Handle // Counted just here.
  }

  /** Nodes made one after the other mostly come from one place. */
  #siteNumber(site: Site): number {
    if (this.#sites.at(-1) !== site) this.#sites.push(site)
    return this.#sites.length - 1
  }

  #rehash(): void {
    const slots = new Int32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (const found of this.#slots) {
      if (found === 0) continue
      // No constant is put there, so its inputs lie where its hash was made of.
      const [first, end] = [this.#at(found - 1), this.#at(found)]
      let slot = hashOf(this.#operatorOf[found - 1] ?? 0, this.#inputs, first, end) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = found
    }
    this.#slots = slots
  }
}

/** The operator of every constant. */
export const CONSTANT: Operator = { kind: "constant" }

/** The site of what no program says. */
export const NOWHERE: Site = { file: "", start: 0, end: 0 }

/** Stands for -0 among the keys of a Map, for which -0 and 0 are one. No string of a program has a NUL in front. */
const MINUS_ZERO = "\0-0"

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length)
  larger.set(array)
  return larger
}

/** Multiplies by odd constants and folds the high bits down, as murmur3 does. The inputs are those from `first` to `end`. */
function hashOf(operator: number, inputs: ArrayLike<number>, first: number, end: number): number {
  let hash = Math.imul(operator + 1, 0x9e37_79b1)
  for (let index = first; index < end; index += 1) {
    hash = Math.imul(hash ^ Math.imul((inputs[index] ?? 0) + 1, 0x85eb_ca6b), 0xc2b2_ae35)
    hash ^= hash >>> 15
  }
  return (hash ^ (hash >>> 13)) >>> 0
}
