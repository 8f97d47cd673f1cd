/**
 * Identity is content (O7): `hf1:` and the SHA-256 of the deterministic CBOR of an operation's name, its version and its
 * arguments. What the work depends on is an argument or in the version, and nothing else.
 */
import { Binary, type Sha256 } from "./binary.ts"
import { encodeDeterministic, type StandIn } from "./value-encoder.ts"
import { OWN_TAG } from "./value-format.ts"

export type { Sha256 } from "./binary.ts"

/** Names an operation with its arguments, or with an idempotency key: `hf1:` and 64 hexadecimal digits. */
export type Identity = string & { readonly brand: "Identity" }

/** What an identity takes from an operation's definition. */
export interface IdentifiedOperation {
  readonly name: string
  readonly version: number
}

/** An argument not computed yet. It enters an identity by the identity of the run that will make it, so a whole graph can be named before any of it runs. */
export class Reference {
  readonly identity: Identity

  constructor(identity: Identity) {
    this.identity = identity
    // A subclass has fields to add.
    if (new.target === Reference) Object.freeze(this)
  }
}

/**
 * The identity of an operation with arguments. Equal arguments, in depth and by type, give equal identities; others never do.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE naming the path to an argument, or a part of one, that has no encoding.
 */
export function identify(operation: IdentifiedOperation, args: readonly unknown[], sha256: Sha256): Identity {
  return hash(operation, args, `the arguments of operation "${operation.name}"`, sha256)
}

/**
 * The identity of an operation with an idempotency key in place of arguments. Never equal to one of {@link identify}.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE where the key holds a lone surrogate.
 */
export function identifyKey(operation: IdentifiedOperation, key: string, sha256: Sha256): Identity {
  // A text where arguments would be a list: no two encodings of these are the same.
  return hash(operation, key, `the key of operation "${operation.name}"`, sha256)
}

/** No key is longer: beyond that, a lookup costs as much as the hash it saves. */
const MAX_KEY_LENGTH = 255

/** A bigint within this bound has a short decimal form; a larger one is not even formatted. */
const BIGINT_BOUND = 2n ** 64n

/**
 * A text that is equal for two lists of arguments exactly if they are the same, for arguments that are all short
 * primitives; undefined for any others. In-process caches use it to find a result without hashing.
 */
export function primitiveKey(args: readonly unknown[]): string | undefined {
  let key = ""
  for (const arg of args) {
    const part = primitivePart(arg)
    if (part === undefined) return undefined
    key += part
    if (key.length > MAX_KEY_LENGTH) return undefined
  }
  return key
}

/** One argument as text that says where it ends: strings by their length in front, numbers by a mark behind. */
function primitivePart(arg: unknown): string | undefined {
  if (typeof arg === "string") return arg.length > MAX_KEY_LENGTH ? undefined : `${arg.length}:${arg}`
  if (typeof arg === "number") return Object.is(arg, -0) ? "-0," : `${arg},`
  if (typeof arg === "boolean") return arg ? "t" : "f"
  if (typeof arg === "bigint") return -BIGINT_BOUND < arg && arg < BIGINT_BOUND ? `${arg}n` : undefined
  return arg === null ? "_" : undefined
}

function hash(
  operation: IdentifiedOperation,
  input: string | readonly unknown[],
  what: string,
  sha256: Sha256,
): Identity {
  const frame = [operation.name, operation.version, input]
  const bytes = encodeDeterministic(frame, { what, chooseStandIn, outerSteps: 1 })
  // The prefix names this way of hashing: another one would get another.
  return `hf1:${sha256(bytes)}` as Identity
}

function chooseStandIn(instance: object): StandIn | undefined {
  if (instance instanceof Binary) return { tag: OWN_TAG.binaryDigest, content: instance.digest }
  if (instance instanceof Reference) return { tag: OWN_TAG.reference, content: instance.identity }
  return undefined
}
