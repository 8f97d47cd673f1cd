/** Primitives: what programs are made of in the end. */
import type { Image } from "../image/image.ts"
import type { Signature } from "../language/signature.ts"

/** What a primitive takes and gives. Sequences are evaluated whole before they are given to one. */
export type Value = number | boolean | string | Image | readonly Value[]

export interface Primitive {
  readonly signature: Signature
  /** Raised when what it computes changes: results of other versions are other results. */
  readonly version: number
  /** Of sequences it is the sequence of what it is of their items. */
  readonly isElementwise?: boolean
  readonly work: Work
}

export type Work =
  /** Done where it is wanted, in less time than it takes to look whether somebody has. */
  | { readonly kind: "cheap"; evaluate(args: readonly Value[]): Value }
  /** Computed once a store: by kernels, on threads. */
  | { readonly kind: "heavy"; compute(args: readonly Value[], means: Means): Promise<Value> }
  /** An image file, which is its bytes: computed once a store for each content. */
  | { readonly kind: "file" }
  /** Done once a run, however often it is written: it is about something outside. */
  | { readonly kind: "effect"; perform(args: readonly Value[], means: Means): Promise<Value> | Value }

/** What primitives may use beside their arguments. */
export interface Means {
  /** Aborted when nobody wants the result any more. */
  readonly signal: AbortSignal
}

/** The primitives of one name, in the order in which they are tried. */
export interface Overloads {
  readonly name: string
  readonly primitives: readonly Primitive[]
}
