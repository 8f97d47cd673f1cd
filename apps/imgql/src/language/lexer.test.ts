import { describe, expect, it } from "vitest"
import { isName, isUpperCase, Lexer, type Mode } from "./lexer.ts"

/** All tokens of a text, every one in the same mode. */
function tokens(text: string, mode: Mode): string[] {
  const lexer = new Lexer(text)
  const found: string[] = []
  for (let token = lexer.token(0, mode); token.kind !== "end"; token = lexer.token(token.end, mode)) {
    found.push(`${token.kind} ${token.text}`)
  }
  return found
}

describe("the lexer", () => {
  it("takes a sign for part of a number only where a value is expected", () => {
    expect(tokens("-1 +.5 -x", "value")).toEqual(["number -1", "number +.5", "operator -", "name x"])
    expect(tokens("-1 + 5", "after")).toEqual(["operator -", "number 1", "operator +", "number 5"])
  })

  it("takes exponents only with digits", () => {
    expect(tokens("1e5 1e-5 1e 1e+", "value")).toEqual([
      "number 1e5",
      "number 1e-5",
      "number 1",
      "name e",
      "number 1",
      "name e",
      "operator +",
    ])
  })

  it("takes runs of symbols for one operator, up to a comment", () => {
    expect(tokens("~> .<= ./. |. #;:_'.|!$%&/^=*-+<>?@~\\", "after")).toEqual([
      "operator ~>",
      "operator .<=",
      "operator ./.",
      "operator |.",
      "operator #;:_'.|!$%&/^=*-+<>?@~\\",
    ])
    expect(tokens("+// all this\n*", "after")).toEqual(["operator +", "operator *"])
    expect(tokens("/ // ///", "after")).toEqual(["operator /"])
  })

  it("joins upper-case letters with symbols, but not with : and _", () => {
    expect(tokens("B+ A+B1 N-1 T_MAX A:B Ab+c A.b A+Bc", "value")).toEqual([
      "operator B+",
      "operator A+B1",
      "operator N-1",
      "name T_MAX",
      "name A",
      "operator :",
      "name B",
      "name Ab",
      "operator +",
      "name c",
      "operator A.",
      "name b",
      "operator A+",
      "name Bc",
    ])
    expect(tokens("N=5", "definition")).toEqual(["name N", "operator =", "number 5"])
    expect(tokens("A// no", "value")).toEqual(["name A"])
  })

  it("takes underscores before letters for a name where a value is expected", () => {
    expect(tokens("_x __y1 _ __", "value")).toEqual(["name _x", "name __y1", "operator _", "operator __"])
    expect(tokens("_ _x _+", "definition")).toEqual(["name _", "name _x", "operator _+"])
    expect(tokens("_x", "after")).toEqual(["operator _", "name x"])
  })

  it("takes one dot into a name, and a dollar before one", () => {
    expect(tokens("a.b.c Ns.F $cwd $ x", "after")).toEqual([
      "name a.b",
      "operator .",
      "name c",
      "name Ns.F",
      "name $cwd",
      "operator $",
      "name x",
    ])
  })

  it("ends strings at a quote without a backslash, or at the end of the line", () => {
    expect(tokens('"a\\"b" "\\\\" "c', "value")).toEqual(['string "a\\"b"', 'string "\\\\"', 'wrong "c'])
    expect(tokens('"a\nb', "value")).toEqual(['wrong "a', "name b"])
    expect(tokens('"a\\\nb', "value")).toEqual(['wrong "a\\', "name b"])
  })

  it("takes what is no part of the language for one wrong character each", () => {
    expect(tokens("é\u00a0{\u{1F600}", "value")).toEqual(["wrong é", "wrong \u00a0", "wrong {", "wrong \u{1F600}"])
  })

  it("knows where a line begins", () => {
    const lexer = new Lexer("a\n \t+ b")
    expect(lexer.isFirstOnLine(0)).toBe(true)
    expect(lexer.isFirstOnLine(4)).toBe(true)
    expect(lexer.isFirstOnLine(6)).toBe(false)
    expect(new Lexer("\uFEFFa").isFirstOnLine(1)).toBe(true)
  })

  it("tells names from operators", () => {
    expect(["a", "_a", "$a", "a.b", "N", "ReadImage"].filter(isName)).toEqual([
      "a",
      "_a",
      "$a",
      "a.b",
      "N",
      "ReadImage",
    ])
    expect(["+", "_", "B+", "a b", " a", "", "1", "N.b"].filter(isName)).toEqual([])
    expect(["N", "SUM", "T_MAX", "L2", "Lcc", "a", "B+"].filter(isUpperCase)).toEqual(["N", "SUM", "T_MAX", "L2"])
  })
})
