/** Large bytes as an immutable handle that knows its digest, so that they are hashed once and not once a call (O7). */
import { assertInvariant } from "./assert.ts"
import { HoldfastError } from "./errors.ts"

/** SHA-256 of bytes as 64 lowercase hexadecimal digits. Handed in: the kernel has no cryptography. */
export type Sha256 = (bytes: Uint8Array) => string

/** A SHA-256, as 64 lowercase hexadecimal digits. */
export type Digest = string & { readonly brand: "Digest" }

/** Gives the bytes of a digest, verified before the first of them is given (S2). */
export interface BlobReader {
  read(digest: Digest, byteLength: number): AsyncIterable<Uint8Array>
}

const DIGEST_PATTERN = /^[0-9a-f]{64}$/

/** Whether `text` has the form of a digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && DIGEST_PATTERN.test(text)
}

/** Where a handle's bytes are: here, or in a store that reads them when they are asked for. */
type Content = { readonly bytes: Uint8Array } | { readonly byteLength: number; readonly reader: BlobReader }

// The encoder reads the bytes without the copy that `bytes()` makes; only this file can look inside a handle.
let contentOf: (binary: Binary) => Content
let restore: (digest: Digest, content: Content) => Binary

/** Immutable bytes with their digest. As an argument it enters an identity by the digest alone. */
export class Binary {
  static {
    contentOf = (binary) => binary.#content
    restore = (digest, content) => new Binary(digest, content)
  }

  /** SHA-256 of the bytes. A handle that was decoded carries the digest it was stored with; see {@link Binary.isIntact}. */
  readonly digest: Digest
  readonly #content: Content

  private constructor(digest: Digest, content: Content) {
    this.digest = digest
    this.#content = content
    Object.freeze(this)
  }

  /** Copies `bytes`, so that later writes to them change nothing here, and hashes the copy once. */
  static of(bytes: Uint8Array, sha256: Sha256): Binary {
    const copy = new Uint8Array(bytes)
    const digest = sha256(copy)
    assertInvariant(isDigest(digest), "O7", `a digest is 64 lowercase hexadecimal digits, not "${digest}"`)
    return new Binary(digest, { bytes: copy })
  }

  get byteLength(): number {
    return "bytes" in this.#content ? this.#content.bytes.byteLength : this.#content.byteLength
  }

  /** True where the bytes lie in the store and are read when asked for. */
  get isStored(): boolean {
    return !("bytes" in this.#content)
  }

  /**
   * A copy of the bytes: the caller's own, to write to as it likes.
   *
   * @throws HoldfastError ARGUMENT_INVALID for a handle whose bytes lie in the store
   */
  bytes(): Uint8Array {
    if ("bytes" in this.#content) return new Uint8Array(this.#content.bytes)
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `bytes() takes a Binary that is in memory, found one of ${String(this.byteLength)} bytes in the store; use "await read()" or "stream()"`,
    )
  }

  /** All bytes, wherever they are: the caller's own. @throws HoldfastError as {@link Binary.stream} */
  async read(): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.byteLength)
    let length = 0
    for await (const chunk of this.stream()) {
      bytes.set(chunk, length)
      length += chunk.length
    }
    return bytes
  }

  /**
   * The bytes piece by piece, never more than one in memory. What lies in the store is verified before it is given, and
   * is given to its end, whatever becomes of the value that it was read from. A handle by itself keeps nothing there.
   *
   * @throws HoldfastError VALUE_GONE where that value was replaced, deleted or evicted before the first piece was asked for,
   * STORE_DAMAGED where the store has lost the bytes
   */
  async *stream(): AsyncGenerator<Uint8Array, void, undefined> {
    if ("bytes" in this.#content) yield new Uint8Array(this.#content.bytes)
    else yield* this.#content.reader.read(this.digest, this.#content.byteLength)
  }

  /** Whether bytes in memory still hash to the digest: the check for a handle whose stored bytes nobody has verified yet. */
  isIntact(sha256: Sha256): boolean {
    // What lies in the store is verified whenever it is read.
    return !("bytes" in this.#content) || sha256(this.#content.bytes) === this.digest
  }
}

/** The handle's own bytes, for the encoder; null where they lie in a store. They are never written to. */
export function bytesOf(binary: Binary): Uint8Array | null {
  const content = contentOf(binary)
  return "bytes" in content ? content.bytes : null
}

/** What is said of a Binary whose bytes lie in another store; `what` names the value or request that holds it. */
export function describeStrange(what: string, digest: Digest): string {
  return `${what} names the large value ${digest}, which this store does not have; a Binary of another store is read there, and its bytes are passed`
}

/** Makes a handle of decoded bytes that nobody else holds, believing the digest stored beside them. */
export function restoreBinary(digest: Digest, bytes: Uint8Array): Binary {
  return restore(digest, { bytes })
}

/** Makes a handle of bytes that lie in a store. */
export function storedBinary(digest: Digest, byteLength: number, reader: BlobReader): Binary {
  return restore(digest, { byteLength, reader })
}
