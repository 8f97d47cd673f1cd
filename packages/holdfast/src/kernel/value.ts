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
import { Binary, type BlobReader, describeStrange, type Sha256 } from "./binary.ts"
import { HoldfastError } from "./errors.ts"
import { decode, type Resolve } from "./value-decoder.ts"
import { type ChooseStandIn, encodeDeterministic, standInForValue } from "./value-encoder.ts"
import { OWN_TAG, UNDEFINED_BYTE } from "./value-format.ts"
import { compareBytes } from "./value-order.ts"

/** An encoded value. A number travels as itself, so that a store can merge it (`max`, `counter`) without decoding. */
export type Value = Uint8Array | number

/**
 * Encodes `input`; `what` names it in the error, as in `the value of cell "x"`. `hasFiles` says that it is for a store that
 * may have the bytes of a Binary that are not in memory.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE naming the path to what has no encoding.
 * @throws HoldfastError STORE_DAMAGED as {@link refuseStored} does, where there are no files
 */
export function encodeValue(input: unknown, what: string, hasFiles: boolean = true): Value {
  if (typeof input === "number") return input
  const chooseStandIn: ChooseStandIn = (instance) => {
    if (!hasFiles) refuseStored(instance, what)
    return standInForValue(instance)
  }
  return encodeDeterministic(input, { what, chooseStandIn, outerSteps: 0 })
}

/**
 * Refuses a Binary whose bytes lie in a store, for one that has none: nobody could ever read them there.
 *
 * @throws HoldfastError STORE_DAMAGED, as a store with files does where it lacks them
 */
export function refuseStored(instance: object, what: string): void {
  if (!(instance instanceof Binary) || !instance.isStored) return
  const { digest } = instance
  throw new HoldfastError("STORE_DAMAGED", describeStrange(what, digest), { details: { digest } })
}

/**
 * Encodes what an operation's body returned: any value, or undefined from a body that returns nothing.
 *
 * @throws HoldfastError as {@link encodeValue} does
 */
export function encodeResult(input: unknown, what: string, hasFiles: boolean = true): Value {
  return input === undefined ? Uint8Array.of(UNDEFINED_BYTE) : encodeValue(input, what, hasFiles)
}

/**
 * Decodes to a fresh graph of objects at each call; nothing in it is shared with `value` or with another call. With
 * `sha256`, every Binary's bytes are compared with its digest before anybody sees them (S2); with `blobs`, a Binary that
 * lies in the store is read from there when it is asked for its bytes.
 *
 * @throws HoldfastError VALUE_INVALID where the bytes are not what the encoder writes. They are treated as hostile.
 */
export function decodeValue(value: Value, sha256: Sha256 | null = null, blobs: BlobReader | null = null): unknown {
  if (typeof value === "number") return value
  if (value.length === 1 && value[0] === UNDEFINED_BYTE) return undefined
  return decode(value, { sha256, resolve: null, blobs })
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
export function decodeArguments(
  bytes: Uint8Array,
  resolve: Resolve,
  { sha256 = null, blobs = null }: { readonly sha256?: Sha256 | null; readonly blobs?: BlobReader | null } = {},
): readonly unknown[] {
  const args = decode(bytes, { sha256, resolve, blobs })
  if (!Array.isArray(args)) throw new HoldfastError("VALUE_INVALID", "cannot decode arguments: they are no list")
  return args
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
