/** Where shapes write: a flat list of CBOR tokens, which cborg turns into bytes at once. */
import { encodeInto, Token, Type } from "cborg"

// Constant tokens are shared: cborg keeps nothing on them.
const NULL = new Token(Type.null, null)
const TRUE = new Token(Type.true, true)
const FALSE = new Token(Type.false, false)
const SMALL_COUNTS: readonly Token[] = Array.from({ length: 64 }, (_, count) => new Token(Type.uint, count))
const SMALL_ARRAYS: readonly Token[] = Array.from({ length: 64 }, (_, count) => new Token(Type.array, count))

/** Whole numbers from here on travel as floats, which are exact up to 2^53 and cost no BigInt. */
const WIDE_INTEGER = 2 ** 32

/** No token's head takes more: one byte and a length or number of eight. */
const MAX_HEAD_BYTES = 9

/** Small messages, nearly all of them, are written here and copied out. */
const scratch = new Uint8Array(16_384)

// The tokens are our own, so the list of them is handed to cborg as what the "encoder of arrays" returns. Trying whether a
// float fits fewer bytes costs more than the bytes: all of them are written in full.
const ENCODE_OPTIONS = { float64: true, typeEncoders: { Array: (tokens: Token[]): Token[] => tokens } }

/** Collects the tokens of one message. */
export class Sink {
  readonly #tokens: Token[] = []
  #boundBytes = 0

  /** A whole number from 0, at most 2^53 - 1. */
  count(value: number): void {
    this.#push(SMALL_COUNTS[value] ?? new Token(Type.uint, value))
  }

  /** Any number: -0, NaN and the infinities too. */
  number(value: number): void {
    const isShort = Number.isInteger(value) && Math.abs(value) < WIDE_INTEGER && !Object.is(value, -0)
    this.#push(isShort ? new Token(value >= 0 ? Type.uint : Type.negint, value) : new Token(Type.float, value))
  }

  boolean(value: boolean): void {
    this.#push(value ? TRUE : FALSE)
  }

  null(): void {
    this.#push(NULL)
  }

  /** Well-formed text; a lone surrogate would be replaced. */
  text(value: string): void {
    // No UTF-16 unit takes more than three bytes of UTF-8.
    this.#boundBytes += 3 * value.length
    this.#push(new Token(Type.string, value))
  }

  bytes(value: Uint8Array): void {
    this.#boundBytes += value.length
    this.#push(new Token(Type.bytes, value))
  }

  /** The head of an array; its items follow. */
  array(count: number): void {
    this.#push(SMALL_ARRAYS[count] ?? new Token(Type.array, count))
  }

  /** The head of a map; its keys and values follow in turn. */
  map(count: number): void {
    this.#push(new Token(Type.map, count))
  }

  /** What was collected, in memory of its own. */
  encode(): Uint8Array {
    const target = this.#boundBytes <= scratch.length ? scratch : new Uint8Array(this.#boundBytes)
    const { written } = encodeInto(this.#tokens, target, ENCODE_OPTIONS)
    // A large message stays where it was written, unless much of the space was not needed.
    return target !== scratch && written > this.#boundBytes * 0.9
      ? target.subarray(0, written)
      : target.slice(0, written)
  }

  #push(token: Token): void {
    this.#boundBytes += MAX_HEAD_BYTES
    this.#tokens.push(token)
  }
}
