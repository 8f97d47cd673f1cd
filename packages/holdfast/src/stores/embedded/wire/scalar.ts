/** Shapes without parts: texts, numbers, choices, values. */
import { ERROR_TABLE, type ErrorCode, HoldfastError, type Value } from "../../../kernel/index.ts"
import type { Shape, TextRule } from "./shape.ts"
import type { Sink } from "./token-sink.ts"
import type { Source } from "./token-source.ts"

/** Well-formed text of at most `maxBytes` bytes of UTF-8; `what` names it in errors. */
export function text(what: string, maxBytes: number, rule: TextRule = "any"): Shape<string> {
  return brandedText<string>(what, maxBytes, rule)
}

/** A text of a brand, such as a session's id. */
export function brandedText<T extends string>(what: string, maxBytes: number, rule: TextRule): Shape<T> {
  function write(sink: Sink, value: T): void {
    if (!isWellFormed.call(value)) refuseToSend(`${what} must be well-formed text, found a lone surrogate`)
    if (value.length * 3 > maxBytes && Buffer.byteLength(value) > maxBytes) refuseLength(what, maxBytes)
    if (!followsRule(value, rule)) refuseToSend(`${what} must not be empty or hold NUL, found ${JSON.stringify(value)}`)
    sink.text(value)
  }
  function read(source: Source): T {
    const { text: value, byteCount } = source.text(what)
    if (byteCount > maxBytes) source.refuse(`${what} takes ${String(byteCount)} bytes, at most ${String(maxBytes)}`)
    if (!followsRule(value, rule)) source.refuse(`${what} is empty or holds NUL`)
    return value as T // Brands of ids are nothing that bytes could show.
  }
  return { form: { kind: "text", rule, maxBytes }, write, read }
}

/** The rule of kernel/names.ts in bytes. */
const MAX_NAME_BYTES = 512

/** The queues of cells are locks of an internal name; see cellQueueName. */
const CELL_QUEUE = "\0cell:"

function followsRule(value: string, rule: TextRule): boolean {
  if (rule === "any") return true
  const start = rule === "lockName" && value.startsWith(CELL_QUEUE) ? CELL_QUEUE.length : 0
  return value.length > start && !value.includes("\0", start)
}

/** A name as checkName allows it: of a cell, an operation, a step, a key. */
export function name(what: string): Shape<string> {
  return text(what, MAX_NAME_BYTES, "name")
}

/** The name of a lock, also of one in which updates of a cell queue. */
export const lockName: Shape<string> = text("the name of a lock", MAX_NAME_BYTES + CELL_QUEUE.length, "lockName")

/** A body's error may quote a whole response; more than this is no message. */
const MAX_FREE_TEXT_BYTES = 16 * 1024 * 1024

/**
 * Text nobody checked, such as the message of an error. A lone surrogate has no UTF-8 and would be replaced in silence:
 * text that holds one travels as bytes of UTF-16 instead.
 */
export function freeText(what: string): Shape<string> {
  function write(sink: Sink, value: string): void {
    if (value.length * 3 > MAX_FREE_TEXT_BYTES && Buffer.byteLength(value) > MAX_FREE_TEXT_BYTES) {
      refuseLength(what, MAX_FREE_TEXT_BYTES)
    }
    if (isWellFormed.call(value)) sink.text(value)
    else sink.bytes(Buffer.from(value, "utf16le"))
  }
  function read(source: Source): string {
    const found = source.textOrBytes(what)
    const byteCount = found instanceof Uint8Array ? found.length : found.byteCount
    if (byteCount > MAX_FREE_TEXT_BYTES) source.refuse(`${what} takes ${String(byteCount)} bytes, too many`)
    if (!(found instanceof Uint8Array)) return found.text
    const value = Buffer.from(found.buffer, found.byteOffset, found.length).toString("utf16le")
    if (found.length % 2 !== 0 || isWellFormed.call(value)) source.refuse(`${what} is bytes and could be text`)
    return value
  }
  return { form: { kind: "freeText", maxBytes: MAX_FREE_TEXT_BYTES }, write, read }
}

/** A whole number from 0 to 2^53 - 1: tokens, ids, versions, counts. */
export function count(what: string): Shape<number> {
  return brandedCount<number>(what)
}

/** A count of a brand, such as a token. */
export function brandedCount<T extends number>(what: string): Shape<T> {
  function write(sink: Sink, value: T): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      refuseToSend(`${what} must be a whole number from 0, found ${String(value)}`)
    }
    sink.count(value)
  }
  function read(source: Source): T {
    return source.count(what) as T // Brands of ids are nothing that bytes could show.
  }
  return { form: { kind: "count" }, write, read }
}

/** Any number, for what the kernel judges itself and refuses as an outcome. */
export function number(what: string): Shape<number> {
  return {
    form: { kind: "number" },
    write: (sink, value) => sink.number(value),
    read: (source) => source.number(what),
  }
}

/** A finite number: times and durations as the store tells them. */
export function finite(what: string): Shape<number> {
  function write(sink: Sink, value: number): void {
    if (!Number.isFinite(value)) refuseToSend(`${what} must be a finite number, found ${String(value)}`)
    sink.number(value)
  }
  function read(source: Source): number {
    const value = source.number(what)
    if (!Number.isFinite(value)) source.refuse(`${what} must be a finite number, found ${String(value)}`)
    return value
  }
  return { form: { kind: "finite" }, write, read }
}

export function boolean(what: string): Shape<boolean> {
  return {
    form: { kind: "boolean" },
    write: (sink, value) => sink.boolean(value),
    read: (source) => source.boolean(what),
  }
}

/** An encoded value: bytes, or a number as itself. What the bytes mean is checked where they are decoded. */
export function encodedValue(what: string): Shape<Value> {
  return {
    form: { kind: "value" },
    write: (sink, value) => (typeof value === "number" ? sink.number(value) : sink.bytes(value)),
    read: (source) => source.numberOrBytes(what),
  }
}

/** One of a few words, written as its position: the order is protocol. */
export function choice<const Options extends readonly string[]>(
  what: string,
  options: Options,
): Shape<Options[number]> {
  function write(sink: Sink, value: Options[number]): void {
    const position = options.indexOf(value)
    if (position < 0) refuseToSend(`${what} must be one of ${options.join(", ")}, found ${JSON.stringify(value)}`)
    sink.count(position)
  }
  function read(source: Source): Options[number] {
    const position = source.count(what)
    const option = options[position]
    if (option === undefined) source.refuse(`${what} ${String(position)} is not known`)
    return option
  }
  return { form: { kind: "choice", options }, write, read }
}

/** A code of the error table, as its word: the table's order is not protocol. */
export const errorCode: Shape<ErrorCode> = {
  form: { kind: "errorCode" },
  write: (sink, code) => sink.text(code),
  read: (source) => {
    const { text: code } = source.text("the code of an error")
    if (!Object.hasOwn(ERROR_TABLE, code))
      source.refuse(`the error code ${JSON.stringify(code.slice(0, 64))} is not known`)
    return code as ErrorCode // An own key of the table.
  },
}

// It is in every engine since 2023 and in Node 20, but the ES2023 types do not know it yet.
const isWellFormed = (String.prototype as unknown as { isWellFormed: (this: string) => boolean }).isWellFormed

function refuseLength(what: string, maxBytes: number): never {
  refuseToSend(`${what} must take at most ${String(maxBytes)} bytes of UTF-8, found more; shorten it`)
}

/** @throws HoldfastError ARGUMENT_INVALID: what was to be sent is outside what any peer takes. */
export function refuseToSend(reason: string): never {
  throw new HoldfastError("ARGUMENT_INVALID", `cannot send this message: ${reason}`)
}
