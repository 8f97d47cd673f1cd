/** Primitives: what programs are made of in the end. */
import type { Reach } from "../files/reach.ts"
import { isImage as isImageValue, isList, type Value } from "../files/value.ts"
import type { Image } from "../image/image.ts"
import type { Kernel } from "../kernels/kernel.ts"
import type { Selection } from "../kernels/selection.ts"
import type { Signature } from "../language/signature.ts"

export interface Primitive {
  readonly signature: Signature
  /** Raised when what it computes changes: results of other versions are other results. */
  readonly version: number
  /** Another name of that primitive of the same namespace: what either computes is one result. */
  readonly aliasOf?: string
  /** Of sequences it is the sequence of what it is of their items. */
  readonly isElementwise?: boolean
  readonly work: Work
}

export type Work =
  /** Done where it is wanted, in less time than it takes to look whether somebody has. */
  | { readonly kind: "cheap"; evaluate(args: readonly Value[]): Value }
  /** Computed once a store. */
  | {
      readonly kind: "heavy"
      readonly compute: (args: readonly Value[], means: Means) => Promise<Value>
      /**
       * Of a mask that is a selection of an image's values: which, so that many of one image are found in one pass; null
       * where it is none. Images are left out of the arguments.
       */
      readonly selection?: (args: readonly (Value | undefined)[]) => Selection | null
      /** Of masks, byte by byte: of selections of one image it is a selection again. */
      readonly combines?: "and" | "or" | "xor" | "not"
      /** The bytes of memory it takes, where that does not follow from the images that it is given. */
      readonly roomFor?: (args: readonly Value[]) => number
      /** It counts what is not 0 in the image that it is given. */
      readonly isCount?: boolean
      /** It keeps of an image what is where a mask is, and has 0 elsewhere. */
      readonly isRestriction?: boolean
      readonly shortcut?: Shortcut
    }
  /** An image file, which is its bytes: computed once a store for each content. */
  | { readonly kind: "file" }
  /** Without an image it is about the program's first. */
  | { readonly kind: "based" }
  /** Done once a run, however often it is written: it is about something outside. */
  | { readonly kind: "effect"; perform(args: readonly Value[], outside: Outside): Promise<Value> | Value }

/**
 * How a selection of what a primitive comes to is found without computing that; null where it cannot be, or is no faster. It gives
 * the same, bit for bit.
 */
export type Shortcut = (args: readonly Value[], selection: Selection) => ((means: Means) => Promise<Image>) | null

/** What heavy primitives compute with. */
export interface Means {
  /** Runs a kernel on the threads there are. */
  readonly run: <Parameters, Memory, Result>(
    kernel: Kernel<Parameters, Memory, Result>,
    inputs: readonly Image[],
    parameters: Parameters,
  ) => Promise<Result>
  /** A line for whoever runs the program, told only by who really computes. */
  readonly print: (line: string) => void
}

/** What primitives with effects may touch. */
export interface Outside {
  readonly signal: AbortSignal
  /** Where files may be listed and loaded. */
  readonly reach: Reach
  /** A line for whoever runs the program. */
  readonly print: (line: string) => void
  /** A value as people read it. */
  readonly show: (value: Value) => string
  /** Writes a file, relative to where the program runs. */
  readonly save: (name: string, value: Value) => Promise<void>
}

/** The primitives of one name, in the order in which they are tried. */
export interface Overloads {
  readonly name: string
  readonly primitives: readonly Primitive[]
}

export type { Value }

export function isImage(value: Value | undefined): value is Image {
  return value !== undefined && isImageValue(value)
}

export function isSequence(value: Value | undefined): value is readonly Value[] {
  return value !== undefined && isList(value)
}
