/** The players' program as plain JavaScript: a loader in each of thousands of processes would be most of what they do. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

/** Where it is written; its other files lie beside it, and what it shares with the harness above. */
const MAIN = fileURLToPath(new URL("./player/player.ts", import.meta.url))

/** Writes the program into `folder`; answers the path of its main file. */
export function writePlayerProgram(folder: string): string {
  const sources = dirname(MAIN)
  compile(sources, join(folder, "player"), readdirSync(sources))
  compile(dirname(sources), folder, ["words.ts"])
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }\n`)
  return join(folder, "player/player.js")
}

function compile(from: string, to: string, files: readonly string[]): void {
  mkdirSync(to, { recursive: true })
  for (const file of files) {
    const { outputText } = ts.transpileModule(readFileSync(join(from, file), "utf8"), { compilerOptions: OPTIONS })
    writeFileSync(join(to, file.replace(/\.ts$/, ".js")), outputText)
  }
}

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
}
