/** Shapes with parts: records and unions, written as arrays in the order of their tables, and lists. */
import type { AnyShape, FieldForm, Shape, ShapeOf } from "./shape.ts"
import { refuseToSend } from "./scalar.ts"
import type { Sink } from "./token-sink.ts"
import type { Source } from "./token-source.ts"

/** Fields by name; their order is protocol. */
type Fields = Readonly<Record<string, AnyShape>>

/** What a table of fields reads. */
type RecordOf<F extends Fields> = { readonly [Name in keyof F]: ShapeOf<F[Name]> }

/** What a table of variants reads: each a record, told apart by the field `By`. */
type UnionOf<By extends string, V extends Readonly<Record<string, Fields>>> = {
  [Name in keyof V]: { readonly [Tag in By]: Name } & RecordOf<V[Name]>
}[keyof V]

/** Exactly these fields. */
export function record<const F extends Fields>(what: string, fields: F): Shape<RecordOf<F>> {
  const parts = partsOf(fields)
  function write(sink: Sink, value: RecordOf<F>): void {
    sink.array(parts.length)
    writeParts(sink, parts, value)
  }
  function read(source: Source): RecordOf<F> {
    expectLength(source, what, parts.length)
    return readParts(source, parts, {}) as RecordOf<F> // One field for each of the table.
  }
  return { form: { kind: "record", fields: parts.map(formOfPart) }, write, read }
}

/** One of several records, told apart by the field `by`; it is written first, as the variant's position. */
export function union<const By extends string, const V extends Readonly<Record<string, Fields>>>(
  by: By,
  what: string,
  variants: V,
): Shape<UnionOf<By, V>> {
  const known = Object.entries(variants).map(([name, fields], position) => ({ name, position, parts: partsOf(fields) }))
  const byName = new Map(known.map((variant) => [variant.name, variant]))
  function write(sink: Sink, value: UnionOf<By, V>): void {
    const tag = (value as Readonly<Record<string, unknown>>)[by] // Every variant has it.
    const variant = byName.get(tag as string) // A Map takes any key.
    if (variant === undefined) refuseToSend(`the ${by} of ${what} must be one this protocol has, found ${String(tag)}`)
    sink.array(variant.parts.length + 1)
    sink.count(variant.position)
    writeParts(sink, variant.parts, value)
  }
  function read(source: Source): UnionOf<By, V> {
    const length = source.array(what)
    const position = source.count(what)
    const variant = known[position]
    if (variant === undefined) source.refuse(`the ${by} ${String(position)} of ${what} is not known`)
    const expected = variant.parts.length + 1
    if (length !== expected) refuseCount(source, variant.name, { expected, found: length })
    return readParts(source, variant.parts, { [by]: variant.name }) as UnionOf<By, V> // The variant's table.
  }
  const forms = known.map(({ name, parts }) => ({ name, fields: parts.map(formOfPart) }))
  return { form: { kind: "union", by, variants: forms }, write, read }
}

/** At most `maxCount` of one shape. */
export function list<S extends AnyShape>(what: string, item: S, maxCount: number): Shape<readonly ShapeOf<S>[]> {
  function write(sink: Sink, items: readonly ShapeOf<S>[]): void {
    if (items.length > maxCount) {
      refuseToSend(`${what} must be at most ${String(maxCount)}, found ${String(items.length)}; ask for fewer at once`)
    }
    sink.array(items.length)
    for (const each of items) item.write(sink, each as never) // Of this shape's own type.
  }
  function read(source: Source): readonly ShapeOf<S>[] {
    const length = source.array(what)
    if (length > maxCount) source.refuse(`${what} are ${String(length)}, at most ${String(maxCount)}`)
    const items: ShapeOf<S>[] = []
    for (let index = 0; index < length; index++) items.push(item.read(source) as ShapeOf<S>) // By its definition.
    return items
  }
  return { form: { kind: "list", of: item.form, maxCount }, write, read }
}

/** The shape or null. No shape writes null itself. */
export function nullable<S extends AnyShape>(item: S): Shape<ShapeOf<S> | null> {
  function write(sink: Sink, value: ShapeOf<S> | null): void {
    if (value === null) sink.null()
    else item.write(sink, value as never) // Of this shape's own type.
  }
  function read(source: Source): ShapeOf<S> | null {
    return source.tryNull() ? null : (item.read(source) as ShapeOf<S>) // By its definition.
  }
  return { form: { kind: "nullable", of: item.form }, write, read }
}

interface Part {
  readonly name: string
  readonly shape: AnyShape
}

function partsOf(fields: Fields): readonly Part[] {
  return Object.entries(fields).map(([name, shape]) => ({ name, shape }))
}

function formOfPart({ name, shape }: Part): FieldForm {
  return { name, form: shape.form }
}

function writeParts(sink: Sink, parts: readonly Part[], value: object): void {
  const fields = value as Readonly<Record<string, never>> // The table's type says that each part is a field of it.
  for (const { name, shape } of parts) shape.write(sink, fields[name] as never)
}

/** Names come from tables alone, so that no byte can name a field such as `__proto__`. */
function readParts(source: Source, parts: readonly Part[], target: Record<string, unknown>): object {
  for (const { name, shape } of parts) target[name] = shape.read(source)
  return target
}

function expectLength(source: Source, what: string, expected: number): void {
  const found = source.array(what)
  if (found !== expected) refuseCount(source, what, { expected, found })
}

function refuseCount(source: Source, what: string, { expected, found }: { expected: number; found: number }): never {
  source.refuse(`${what} has ${String(expected)} fields, found ${String(found)}`)
}
