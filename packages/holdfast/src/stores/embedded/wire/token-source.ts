/**
 * Where shapes read: CBOR tokens of bytes that are hostile until checked. Nothing is allocated on the word of a length
 * alone: cborg compares the length of a string with the bytes that are there, and arrays and maps are compared here.
 */
import { Token, Tokenizer, Type } from "cborg"
import { HoldfastError } from "../../../kernel/index.ts"

const DECODE_OPTIONS = { strict: true, allowIndefinite: false, allowUndefined: false, allowBigInt: false }

const NULL_BYTE = 0xf6
const BYTES_MAJOR_TYPE = 2
const TEXT_MAJOR_TYPE = 3
const REPLACEMENT = "\ufffd"

/** Refuses malformed UTF-8 and keeps a leading byte order mark, which is text here. */
const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Text as it stood in the bytes, with the number of bytes it took. */
interface SourceText {
  readonly text: string
  readonly byteCount: number
}

/** Reads the tokens of one payload in order. */
export class Source {
  readonly #bytes: Uint8Array
  readonly #tokenizer: Tokenizer

  constructor(payload: Uint8Array) {
    // A Node Buffer's slices would share its memory; a plain view makes cborg copy.
    this.#bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength)
    this.#tokenizer = new Tokenizer(this.#bytes, DECODE_OPTIONS)
  }

  /** A whole number from 0 to 2^53 - 1, of which there is one form: never a float. */
  count(what: string): number {
    return this.#expect(Type.uint, what).value as number // What an uint token holds: bigints are switched off.
  }

  /** Any number. */
  number(what: string): number {
    const token = this.#next(what)
    if (token.type !== Type.uint && token.type !== Type.negint && token.type !== Type.float) {
      this.refuse(`expected ${what}, a number, found ${token.type.name}`)
    }
    return token.value as number // What these tokens hold: bigints are switched off.
  }

  boolean(what: string): boolean {
    const token = this.#next(what)
    if (token.type === Type.true) return true
    if (token.type === Type.false) return false
    this.refuse(`expected ${what}, true or false, found ${token.type.name}`)
  }

  /** Reads a null if that is what comes next. */
  tryNull(): boolean {
    if (this.#bytes[this.#tokenizer.pos()] !== NULL_BYTE) return false
    this.#tokenizer.next()
    return true
  }

  /** Whether text comes next, or the bytes that stand for it. */
  isText(): boolean {
    const majorType = (this.#bytes[this.#tokenizer.pos()] ?? 0) >> 5
    return majorType === TEXT_MAJOR_TYPE || majorType === BYTES_MAJOR_TYPE
  }

  text(what: string): SourceText {
    return this.#textOf(this.#expect(Type.string, what), what)
  }

  /** Text, or bytes where the writer had no text. The bytes are the caller's own. */
  textOrBytes(what: string): SourceText | Uint8Array {
    const token = this.#next(what)
    if (token.type === Type.string) return this.#textOf(token, what)
    if (token.type === Type.bytes) return ownBytes(token)
    this.refuse(`expected ${what}, text, found ${token.type.name}`)
  }

  /** A number or bytes, which are the caller's own. */
  numberOrBytes(what: string): number | Uint8Array {
    const token = this.#next(what)
    if (token.type === Type.bytes) return ownBytes(token)
    if (token.type === Type.uint || token.type === Type.negint || token.type === Type.float) {
      return token.value as number // What these tokens hold: bigints are switched off.
    }
    this.refuse(`expected ${what}, a number or bytes, found ${token.type.name}`)
  }

  /** The number of items of an array, of which each takes at least a byte. */
  array(what: string): number {
    return this.#countItems(this.#expect(Type.array, what), what, 1)
  }

  /** The next item of data without a table: a primitive but text, or the head of a container. */
  item(what: string): SourceItem {
    const token = this.#next(what)
    switch (token.type) {
      case Type.array:
        return { kind: "array", count: this.#countItems(token, what, 1) }
      case Type.map:
        return { kind: "map", count: this.#countItems(token, what, 2) }
      case Type.uint:
      case Type.negint:
      case Type.float:
      case Type.true:
      case Type.false:
      case Type.null:
        return { kind: "primitive", value: token.value as number | boolean | null } // By the token's type.
      default:
        this.refuse(`expected ${what}, plain data, found ${token.type.name}`)
    }
  }

  /** Nothing may follow the payload's one item. */
  end(): void {
    if (!this.#tokenizer.done()) this.refuse("expected the end of the payload, found more bytes")
  }

  /** @throws HoldfastError ARGUMENT_INVALID */
  refuse(reason: string): never {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `the peer's message is malformed: ${reason}, before byte ${String(this.#tokenizer.pos())} of ${String(this.#bytes.length)}; close the connection`,
    )
  }

  #next(what: string): Token {
    if (this.#tokenizer.done()) this.refuse(`expected ${what}, found the end of the bytes`)
    return this.#tokenizer.next()
  }

  #expect(type: Type, what: string): Token {
    const token = this.#next(what)
    if (token.type !== type) this.refuse(`expected ${what}, ${type.name}, found ${token.type.name}`)
    return token
  }

  #countItems(token: Token, what: string, bytesEach: number): number {
    const count = token.value as number // What the heads of arrays and maps hold.
    if (count * bytesEach > this.#bytes.length - this.#tokenizer.pos()) {
      this.refuse(`${what} says it has ${String(count)} items, more than the bytes that follow can hold`)
    }
    return count
  }

  #textOf(token: Token, what: string): SourceText {
    const text = token.value as string // What a string token holds.
    const end = this.#tokenizer.pos()
    const tokenBytes = token.encodedLength ?? 0
    const byteCount = tokenBytes - headBytes(this.#bytes[end - tokenBytes] ?? 0)
    // As many units as bytes and nothing replaced: all of it is ASCII. Otherwise cborg's own decoder is not asked, since
    // it replaces what is malformed and drops a leading byte order mark.
    if (text.length === byteCount && !text.includes(REPLACEMENT)) return { text, byteCount }
    try {
      return { text: UTF_8.decode(this.#bytes.subarray(end - byteCount, end)), byteCount }
    } catch {
      this.refuse(`${what} is not UTF-8`)
    }
  }
}

/** One item of data without a table. */
type SourceItem =
  | { readonly kind: "primitive"; readonly value: number | boolean | null }
  | { readonly kind: "array" | "map"; readonly count: number }

function ownBytes(token: Token): Uint8Array {
  const bytes = token.value as Uint8Array // What a bytes token holds.
  // cborg has one empty array for everyone.
  return bytes.length === 0 ? new Uint8Array(0) : bytes
}

/** The length of an item's head, from its first byte. */
function headBytes(first: number): number {
  const argument = first & 0x1f
  return argument < 24 ? 1 : 1 + (1 << (argument - 24))
}
