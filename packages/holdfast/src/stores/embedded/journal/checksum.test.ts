import fc from "fast-check"
import { expect, it } from "vitest"
import { checksumOf, type Column } from "./checksum.ts"

const column: fc.Arbitrary<Column> = fc.oneof(
  fc.constant(null),
  fc.double({ noNaN: true }),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array(),
)

it("differs where a bit of a value differs (S2)", () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40_000, size: "max" })
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat(7), fc.array(column), (value, at, bit, others) => {
      const flipped = Uint8Array.from(value)
      const place = at % value.length
      flipped[place] = (flipped[place] ?? 0) ^ (1 << bit)
      expect(checksumOf("cells", [...others, flipped])).not.toBe(checksumOf("cells", [...others, value]))
    }),
    { numRuns: 50 },
  )
})

it("is the same for what SQLite gives back: bytes as a Buffer, and 0 for -0", () => {
  fc.assert(
    fc.property(fc.array(column), (columns) => {
      const back = columns.map((part) =>
        part instanceof Uint8Array ? Buffer.from(part) : typeof part === "number" ? part + 0 : part,
      )
      expect(checksumOf("runs", back)).toBe(checksumOf("runs", columns))
    }),
  )
})

it("tells apart where one column ends and the next begins, what kind it is, and which table it lies in", () => {
  const sums = [
    checksumOf("cells", ["ab", "c"]),
    checksumOf("cells", ["a", "bc"]),
    checksumOf("cells", ["abc"]),
    checksumOf("cells", [Buffer.from("abc")]),
    checksumOf("limits", ["abc"]),
    checksumOf("cells", ["abc", null]),
    checksumOf("cells", ["abc", 0]),
    checksumOf("cells", ["abc", ""]),
  ]
  expect(new Set(sums).size).toBe(sums.length)
})

it("takes columns longer than its buffer, texts and bytes", () => {
  const long = "ä".repeat(20_000)
  const sums = [
    checksumOf("cells", [long, 1]),
    checksumOf("cells", [`${long}.`, 1]),
    checksumOf("cells", [Buffer.from(long), 1]),
    checksumOf("cells", ["x", long, 1]),
    checksumOf("cells", [long, 2]),
  ]
  expect(new Set(sums).size).toBe(sums.length)
})
