import { describe, expect, it } from "vitest"
import { fewest, fits, formatSignature, most, parameterAt, parseSignature, SignatureTable } from "./signature.ts"

describe("signatures", () => {
  it("are written as they are read", () => {
    const lines = [
      "tt(): image",
      "near(b: image): image",
      "range(start: number, stop?: number): sequence",
      "concat(parts...: any): string",
      "+(a: number|sequence, b: number|sequence): any",
      "./.(a: number, b: number): number",
      'dir(root: string, glob: string = "*", recursive: boolean = false, radius: number|sequence = 0.5): sequence',
    ]
    expect(lines.map((line) => formatSignature(parseSignature("default", line)))).toEqual(lines)
    for (const line of [
      "near",
      "near(b): image",
      "near(b: picture): image",
      "near(b: image): picture",
      "near(b: image)",
      "near(b: number = [1]): image",
    ]) {
      expect(() => parseSignature("default", line)).toThrow(
        /^(?:not a (?:signature|parameter): |picture is no type|\[1\] is no default)/,
      )
    }
  })

  it("say how many arguments they take, and of which types", () => {
    const plain = parseSignature("default", "f(a: image, b: number|string): any")
    const optional = parseSignature("default", "f(a: image, b?: number): any")
    const filled = parseSignature("default", "f(a: image, b: number = 1): any")
    const variadic = parseSignature("default", "f(a: image, b...: number): any")
    expect([plain, optional, filled, variadic].map((one) => [fewest(one), most(one)])).toEqual([
      [2, 2],
      [1, 2],
      [1, 2],
      [1, Number.POSITIVE_INFINITY],
    ])
    expect(parameterAt(plain, 1)?.types).toEqual(["number", "string"])
    expect(parameterAt(plain, 2)).toBe(undefined)
    expect(parameterAt(variadic, 7)?.name).toBe("b")
  })

  it("take truth for numbers and numbers for truth, and anything for what is not known", () => {
    expect(fits("boolean", ["number"])).toBe(true)
    expect(fits("number", ["boolean"])).toBe(true)
    expect(fits("any", ["image"])).toBe(true)
    expect(fits("image", ["any"])).toBe(true)
    expect(fits("image", ["number", "image"])).toBe(true)
    expect(fits("string", ["number", "image"])).toBe(false)
    expect(fits("function", ["sequence"])).toBe(false)
  })

  it("are found in imported namespaces, in their order, or by a dotted name in any", () => {
    const table = new SignatureTable([
      parseSignature("one", "f(a: number): number"),
      parseSignature("one", "f(a: string): string"),
      parseSignature("two", "f(a: image): image"),
      parseSignature("two", "g(): any"),
    ])
    const resultsOf = (name: string, imported: readonly string[]) =>
      table.find(name, imported).map(({ result }) => result)
    expect(resultsOf("f", ["two", "one"])).toEqual(["image", "number", "string"])
    expect(resultsOf("f", ["one"])).toEqual(["number", "string"])
    expect(resultsOf("two.f", [])).toEqual(["image"])
    expect(resultsOf("two.h", ["two"])).toEqual([])
    expect(resultsOf("g", ["one"])).toEqual([])
    expect(table.namespacesWith("g")).toEqual(["two"])
    expect(table.namespaces).toEqual(["one", "two"])
    expect(table.namesIn("two")).toEqual(["f", "g"])
    expect(table.namesIn("three")).toEqual([])
  })
})
