/**
 * The table invariant x store of docs/guarantees.md, read off the results of the tests that cite each invariant: a
 * promise holds where tests that cite it passed, in conformance or in tests of the store's own, and none failed.
 */
import { INVARIANTS } from "./invariants.ts"

/** What is read of vitest's JSON result. */
export interface TestResults {
  readonly testResults: readonly {
    /** The file's path. */
    readonly name: string
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
    }[]
  }[]
}

const STORES = ["memory:", "file:"] as const
type StoreKind = (typeof STORES)[number]

/** Promises that a store keeps within a bound instead of at once and whole. */
const BOUNDS: Readonly<Record<StoreKind, Readonly<Record<string, string>>>> = {
  "memory:": {},
  "file:": {
    L6: "a closed socket is noticed at once; who died while the keeper changed, within 50 ms",
    O6: "as L6",
    C5: "relaxed cells excepted: what of them is not flushed is lost with the keeper",
    O3: "the result of a pure run is told once it survives every process, and power loss may still take it until it is flushed",
  },
}

/** Tests of the durable store alone; all others run on the kernel in memory, or on suites that say on which store. */
const OF_FILE = /\/stores\/embedded\/|\/test\/(?:simulation|disk|crash|damage)\//

interface Proof {
  readonly store: StoreKind
  readonly ids: readonly string[]
  readonly status: string
}

/** One row an invariant. */
export interface Guarantee {
  readonly id: string
  readonly promise: string
  readonly verdicts: Readonly<Record<StoreKind, string>>
  /** How many tests that passed cite it, over each store. */
  readonly proofs: Readonly<Record<StoreKind, number>>
}

export function guaranteesOf(results: readonly TestResults[]): readonly Guarantee[] {
  const proofs = results.flatMap(proofsOf)
  return INVARIANTS.map(({ id, promise, durableOnly }) => {
    const citing = proofs.filter(({ ids }) => ids.includes(id))
    const passed = (store: StoreKind): number =>
      citing.filter((proof) => proof.store === store && proof.status === "passed").length
    const verdict = (store: StoreKind): string => {
      if (citing.some((proof) => proof.store === store && proof.status === "failed")) return "BROKEN"
      if (store === "memory:" && durableOnly !== null) return "not offered"
      if (passed(store) === 0) return "NOT PROVEN"
      const bound = BOUNDS[store][id]
      return bound === undefined ? "holds" : `within a bound: ${bound}`
    }
    return {
      id,
      promise,
      verdicts: { "memory:": verdict("memory:"), "file:": verdict("file:") },
      proofs: { "memory:": passed("memory:"), "file:": passed("file:") },
    }
  })
}

/** The rows as Markdown, as prettier would have it laid out. */
export function guaranteeTable(guarantees: readonly Guarantee[]): string {
  const rows = [
    ["", "promise", ...STORES.map((store) => `\`${store}\``)],
    ...guarantees.map(({ id, promise, verdicts }) => [id, promise, ...STORES.map((store) => verdicts[store])]),
  ]
  const widths = rows[0]?.map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0))) ?? []
  const lines = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`)
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`)
  return lines.join("\n")
}

function proofsOf({ testResults }: TestResults): Proof[] {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ ancestorTitles, title, status }) => {
      const ids = /\(([LCOS]\d+(?:[-, ]+[LCOS]\d+)*)\)$/.exec(title)?.[1]
      if (ids === undefined) return []
      return [{ store: storeOf(name, ancestorTitles), ids: idsIn(ids), status }]
    }),
  )
}

function storeOf(file: string, ancestors: readonly string[]): StoreKind {
  // A suite for every store says in its title which one it was run on.
  const suite = ancestors.find((title) => /^the .* store$|^the model check of /.test(title))
  return suite?.includes("file") === true || OF_FILE.test(file) ? "file:" : "memory:"
}

/** `L1, L3` and `L1-L3`. */
function idsIn(text: string): readonly string[] {
  return text.split(", ").flatMap((part) => {
    const [first = "", last = first] = part.split("-")
    const [from, to] = [Number(first.slice(1)), Number(last.slice(1))]
    return Array.from({ length: to - from + 1 }, (_, at) => `${first.slice(0, 1)}${String(from + at)}`)
  })
}
