/** Messages made up from the tables of the protocol, and bytes bent out of shape. */
import fc from "fast-check"
import { ERROR_TABLE } from "../../src/kernel/index.ts"
import type { FieldForm, Form } from "../../src/stores/embedded/wire/shape.ts"

/** Heads that say much of what follows, or have no business in a message. */
const HOSTILE_BYTES = [0x00, 0x1b, 0x3b, 0x5b, 0x5f, 0x7b, 0x7f, 0x80, 0x9a, 0x9b, 0x9f, 0xa0, 0xbb, 0xbf, 0xc0, 0xd8]
HOSTILE_BYTES.push(0xf4, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xff)

/** The bytes with one change: a bit, a byte, a head, an end, one more, some less, two swapped. */
export function mutate(bytes: Uint8Array, next: (bound: number) => number): Uint8Array {
  const at = next(bytes.length)
  const copy = Uint8Array.from(bytes)
  switch (next(7)) {
    case 0:
      copy[at] = (copy[at] as number) ^ (1 << next(8))
      return copy
    case 1:
      copy[at] = next(256)
      return copy
    case 2:
      copy[at] = HOSTILE_BYTES[next(HOSTILE_BYTES.length)] as number
      return copy
    case 3:
      return copy.subarray(0, Math.max(at, 1))
    case 4:
      return Uint8Array.of(...copy.subarray(0, at), next(256), ...copy.subarray(at))
    case 5:
      return Uint8Array.of(...copy.subarray(0, at), ...copy.subarray(Math.min(at + 1 + next(4), copy.length - 1)))
    default: {
      const other = next(bytes.length)
      ;[copy[at], copy[other]] = [copy[other] as number, copy[at] as number]
      return copy
    }
  }
}

/** One arbitrary for every kind of message and, below that, of command, outcome, event and transition. */
export function everyKind(form: Form): fc.Arbitrary<unknown>[] {
  if (form.kind !== "union") return [arbitraryOf(form)]
  return form.variants.flatMap(({ name, fields }) => {
    const inner = fields.find((field) => field.form.kind === "union")
    const kinds = inner === undefined ? [null] : everyKind(inner.form)
    return kinds.map((kind) =>
      fieldsOf(fields, (field) => (field === inner && kind !== null ? kind : arbitraryOf(field.form))).map(
        (record) => ({ [form.by]: name, ...record }),
      ),
    )
  })
}

function fieldsOf(
  fields: readonly FieldForm[],
  arbitrary: (field: FieldForm) => fc.Arbitrary<unknown>,
): fc.Arbitrary<Record<string, unknown>> {
  const entries = fields.map((field) => [field.name, arbitrary(field)] as const)
  return fc.record(Object.fromEntries(entries), { noNullPrototype: true })
}

const anyNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, 5e-324, 6e-8, 1.7e12),
)
const wellFormed = fc.string({ unit: "binary", maxLength: 30 })
const anyText = fc.oneof(
  wellFormed,
  fc.constantFrom("\ufeffmark", "\ufffd", "a".repeat(40), "ß".repeat(40)),
  fc.array(fc.integer({ min: 0xd7f0, max: 0xe00f })).map((units) => String.fromCharCode(...units)),
)

const { item: anyItem } = fc.letrec<{ item: unknown }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(fc.constant(null), fc.boolean(), anyNumber, anyText),
    fc.array(tie("item"), { maxLength: 4 }),
    objectOf(tie("item")),
  ),
}))

function objectOf(item: fc.Arbitrary<unknown>): fc.Arbitrary<object> {
  const key = fc.oneof(fc.constantFrom("__proto__", "constructor", "1"), wellFormed)
  return fc.uniqueArray(fc.tuple(key, item), { selector: ([name]) => name, maxLength: 4 }).map(Object.fromEntries)
}

/** Anything of a form. */
export function arbitraryOf(form: Form): fc.Arbitrary<unknown> {
  switch (form.kind) {
    case "text": {
      if (form.rule === "any") return wellFormed
      const plain = wellFormed.map((text) => text.replaceAll("\0", "0") || "n")
      return form.rule === "name"
        ? plain
        : fc.oneof(
            plain,
            plain.map((text) => `\0cell:${text}`),
          )
    }
    case "freeText":
      return anyText
    case "count":
      return fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 63, 64, 2 ** 32, Number.MAX_SAFE_INTEGER))
    case "number":
      return anyNumber
    case "finite":
      return anyNumber.filter(Number.isFinite)
    case "boolean":
      return fc.boolean()
    case "value":
      return fc.oneof(anyNumber, fc.uint8Array({ maxLength: 40 }))
    case "details":
      return objectOf(anyItem)
    case "errorCode":
      return fc.constantFrom(...Object.keys(ERROR_TABLE))
    case "choice":
      return fc.constantFrom(...form.options)
    case "nullable":
      return fc.option(arbitraryOf(form.of))
    case "list":
      return fc.array(arbitraryOf(form.of), { maxLength: 3 })
    case "record":
      return fieldsOf(form.fields, (field) => arbitraryOf(field.form))
    case "union":
      return fc.oneof(
        ...form.variants.map(({ name, fields }) =>
          fieldsOf(fields, (field) => arbitraryOf(field.form)).map((record) => ({ [form.by]: name, ...record })),
        ),
      )
  }
}
