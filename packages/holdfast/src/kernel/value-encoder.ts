/** Writes values: a walk over the value makes a flat list of tokens, which cborg writes out. */
import { encodeInto, Token, Type } from "cborg"
import { Binary, bytesOf } from "./binary.ts"
import { HoldfastError } from "./errors.ts"
import { fromHex, MAX_NESTING, messageOf, OWN_TAG, TAG, TYPED_ARRAY_BY_NAME } from "./value-format.ts"
import { compareBytes, sortKeys } from "./value-order.ts"

/** What stands in the encoding for an instance that has no form of its own. */
export interface StandIn {
  readonly tag: number
  readonly content: unknown
}

/** Chooses the stand-in of an instance, or undefined where it has none and is refused. */
export type ChooseStandIn = (instance: object) => StandIn | undefined

/** How {@link encodeDeterministic} encodes and how it reports. */
export interface EncodeOptions {
  /** What the input is, as in `the value of cell "x"`. */
  readonly what: string
  readonly chooseStandIn: ChooseStandIn
  /** How many steps of an error's path are not the caller's, where the input is a frame around what the caller gave. */
  readonly outerSteps: number
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

/** The stand-in of an instance every value may hold. */
export function standInForValue(instance: object): StandIn | undefined {
  if (!(instance instanceof Binary)) return undefined
  const bytes = bytesOf(instance)
  return bytes === null
    ? { tag: OWN_TAG.storedBinary, content: [instance.digest, instance.byteLength] }
    : { tag: OWN_TAG.binary, content: [instance.digest, bytes] }
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
