/**
 * Checks of a whole program before anything of it runs: what it imports is there, every name stands for something, calls
 * have as many arguments as they need, and values are of types that can be right. What comes out is the program with its
 * imports put in their places and every name bound.
 *
 * All files share one scope, as if each import were replaced by what it imports. A namespace brings its primitives and what
 * its library defines in the language itself. `stdlib` is imported by itself, before the first command.
 */
import type { Binding, Bindings, DefinitionBinding } from "./binding.ts"
import { closest, quote, type Problem } from "./problem.ts"
import { parseProgram } from "./parser.ts"
import { refuseReserved, resolveNames, type Report } from "./resolve.ts"
import type { SignatureTable } from "./signature.ts"
import { Typing } from "./typing.ts"
import type { ImportCommand, LetCommand, PrintCommand, Program, SaveCommand } from "./syntax.ts"

/** So many problems are told of one program. */
export const MAX_PROBLEMS = 50
/** So many files may be imported, libraries included. */
const MAX_FILES = 1000
/** The library that every program finds imported. */
const PRELUDE = "stdlib"

/** The text of a file, and the name by which it is told apart from all others. */
export interface SourceFile {
  readonly file: string
  readonly source: string
}

/** Why a file is not to be had, as the end of a sentence that begins with its name. */
export interface Refusal {
  readonly refused: string
}

/** Where imports come from. What may be read, and how much of it, is for the loader to say. */
export interface ImportLoader {
  /** What the library of a namespace defines in the language; null if it has none. `stdlib` is asked for first. */
  readonly library: (namespace: string) => SourceFile | null
  /** A file, its path relative to the file that imports it. The same file must have the same name, however it is reached. */
  readonly file: (path: string, importer: string) => SourceFile | Refusal
}

export interface CheckOptions {
  readonly signatures: SignatureTable
  readonly loader: ImportLoader
}

/** A command that is no import, with the program it stands in. */
export interface Step {
  readonly command: LetCommand | SaveCommand | PrintCommand
  readonly program: Program
}

export interface CheckedProgram {
  /** All commands in the order they take effect, those of libraries and imported files in their places. */
  readonly steps: readonly Step[]
  /** What each `name` and `call` in them means. Definitions that nothing names need no look. */
  readonly bindings: Bindings
  readonly problems: readonly Problem[]
  /** The text of every file, by name, for showing problems. */
  readonly sources: ReadonlyMap<string, string>
}

/** Reads and checks a program. If it is not written correctly, that is all that is told. */
export function checkSource(source: string, file: string, options: CheckOptions): CheckedProgram {
  const { program, problems } = parseProgram(source, file)
  if (problems.length > 0) {
    return { steps: [], bindings: new Map(), problems, sources: new Map([[file, source]]) }
  }
  return checkProgram(program, options)
}

export function checkProgram(program: Program, options: CheckOptions): CheckedProgram {
  const check = new Check(options)
  check.run(program)
  const { steps, bindings, problems, sources } = check
  return { steps, bindings, problems: problems.slice(0, MAX_PROBLEMS), sources }
}

class Check {
  readonly steps: Step[] = []
  readonly bindings = new Map<DefinitionBinding["command"]["body"], Binding>()
  readonly problems: Problem[] = []
  readonly sources = new Map<string, string>()
  readonly #options: CheckOptions
  readonly #definitions = new Map<string, DefinitionBinding>()
  readonly #typing = new Typing(this.bindings)
  #imported: string[] = []
  /** Namespaces that are imported by something else than a library. */
  readonly #asked = new Set<string>()
  readonly #libraries = new Set<string>()
  /** The programs that are being gone through, each imported by the one before. */
  readonly #open: { readonly program: Program; next: number }[] = []
  /** Whether some file could not be read to its end, so that any name may be defined. */
  #isPartial = false

  constructor(options: CheckOptions) {
    this.#options = options
  }

  run(program: Program): void {
    this.sources.set(program.file, program.source)
    this.#open.push({ program, next: 0 })
    const prelude = this.#options.loader.library(PRELUDE)
    if (prelude !== null) this.#enterLibrary(prelude)
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      const command = top.program.commands[top.next]
      top.next += 1
      if (command === undefined || this.problems.length >= MAX_PROBLEMS) this.#open.pop()
      else if (command.kind === "import") this.#import(command, top.program)
      else this.#step({ command, program: top.program })
    }
  }

  #step(step: Step): void {
    this.steps.push(step)
    const { command, program } = step
    const report = this.#reportIn(program)
    const isLet = command.kind === "let"
    const parameters = isLet ? (command.parameters ?? []) : []
    if (isLet) refuseReserved({ name: command.name, span: command.nameSpan }, report)
    for (const parameter of parameters) refuseReserved(parameter, report)
    const surroundings = {
      definitions: this.#definitions,
      signatures: this.#options.signatures,
      imported: this.#imported,
      asked: this.#libraries.has(program.file)
        ? this.#imported
        : this.#imported.filter((namespace) => this.#asked.has(namespace)),
      program,
      defining: isLet ? command.name : null,
      report,
    }
    resolveNames(isLet ? command.body : command.value, parameters, surroundings, this.bindings)
    if (!isLet) {
      this.#typing.check(command.value, report)
      return
    }
    const binding: DefinitionBinding = { kind: "definition", command, program }
    this.#typing.define(binding, report)
    this.#definitions.set(command.name, binding)
  }

  #import(command: ImportCommand, importer: Program): void {
    const { path } = command
    // As in the original: a name with neither dot nor slash is a namespace.
    if (!/[./]/.test(path)) {
      this.#importNamespace(command, importer)
      return
    }
    const found = this.#options.loader.file(path, importer.file)
    if ("refused" in found) {
      this.#failImport(command, importer, `cannot import ${quote(path)}: ${found.refused}`)
      return
    }
    const from = this.#open.findIndex(({ program }) => program.file === found.file)
    if (from !== -1) {
      const files = [...this.#open.slice(from).map(({ program }) => program.file), found.file]
      this.#failImport(command, importer, `${quote(path)} imports itself: ${files.join(" imports ")}`)
      return
    }
    if (this.sources.has(found.file)) return
    if (this.sources.size >= MAX_FILES) {
      this.#failImport(command, importer, `cannot import ${quote(path)}: more than ${MAX_FILES} files are imported`)
      return
    }
    this.#enter(found)
  }

  #importNamespace(command: ImportCommand, importer: Program): void {
    const { signatures, loader } = this.#options
    const namespace = command.path
    if (!this.#libraries.has(importer.file)) this.#asked.add(namespace)
    if (this.#imported.includes(namespace)) return
    const library = loader.library(namespace)
    if (library === null && !signatures.namespaces.includes(namespace)) {
      const suggestion = closest(namespace, signatures.namespaces)
      const known = signatures.namespaces.map((name) => quote(name)).join(", ")
      const hint = suggestion === null ? `; namespaces are ${known}, and files end in .imgql` : ""
      this.#failImport(command, importer, `there is no namespace ${quote(namespace)}${hint}`, suggestion)
      return
    }
    // As in the original, what is looked for is looked for in `default` first.
    this.#imported = [...this.#imported, namespace].toSorted(
      (a, b) => Number(b === "default") - Number(a === "default"),
    )
    if (library !== null && !this.sources.has(library.file)) this.#enterLibrary(library)
  }

  #enterLibrary(library: SourceFile): void {
    this.#libraries.add(library.file)
    this.#enter(library)
  }

  #enter({ file, source }: SourceFile): void {
    this.sources.set(file, source)
    const { program, problems } = parseProgram(source, file)
    if (problems.length > 0) this.#isPartial = true
    this.problems.push(...problems)
    this.#open.push({ program, next: 0 })
  }

  #failImport({ pathSpan }: ImportCommand, { file }: Program, message: string, suggestion: string | null = null): void {
    this.#isPartial = true
    this.problems.push({ code: "E_IMPORT", message, file, span: pathSpan, suggestion })
  }

  #reportIn({ file }: Program): Report {
    return ({ code, span, message, suggestion = null }) => {
      // What is not known may be defined in what could not be read.
      if (this.#isPartial && (code === "E_UNBOUND_IDENTIFIER" || code === "E_UNKNOWN_CALLABLE")) return
      if (this.problems.length < MAX_PROBLEMS) this.problems.push({ code, message, file, span, suggestion })
    }
  }
}
