import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeValue, sameValue } from "../../../kernel/index.ts"
import { ABOVE_NAMES, columnOfName, columnOfValue, nameOfColumn, valueOfColumn } from "./value-column.ts"

describe("a value's column", () => {
  it.each([0, -0, NaN, Infinity, -Infinity, Number("1e400"), 5e-324, 2 ** 53, -1.5])(
    "gives the number %d back",
    (number) => {
      expect(Object.is(valueOfColumn(columnOfValue(number)), number)).toBe(true)
    },
  )

  it("gives every number and every encoded value back, and never takes one for the other", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.anything({ withBigInt: true, withDate: true })), (input) => {
        let value
        try {
          value = encodeValue(input, "a value")
        } catch {
          return // It has no encoding, so no column either.
        }
        const back = valueOfColumn(columnOfValue(value))
        expect(typeof back).toBe(typeof value)
        expect(sameValue(back, value)).toBe(true)
      }),
    )
  })

  it("keeps empty bytes", () => {
    expect(valueOfColumn(columnOfValue(new Uint8Array(0)))).toEqual(new Uint8Array(0))
  })
})

describe("a name's column", () => {
  const names = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }))

  it("gives the name back", () => {
    fc.assert(fc.property(names, (name) => nameOfColumn(columnOfName(name)) === name))
    expect(nameOfColumn(columnOfName("\ufffd"))).toBe("\ufffd")
  })

  it("sorts as JavaScript compares", () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        const order = Buffer.compare(columnOfName(a), columnOfName(b))
        expect(Math.sign(order)).toBe(a === b ? 0 : a < b ? -1 : 1)
      }),
    )
    expect(Buffer.compare(columnOfName("\u{1f600}"), columnOfName("\uffee"))).toBe(-1)
  })

  it("lies between its prefixes and what is above them", () => {
    fc.assert(
      fc.property(names, fc.nat(), (name, end) => {
        const prefix = columnOfName(name.slice(0, end))
        const column = columnOfName(name)
        expect(Buffer.compare(prefix, column)).toBeLessThanOrEqual(0)
        expect(Buffer.compare(column, Uint8Array.from([...prefix, ABOVE_NAMES]))).toBe(-1)
      }),
    )
  })
})
