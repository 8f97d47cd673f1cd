/** The forms values take in CBOR: tags, and which typed array is which. Stored data: never renumber. */

/** How many containers may lie inside each other. Bounded so that encoding and decoding stay far from the end of the call stack. */
export const MAX_NESTING = 512

/** Tags of our own, out of the range anyone may use. They are stored: never renumber. */
export const OWN_TAG = {
  date: 0x68660001,
  arrayBuffer: 0x68660002,
  binary: 0x68660003,
  binaryDigest: 0x68660004,
  reference: 0x68660005,
  /** Stands for a whole value that lies elsewhere; a store's own, which no decoder ever sees. */
  spilled: 0x68660006,
  storedBinary: 0x68660007,
} as const

/** The whole encoding of a body's missing result. */
export const UNDEFINED_BYTE = 0xf7

/** Registered tags: bignums, a set, a map whose keys are any values. */
export const TAG = { bigPositive: 2, bigNegative: 3, set: 258, map: 259 } as const

/** A kind of typed array: its tag, and how one is made over bytes. */
export interface TypedArrayKind {
  readonly tag: number
  readonly from: { new (buffer: ArrayBuffer): object; readonly BYTES_PER_ELEMENT: number }
}

// RFC 8746, little endian, as the memory of every machine Node runs on here.
const TYPED_ARRAYS: Readonly<Record<string, TypedArrayKind>> = {
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
}

/** Kinds by the name of their class. */
export const TYPED_ARRAY_BY_NAME: ReadonlyMap<string, TypedArrayKind> = new Map(Object.entries(TYPED_ARRAYS))
/** Kinds by their tag. */
export const TYPED_ARRAY_BY_TAG: ReadonlyMap<number, TypedArrayKind> = new Map(
  Object.values(TYPED_ARRAYS).map((kind) => [kind.tag, kind]),
)

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Bytes as lowercase hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => HEX[byte]).join("")
}

/** Bytes of hexadecimal digits, two a byte. */
export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  )
}
