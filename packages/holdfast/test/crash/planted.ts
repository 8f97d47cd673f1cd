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
  /** What it must be accused of; the words say that it is this bug and no other. */
  readonly faults: readonly Fault[]
  readonly words: RegExp
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    id: "answers-before-flush",
    file: "stores/embedded/keeper/answers.ts",
    find: "if (this.#durability.isSettled(batch)) this.send(to, message)",
    replace: "if (batch >= 0) this.send(to, message)",
    only: "before-flush",
    // A claim, a queued run or a result may be what was lost.
    faults: ["acknowledged writes lost", "once bodies repeated undecided", "unexpected errors"],
    words: /updates acknowledged|its only writer|the accounts hold|has committed 0 times|holds no run|with 0 decisions/,
  },
  {
    id: "request-ids-forgotten",
    file: "stores/embedded/keeper/recall.ts",
    find: `if (command.kind !== "takeRun") return replies.find(peer.client, sequence)`,
    replace: `if (command.kind !== "takeRun") return undefined`,
    only: "after-flush-before-answer",
    faults: ["commits counted twice"],
    words: /updates acknowledged|its only writer|has committed/,
  },
  {
    id: "tokens-begin-anew",
    file: "stores/embedded/keeper/remains.ts",
    find: "let lastToken = reserved",
    replace: "let lastToken = Math.min(reserved, 0)",
    only: "everybody",
    faults: ["tokens that went backwards"],
    words: /was entered with|was seen before/,
  },
  {
    id: "once-runs-go-on",
    file: "kernel/run-table.ts",
    find: `if (row.effects === "once") {\n      this.#interrupt(run)\n    } else`,
    replace: "",
    only: "kill others",
    faults: ["once bodies repeated undecided"],
    words: /began 2 times with 0 decisions/,
  },
  {
    id: "grants-are-not-written",
    file: "stores/embedded/keeper/live-notes.ts",
    find: 'book.note({ key, entry: { kind: "live", client, row, run }, batch }, { isLogged: !isLocal })',
    replace:
      'book.note({ key, entry: { kind: "live", client, row, run }, batch }, { isLogged: !isLocal && row.kind !== "grant" })',
    only: "kill after-apply",
    faults: ["unexpected errors"],
    words: /is no longer held|must hold|FENCED/,
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
  // The build looks up its own version.
  cpSync(join(PACKAGE, "package.json"), join(folder, "package.json"))
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
