import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { InvariantError } from "./assert.ts"
import { Binary, isDigest, restoreBinary } from "./binary.ts"

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

describe("a binary handle (O7)", () => {
  it("knows the SHA-256 and the length of its bytes", () => {
    const binary = Binary.of(Uint8Array.of(97, 98, 99), sha256)
    expect(binary.digest).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    expect(binary.byteLength).toBe(3)
  })

  it("hashes once however often it is used", () => {
    let hashCount = 0
    const binary = Binary.of(new Uint8Array(8), (bytes) => {
      hashCount++
      return sha256(bytes)
    })
    expect([binary.digest, binary.digest, binary.bytes().length]).toEqual([binary.digest, binary.digest, 8])
    expect(hashCount).toBe(1)
  })

  it("does not follow later writes to the bytes it was made of", () => {
    const source = Uint8Array.of(1, 2, 3)
    const binary = Binary.of(source, sha256)
    source[0] = 9
    expect(binary.bytes()).toEqual(Uint8Array.of(1, 2, 3))
    expect(binary.isIntact(sha256)).toBe(true)
  })

  it("hands out copies, so that nobody can write to its bytes", () => {
    const binary = Binary.of(Uint8Array.of(1, 2, 3), sha256)
    binary.bytes()[0] = 9
    expect(binary.bytes()).toEqual(Uint8Array.of(1, 2, 3))
  })

  it("copies a Node Buffer instead of sharing its pool", () => {
    const source = Buffer.from("abc")
    const binary = Binary.of(source, sha256)
    source[0] = 0
    expect(Object.getPrototypeOf(binary.bytes())).toBe(Uint8Array.prototype)
    expect(binary.bytes()).toEqual(Uint8Array.of(97, 98, 99))
  })

  it("cannot be given another digest", () => {
    const binary = Binary.of(new Uint8Array(1), sha256)
    expect(() => Object.assign(binary, { digest: "0".repeat(64) })).toThrow(TypeError)
  })

  it("refuses a hash function that returns no digest, as a bug that breaks O7", () => {
    expect(() => Binary.of(new Uint8Array(1), () => "ABC")).toThrow(InvariantError)
  })

  it("tells a restored handle whose bytes do not match its digest", () => {
    const { digest } = Binary.of(Uint8Array.of(1), sha256)
    expect(restoreBinary(digest, Uint8Array.of(1)).isIntact(sha256)).toBe(true)
    expect(restoreBinary(digest, Uint8Array.of(2)).isIntact(sha256)).toBe(false)
  })

  it("takes only 64 lowercase hexadecimal digits for a digest", () => {
    expect(isDigest("0123456789abcdef".repeat(4))).toBe(true)
    for (const other of ["0".repeat(63), "0".repeat(65), "A".repeat(64), "g".repeat(64), 64]) {
      expect(isDigest(other)).toBe(false)
    }
  })
})
