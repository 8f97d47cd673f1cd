/** Reads values: cborg reads tokens, and what they may be together is decided here. Bytes are treated as hostile. */
import { type Token, Tokenizer, Type } from "cborg"
import { type Binary, type BlobReader, isDigest, restoreBinary, type Sha256, storedBinary } from "./binary.ts"
import { HoldfastError } from "./errors.ts"
import { MAX_NESTING, messageOf, OWN_TAG, TAG, toHex, TYPED_ARRAY_BY_TAG } from "./value-format.ts"
import { byteAt, compareBytes, compareKeys } from "./value-order.ts"

/** What stands in decoded arguments where a reference was encoded; see {@link decodeArguments}. */
export type Resolve = (identity: string) => unknown

/** Decodes one whole value. @throws HoldfastError VALUE_INVALID where the bytes are not what the encoder writes */
export function decode(value: Uint8Array, options: Pick<Reader, "sha256" | "resolve" | "blobs">): unknown {
  // A Node Buffer's slices would share its memory; a plain view makes cborg copy.
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const reader: Reader = { bytes, tokenizer: new Tokenizer(bytes, DECODE_OPTIONS), ...options }
  try {
    const decoded = decodeItem(reader, 0)
    if (typeof decoded === "number") invalid(reader, "a number alone travels as itself, not as bytes")
    if (!reader.tokenizer.done()) invalid(reader, "bytes follow the end of the value")
    return decoded
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    const reason = `${messageOf(error)} at byte ${reader.tokenizer.pos()}`
    throw new HoldfastError("VALUE_INVALID", `cannot decode a value: ${reason}`, { cause: error })
  }
}

interface Reader {
  readonly bytes: Uint8Array
  readonly tokenizer: Tokenizer
  /** Verifies binaries; null believes their digests. */
  readonly sha256: Sha256 | null
  /** What references stand for; null where there may be none. */
  readonly resolve: Resolve | null
  /** Reads what lies in the store; null where nothing does. */
  readonly blobs: BlobReader | null
}

const DECODE_OPTIONS = { strict: true, allowIndefinite: false, allowUndefined: false, allowBigInt: false }

function decodeItem(reader: Reader, depth: number): unknown {
  const start = reader.tokenizer.pos()
  const token = nextToken(reader)
  switch (token.type) {
    case Type.string:
      return decodeString(reader, token, start)
    case Type.bytes:
      return decodeBytes(token)
    case Type.array:
      return decodeArray(reader, token, depth)
    case Type.map:
      return decodeObject(reader, token, depth)
    case Type.tag:
      return decodeTagged(reader, token, depth)
    default:
      return token.value
  }
}

function nextToken(reader: Reader): Token {
  if (reader.tokenizer.done()) invalid(reader, "the bytes end inside the value")
  return reader.tokenizer.next()
}

function expectToken(reader: Reader, type: Type): Token {
  const token = nextToken(reader)
  if (token.type !== type) invalid(reader, `expected ${type.name}, found ${token.type.name}`)
  return token
}

function decodeString(reader: Reader, token: Token, start: number): string {
  const text: string = token.value
  const contentStart = start + headBytes(byteAt(reader.bytes, start))
  if (reader.bytes[contentStart] !== BYTE_ORDER_MARK[0] && !text.includes(REPLACEMENT)) return text
  const content = reader.bytes.subarray(contentStart, reader.tokenizer.pos())
  // cborg's text decoder replaces malformed UTF-8 in silence: count whether each replacement character was really sent.
  if (text.split(REPLACEMENT).length !== countReplacements(content) + 1) invalid(reader, "a string is not UTF-8")
  // It also takes a leading byte order mark for a mark of the encoding and drops it; here it is text.
  return startsWith(content, BYTE_ORDER_MARK, 0) ? `\ufeff${text}` : text
}

const REPLACEMENT = "\ufffd"
const REPLACEMENT_BYTES = [0xef, 0xbf, 0xbd]
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** The length of an item's head, from its first byte. */
function headBytes(first: number): number {
  const argument = first & 0x1f
  return argument < 24 ? 1 : 1 + (1 << (argument - 24))
}

function countReplacements(content: Uint8Array): number {
  let count = 0
  for (let index = 0; index < content.length; index++) if (startsWith(content, REPLACEMENT_BYTES, index)) count++
  return count
}

function startsWith(bytes: Uint8Array, prefix: readonly number[], offset: number): boolean {
  return prefix.every((byte, index) => bytes[offset + index] === byte)
}

function decodeBytes(token: Token): Uint8Array<ArrayBuffer> {
  const bytes: Uint8Array<ArrayBuffer> = token.value
  // cborg has one empty array for everyone; ours are the caller's own.
  return bytes.length === 0 ? new Uint8Array(0) : bytes
}

function decodeArray(reader: Reader, token: Token, depth: number): unknown[] {
  const count = countOf(reader, token, depth, 1)
  const items: unknown[] = []
  for (let index = 0; index < count; index++) items.push(decodeItem(reader, depth + 1))
  return items
}

function decodeObject(reader: Reader, token: Token, depth: number): object {
  const count = countOf(reader, token, depth, 2)
  const object: Record<string, unknown> = {}
  let previous: string | undefined
  for (let index = 0; index < count; index++) {
    const start = reader.tokenizer.pos()
    const key = decodeString(reader, expectToken(reader, Type.string), start)
    if (previous !== undefined && compareKeys(previous, key) >= 0) invalid(reader, "keys are out of order or repeated")
    previous = key
    const value = decodeItem(reader, depth + 1)
    // Assigning `__proto__` would set the prototype instead of a key.
    if (key === "__proto__") {
      Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
    } else object[key] = value
  }
  return object
}

/** The number of items a container says it has, checked before anything is made of it. */
function countOf(reader: Reader, token: Token, depth: number, bytesEach: number): number {
  if (depth >= MAX_NESTING) invalid(reader, `nested deeper than ${MAX_NESTING} levels`)
  const count: number = token.value
  if (count * bytesEach > reader.bytes.length - reader.tokenizer.pos())
    invalid(reader, "the bytes end inside the value")
  return count
}

function decodeTagged(reader: Reader, { value: tag }: Token, depth: number): unknown {
  switch (tag) {
    case TAG.bigPositive:
      return decodeMagnitude(reader)
    case TAG.bigNegative:
      return -1n - decodeMagnitude(reader)
    case TAG.set:
      return decodeSet(reader, depth)
    case TAG.map:
      return decodeMap(reader, depth)
    case OWN_TAG.date:
      return decodeDate(reader)
    case OWN_TAG.arrayBuffer:
      return decodeBytes(expectToken(reader, Type.bytes)).buffer
    case OWN_TAG.binary:
      return decodeBinary(reader, depth)
    case OWN_TAG.storedBinary:
      return decodeStored(reader, depth)
    case OWN_TAG.reference:
      return decodeReference(reader, tag)
    default:
      return decodeTypedArray(reader, tag)
  }
}

function decodeMagnitude(reader: Reader): bigint {
  const bytes = decodeBytes(expectToken(reader, Type.bytes))
  if (bytes[0] === 0) invalid(reader, "a bigint starts with a zero byte")
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`)
}

function decodeSet(reader: Reader, depth: number): Set<unknown> {
  const count = countOf(reader, expectToken(reader, Type.array), depth, 1)
  const set = new Set<unknown>()
  let previous: Uint8Array | undefined
  for (let index = 0; index < count; index++) {
    const start = reader.tokenizer.pos()
    set.add(decodeItem(reader, depth + 1))
    previous = nextInOrder(reader, start, previous)
  }
  return checkSize(reader, set, count)
}

function decodeMap(reader: Reader, depth: number): Map<unknown, unknown> {
  const count = countOf(reader, expectToken(reader, Type.map), depth, 2)
  const map = new Map<unknown, unknown>()
  let previous: Uint8Array | undefined
  for (let index = 0; index < count; index++) {
    const start = reader.tokenizer.pos()
    const key = decodeItem(reader, depth + 1)
    previous = nextInOrder(reader, start, previous)
    map.set(key, decodeItem(reader, depth + 1))
  }
  return checkSize(reader, map, count)
}

/** The bytes read since `start`, which must follow `previous` in order. */
function nextInOrder(reader: Reader, start: number, previous: Uint8Array | undefined): Uint8Array {
  const bytes = reader.bytes.subarray(start, reader.tokenizer.pos())
  if (previous !== undefined && compareBytes(previous, bytes) >= 0) invalid(reader, "keys are out of order or repeated")
  return bytes
}

/** One number can be written as a float of more than one width: then bytes differ and keys do not. */
function checkSize<Collection extends { readonly size: number }>(
  reader: Reader,
  made: Collection,
  count: number,
): Collection {
  if (made.size !== count) invalid(reader, "keys are out of order or repeated")
  return made
}

function decodeDate(reader: Reader): Date {
  const { type, value: timeMs } = nextToken(reader)
  const date = new Date(type === Type.uint || type === Type.negint ? timeMs : Number.NaN)
  if (Number.isNaN(date.getTime())) invalid(reader, "a Date is not a whole number of milliseconds in its range")
  return date
}

function decodeBinary(reader: Reader, depth: number): Binary {
  const [digest, bytes, ...rest] = decodeArray(reader, expectToken(reader, Type.array), depth)
  if (!isDigest(digest) || !(bytes instanceof Uint8Array) || rest.length > 0)
    invalid(reader, "a Binary is not a digest and bytes")
  const binary = restoreBinary(digest, bytes)
  if (reader.sha256 !== null && !binary.isIntact(reader.sha256))
    invalid(reader, `a Binary of ${bytes.length} bytes is damaged: they do not have its digest ${digest}`)
  return binary
}

function decodeStored(reader: Reader, depth: number): Binary {
  const [digest, byteLength, ...rest] = decodeArray(reader, expectToken(reader, Type.array), depth)
  if (!isDigest(digest) || !isLength(byteLength) || rest.length > 0)
    invalid(reader, "a stored Binary is not a digest and a length")
  if (reader.blobs === null) {
    invalid(reader, `it holds a Binary of another store, digest ${digest}; read it there and pass its bytes`)
  }
  return storedBinary(digest, byteLength, reader.blobs)
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function decodeReference(reader: Reader, tag: number): unknown {
  if (reader.resolve === null) invalid(reader, `tag ${tag}, a reference to a run, is for arguments only`)
  const start = reader.tokenizer.pos()
  return reader.resolve(decodeString(reader, expectToken(reader, Type.string), start))
}

function decodeTypedArray(reader: Reader, tag: number): object {
  const kind = TYPED_ARRAY_BY_TAG.get(tag)
  if (kind === undefined) invalid(reader, `tag ${tag} is not known`)
  const bytes = decodeBytes(expectToken(reader, Type.bytes))
  if (bytes.length % kind.from.BYTES_PER_ELEMENT !== 0) {
    invalid(reader, `${bytes.length} bytes do not fill a ${kind.from.name}`)
  }
  return new kind.from(bytes.buffer)
}

function invalid(reader: Reader, reason: string): never {
  throw new HoldfastError("VALUE_INVALID", `cannot decode a value: ${reason}, at byte ${reader.tokenizer.pos()}`)
}
