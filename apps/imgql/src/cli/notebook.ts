/**
 * What was typed so far: definitions that stay, and expressions that are evaluated with them. Each piece of text is a file of
 * its own, so that problems show the line that was typed, and later ones import the earlier ones.
 */
import { checkProgram, type CheckedProgram, type ImportLoader } from "../language/check.ts"
import { parseExpression, parseProgram } from "../language/parser.ts"
import { printCommand } from "../language/print.ts"
import type { Problem } from "../language/problem.ts"
import { SignatureTable } from "../language/signature.ts"
import { COMMAND_WORDS, type Command, type ImportCommand, WORDS } from "../language/syntax.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"

/** What a piece of text comes to. */
export type Piece =
  /** It ends before it is a program. */
  | { readonly kind: "unfinished" }
  | { readonly kind: "wrong"; readonly problems: readonly Problem[]; readonly sources: ReadonlyMap<string, string> }
  /** Checked together with what was defined before; its steps have the definitions of all, and its own goals. */
  | { readonly kind: "right"; readonly checked: CheckedProgram }

/** A piece whose definitions stay. */
interface Entry {
  readonly name: string
  readonly source: string
  readonly commands: readonly Command[]
}

export class Notebook {
  readonly #loader: ImportLoader
  #entries: Entry[] = []
  #count = 0

  /** Files are imported through the loader, as by a file in the folder where imgql runs. */
  constructor(files: ImportLoader) {
    this.#loader = {
      library: files.library,
      file: (path, importer) => {
        const entry = this.#entries.find(({ name }) => name === path)
        if (entry !== undefined) return { file: entry.name, source: entry.source }
        const isTyped = importer === this.#nextName() || this.#entries.some(({ name }) => name === importer)
        return files.file(path, isTyped ? "input" : importer)
      },
    }
  }

  #nextName(): string {
    return `input/${String(this.#count + 1)}`
  }

  /** Reads a piece of text. Where nothing is wrong with it, what it defines and imports stays. */
  add(source: string): Piece {
    const name = this.#nextName()
    const { commands, problems } = parsePiece(source, name)
    if (problems.length > 0) {
      const isUnfinished = problems.every(({ span }) => span.start >= source.trimEnd().length)
      if (isUnfinished) return { kind: "unfinished" }
    }
    const piece =
      problems.length > 0
        ? ({ kind: "wrong", problems, sources: new Map([[name, source]]) } as const)
        : this.#check(source, name, commands)
    this.#count += 1
    return piece
  }

  #check(source: string, name: string, commands: readonly Command[]): Piece {
    const program = { file: name, source, commands: [...this.#entries.map(importOf), ...commands] }
    const signatures = new SignatureTable(PRIMITIVES.map(({ signature }) => signature))
    const checked = checkProgram(program, { signatures, loader: this.#loader })
    if (checked.problems.length > 0) return { kind: "wrong", problems: checked.problems, sources: checked.sources }
    const kept = commands.filter(({ kind }) => kind === "let" || kind === "import")
    if (kept.length > 0) {
      this.#entries.push({ name, source: kept.map((each) => `${printCommand(each)}\n`).join(""), commands: kept })
    }
    // Goals of imported files are not what was asked for here.
    const steps = checked.steps.filter((step) => step.command.kind === "let" || step.program.file === name)
    return { kind: "right", checked: { ...checked, steps } }
  }

  /** What stays, as it would be written in a file. */
  get text(): string {
    return this.#entries.map(({ source }) => source).join("")
  }

  clear(): void {
    this.#entries = []
  }

  /** Names that mean something now: what was defined, primitives that are imported, and the words of the language. */
  names(): readonly string[] {
    const commands = this.#entries.flatMap((entry) => entry.commands)
    const defined = commands.flatMap((command) => (command.kind === "let" ? [command.name] : []))
    const imported = ["default", ...commands.flatMap((command) => (command.kind === "import" ? [command.path] : []))]
    const libraries = ["stdlib", ...imported].flatMap((namespace) => {
      const library = this.#loader.library(namespace)
      if (library === null) return []
      return parseProgram(library.source, library.file).program.commands.flatMap((command) =>
        command.kind === "let" ? [command.name] : [],
      )
    })
    const primitives = PRIMITIVES.flatMap(({ signature }) =>
      imported.includes(signature.namespace) ? [signature.name] : [],
    )
    return [...new Set([...defined, ...libraries, ...primitives, ...WORDS, ...COMMAND_WORDS])].toSorted()
  }
}

/** Commands, or else one expression, which is one to show. Of two readings that fail, the one that comes further is told. */
function parsePiece(
  source: string,
  file: string,
): { readonly commands: readonly Command[]; readonly problems: readonly Problem[] } {
  const asProgram = parseProgram(source, file)
  if (asProgram.problems.length === 0) return { commands: asProgram.program.commands, problems: [] }
  const { expression, problems } = parseExpression(source, file)
  if (expression !== null && problems.length === 0) {
    return { commands: [{ kind: "print", label: "", value: expression, span: expression.span }], problems: [] }
  }
  return { commands: [], problems: reach(asProgram.problems) > reach(problems) ? asProgram.problems : problems }
}

/** How far a reading came. */
function reach(problems: readonly Problem[]): number {
  return problems[0]?.span.start ?? 0
}

function importOf({ name }: Entry): ImportCommand {
  const nowhere = { start: 0, end: 0 }
  return { kind: "import", path: name, pathSpan: nowhere, span: nowhere }
}
