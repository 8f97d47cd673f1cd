/** Bugs planted into a copy of the built package: each breaks one promise that only shows when processes die. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import ts from "typescript"
import type { Fault } from "./words.ts"

export interface PlantedBug {
  readonly id: string
  /** Relative to src. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
  /** The strikes under which it shows soonest. */
  readonly only: string
  /** Any of these shows it. */
  readonly faults: readonly Fault[]
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    id: "answers-before-flush",
    file: "stores/embedded/keeper/keeper.ts",
    find: "if (this.#durability.isSettled(batch)) this.#send(to, message)",
    replace: "if (batch >= 0) this.#send(to, message)",
    only: "before-flush",
    faults: ["acknowledged writes lost"],
  },
  {
    id: "request-ids-forgotten",
    file: "stores/embedded/keeper/keeper.ts",
    find: "const known = request.isAgain ? this.#recall(connection, request) : undefined",
    replace: "const known = request.sequence < 0 ? this.#recall(connection, request) : undefined",
    only: "after-flush-before-answer",
    faults: ["commits counted twice"],
  },
  {
    id: "tokens-begin-anew",
    file: "stores/embedded/keeper/keeper.ts",
    find: "let lastToken = reserved",
    replace: "let lastToken = Math.min(reserved, 0)",
    only: "everybody",
    faults: ["tokens that went backwards"],
  },
  {
    id: "once-runs-go-on",
    file: "kernel/run-table.ts",
    find: `if (row.effects === "once") {\n      this.#interrupt(run)\n    } else`,
    replace: "",
    only: "kill others",
    faults: ["once bodies repeated undecided"],
  },
  {
    id: "grants-are-not-written",
    file: "stores/embedded/keeper/keeper.ts",
    find: 'this.#book.note({ key, entry: { kind: "live", client, row, run }, batch }, { isLogged: !isLocal })',
    replace:
      'this.#book.note({ key, entry: { kind: "live", client, row, run }, batch }, { isLogged: !isLocal && row.kind !== "grant" })',
    only: "kill after-apply",
    faults: ["two live holders at once", "unexpected errors"],
  },
]

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url))

/** Builds the package anew with the bug in it; answers its `dist`, with what `remove` is to take away. */
export function plantBug({ id, file, find, replace }: PlantedBug): { readonly dist: URL; readonly folder: string } {
  const source = readFileSync(join(PACKAGE, "src", file), "utf8")
  const parts = source.split(find)
  if (parts.length !== 2) throw new Error(`${id}: "${find}" should stand once in ${file}; say what it says today`)
  // Within the package, so that what it depends on is found.
  mkdirSync(join(PACKAGE, ".cache"), { recursive: true })
  const folder = mkdtempSync(join(PACKAGE, ".cache", `crash-${id}-`))
  const dist = join(folder, "dist")
  cpSync(join(PACKAGE, "dist"), dist, { recursive: true })
  const target = join(dist, file.replace(/\.ts$/, ".js"))
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, ts.transpileModule(parts.join(replace), { compilerOptions: OPTIONS }).outputText)
  return { dist: pathToFileURL(`${dist}/`), folder }
}

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2023,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
}
