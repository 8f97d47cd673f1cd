/**
 * A shape is the one description of a piece of a message: how it is written, how it is read and checked, and, as its
 * form, what it is made of. Tables of shapes (`command-table.ts` and the others) are the protocol: whatever decodes has
 * exactly the fields, kinds and bounds of its table.
 *
 * `write` and `read` are properties and not methods so that a shape is neither wider nor narrower than the type it is
 * declared for: a field that a table has too much, or lacks, does not compile.
 */
import type { Sink } from "./token-sink.ts"
import type { Source } from "./token-source.ts"

/** What writes and reads a `T`. */
export interface Shape<T> {
  readonly form: Form
  /** @throws HoldfastError ARGUMENT_INVALID where the other side would refuse what was written */
  readonly write: (sink: Sink, value: T) => void
  /** @throws HoldfastError ARGUMENT_INVALID where the bytes are not a `T` */
  readonly read: (source: Source) => T
}

/** A shape of anything: it can be read from, and written to only by who knows more. */
export interface AnyShape {
  readonly form: Form
  readonly write: (sink: Sink, value: never) => void
  readonly read: (source: Source) => unknown
}

/** What a shape reads. */
export type ShapeOf<S extends AnyShape> = ReturnType<S["read"]>

/** What a shape is made of, as data: for telling whether the protocol changed, and for making up messages. */
export type Form =
  | { readonly kind: "text"; readonly rule: TextRule; readonly maxBytes: number }
  | { readonly kind: "freeText"; readonly maxBytes: number }
  | { readonly kind: "count" | "number" | "finite" | "boolean" | "value" | "details" | "errorCode" }
  | { readonly kind: "choice"; readonly options: readonly string[] }
  | { readonly kind: "nullable"; readonly of: Form }
  | { readonly kind: "list"; readonly of: Form; readonly maxCount: number }
  | { readonly kind: "record"; readonly fields: readonly FieldForm[] }
  | { readonly kind: "union"; readonly by: string; readonly variants: readonly VariantForm[] }

/** What a text may be: any, one without NUL and not empty, or a name of a lock, which can be a cell's queue. */
export type TextRule = "any" | "name" | "lockName"

export interface FieldForm {
  readonly name: string
  readonly form: Form
}

interface VariantForm {
  readonly name: string
  readonly fields: readonly FieldForm[]
}
