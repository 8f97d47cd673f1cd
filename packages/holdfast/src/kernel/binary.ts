/** Large bytes as an immutable handle that knows its digest, so that they are hashed once and not once a call (O7). */
import { assertInvariant } from "./assert.ts"

/** SHA-256 of bytes as 64 lowercase hexadecimal digits. Handed in: the kernel has no cryptography. */
export type Sha256 = (bytes: Uint8Array) => string

/** A SHA-256, as 64 lowercase hexadecimal digits. */
export type Digest = string & { readonly brand: "Digest" }

const DIGEST_PATTERN = /^[0-9a-f]{64}$/

/** Whether `text` has the form of a digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && DIGEST_PATTERN.test(text)
}

// The encoder reads the bytes without the copy that `bytes()` makes; only this file can look inside a handle.
let readBytes: (binary: Binary) => Uint8Array
let restore: (digest: Digest, bytes: Uint8Array) => Binary

/** Immutable bytes with their digest. As an argument it enters an identity by the digest alone. */
export class Binary {
  static {
    readBytes = (binary) => binary.#bytes
    restore = (digest, bytes) => new Binary(digest, bytes)
  }

  /** SHA-256 of the bytes. A handle that was decoded carries the digest it was stored with; see {@link Binary.isIntact}. */
  readonly digest: Digest
  readonly #bytes: Uint8Array

  private constructor(digest: Digest, bytes: Uint8Array) {
    this.digest = digest
    this.#bytes = bytes
    Object.freeze(this)
  }

  /** Copies `bytes`, so that later writes to them change nothing here, and hashes the copy once. */
  static of(bytes: Uint8Array, sha256: Sha256): Binary {
    const copy = new Uint8Array(bytes)
    const digest = sha256(copy)
    assertInvariant(isDigest(digest), "O7", `a digest is 64 lowercase hexadecimal digits, not "${digest}"`)
    return new Binary(digest, copy)
  }

  get byteLength(): number {
    return this.#bytes.byteLength
  }

  /** A copy of the bytes: the caller's own, to write to as it likes. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#bytes)
  }

  /** Whether the bytes still hash to the digest: the check for a handle whose stored bytes nobody has verified yet. */
  isIntact(sha256: Sha256): boolean {
    return sha256(this.#bytes) === this.digest
  }
}

/** The handle's own bytes, for the encoder. They are never written to. */
export function bytesOf(binary: Binary): Uint8Array {
  return readBytes(binary)
}

/** Makes a handle of decoded bytes that nobody else holds, believing the digest stored beside them. */
export function restoreBinary(digest: Digest, bytes: Uint8Array): Binary {
  return restore(digest, bytes)
}
