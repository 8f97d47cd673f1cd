/** What nodes of the graph do with their inputs. Operators are compared by identity: who makes one keeps it. */
import type { Overloads } from "../primitives/primitive.ts"
import type { Code } from "./code.ts"

export type Operator =
  | { readonly kind: "constant" }
  /** A sequence of its inputs. */
  | { readonly kind: "list" }
  /** A sequence of its inputs, each of them evaluated. */
  | { readonly kind: "forced" }
  /** A primitive: the first of its overloads that takes what the inputs turn out to be. */
  | { readonly kind: "apply"; readonly overloads: Overloads }
  /** What a file held: nodes of the same bytes are one, whatever the file was called. */
  | { readonly kind: "file"; readonly path: string; readonly digest: string }
  /** A function of the program: its inputs are the parameters and what it captures. */
  | { readonly kind: "call"; readonly code: Code }
  /** The function of every item: inputs are the sequence and what the function captures. */
  | { readonly kind: "map"; readonly code: Code }
  /** The items for which the function is true: inputs as of `map`. */
  | { readonly kind: "filter"; readonly code: Code }
  /** Of a sequence, the first input, the items for which the further inputs are true, one an item. */
  | { readonly kind: "keep" }
  /** The items combined from the left. Inputs are the sequence and, where it `hasInitial`, what to begin with. */
  | { readonly kind: "fold"; readonly fold: Fold; readonly hasInitial: boolean }
  /** One item of a sequence: inputs are the sequence and the index. */
  | { readonly kind: "index" }
  /** Items of a sequence: inputs are the sequence, then the start and the stop where it has them. */
  | { readonly kind: "slice"; readonly hasStart: boolean; readonly hasStop: boolean }

/** What a fold combines with, and begins with where it is not told. */
export interface Fold {
  readonly name: string
  /** The operator of the node that combines two. */
  readonly combine: Operator
  /** Undefined where it begins with the first item, and an empty sequence has no value. */
  readonly initial: number | boolean | undefined
  /** Whether it must be told what to begin with. */
  readonly needsInitial: boolean
}

export const LIST: Operator = { kind: "list" }
export const FORCED: Operator = { kind: "forced" }
export const KEEP: Operator = { kind: "keep" }
export const INDEX: Operator = { kind: "index" }

const SLICE_OF_ALL: Operator = { kind: "slice", hasStart: false, hasStop: false }
const SLICE_FROM: Operator = { kind: "slice", hasStart: true, hasStop: false }
const SLICE_TO: Operator = { kind: "slice", hasStart: false, hasStop: true }
const SLICE_FROM_TO: Operator = { kind: "slice", hasStart: true, hasStop: true }

export function sliceOperator(hasStart: boolean, hasStop: boolean): Operator {
  if (hasStart) return hasStop ? SLICE_FROM_TO : SLICE_FROM
  return hasStop ? SLICE_TO : SLICE_OF_ALL
}
