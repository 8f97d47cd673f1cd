/**
 * References to large values: what stands in a row or a message for bytes that lie in a file of their own.
 *
 *     a value above 32 KiB        tag `spilled` of [digest, length, what the value itself refers to]
 *     a Binary that was streamed  tag `storedBinary` of [digest, length], anywhere within a value
 *
 * Which files a value needs is found by the look of their references, not by decoding: values lie within values, as the
 * arguments of calls do. Bytes of a program that look the same keep a file that nobody needs, and do no other harm.
 */
import { type Digest, HoldfastError, isDigest, type Value } from "../../../kernel/index.ts"
import { encodeDeterministic, type StandIn } from "../../../kernel/value-encoder.ts"
import { OWN_TAG } from "../../../kernel/value-format.ts"

/** Values above this travel as files. */
export const SPILL_BYTES: number = 32 * 1024

/** What one value may take, as all of it is in memory: larger things are streamed. */
export const MAX_VALUE_BYTES: number = 256 * 1024 * 1024

/** A value may hold so many streamed Binaries: their references are in the row, however large the value is. */
const MAX_REFERENCES = 4_096

/** The content of one file. */
export interface Blob {
  readonly digest: Digest
  readonly byteLength: number
}

class Reference {
  readonly standIn: StandIn

  constructor(standIn: StandIn) {
    this.standIn = standIn
  }
}

/**
 * The reference that stands for a large value; `inner` are the blobs it refers to itself.
 *
 * @throws HoldfastError VALUE_NOT_ENCODABLE where they are too many
 */
export function encodeSpilled({ digest, byteLength }: Blob, inner: readonly Blob[]): Uint8Array {
  if (inner.length > MAX_REFERENCES) {
    throw new HoldfastError(
      "VALUE_NOT_ENCODABLE",
      `a value may hold at most ${String(MAX_REFERENCES)} stored Binaries, found ${String(inner.length)}; split it`,
    )
  }
  const references = inner.map(
    (blob) => new Reference({ tag: OWN_TAG.storedBinary, content: [blob.digest, blob.byteLength] }),
  )
  const whole = new Reference({ tag: OWN_TAG.spilled, content: [digest, byteLength, references] })
  return encodeDeterministic(whole, {
    what: "a reference",
    chooseStandIn: (instance) => (instance instanceof Reference ? instance.standIn : undefined),
    outerSteps: 0,
  })
}

/** What a reference to a large value stands for; null for a value that is all there is. */
export function spilledOf(value: Value): Blob | null {
  if (typeof value === "number" || value[0] !== MARK[0]) return null
  return referenceAt(value, 0, OWN_TAG.spilled)
}

/** Every file that a value needs, found by the look of the references to them. */
export function blobsIn(value: Value | null): readonly Blob[] {
  if (value === null || typeof value === "number" || value.length < LEAST_BYTES) return NONE
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  let at = bytes.indexOf(MARK)
  if (at < 0) return NONE
  const found = new Map<Digest, Blob>()
  for (; at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    const blob = referenceAt(bytes, at, OWN_TAG.spilled) ?? referenceAt(bytes, at, OWN_TAG.storedBinary)
    if (blob !== null) found.set(blob.digest, blob)
  }
  return [...found.values()]
}

const NONE: readonly Blob[] = []

/** The head of our tags, without their last byte, by which they differ. */
const MARK = Buffer.from([0xda, 0x68, 0x66, 0x00])

/** A text of 64 bytes: its head in CBOR. */
const DIGEST_HEAD = [0x78, 64]
const DIGEST_AT = MARK.length + 1 + 1 + DIGEST_HEAD.length
const LENGTH_AT = DIGEST_AT + 64
const LEAST_BYTES = LENGTH_AT + 1

/** The reference of a tag that starts there, or null. */
function referenceAt(bytes: Uint8Array, at: number, tag: number): Blob | null {
  const parts = tag === OWN_TAG.spilled ? 3 : 2
  const head = [...MARK, tag & 0xff, 0x80 | parts, ...DIGEST_HEAD]
  if (bytes.length < at + LEAST_BYTES || head.some((byte, index) => bytes[at + index] !== byte)) return null
  const digest = Buffer.from(bytes.buffer, bytes.byteOffset + at + DIGEST_AT, 64).toString("latin1")
  const byteLength = countAt(bytes, at + LENGTH_AT)
  return isDigest(digest) && byteLength !== null ? { digest, byteLength } : null
}

/** CBOR's unsigned integer, or null where there is none that counts bytes. */
function countAt(bytes: Uint8Array, at: number): number | null {
  const first = bytes[at] ?? 0xff
  if (first < 24) return first
  const width = first <= 0x1b ? 1 << (first - 24) : 0
  if (width === 0 || bytes.length < at + 1 + width) return null
  let count = 0
  for (let index = 0; index < width; index++) count = count * 256 + (bytes[at + 1 + index] ?? 0)
  return Number.isSafeInteger(count) ? count : null
}
