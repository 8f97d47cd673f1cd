/**
 * The house rules no compiler or linter can check, as tests. Each failure lists every offender with what to do instead.
 * Works on the files as they lie there, so that it also runs where there is no git.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"
import { ERROR_TABLE } from "../src/kernel/errors.ts"
import { INVARIANTS } from "./invariants.ts"

/** What must not be reached for outside env/, and what to use instead. */
const AMBIENT: Readonly<Record<string, string>> = {
  "new Date()": "env.clock.now()",
  "Date()": "env.clock.now()",
  "Date.now": "env.clock.now()",
  "performance.now": "env.clock.monotonic()",
  "process.hrtime": "env.clock.monotonic(), or sinceBootMs()",
  "Math.random": "env.random.next()",
  "crypto.randomUUID": "env.ids.next()",
  "crypto.getRandomValues": "env.ids.next()",
  randomUUID: "env.ids.next()",
  randomBytes: "env.ids.next()",
  setTimeout: "env.timers.after()",
  setInterval: "env.timers.after(), armed again by its own callback",
  setImmediate: "env.timers.after()",
  queueMicrotask: "env.microtask()",
  "process.nextTick": "env.microtask()",
  "AbortSignal.timeout": "env.timers.after() and an AbortController",
}

/** Words that must not be left behind. One letter of each is in brackets, so that this file may stay in the search. */
const LEFTOVERS: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bFIXM[E]\b/, instead: "fix it" },
  { pattern: /\bTOD[O]\b/, instead: "do it, or write an issue" },
  { pattern: /\bXX[X]\b/, instead: "say what is wrong and mend it" },
  { pattern: /\bHAC[K]\b/, instead: "say why it must be so, or mend it" },
  { pattern: /\bfor no[w]\b/i, instead: "say what holds and until when" },
  { pattern: /\bcancelle[d]\b/i, instead: "spell it with one l" },
]

/** Folders of one machine: they mean nothing on any other. */
const MACHINE_PATH: RegExp = /(?<![\w.-])\/(?:wor[k]|roo[t]|hom[e])\//

/** File names that say nothing about what is inside. */
const EMPTY_NAMES: readonly string[] = ["utils", "util", "common", "helpers", "helper", "types", "interfaces", "misc"]

/** The only files that may pass 500 lines, each with its reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  "bench/known-bugs/caches.ts": "A catalog: one short entry a defect, read one at a time.",
  "bench/known-bugs/mutexes.ts": "A catalog: one short entry a defect, read one at a time.",
  "packages/holdfast/src/kernel/kernel.ts":
    "One transition function and what a store asks of it; each table has its file.",
  "packages/holdfast/src/kernel/lock-table.ts": "One state machine; its transitions belong under one header.",
  "packages/holdfast/src/kernel/run-table.ts": "One state machine; its transitions belong under one header.",
  "packages/holdfast/src/kernel/value.test.ts": "One table of types, each with what it must and must not survive.",
  "packages/holdfast/test/simulation/simulation.ts": "One world: what befalls it, and what must hold afterwards.",
  "packages/holdfast/test/exploration/world.ts": "The moves of every actor of every scope, in one alphabet.",
}

const LINE_LIMIT = 500
const README_LINE_LIMIT = 200
const ROOT: string = fileURLToPath(new URL("../../../", import.meta.url))
const IGNORED: readonly string[] = ["node_modules", "dist", "coverage", ".git", ".cache", ".imgql", "sample", "output"]

const FILES: readonly string[] = listFiles(ROOT)
const CODE: readonly string[] = FILES.filter((file) => /\.m?ts$/.test(file))
const PROSE: readonly string[] = FILES.filter((file) => file.endsWith(".md"))
/** What people write; the lock file is a machine's. */
const TEXT: readonly string[] = FILES.filter(
  (file) => file !== "package-lock.json" && !/\.(?:png|jpe?g|gif|ico|wasm|woff2?|mp4|db|sqlite|tgz)$/.test(file),
)
const SOURCES: readonly string[] = CODE.filter((file) => /^packages\/[^/]+\/src\//.test(file) && !isTest(file))
const TESTS: readonly string[] = CODE.filter((file) => isTest(file) || /^packages\/[^/]+\/test\//.test(file))
const PROOFS: readonly string[] = TESTS.filter((file) => !/\/test\/(?:tidy\.test|invariants)\.ts$/.test(file))
const MANIFESTS: readonly string[] = FILES.filter((file) => file.endsWith("package.json"))

describe("sources", () => {
  it("reach time, timers, randomness and ids only through env/", () => {
    const core = SOURCES.filter((file) => file.startsWith("packages/holdfast/src/") && !file.includes("/src/env/"))
    expectNone(core.flatMap((file) => findAmbient(file, Object.keys(AMBIENT))))
  })

  it("have no file longer than 500 lines without a reason", () => {
    const long = CODE.filter((file) => countLines(file) > LINE_LIMIT)
    expectNone([
      ...long.filter((file) => !(file in LONG_FILES)).map((file) => `${file}: ${countLines(file)} lines; split it`),
      ...Object.keys(LONG_FILES)
        .filter((file) => !long.includes(file))
        .map((file) => `${file}: is no longer long; take it out of LONG_FILES`),
    ])
  })

  it("are all imported by somebody, save the entries", () => {
    const used = new Set([...CODE.flatMap(findImported), ...listEntries()])
    expectNone(SOURCES.filter((file) => !used.has(file)).map((file) => `${file}: nobody imports it; delete it`))
  })

  it("are named after what is inside", () => {
    const empty = CODE.filter((file) => EMPTY_NAMES.includes(/([^/.]+)\.[^/]*$/.exec(file)?.[1] ?? ""))
    const folders = CODE.filter((file) =>
      dirname(file)
        .split("/")
        .some((part) => EMPTY_NAMES.includes(part)),
    )
    expectNone([...empty, ...folders].map((file) => `${file}: name the concept instead`))
  })
})

describe("tests", () => {
  it("draw no randomness that a seed cannot replay", () => {
    expectNone(TESTS.flatMap((file) => findAmbient(file, ["Math.random"])))
  })

  it("are neither focused, skipped nor planned", () => {
    expectNone(TESTS.flatMap(findFocused))
  })

  it("name every invariant a source file's header cites", () => {
    const named = new Set(PROOFS.flatMap(findTitles).flatMap(findInvariantIds))
    const known = new Map(INVARIANTS.map((invariant) => [invariant.id, invariant]))
    expectNone(
      SOURCES.flatMap((file) =>
        findInvariantIds(headerOf(file)).flatMap((id) => {
          const invariant = known.get(id)
          if (invariant === undefined) return [`${file}: cites ${id}, which is no invariant`]
          if (named.has(id) || invariant.durableOnly !== null) return []
          return [`${file}: cites ${id}, which no test's title names`]
        }),
      ),
    )
  })

  it("are about promises that docs/guarantees.md lists, each once", () => {
    const page = readFileSync(join(ROOT, "docs/guarantees.md"), "utf8")
    const listed = page.split("\n").flatMap((line) => /^\| ([LCOS]\d+) /.exec(line)?.[1] ?? [])
    expect(listed, 'run "npm test" and then "npm run guarantees"').toEqual(INVARIANTS.map(({ id }) => id))
  })

  it("name every invariant that can be broken in one process", () => {
    const named = new Set(PROOFS.flatMap(findTitles).flatMap(findInvariantIds))
    expectNone(
      INVARIANTS.filter((invariant) => invariant.durableOnly === null && !named.has(invariant.id)).map(
        (invariant) => `${invariant.id}: no test's title names it (${invariant.promise})`,
      ),
    )
  })

  it("raise every error code", () => {
    const raised = new Set(PROOFS.flatMap(findCodes))
    expectNone(
      Object.keys(ERROR_TABLE)
        .filter((code) => !raised.has(code))
        .map((code) => `${code}: no test raises it`),
    )
  })
})

describe("docs", () => {
  it("list exactly the error codes of the table, with what each means to a caller, HTTP and a shell", () => {
    const documented = readErrorRows()
    const expected = Object.entries(ERROR_TABLE).map(([code, kind]) =>
      [code, kind.retryable ? "yes" : "no", kind.httpStatus, kind.exitCode].join(" | "),
    )
    expectNone([
      ...expected.filter((row) => !documented.includes(row)).map((row) => `docs/errors.md: lacks the row ${row}`),
      ...documented.filter((row) => !expected.includes(row)).map((row) => `docs/errors.md: has the row ${row}`),
      ...documented.filter((row, at) => documented.indexOf(row) !== at).map((row) => `docs/errors.md: repeats ${row}`),
    ])
  })

  it("explain each error code in a section of its own, in the order of the table", () => {
    const sections = [...read("docs/errors.md").matchAll(/^## ([A-Z_]+)$/gm)].map((match) => match[1])
    expect(sections).toEqual(Object.keys(ERROR_TABLE))
  })

  it("show no code that does not run", () => {
    expectNone(PROSE.flatMap(checkFences))
  })

  it("have one title a file", () => {
    const titles = PROSE.map((file) => ({ file, count: withoutFences(read(file)).match(/^# /gm)?.length ?? 0 }))
    expectNone(titles.filter(({ count }) => count !== 1).map(({ file, count }) => `${file}: ${count} titles, not 1`))
  })

  it("open with a README that can be read at once", () => {
    expect(FILES).toContain("README.md")
    expect(countLines("README.md")).toBeLessThan(README_LINE_LIMIT)
  })
})

describe("the repository", () => {
  it("has nothing left behind", () => {
    expectNone(
      TEXT.flatMap((file) =>
        linesOf(file).flatMap((line, at) =>
          LEFTOVERS.flatMap(({ pattern, instead }) => {
            const found = pattern.exec(line)?.[0]
            return found === undefined ? [] : [`${file}:${at + 1}: "${found}" is banned; ${instead}`]
          }),
        ),
      ),
    )
  })

  it("names no folder of any one machine", () => {
    expectNone(
      TEXT.flatMap((file) =>
        linesOf(file).flatMap((line, at) => (MACHINE_PATH.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
      ),
    )
  })

  it("pins every dependency to one version", () => {
    expectNone(
      MANIFESTS.flatMap((file) => {
        const manifest = readManifest(file)
        const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
        return wanted
          .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
          .map(([name, version]) => `${file}: ${name} ${version}; write one exact version`)
      }),
    )
  })

  // A registry that lacks some platform's build makes npm leave it out, and then `npm ci` refuses the lock file.
  it("locks every optional package, of every platform", () => {
    const { packages } = readLock()
    const optional = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    const locked = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")))
    expectNone(optional.filter((name) => !locked.has(name)).map((name) => `${name}: run tsx scripts/complete-lock.ts`))
  })

  it("names no registry in its lock file", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved": "https?:/)
  })

  it("has a source file behind everything the package exports", () => {
    expectNone(
      listEntries()
        .filter((file) => !FILES.includes(file))
        .map((file) => `${file}: exported but not there`),
    )
  })

  it.skipIf(!existsSync(join(ROOT, "packages/holdfast/dist")))("has built everything the package exports", () => {
    const targets = listTargets("packages/holdfast/package.json")
    expect(targets.length).toBeGreaterThan(0)
    expectNone(targets.filter((file) => !existsSync(join(ROOT, file))).map((file) => `${file}: run npm run build`))
  })
})

function expectNone(offenders: readonly string[]): void {
  expect(offenders.join("\n")).toBe("")
}

// Files.

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    // In a second working tree `.git` is a file.
    if (IGNORED.includes(entry.name)) return []
    if (entry.isDirectory()) return listFiles(path)
    return entry.isFile() ? [relative(ROOT, path)] : []
  })
}

function isTest(file: string): boolean {
  return /\.test\.m?ts$/.test(file)
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8")
}

function linesOf(file: string): string[] {
  return read(file).split("\n")
}

function countLines(file: string): number {
  return read(file).trimEnd().split("\n").length
}

interface Manifest {
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

function readManifest(file: string): Manifest {
  // Written by ourselves; a wrong shape fails the test that reads it.
  return JSON.parse(read(file)) as Manifest
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>
}

function readLock(): Lock {
  // Written by npm; a wrong shape fails the test that reads it.
  return JSON.parse(read("package-lock.json")) as Lock
}

/** The files a package promises to its users. */
function listTargets(manifestFile: string): string[] {
  const { exports = {}, bin = {} } = readManifest(manifestFile)
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target),
  )
  return [...targets, ...Object.values(bin)].map((target) => join(dirname(manifestFile), target))
}

/** The sources of what packages promise. */
function listEntries(): string[] {
  return MANIFESTS.flatMap(listTargets)
    .filter((file) => file.includes("/dist/") && !file.endsWith(".d.ts"))
    .map((file) => file.replace("/dist/", "/src/").replace(/\.js$/, ".ts"))
}

// Code.

/** Several tests look at the same files; each is parsed once. */
const parsed = new Map<string, ts.SourceFile>()

function parse(file: string): ts.SourceFile {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
  parsed.set(file, source)
  return source
}

/** Every node of a file, parents first. */
function* nodesOf(source: ts.SourceFile): Generator<ts.Node> {
  const stack: ts.Node[] = [source]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    yield node
    const children: ts.Node[] = []
    ts.forEachChild(node, (child) => void children.push(child))
    stack.push(...children.toReversed())
  }
}

function findAmbient(file: string, banned: readonly string[]): string[] {
  const source = parse(file)
  return [...nodesOf(source)].flatMap((node) => {
    const found = ambientOf(node, source)
    if (found === null || !banned.includes(found)) return []
    return [`${placeOf(node, source)}: ${found} is banned, use ${AMBIENT[found] ?? "env"}`]
  })
}

function ambientOf(node: ts.Node, source: ts.SourceFile): string | null {
  if (ts.isPropertyAccessExpression(node)) return node.getText(source).replace(/^globalThis\./, "")
  if (ts.isNewExpression(node) && (node.arguments?.length ?? 0) === 0) return `new ${node.expression.getText(source)}()`
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return null
  return node.expression.text === "Date" ? "Date()" : node.expression.text
}

function findFocused(file: string): string[] {
  const source = parse(file)
  return [...nodesOf(source)].flatMap((node) => {
    if (!ts.isPropertyAccessExpression(node) || !/^(?:describe|it|test|suite)\b/.test(node.getText(source))) return []
    if (!["only", "skip", "todo", "fails"].includes(node.name.text)) return []
    return [`${placeOf(node, source)}: ${node.getText(source)} is banned, use a plain test`]
  })
}

/** The titles of all tests and groups of a file, as written. */
function findTitles(file: string): string[] {
  const source = parse(file)
  return [...nodesOf(source)].flatMap((node) => {
    if (!ts.isCallExpression(node) || !/^(?:describe|it|test|suite)\b/.test(node.expression.getText(source))) return []
    const [title] = node.arguments
    return title !== undefined && !ts.isArrayLiteralExpression(title) ? [title.getText(source)] : []
  })
}

/** The error codes in a file's strings and patterns; a comment raises nothing. */
function findCodes(file: string): string[] {
  return [...nodesOf(parse(file))].flatMap((node) => {
    if (!ts.isLiteralExpression(node) && !ts.isTemplateLiteralToken(node)) return []
    return node.text.match(/\b[A-Z]+(?:_[A-Z]+)*\b/g) ?? []
  })
}

/** Everything a file refers to by a relative path: imports, re-exports, workers, files it starts. */
function findImported(file: string): string[] {
  return [...nodesOf(parse(file))].flatMap((node) =>
    ts.isStringLiteralLike(node) && /^\.{1,2}\/.*\.[jt]s$/.test(node.text)
      ? [join(dirname(file), node.text).replace(/\.js$/, ".ts")]
      : [],
  )
}

/** The comment a file opens with. */
function headerOf(file: string): string {
  const text = read(file)
  const [first] = ts.getLeadingCommentRanges(text, 0) ?? []
  return first === undefined ? "" : text.slice(first.pos, first.end)
}

/** Invariant ids in a text, ranges such as "L1–L8" spelled out. */
function findInvariantIds(text: string): string[] {
  const ranges = [...text.matchAll(/\b([LCOS])(\d+)(?:\s?[-–]\s?\1(\d+))?\b/g)]
  return ranges.flatMap(([, letter = "", first = "", last = first]) =>
    Array.from({ length: Math.max(1, Number(last) - Number(first) + 1) }, (_, at) => `${letter}${Number(first) + at}`),
  )
}

function placeOf(node: ts.Node, source: ts.SourceFile): string {
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
}

// Prose.

/** The rows of docs/errors.md as "CODE | yes | 503 | 75". */
function readErrorRows(): string[] {
  return linesOf("docs/errors.md").flatMap((line) => {
    const cells = line.split("|").map((cell) => cell.trim())
    const code = /^\[`([A-Z_]+)`\]/.exec(cells[1] ?? "")?.[1]
    return code === undefined ? [] : [[code, ...cells.slice(3, 6)].join(" | ")]
  })
}

/** A fenced block that claims to be code must be an example that runs, or with `part` after its name, lines of one. */
function checkFences(file: string): string[] {
  const fences = [...read(file).matchAll(/^( *)(`{3,})([^\n`]*)\n([\s\S]*?)^\1\2 *$/gm)]
  return fences.flatMap(([, indent = "", , info = "", body = ""]) => {
    const [language = "", ...marks] = info.trim().split(/\s+/)
    if (!["ts", "tsx", "typescript", "js", "mjs", "javascript"].includes(language)) return []
    const example = marks.find((mark) => mark.startsWith("file="))?.slice("file=".length)
    if (example === undefined) return [`${file}: a block says \`${info}\`; use \`ts file=examples/NAME.ts\``]
    if (!/^examples\/[^/]+\.ts$/.test(example) || !FILES.includes(example)) return [`${file}: there is no ${example}`]
    const shown = body.replaceAll(new RegExp(`^${indent}`, "gm"), "")
    const whole = read(example)
    const isSame = marks.includes("part") ? `\n${trimLines(whole)}`.includes(`\n${trimLines(shown)}`) : whole === shown
    return isSame ? [] : [`${file}: its block and ${example} differ`]
  })
}

function trimLines(text: string): string {
  return text.replaceAll(/^[ \t]+|[ \t]+$/gm, "")
}

function withoutFences(text: string): string {
  return text.replaceAll(/^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2 *$/gm, "")
}
