/** `--save-syntax`: the program as it was read, a tree for `.json`, else text in one form. */
import { writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { parseProgram } from "../language/parser.ts"
import { printProgram } from "../language/print.ts"
import { programToJson } from "../language/syntax-json.ts"
import { CommandError } from "./command-error.ts"

export function writeSyntax(source: string, file: string, target: string, folder: string): void {
  const { program } = parseProgram(source, file)
  writeNamed(target, folder, target.endsWith(".json") ? programToJson(program) : printProgram(program))
}

/** Writes a file that a flag names. @throws CommandError E_FILE */
export function writeNamed(target: string, folder: string, text: string): void {
  try {
    writeFileSync(resolve(folder, target), text)
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    throw new CommandError("E_FILE", `expected to write ${JSON.stringify(target)}, but ${found}`, { cause: error })
  }
}
