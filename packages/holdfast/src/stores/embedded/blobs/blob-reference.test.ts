import { describe, expect, it } from "vitest"
import { type Digest, encodeValue, storedBinary, type Value } from "../../../kernel/index.ts"
import { type Blob, blobsIn, encodeSpilled, spilledOf } from "./blob-reference.ts"

/** Lengths at every width that CBOR writes a number in, and beside each. */
const LENGTHS = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]

function blobOf(seed: number, byteLength: number): Blob {
  return { digest: seed.toString(16).padStart(64, "0") as Digest, byteLength } // 64 hexadecimal digits.
}

const nowhere = {
  read: () => {
    throw new Error("nobody reads here")
  },
}

function binaryOf({ digest, byteLength }: Blob) {
  return storedBinary(digest, byteLength, nowhere)
}

function bytesOf(value: Value): Uint8Array {
  if (typeof value === "number") throw new Error("it should be bytes")
  return value
}

describe("a reference to a large value (S3)", () => {
  it.each(LENGTHS)("is read back as the blob it was made of, of %i bytes", (byteLength) => {
    const blob = blobOf(7, byteLength)
    const spilled = encodeSpilled(blob, [])
    expect(spilledOf(spilled)).toEqual(blob)
    expect(blobsIn(spilled)).toEqual([blob])
  })

  it("names what the value itself refers to, each once", () => {
    const [outer, one, two] = [blobOf(1, 40_000), blobOf(2, 50_000), blobOf(3, 1)]
    const spilled = encodeSpilled(outer, [one, two])
    expect(spilledOf(spilled)).toEqual(outer)
    expect(blobsIn(spilled)).toEqual([outer, one, two])
    expect(blobsIn(encodeSpilled(outer, [outer, one]))).toEqual([outer, one])
  })

  it("is found wherever it lies in a value, beside others and within calls", () => {
    const blobs = LENGTHS.map((byteLength, index) => blobOf(index + 10, byteLength))
    const inner = encodeValue([blobs.map(binaryOf), "text"], "arguments")
    const value = encodeValue({ a: new Map([["b", inner]]), c: binaryOf(blobOf(9, 5)) }, "a value")
    expect(blobsIn(value).toSorted((x, y) => (x.digest < y.digest ? -1 : 1))).toEqual([blobOf(9, 5), ...blobs])
    // A value in a file is the whole of it.
    expect(spilledOf(value)).toBeNull()
  })

  it("is read at the bounds of a view into other bytes", () => {
    const spilled = encodeSpilled(blobOf(5, 2 ** 40), [])
    const around = new Uint8Array(spilled.length + 200).fill(0xda)
    around.set(spilled, 100)
    const view = around.subarray(100, 100 + spilled.length)
    expect(spilledOf(view)).toEqual(blobOf(5, 2 ** 40))
    expect(blobsIn(view)).toEqual([blobOf(5, 2 ** 40)])
  })

  it("is none where it is cut off or altered: nothing is made up of bytes that only begin like one", () => {
    const blob = blobOf(6, 2 ** 33)
    const stored = bytesOf(encodeValue(binaryOf(blob), "a value"))
    expect(blobsIn(stored)).toEqual([blob])
    for (let length = 0; length < stored.length; length += 1) expect(blobsIn(stored.subarray(0, length))).toEqual([])
    for (let at = 0; at < stored.length; at += 1) {
      const altered = stored.slice()
      altered[at] = 0xff
      // Whatever is altered in the length is another length, or none; all else is no reference.
      const found = blobsIn(altered)
      expect(found.every(({ digest }) => digest === blob.digest)).toBe(true)
      if (at < stored.length - 8) expect(found).toEqual([])
    }
  })

  it("is looked for in vain in numbers, nothing, and values without one", () => {
    expect([blobsIn(null), blobsIn(7), spilledOf(7), blobsIn(new Uint8Array())]).toEqual([[], [], null, []])
    expect(blobsIn(encodeValue({ text: "x".repeat(1_000) }, "a value"))).toEqual([])
  })

  it("is refused where a value holds more streamed Binaries than a row may name", () => {
    const inner = Array.from({ length: 4_097 }, (_, index) => blobOf(index, 1))
    expect(() => encodeSpilled(blobOf(0, 1), inner)).toThrow(
      expect.objectContaining({ code: "VALUE_NOT_ENCODABLE", message: expect.stringContaining("at most 4096") }),
    )
    expect(blobsIn(encodeSpilled(blobOf(5_000, 1), inner.slice(1)))).toHaveLength(4_097)
  })
})
