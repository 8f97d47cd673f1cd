/** Every public export says what it is, and so does every public method of an exported class: read from the sources. */
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"

const ENTRY: string = fileURLToPath(new URL("../src/index.ts", import.meta.url))

const program = ts.createProgram([ENTRY], {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  allowImportingTsExtensions: true,
  noEmit: true,
})
const checker = program.getTypeChecker()

describe("the public surface", () => {
  const exported = exportsOf(ENTRY)

  it("is not empty", () => {
    expect(exported.length).toBeGreaterThan(20)
  })

  it("says of every export what it is", () => {
    expect(exported.filter((symbol) => !isDocumented(symbol)).map((symbol) => symbol.name)).toEqual([])
  })

  it("says of every public method of an exported class what it does", () => {
    const silent: string[] = []
    for (const symbol of exported) {
      if ((symbol.flags & ts.SymbolFlags.Class) === 0) continue
      for (const member of symbol.members?.values() ?? []) {
        if ((member.flags & ts.SymbolFlags.Method) === 0 || isHidden(member)) continue
        if (!isDocumented(member)) silent.push(`${symbol.name}.${member.name}`)
      }
    }
    expect(silent).toEqual([])
  })
})

function exportsOf(file: string): ts.Symbol[] {
  const source = program.getSourceFile(file)
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${file} is no module`)
  return checker
    .getExportsOfModule(module)
    .map((symbol) => ((symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)))
}

function isDocumented(symbol: ts.Symbol): boolean {
  return symbol.getDocumentationComment(checker).length > 0
}

/** Private names, and what is marked as not for users. */
function isHidden(symbol: ts.Symbol): boolean {
  const name = symbol.valueDeclaration === undefined ? undefined : ts.getNameOfDeclaration(symbol.valueDeclaration)
  if (symbol.name.startsWith("__") || (name !== undefined && ts.isPrivateIdentifier(name))) return true
  return symbol.getJsDocTags(checker).some((tag) => tag.name === "internal")
}
