/** What Python 3.11 gives for the same format and values. */
import { describe, expect, it } from "vitest"
import { formatString } from "./format.ts"

const AS_PYTHON: readonly (readonly [format: string, values: readonly (number | string)[], shown: string])[] = [
  ["{:.2f}", [2.71], "2.71"],
  ["{:.3f}", [2.6666], "2.667"],
  ["{:.0f}", [0.5], "0"],
  ["{:.0f}", [1.5], "2"],
  ["{:.0f}", [2.5], "2"],
  ["{:.0f}", [3.5], "4"],
  ["{:.2f}", [0.125], "0.12"],
  ["{:.2f}", [0.375], "0.38"],
  ["{:.1f}", [0.25], "0.2"],
  ["{:.1f}", [-0.05], "-0.1"],
  ["{:10.3f}|", [2], "     2.000|"],
  ["{:<10.3f}|", [2], "2.000     |"],
  ["{:^10.3f}|", [2], "  2.000   |"],
  ["{:*^9}", ["mid"], "***mid***"],
  ["{:>8}", ["right"], "   right"],
  ["{:.3}", ["truncate"], "tru"],
  ["{:+.1f}", [7], "+7.0"],
  ["{: .1f}", [7], " 7.0"],
  ["{:-.1f}", [-7], "-7.0"],
  ["{:08.3f}", [-3.5], "-003.500"],
  ["{:,.2f}", [1_234_567.891], "1,234,567.89"],
  ["{:_.1f}", [1_234_567], "1_234_567.0"],
  ["{:010,.0f}", [1234], "00,001,234"],
  ["{:08,.0f}", [1234], "0,001,234"],
  ["{:e}", [12_345.678], "1.234568e+04"],
  ["{:e}", [0], "0.000000e+00"],
  ["{:.2E}", [0.000_123_45], "1.23E-04"],
  ["{:.0e}", [25], "2e+01"],
  ["{:.3e}", [9999.5], "1.000e+04"],
  ["{:.2e}", [9.995], "9.99e+00"],
  ["{:.3e}", [5e-324], "4.941e-324"],
  ["{:#.0f}", [3], "3."],
  ["{:#.0e}", [3], "3.e+00"],
  ["{:g}", [0], "0"],
  ["{:g}", [0.0001], "0.0001"],
  ["{:g}", [0.000_01], "1e-05"],
  ["{:g}", [123_456], "123456"],
  ["{:g}", [1_234_567], "1.23457e+06"],
  ["{:.3g}", [0.999_51], "1"],
  ["{:.3g}", [999.5], "1e+03"],
  ["{:G}", [1e-10], "1E-10"],
  ["{:#.3g}", [1], "1.00"],
  ["{:.1%}", [0.123_45], "12.3%"],
  ["{:%}", [0.5], "50.000000%"],
  ["{:f}", [Number.NaN], "nan"],
  ["{:F}", [-Infinity], "-INF"],
  ["{:.20f}", [0.1], "0.10000000000000000555"],
  ["{:.3f}", [1e22], "10000000000000000000000.000"],
  ["{:.0f}", [1e23], "99999999999999991611392"],
  ["{:.16e}", [1e23], "9.9999999999999992e+22"],
  ["{:z.1f}", [-0.01], "0.0"],
  ["{:.1f}", [-0.01], "-0.0"],
  ["{{}} {}", ["x"], "{} x"],
  ["{1} {0}", ["a", "b"], "b a"],
  ["{:d}", [42], "42"],
  ["{:5d}|", [42], "   42|"],
  ["{:05d}", [-42], "-0042"],
  ["{:=+7d}", [42], "+    42"],
  ["{:,d}", [1_234_567], "1,234,567"],
  ["{:d}", [2 ** 60], "1152921504606846976"],
  ["{:x}", [255], "ff"],
  ["{:#X}", [255], "0XFF"],
  ["{:#010x}", [255], "0x000000ff"],
  ["{:_x}", [1_193_046], "12_3456"],
  ["{:#b}", [5], "0b101"],
  ["{:o}", [8], "10"],
  ["{:c}", [960], "π"],
]

describe("format_string", () => {
  it.each(AS_PYTHON)("of %j with %j is what Python gives, %j", (format, values, shown) => {
    expect(formatString(format, values)).toBe(shown)
  })

  it.each([
    ["{}", [3], "3"],
    ["{}", [0.1], "0.1"],
    ["{} {}", [true, false], "true false"],
    ["{:d} {:.1f}", [true, false], "1 0.0"],
    ["{:.3}", [2 / 3], "0.667"],
    ["{!r} {!s}", ["a", "a"], '"a" a'],
    ["no field", [1], "no field"],
  ] as const)("of %j with %j is what print would show, %j", (format, values, shown) => {
    expect(formatString(format, [...values])).toBe(shown)
  })

  it.each([
    ["{} {}", [1], "asks for value 2, and 1 are given"],
    ["{} {0}", [1], "has both {} and {0}"],
    ["{name}", [1], "names a value"],
    ["{0.real}", [1], "names a value"],
    ["{:{}}", [1], "opens or closes no field"],
    ["}", [], "opens or closes no field"],
    ["{!a}", [1], "expected !s or !r"],
    ["{:d}", [1.5], "whole numbers, found 1.5"],
    ["{:.2d}", [1], "has a precision"],
    ["{:,x}", [1], "expected _"],
    ["{:q}", [1], "expected one of b c d"],
    ["{:f}", ["a"], "is for numbers, found the string"],
    ["{:+}", ["a"], "is for numbers, found the string"],
    ["{:c}", [0xd800], "numbers of characters"],
    ["{:hello}", [1], "expected [[fill]align]"],
    ["{:99999999}", [1], "a width is at most"],
    ["{:.99999f}", [1], "a precision is at most"],
  ] as const)("refuses %j with %j: %s", (format, values, message) => {
    expect(() => formatString(format, [...values])).toThrow(message)
    expect(() => formatString(format, [...values])).toThrow(expect.objectContaining({ code: "FORMAT_INVALID" }))
  })
})
