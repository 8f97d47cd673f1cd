/**
 * The one encoding of arguments, results and cells: deterministic CBOR (RFC 8949 section 4.2.1), written and read by
 * cborg. This file decides what a value is, how its types are kept apart, and in which order its parts are written;
 * cborg turns that into bytes and back.
 *
 * Equal values have equal bytes: keys of objects, keys of Maps and members of Sets are sorted by their encoding. Unequal
 * values have unequal bytes: every type has its own form, and what has none is refused by its path (O7).
 *
 * Two departures from the letter of RFC 8949: a bigint is always a bignum (tags 2 and 3), because 1n is not 1; and the
 * few half-precision subnormals that cborg does not shorten take five bytes. Both are deterministic.
 */
import { encodeInto, Token, Tokenizer, Type } from "cborg"
import { Binary, bytesOf, isDigest, restoreBinary, type Sha256 } from "./binary.ts"
import { HoldfastError } from "./errors.ts"

/** An encoded value. A number travels as itself, so that a store can merge it (`max`, `counter`) without decoding. */
export type Value = Uint8Array | number

/** How many containers may lie inside each other. Bounded so that encoding and decoding stay far from the end of the call stack. */
export const MAX_NESTING = 512

/** Tags of our own, out of the range anyone may use. They are stored: never renumber. */
export const OWN_TAG = {
  date: 0x68660001,
  arrayBuffer: 0x68660002,
  binary: 0x68660003,
  binaryDigest: 0x68660004,
  reference: 0x68660005,
} as const

/** What stands in the encoding for an instance that has no form of its own. */
export interface StandIn {
  readonly tag: number
  readonly content: unknown
}

/** Chooses the stand-in of an instance, or undefined where it has none and is refused. */
export type ChooseStandIn = (instance: object) => StandIn | undefined

/** What stands in decoded arguments where a reference was encoded; see {@link decodeArguments}. */
export type Resolve = (identity: string) => unknown

/** How {@link encodeDeterministic} encodes and how it reports. */
export interface EncodeOptions {
  /** What the input is, as in `the value of cell "x"`. */
  readonly what: string
  readonly chooseStandIn: ChooseStandIn
  /** How many steps of an error's path are not the caller's, where the input is a frame around what the caller gave. */
  readonly outerSteps: number
}

/**
 * Encodes `input`; `what` names it in the error, as in `the value of cell "x"`.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE naming the path to what has no encoding.
 */
export function encodeValue(input: unknown, what: string): Value {
  return typeof input === "number"
    ? input
    : encodeDeterministic(input, { what, chooseStandIn: standInForValue, outerSteps: 0 })
}

/**
 * Encodes what an operation's body returned: any value, or undefined from a body that returns nothing.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE naming the path to what has no encoding.
 */
export function encodeResult(input: unknown, what: string): Value {
  return input === undefined ? Uint8Array.of(UNDEFINED_BYTE) : encodeValue(input, what)
}

/**
 * Decodes to a fresh graph of objects at each call; nothing in it is shared with `value` or with another call. With
 * `sha256`, every Binary's bytes are compared with its digest before anybody sees them (S2).
 *
 * @throws HoldfastError VALUE_INVALID where the bytes are not what the encoder writes. They are treated as hostile.
 */
export function decodeValue(value: Value, sha256: Sha256 | null = null): unknown {
  if (typeof value === "number") return value
  if (value.length === 1 && value[0] === UNDEFINED_BYTE) return undefined
  return decode(value, { sha256, resolve: null })
}

/**
 * Encodes arguments, which unlike other values may hold references to runs that will make them: what `identityOf`
 * knows the identity of. A reference has a form of its own, which no other value has.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE naming the path to what has no encoding.
 */
export function encodeArguments(
  args: readonly unknown[],
  what: string,
  identityOf: (instance: object) => string | undefined,
): Uint8Array {
  const chooseStandIn: ChooseStandIn = (instance) => {
    const identity = identityOf(instance)
    return identity === undefined ? standInForValue(instance) : { tag: OWN_TAG.reference, content: identity }
  }
  return encodeDeterministic(args, { what, chooseStandIn, outerSteps: 0 })
}

/**
 * Decodes what {@link encodeArguments} wrote, with what `resolve` gives in the place of each reference.
 *
 * @throws HoldfastError VALUE_INVALID as {@link decodeValue} does.
 * @throws what `resolve` throws
 */
export function decodeArguments(bytes: Uint8Array, resolve: Resolve, sha256: Sha256 | null = null): readonly unknown[] {
  const args = decode(bytes, { sha256, resolve })
  if (!Array.isArray(args)) throw new HoldfastError("VALUE_INVALID", "cannot decode arguments: they are no list")
  return args
}

function decode(value: Uint8Array, options: Pick<Reader, "sha256" | "resolve">): unknown {
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

/** Whether two values have the same encoding: NaN is NaN, and -0 is not 0. */
export function sameValue(a: Value, b: Value): boolean {
  if (typeof a === "number" || typeof b === "number") return Object.is(a, b)
  return compareBytes(a, b) === 0
}

/**
 * Freezes a decoded value in depth so that it can be shared: plain objects, arrays and {@link Binary} handles.
 *
 * False, with nothing frozen, where it holds something whose contents JavaScript cannot freeze: a Map, Set, Date, typed
 * array or ArrayBuffer. Such a value is decoded afresh for each reader instead.
 */
export function freezeValue(decoded: unknown): boolean {
  if (!canFreeze(decoded)) return false
  freezeInDepth(decoded)
  return true
}

/**
 * Encodes to bytes, numbers included, with stand-ins of the caller's choice. For identities; values use {@link encodeValue}.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE naming the path to what has no encoding.
 */
export function encodeDeterministic(input: unknown, { what, chooseStandIn, outerSteps }: EncodeOptions): Uint8Array {
  const walk: Walk = { what, chooseStandIn, outerSteps, tokens: [], path: [], ancestors: [] }
  try {
    encodeItem(walk, input, 0)
    return write(walk.tokens)
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    // A Proxy's trap threw, or an object pretends to be a Map or Date and is none.
    throw new HoldfastError("VALUE_NOT_ENCODABLE", `cannot encode ${what}: reading it failed: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

const UNDEFINED_BYTE = 0xf7

const TAG = { bigPositive: 2, bigNegative: 3, set: 258, map: 259 } as const

// RFC 8746, little endian, as the memory of every machine Node runs on here.
const TYPED_ARRAYS = {
  Uint8ClampedArray: { tag: 68, from: Uint8ClampedArray },
  Uint16Array: { tag: 69, from: Uint16Array },
  Uint32Array: { tag: 70, from: Uint32Array },
  BigUint64Array: { tag: 71, from: BigUint64Array },
  Int8Array: { tag: 72, from: Int8Array },
  Int16Array: { tag: 77, from: Int16Array },
  Int32Array: { tag: 78, from: Int32Array },
  BigInt64Array: { tag: 79, from: BigInt64Array },
  Float32Array: { tag: 85, from: Float32Array },
  Float64Array: { tag: 86, from: Float64Array },
} as const

type TypedArrayKind = (typeof TYPED_ARRAYS)[keyof typeof TYPED_ARRAYS]

const TYPED_ARRAY_BY_NAME: ReadonlyMap<string, TypedArrayKind> = new Map(Object.entries(TYPED_ARRAYS))
const TYPED_ARRAY_BY_TAG: ReadonlyMap<number, TypedArrayKind> = new Map(
  Object.values(TYPED_ARRAYS).map((kind) => [kind.tag, kind]),
)

// Encoding: a walk over the value writes a flat list of tokens, which cborg writes out.

/** One step from a container to what lies in it. */
type Step = string | number | { readonly part: "key" | "value" | "member"; readonly index: number }

interface Walk extends EncodeOptions {
  tokens: Token[]
  /** The steps to where the walk is; only as many as its depth are current. */
  readonly path: Step[]
  /** The containers the walk is inside, for finding cycles; only as many as its depth are current. */
  readonly ancestors: object[]
}

const NULL = new Token(Type.null, null)
const TRUE = new Token(Type.true, true)
const FALSE = new Token(Type.false, false)

function encodeItem(walk: Walk, item: unknown, depth: number): void {
  switch (typeof item) {
    case "string":
      return encodeString(walk, item, depth)
    case "number":
      return void walk.tokens.push(numberToken(item))
    case "boolean":
      return void walk.tokens.push(item ? TRUE : FALSE)
    case "bigint":
      return encodeBigint(walk, item)
    case "object":
      return item === null ? void walk.tokens.push(NULL) : encodeContainer(walk, item, depth)
    case "undefined":
      return refuse(walk, depth, "undefined has no encoding; leave it out or use null")
    case "function":
    case "symbol":
      return refuse(walk, depth, `a ${typeof item} has no encoding; pass plain data`)
  }
}

// It is in every engine since 2023 and in Node 20, but the ES2023 types do not know it yet.
const isWellFormed = (String.prototype as unknown as { isWellFormed: (this: string) => boolean }).isWellFormed

function encodeString(walk: Walk, text: string, depth: number): void {
  // UTF-8 has one replacement character for all lone surrogates: two strings would share an encoding.
  if (!isWellFormed.call(text)) refuse(walk, depth, "a string holds a lone surrogate, which UTF-8 cannot carry")
  walk.tokens.push(new Token(Type.string, text))
}

function numberToken(value: number): Token {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return new Token(Type.float, value)
  return new Token(value >= 0 ? Type.uint : Type.negint, value)
}

function encodeBigint(walk: Walk, value: bigint): void {
  const magnitude = value >= 0n ? value : -1n - value
  const digits = magnitude === 0n ? "" : magnitude.toString(16)
  const bytes = fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)
  pushTagged(walk, value >= 0n ? TAG.bigPositive : TAG.bigNegative, bytes)
}

function pushTagged(walk: Walk, tag: number, bytes: Uint8Array): void {
  walk.tokens.push(new Token(Type.tag, tag), new Token(Type.bytes, bytes))
}

function encodeContainer(walk: Walk, item: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(item)
  // In each cast below, the prototype says what `item` is; if that is forged, reading it throws and refuses it.
  if (prototype === Object.prototype || prototype === null) encodeObject(walk, item, depth)
  else if (prototype === Array.prototype) encodeArray(walk, item as readonly unknown[], depth)
  else if (ArrayBuffer.isView(item)) encodeView(walk, item, depth)
  else if (prototype === Map.prototype) encodeMap(walk, item as ReadonlyMap<unknown, unknown>, depth)
  else if (prototype === Set.prototype) encodeSet(walk, item as ReadonlySet<unknown>, depth)
  else if (prototype === Date.prototype) encodeDate(walk, item as Date, depth)
  else if (prototype === ArrayBuffer.prototype) {
    pushTagged(walk, OWN_TAG.arrayBuffer, new Uint8Array((item as ArrayBuffer).slice(0)))
  } else encodeInstance(walk, item, depth)
}

/** Goes into a container, unless it is too deep or one the walk is already in. */
function enter(walk: Walk, container: object, depth: number): void {
  if (depth >= MAX_NESTING) {
    refuse(walk, depth, `nested deeper than ${MAX_NESTING} levels, the bound that keeps decoding within the call stack`)
  }
  for (let level = 0; level < depth; level++) {
    if (walk.ancestors[level] === container) {
      refuse(walk, depth, `a cycle: this is the same object as ${renderPath(walk, level) || "the whole"}`)
    }
  }
  walk.ancestors[depth] = container
}

function encodeObject(walk: Walk, item: object, depth: number): void {
  enter(walk, item, depth)
  const symbols = Object.getOwnPropertySymbols(item)
  if (symbols.length > 0) refuse(walk, depth, `the key ${String(symbols[0])} has no encoding; use a string`)
  const keys = Object.keys(item)
  sortKeys(keys)
  walk.tokens.push(new Token(Type.map, keys.length))
  for (const key of keys) {
    walk.path[depth] = key
    encodeString(walk, key, depth + 1)
    // Read through the descriptor, so that no accessor runs and each property is read once.
    const property = Object.getOwnPropertyDescriptor(item, key)
    if (property?.get !== undefined || property?.set !== undefined) {
      refuse(walk, depth + 1, "an accessor has no encoding; pass its value")
    }
    encodeItem(walk, property?.value, depth + 1)
  }
}

function encodeArray(walk: Walk, items: readonly unknown[], depth: number): void {
  enter(walk, items, depth)
  walk.tokens.push(new Token(Type.array, items.length))
  for (let index = 0; index < items.length; index++) {
    walk.path[depth] = index
    encodeItem(walk, items[index], depth + 1)
  }
  const keys = Object.keys(items)
  // The match of a regular expression has some; leaving them out in silence would give unequal arrays one encoding.
  if (keys.length > items.length) {
    refuse(walk, depth, `an array with the key ${keys[items.length]} has no encoding; pass its elements alone`)
  }
}

function encodeMap(walk: Walk, map: ReadonlyMap<unknown, unknown>, depth: number): void {
  enter(walk, map, depth)
  const entries: SortedPart[] = []
  for (const [key, value] of map) {
    const index = entries.length
    walk.path[depth] = { part: "key", index }
    const keyTokens = tokensOf(walk, key, depth + 1)
    walk.path[depth] = { part: "value", index }
    const valueTokens = tokensOf(walk, value, depth + 1)
    entries.push({ order: write(keyTokens), tokens: keyTokens.concat(valueTokens) })
  }
  walk.tokens.push(new Token(Type.tag, TAG.map), new Token(Type.map, entries.length))
  pushSorted(walk, entries, depth, "two keys of the Map have the same encoding")
}

function encodeSet(walk: Walk, set: ReadonlySet<unknown>, depth: number): void {
  enter(walk, set, depth)
  const members: SortedPart[] = []
  for (const member of set) {
    walk.path[depth] = { part: "member", index: members.length }
    const tokens = tokensOf(walk, member, depth + 1)
    members.push({ order: write(tokens), tokens })
  }
  walk.tokens.push(new Token(Type.tag, TAG.set), new Token(Type.array, members.length))
  pushSorted(walk, members, depth, "two members of the Set have the same encoding")
}

/** A part of a Map or Set, with the bytes it is sorted by. */
interface SortedPart {
  readonly order: Uint8Array
  readonly tokens: readonly Token[]
}

/** The tokens of `item` alone, for parts whose order is not known yet. */
function tokensOf(walk: Walk, item: unknown, depth: number): Token[] {
  const outer = walk.tokens
  walk.tokens = []
  encodeItem(walk, item, depth)
  const tokens = walk.tokens
  walk.tokens = outer
  return tokens
}

function pushSorted(walk: Walk, parts: SortedPart[], depth: number, twice: string): void {
  parts.sort((a, b) => compareBytes(a.order, b.order))
  for (const [index, part] of parts.entries()) {
    const previous = parts[index - 1]
    // Objects that look alike are two keys to JavaScript; their order, and what decoding makes of them, would be chance.
    if (previous !== undefined && compareBytes(previous.order, part.order) === 0) refuse(walk, depth, twice)
    for (const token of part.tokens) walk.tokens.push(token)
  }
}

function encodeDate(walk: Walk, date: Date, depth: number): void {
  // Called on the prototype's own method, so that an override on the instance cannot lie.
  const timeMs = Date.prototype.getTime.call(date)
  if (Number.isNaN(timeMs)) refuse(walk, depth, "an invalid Date has no encoding")
  walk.tokens.push(new Token(Type.tag, OWN_TAG.date), numberToken(timeMs))
}

function encodeView(walk: Walk, view: ArrayBufferView, depth: number): void {
  const name = constructorName(view)
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const kind = TYPED_ARRAY_BY_NAME.get(name)
  if (kind !== undefined) pushTagged(walk, kind.tag, bytes)
  else if (name === "Uint8Array" || name === "Buffer") walk.tokens.push(new Token(Type.bytes, bytes))
  else refuseInstance(walk, depth, name)
}

function encodeInstance(walk: Walk, item: object, depth: number): void {
  const standIn = walk.chooseStandIn(item)
  if (standIn !== undefined) {
    walk.tokens.push(new Token(Type.tag, standIn.tag))
    return encodeItem(walk, standIn.content, depth)
  }
  const name = constructorName(item)
  if (name === "Array" && Array.isArray(item)) return encodeArray(walk, item, depth)
  // A plain object of another realm: its prototype is the root of a chain and calls itself Object.
  if (name === "Object" && Object.getPrototypeOf(Object.getPrototypeOf(item)) === null) {
    return encodeObject(walk, item, depth)
  }
  refuseInstance(walk, depth, name)
}

function standInForValue(instance: object): StandIn | undefined {
  if (!(instance instanceof Binary)) return undefined
  return { tag: OWN_TAG.binary, content: [instance.digest, bytesOf(instance)] }
}

/** The name of the class an instance's prototype belongs to. The instance itself is not asked: `constructor` is a fine key. */
function constructorName(instance: object): string {
  const { constructor } = Object.getPrototypeOf(instance) as { constructor?: unknown } // A prototype is an object here.
  return typeof constructor === "function" ? constructor.name : ""
}

function refuseInstance(walk: Walk, depth: number, name: string): never {
  refuse(walk, depth, `an instance of ${name || "an unnamed class"} has no encoding; pass plain data`)
}

function refuse(walk: Walk, depth: number, reason: string): never {
  const path = renderPath(walk, depth)
  const where = path === "" ? "" : `at ${path}: `
  throw new HoldfastError("VALUE_NOT_ENCODABLE", `cannot encode ${walk.what}: ${where}${reason}`, { details: { path } })
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

/** Of a longer path, which a person cannot read, the middle is left out. */
const MAX_PATH_STEPS = 20

function renderPath(walk: Walk, depth: number): string {
  const steps = walk.path.slice(walk.outerSteps, depth).map(renderStep)
  const surplus = steps.length - MAX_PATH_STEPS
  if (surplus > 0) steps.splice(MAX_PATH_STEPS / 2, surplus, `…${surplus} more…`)
  return steps.join("")
}

function renderStep(step: Step): string {
  if (typeof step === "number") return `[${step}]`
  if (typeof step === "object") return `<${step.part} ${step.index}>`
  return IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

// The order of keys is that of their UTF-8 with its length in front: shorter first, then bytewise (RFC 8949 section 4.2.1).

function sortKeys(keys: string[]): void {
  let previous = ""
  for (const key of keys) {
    if (compareKeys(previous, key) > 0) {
      keys.sort(compareKeys)
      return
    }
    previous = key
  }
}

function compareKeys(a: string, b: string): number {
  return utf8Length(a) - utf8Length(b) || compareText(a, b)
}

function utf8Length(text: string): number {
  let length = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    // A surrogate is half of a pair that takes four bytes.
    if (unit >= 0x80) length += unit < 0x800 || isSurrogate(unit) ? 1 : 2
  }
  return length
}

function compareText(a: string, b: string): number {
  for (let index = 0; index < a.length; index++) {
    const unitA = a.charCodeAt(index)
    const unitB = b.charCodeAt(index)
    if (unitA === unitB) continue
    // Bytes of UTF-8 order by code point, and a pair of surrogates stands for one above all others.
    if (isSurrogate(unitA) !== isSurrogate(unitB)) return isSurrogate(unitA) ? 1 : -1
    return unitA - unitB
  }
  return 0
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const difference = byteAt(a, index) - byteAt(b, index)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number // The callers stay within the length.
}

// The tokens are our own, so the list of them is handed to cborg as what the "encoder of arrays" returns.
const ENCODE_OPTIONS = { typeEncoders: { Array: (tokens: Token[]): Token[] => tokens } }

/** No token's head takes more: one byte and a length, number or tag of eight. */
const MAX_HEAD_BYTES = 9

/** Small values, nearly all of them, are written here and copied out: cborg's own buffers come from Node's pool, which they would keep alive. */
const scratch = new Uint8Array(16_384)

function write(tokens: readonly Token[]): Uint8Array {
  let bound = 0
  for (const token of tokens) {
    bound += MAX_HEAD_BYTES
    // No UTF-16 unit takes more than three bytes of UTF-8.
    if (token.type === Type.string) bound += 3 * token.value.length
    else if (token.type === Type.bytes) bound += token.value.length
  }
  const target = bound <= scratch.length ? scratch : new Uint8Array(bound)
  const { written } = encodeInto(tokens, target, ENCODE_OPTIONS)
  // A large result stays where it was written, unless much of the space was not needed: copying costs more than the rest.
  return target !== scratch && written > bound * 0.9 ? target.subarray(0, written) : target.slice(0, written)
}

// Decoding: cborg reads tokens, and what they may be together is decided here.

interface Reader {
  readonly bytes: Uint8Array
  readonly tokenizer: Tokenizer
  /** Verifies binaries; null believes their digests. */
  readonly sha256: Sha256 | null
  /** What references stand for; null where there may be none. */
  readonly resolve: Resolve | null
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => HEX[byte]).join("")
}

function fromHex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  )
}

function canFreeze(decoded: unknown): boolean {
  if (typeof decoded !== "object" || decoded === null || decoded instanceof Binary) return true
  if (!Array.isArray(decoded) && Object.getPrototypeOf(decoded) !== Object.prototype) return false
  return Object.values(decoded).every(canFreeze)
}

function freezeInDepth(decoded: unknown): void {
  if (typeof decoded !== "object" || decoded === null) return
  for (const child of Object.values(decoded)) freezeInDepth(child)
  Object.freeze(decoded)
}
