/**
 * Selections: masks that go by the value of a voxel alone. All limits of some selections, in order, cut the values into classes,
 * and a selection gives every class one value, as does whatever logic makes of selections.
 */
import type { VoxelType } from "../image/image.ts"
import type { Relation } from "./comparison.ts"
import type { BinaryThresholdParameters } from "./threshold.ts"
import { castThreshold, checkThresholds, floatAfter, floatFrom, leastOf, mostOf } from "./threshold.ts"

/** What one operation of the program asks of the image. */
export type Selection =
  | ({ readonly kind: "threshold" } & BinaryThresholdParameters)
  | { readonly kind: "comparison"; readonly relation: Relation; readonly constant: number }
  | { readonly kind: "between"; readonly low: number; readonly high: number }
  | { readonly kind: "not"; readonly of: Selection }
  | { readonly kind: "and" | "or" | "xor"; readonly left: Selection; readonly right: Selection }
  /** Of the image with 0 for the values that are not in `where`. */
  | { readonly kind: "kept"; readonly where: Selection; readonly of: Selection }

/** Values from `low` on and below `high`. */
interface Interval {
  readonly low: number
  readonly high: number
  readonly inside: number
  readonly outside: number
}

/** The limits of selections of an image of that type, rising, each once. @throws KernelError KERNEL_INPUT_INVALID */
export function limitsOf(type: VoxelType, selections: readonly Selection[]): readonly number[] {
  const intervals = selections.flatMap(simpleIn).map((selection) => intervalOf(type, selection))
  const known = new Set(intervals.flatMap(({ low, high }) => [low, high]).map((limit) => limit + 0))
  return [...known].filter((limit) => limit === limit).toSorted((a, b) => a - b)
}

/** Where values are cut into classes: the class of a value is how many of the limits it has reached. */
export class Classes {
  readonly #type: VoxelType
  readonly #numbers: ReadonlyMap<number, number>
  /** One more than that of the values that have reached all limits, which is that of NaN. */
  readonly size: number
  readonly #zero: number

  constructor(type: VoxelType, limits: ArrayLike<number>) {
    const list = Array.from(limits)
    this.#type = type
    this.#numbers = new Map(list.map((limit, at) => [limit, at + 1]))
    this.size = list.length + 2
    this.#zero = list.filter((limit) => limit <= 0).length
  }

  /** What the mask of a selection is in each class. */
  tableOf(selection: Selection): Uint8Array {
    switch (selection.kind) {
      case "not":
        return this.tableOf(selection.of).map((value) => (value === 0 ? 1 : 0))
      case "and":
      case "or":
      case "xor": {
        const left = this.tableOf(selection.left)
        const right = this.tableOf(selection.right)
        return left.map((value, at) => combineBytes(selection.kind, value, right[at]!))
      }
      case "kept": {
        const of = this.tableOf(selection.of)
        return this.tableOf(selection.where).map((value, at) => of[value === 0 ? this.#zero : at]!)
      }
      default: {
        const { low, high, inside, outside } = intervalOf(this.#type, selection)
        // The first class that has reached a limit. NaN is a limit that none reaches: as a lower one it leaves nothing.
        const from = this.#numbers.get(low) ?? this.size - 1
        const to = this.#numbers.get(high) ?? this.size - 1
        const table = new Uint8Array(this.size).fill(outside)
        return table.fill(inside, from, Math.max(from, to))
      }
    }
  }
}

/** A selection that is one value below a limit and another from there on. */
export interface Step {
  readonly limit: number
  readonly below: number
  readonly above: number
}

/** What a selection of an image without NaN comes to, where that is a step. @throws KernelError KERNEL_INPUT_INVALID */
export function stepOf(type: VoxelType, selection: Selection): Step | null {
  const limits = limitsOf(type, [selection])
  const table = new Classes(type, limits).tableOf(selection)
  // Nothing is below -Infinity.
  const changes = limits.flatMap((limit, at) =>
    limit === -Infinity || table[at] === table[at + 1] ? [] : [{ limit, at }],
  )
  const [only] = changes
  if (only === undefined || changes.length > 1) return null
  return { limit: only.limit, below: table[only.at]!, above: table[only.at + 1]! }
}

/**
 * A selection as one threshold from a value to another, where it is that: values in between are one thing and all others another, as
 * NaN is. Null also where voxels are of a type that has no value next to another that this knows.
 *
 * @throws KernelError KERNEL_INPUT_INVALID
 */
export function rangeOf(type: VoxelType, selection: Selection): BinaryThresholdParameters | null {
  if (type === "float64") return null
  const limits = limitsOf(type, [selection])
  const table = new Classes(type, limits).tableOf(selection)
  const outside = type === "float32" ? table.at(-1)! : table[limits[0] === -Infinity ? 1 : 0]!
  const inside = [...table.keys()].filter((at) => at <= limits.length && table[at] !== outside)
  const [first, last] = [inside[0], inside.at(-1)]
  if (first === undefined || last === undefined || last - first + 1 !== inside.length) return null
  if (inside.some((at) => table[at] !== table[first])) return null
  const lower = first === 0 ? leastOf(type) : valueFrom(type, limits[first - 1]!)
  const upper = last === limits.length ? mostOf(type) : valueBefore(type, limits[last]!)
  return lower <= upper ? { lower, upper, inside: table[first]!, outside } : null
}

/** The least value of a type that has reached a limit. */
function valueFrom(type: Exclude<VoxelType, "float64">, limit: number): number {
  return type === "float32" ? floatFrom(limit) : Math.max(leastOf(type), Math.ceil(limit))
}

/** The largest that has not. */
function valueBefore(type: Exclude<VoxelType, "float64">, limit: number): number {
  return type === "float32" ? -floatAfter(-floatFrom(limit)) : Math.min(mostOf(type), Math.ceil(limit) - 1)
}

type Simple = Extract<Selection, { readonly kind: "threshold" | "comparison" | "between" }>

/** The selections that one is made of. Nobody makes so deep ones that this would call itself too often. */
function simpleIn(selection: Selection): readonly Simple[] {
  switch (selection.kind) {
    case "not":
      return simpleIn(selection.of)
    case "and":
    case "or":
    case "xor":
      return [...simpleIn(selection.left), ...simpleIn(selection.right)]
    case "kept":
      return [...simpleIn(selection.where), ...simpleIn(selection.of)]
    default:
      return [selection]
  }
}

/** The limits of a selection, after the casts of the kernel that it stands for. */
function intervalOf(type: VoxelType, selection: Simple): Interval {
  switch (selection.kind) {
    case "threshold": {
      const { inside, outside } = selection
      const { lower, upper } = checkThresholds("sweep", type, selection)
      return { low: lower, high: nextAfter(upper), inside, outside }
    }
    case "between": {
      const [low, high] = [castThreshold(type, selection.low), castThreshold(type, selection.high)]
      return { low, high: nextAfter(high), inside: 1, outside: 0 }
    }
    case "comparison":
      return compareWith(selection.relation, castThreshold(type, selection.constant))
  }
}

function compareWith(relation: Relation, constant: number): Interval {
  const after = nextAfter(constant)
  switch (relation) {
    case "==":
      return { low: constant, high: after, inside: 1, outside: 0 }
    case "!=":
      return { low: constant, high: after, inside: 0, outside: 1 }
    case "<":
      return { low: -Infinity, high: constant, inside: 1, outside: 0 }
    case "<=":
      return { low: -Infinity, high: after, inside: 1, outside: 0 }
    case ">":
      return { low: after, high: NO_LIMIT, inside: 1, outside: 0 }
    case ">=":
      return { low: constant, high: NO_LIMIT, inside: 1, outside: 0 }
  }
}

/** Above every value, Infinity included. */
const NO_LIMIT = Number.NaN

const double = new Float64Array(1)
const doubleBits = new BigInt64Array(double.buffer)

/** The least double above a value: "more than the value" is "from there on". Nothing is above Infinity. */
export function nextAfter(value: number): number {
  if (value === Infinity || value !== value) return NO_LIMIT
  if (value === 0) return Number.MIN_VALUE
  double[0] = value
  doubleBits[0]! += value > 0 ? 1n : -1n
  return double[0]
}

function combineBytes(kind: "and" | "or" | "xor", left: number, right: number): number {
  if (kind === "and") return left & right
  return kind === "or" ? left | right : left ^ right
}
