import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { InvariantError } from "./assert.ts"
import { Binary, type BlobReader, isDigest, restoreBinary, storedBinary } from "./binary.ts"
import { identify } from "./identity.ts"
import { decodeArguments, decodeValue, encodeArguments, encodeResult, encodeValue, refuseStored } from "./value.ts"
import { encodeDeterministic } from "./value-encoder.ts"
import { OWN_TAG } from "./value-format.ts"

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

describe("a Binary whose bytes lie in a store", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5)
  const reader: BlobReader = {
    async *read() {
      yield bytes.slice(0, 2)
      yield bytes.slice(2)
    },
  }
  const memory = Binary.of(bytes, sha256)
  const stored = storedBinary(memory.digest, bytes.length, reader)

  it("gives its bytes only to who waits for them", async () => {
    expect([stored.isStored, memory.isStored, stored.byteLength]).toEqual([true, false, 5])
    expect(() => stored.bytes()).toThrow(/await read\(\)/)
    expect(await stored.read()).toEqual(bytes)
    expect(await memory.read()).toEqual(bytes)
    // It is verified whenever it is read.
    expect(stored.isIntact(() => "")).toBe(true)
  })

  it("is a digest and a length in a value, and the same as one in memory in an identity (O7)", () => {
    const value = encodeValue([stored], "it")
    const [decoded] = decodeValue(value, sha256, reader) as [Binary]
    expect([decoded.isStored, decoded.digest, decoded.byteLength]).toEqual([true, memory.digest, 5])
    const operation = { name: "work", version: 1 }
    expect(identify(operation, [stored], sha256)).toBe(identify(operation, [memory], sha256))
    expect(
      decodeArguments(
        encodeArguments([stored], "it", () => undefined),
        () => null,
        { blobs: reader },
      ),
    ).toHaveLength(1)
  })

  it("is refused in every value of a store that has no files, in the words of one that has (S2)", () => {
    const refused = {
      code: "STORE_DAMAGED",
      details: { digest: memory.digest },
      message: `it names the large value ${memory.digest}, which this store does not have; a Binary of another store is read there, and its bytes are passed`,
    }
    expect(() => encodeValue({ deep: [stored] }, "it", false)).toThrow(expect.objectContaining(refused))
    expect(() => encodeResult(stored, "it", false)).toThrow(expect.objectContaining(refused))
    expect(() => refuseStored(stored, "it")).toThrow(expect.objectContaining(refused))
    for (const fine of [memory, new Date(0)]) expect(() => refuseStored(fine, "it")).not.toThrow()
    expect(encodeValue([memory, 1], "it", false)).toEqual(encodeValue([memory, 1], "it"))
  })

  it("is refused where it is of another store, or none at all", () => {
    const value = encodeValue(stored, "it")
    expect(() => decodeValue(value)).toThrow(/a Binary of another store/)
    const tag = (content: unknown): Uint8Array =>
      encodeDeterministic(memory, {
        what: "it",
        outerSteps: 0,
        chooseStandIn: () => ({ tag: OWN_TAG.storedBinary, content }),
      })
    for (const content of [
      ["x", 1],
      [memory.digest, -1],
      [memory.digest, 1, 2],
    ]) {
      expect(() => decodeValue(tag(content), null, reader)).toThrow(/not a digest and a length/)
    }
  })
})
