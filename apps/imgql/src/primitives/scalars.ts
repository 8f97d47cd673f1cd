/** Primitives on numbers, truth, strings and sequences of them: namespaces `default` and `strings`. */
import { isTrue, num, sequence, text, whole } from "./argument.ts"
import { cheap as defineCheap } from "./define.ts"
import { formatString } from "./format.ts"
import type { Primitive, Value } from "./primitive.ts"
import { PrimitiveError } from "./primitive-error.ts"

/** Longer sequences than this are a mistake in a program, and would fill memory before anybody sees it. */
export const MAX_SEQUENCE_LENGTH = 10_000_000

export const SCALAR_PRIMITIVES: readonly Primitive[] = [
  ...elementwise("addition(a: number, b: number): number", ([a, b]) => num(a) + num(b)),
  ...elementwise("subtraction(a: number, b: number): number", ([a, b]) => num(a) - num(b)),
  ...elementwise("multiplication(a: number, b: number): number", ([a, b]) => num(a) * num(b)),
  ...elementwise("division(a: number, b: number): number", ([a, b]) => num(a) / num(b)),
  ...elementwise("and(a: boolean, b: boolean): boolean", ([a, b]) => isTrue(a) && isTrue(b)),
  ...elementwise("or(a: boolean, b: boolean): boolean", ([a, b]) => isTrue(a) || isTrue(b)),
  ...elementwise("not(a: boolean): boolean", ([a]) => !isTrue(a)),
  ...elementwise("==(a: number, b: number): boolean", ([a, b]) => num(a) === num(b)),
  ...elementwise("!=(a: number, b: number): boolean", ([a, b]) => num(a) !== num(b)),
  ...elementwise("<(a: number, b: number): boolean", ([a, b]) => num(a) < num(b)),
  ...elementwise("<=(a: number, b: number): boolean", ([a, b]) => num(a) <= num(b)),
  ...elementwise(">(a: number, b: number): boolean", ([a, b]) => num(a) > num(b)),
  ...elementwise(">=(a: number, b: number): boolean", ([a, b]) => num(a) >= num(b)),
  // What `fold min` and `fold max` combine with.
  cheap("lesser(a: number, b: number): number", ([a, b]) => Math.min(num(a), num(b))),
  cheap("greater(a: number, b: number): number", ([a, b]) => Math.max(num(a), num(b))),

  cheap("range(start: number, stop?: number): sequence", ([first, last]) =>
    last === undefined ? range(0, whole(first)) : range(whole(first), whole(last)),
  ),
  cheap("sequence(items...: any): sequence", (items) => items),
  cheap("index(items: sequence, at: number): any", ([items, at]) => {
    const list = sequence(items)
    const item = list[index(at)]
    if (item !== undefined) return item
    throw invalid(`index must be below ${String(list.length)}, the length of the sequence, found ${String(num(at))}`)
  }),
  cheap("slice(items: sequence, start: number, stop: number): sequence", ([items, start, stop]) =>
    slice(items, start, stop),
  ),
  cheap("subsequence(items: sequence, stop: number): sequence", ([items, stop]) => slice(items, 0, stop)),
  cheap("subsequence(items: sequence, start: number, stop: number): sequence", ([items, start, stop]) =>
    slice(items, start, stop),
  ),
  // A function by its name is expanded where it stands (graph/compile.ts).
  ...["map", "dask_map"].map((name) =>
    cheap(`${name}(f: function, items: sequence): sequence`, () => {
      throw invalid(`${name} takes the name of a function as its first argument`)
    }),
  ),
  cheap("argmax(items: sequence): number", ([items]) => {
    const values = sequence(items).map(num)
    if (values.length === 0) throw invalid("argmax of an empty sequence has no value")
    return values.reduce((best, value, at) => (value > num(values[best]) ? at : best), 0)
  }),
  cheap("length(items: sequence): number", ([items]) => sequence(items).length),

  cheap("concat(parts...: string|number|boolean): string", (parts) => parts.map(text).join(""), "strings"),
  cheap(
    "format_string(format: string, values...: string|number|boolean): string",
    ([format, ...values]) => formatString(text(format), values.map(plain)),
    "strings",
  ),
]

function cheap(line: string, evaluate: (args: readonly Value[]) => Value, namespace = "default"): Primitive {
  return defineCheap(namespace, line, evaluate)
}

/** On plain values, and on sequences of them item by item. */
function elementwise(line: string, evaluate: (args: readonly Value[]) => Value): Primitive[] {
  const single = cheap(line, evaluate)
  const { signature } = single
  const parameters = signature.parameters.map((each) => ({ ...each, types: [...each.types, "sequence" as const] }))
  return [single, { ...single, signature: { ...signature, parameters, result: "sequence" }, isElementwise: true }]
}

function index(value: Value | undefined): number {
  const number = whole(value)
  if (number >= 0) return number
  throw invalid(`expected an index from 0, found ${String(number)}`)
}

function range(start: number, stop: number): Value[] {
  const length = Math.max(0, stop - start)
  if (length > MAX_SEQUENCE_LENGTH) {
    throw invalid(`a range may have ${String(MAX_SEQUENCE_LENGTH)} items, found ${String(length)}`)
  }
  return Array.from({ length }, (_, at) => start + at)
}

/** From start up to but not including stop; a start below 0 is 0, and a stop before the start leaves nothing. */
function slice(items: Value | undefined, start: Value | undefined, stop: Value | undefined): Value[] {
  const from = Math.max(0, whole(start))
  return sequence(items).slice(from, Math.max(from, whole(stop)))
}

function plain(value: Value): number | string | boolean {
  return typeof value === "boolean" || typeof value === "number" ? value : text(value)
}

function invalid(message: string): PrimitiveError {
  return new PrimitiveError("ARGUMENT_INVALID", message)
}
