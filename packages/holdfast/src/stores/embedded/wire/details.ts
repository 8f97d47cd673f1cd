/** The shape of an error's details: plain data without a table, as JSON has it, bounded in depth and size. */
import type { ErrorDetails } from "../../../kernel/index.ts"
import type { Shape } from "./shape.ts"
import { freeText, refuseToSend, text } from "./scalar.ts"
import type { Sink } from "./token-sink.ts"
import type { Source } from "./token-source.ts"

/** The deepest details there are, those of a deadlock, have three levels. */
const MAX_DEPTH = 16

/** A deadlock tells four items a step; this many steps are beyond what anybody reads. */
const MAX_ITEM_COUNT = 100_000

const WHAT = "the details of an error"

const words = freeText("a text in the details of an error")
const key = text("a key of the details of an error", 512)

/** Counts the items of one error's details. */
interface Budget {
  left: number
}

export const details: Shape<ErrorDetails> = {
  form: { kind: "details" },
  write: (sink, value) => writeItem(sink, value, 0, { left: MAX_ITEM_COUNT }),
  read: (source) => {
    const value = readItem(source, 0, { left: MAX_ITEM_COUNT })
    if (typeof value !== "object" || value === null || Array.isArray(value)) source.refuse(`${WHAT} are not an object`)
    return value as ErrorDetails // An object with string keys.
  },
}

function writeItem(sink: Sink, value: unknown, depth: number, budget: Budget): void {
  if (depth > MAX_DEPTH) refuseToSend(`${WHAT} must be at most ${String(MAX_DEPTH)} levels deep, found more or a cycle`)
  if (--budget.left < 0) refuseToSend(`${WHAT} must be at most ${String(MAX_ITEM_COUNT)} items, found more`)
  if (value === null) sink.null()
  else if (typeof value === "string") words.write(sink, value)
  else if (typeof value === "number") sink.number(value)
  else if (typeof value === "boolean") sink.boolean(value)
  else if (Array.isArray(value)) writeArray(sink, value, depth, budget)
  else if (isPlainObject(value)) writeObject(sink, value, depth, budget)
  else refuseToSend(`${WHAT} must be plain data, found ${typeof value}; use text, numbers, lists and objects`)
}

function writeArray(sink: Sink, items: readonly unknown[], depth: number, budget: Budget): void {
  sink.array(items.length)
  for (const item of items) writeItem(sink, item, depth + 1, budget)
}

function writeObject(sink: Sink, object: object, depth: number, budget: Budget): void {
  // As in JSON, a field that is undefined is one that is not there.
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  sink.map(entries.length)
  for (const [name, value] of entries) {
    key.write(sink, name)
    writeItem(sink, value, depth + 1, budget)
  }
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function readItem(source: Source, depth: number, budget: Budget): unknown {
  if (depth > MAX_DEPTH) source.refuse(`${WHAT} are deeper than ${String(MAX_DEPTH)} levels`)
  if (--budget.left < 0) source.refuse(`${WHAT} are more than ${String(MAX_ITEM_COUNT)} items`)
  if (source.isText()) return words.read(source)
  const item = source.item(WHAT)
  if (item.kind === "primitive") return item.value
  if (item.kind === "map") return readObject(source, item.count, depth, budget)
  const items: unknown[] = []
  for (let index = 0; index < item.count; index++) items.push(readItem(source, depth + 1, budget))
  return items
}

function readObject(source: Source, fieldCount: number, depth: number, budget: Budget): object {
  const object: Record<string, unknown> = {}
  for (let index = 0; index < fieldCount; index++) {
    const name = key.read(source)
    if (Object.hasOwn(object, name)) source.refuse(`${WHAT} have the key ${JSON.stringify(name)} twice`)
    const value = readItem(source, depth + 1, budget)
    // Assigning `__proto__` would set the prototype instead of a key.
    if (name === "__proto__") {
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
    } else object[name] = value
  }
  return object
}
