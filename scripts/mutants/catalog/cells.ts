/** Bugs in cells: versions, conflicts, fences, updates, transactions and watchers. */
import { plantIn, type Mutant } from "../mutant.ts"

const CONFORMANCE = ["test/conformance/memory.test.ts"]
const UPDATES = ["src/runtime/cell-updates.test.ts"]
const TRANSACTIONS = ["src/runtime/transaction.test.ts"]
const WATCHES = ["src/runtime/watch.test.ts"]
const REGRESSIONS = ["test/regressions/runtime.test.ts"]

export const CELL_MUTANTS: readonly Mutant[] = [
  ...plantIn("kernel/cell-table.ts", CONFORMANCE, [
    {
      id: "cell-deletion-is-no-version",
      invariants: ["C1"],
      find: "(row?.version ?? 0) + 1",
      replace: `(row?.version ?? 0) + (write.kind === "delete" ? 0 : 1)`,
    },
    {
      id: "cell-versions-start-anew-after-deletion",
      invariants: ["C1", "C3"],
      find: "(row?.version ?? 0) + 1",
      replace: "(row?.value == null ? 0 : row.version) + 1",
    },
    {
      id: "cell-version-skipped-by-a-merge",
      invariants: ["C1"],
      find: "(row?.version ?? 0) + 1",
      replace: `(row?.version ?? 0) + (write.kind === "merge" ? 2 : 1)`,
    },
    {
      id: "cell-written-before-all-is-checked",
      invariants: ["C1", "C3"],
      find: `const invalid = write.kind === "merge"`,
      replace: `this.#write(write)\n      const invalid = write.kind === "merge"`,
    },
    {
      id: "cell-written-twice-in-a-commit",
      invariants: ["C1"],
      find: "if (writes.length > 1 && new Set",
      replace: "if (writes.length > 2 && new Set",
    },
    {
      id: "cell-read-not-checked",
      invariants: ["C3"],
      find: "if (found === version) continue",
      replace: "if (found >= version) continue",
    },
    {
      id: "cell-absence-not-checked",
      invariants: ["C3"],
      find: "if (found === version) continue",
      replace: "if (found === version || version === 0) continue",
    },
    {
      id: "cell-fence-skipped",
      invariants: ["L8"],
      find: "if (fenced !== null) return fenced",
      replace: "",
    },
    {
      id: "cell-fence-takes-a-strangers-claim",
      invariants: ["L8", "O5"],
      find: "session.claims.get(token)?.live !== true)",
      replace: "this.#context.holders.get(token) === undefined)",
    },
    {
      id: "cell-fence-forgets-the-claim",
      invariants: ["L8", "O5"],
      find: "if (token !== undefined && session.claims.get",
      replace: "if (token === null && session.claims.get",
    },
    {
      id: "cell-queue-jumped",
      invariants: ["C2"],
      find: "!command.holding.includes(queued)",
      replace: "command.holding.length > 9",
    },
    {
      id: "cell-step-applied-again",
      invariants: ["O10"],
      find: `if (outcome !== undefined) return { kind: "recorded", outcome }`,
      replace: "",
    },
    {
      id: "cell-commit-forgets-to-complete",
      invariants: ["O2", "O10"],
      find: "if (command.complete !== null) this.#runs.complete(",
      replace: "if (command.complete !== null && command.writes.length > 9) this.#runs.complete(",
    },
    {
      id: "cell-merge-max-as-last",
      invariants: ["C5"],
      find: `return merge === "max" ? Math.max(current, value)`,
      replace: `return merge === "max" ? value`,
    },
    {
      id: "cell-watcher-not-told-of-deletions",
      invariants: ["C4"],
      find: "if (named !== undefined) for",
      replace: "if (named !== undefined && cell.value !== null) for",
    },
    {
      id: "cell-watcher-told-the-version-before",
      invariants: ["C4"],
      find: "this.#announce({ name: write.name, version, value })",
      replace: "this.#announce({ name: write.name, version: version - 1, value })",
    },
    {
      id: "cell-watcher-of-a-prefix-told-of-all",
      invariants: ["C4"],
      find: `watch.pattern.kind === "prefix" && cell.name.startsWith(watch.pattern.prefix)`,
      replace: `watch.pattern.kind === "prefix"`,
    },
    {
      id: "cell-watcher-told-after-it-left",
      invariants: ["C4", "L4"],
      find: "watches?.delete(watch)",
      replace: "",
    },
    {
      id: "cell-first-watcher-replaced-by-the-second",
      invariants: ["C4"],
      find: "this.#named.get(pattern.name) ?? new Set()",
      replace: "new Set<CellWatch>()",
    },
  ]),
  ...plantIn("runtime/committer.ts", REGRESSIONS, [
    {
      id: "turn-that-cannot-be-given-back-hides-what-came-of-it",
      invariants: ["C1", "S4"],
      find: "this.#session.giveBack(token)",
      replace: "await this.#session.release(token)",
    },
    {
      id: "turn-is-waited-for-after-its-bound",
      invariants: ["C2"],
      find: "this.#session.giveBack(token)",
      replace: "await Promise.resolve(this.#session.release(token)).catch(() => undefined)",
      suites: ["test/simulation/silent-keeper.test.ts"],
    },
  ]),
  ...plantIn("runtime/cell-updates.ts", UPDATES, [
    {
      id: "update-lost-within-its-batch",
      invariants: ["C2"],
      find: "current = { ...read, value }",
      replace: "",
    },
    {
      id: "update-lost-to-another-session",
      invariants: ["C2", "C3"],
      find: "reads: [{ name, version }],",
      replace: "reads: [],",
    },
    {
      id: "update-reported-though-it-lost-the-race",
      invariants: ["C2", "C5"],
      find: `if (outcome === null || outcome.kind === "committed") {`,
      replace: `if (outcome === null || outcome.kind !== "recorded") {`,
    },
    {
      id: "update-reported-before-it-is-committed",
      invariants: ["C5"],
      find: "if (outcome !== null) await this.#finishLater",
      replace: "settle(attempt.results)\n      if (outcome !== null) await this.#finishLater",
    },
    {
      id: "update-in-turn-decides-on-what-it-read-before",
      invariants: ["C2"],
      find: "const again = applyAll(read, updates)",
      replace: "const again = attempt",
    },
    {
      id: "update-of-others-grants-in-one-batch",
      invariants: ["L8"],
      find: "index >= MAX_BATCH || !isSame(update.holding, holding ?? [])",
      replace: "index >= MAX_BATCH",
    },
    {
      id: "update-that-throws-ends-its-batch",
      invariants: ["C2"],
      find: "failures.push({ update, error })\n    }\n  }\n  return",
      replace: "for (const each of batch) each.reject(error)\n      break\n    }\n  }\n  return",
    },
    {
      id: "update-that-throws-at-a-guess-ends",
      invariants: ["C2"],
      find: "attempt.failures.length > 0 ? null",
      replace: "(rejectFailed(attempt), attempt.written === null) ? null",
    },
    {
      id: "merge-max-combined-as-last",
      invariants: ["C5"],
      find: `return merge === "max" ? Math.max(a, b) : a + b`,
      replace: `return merge === "max" ? b : a + b`,
      suites: REGRESSIONS,
    },
    {
      id: "merge-counter-combined-as-last",
      invariants: ["C2", "C5"],
      find: `return merge === "max" ? Math.max(a, b) : a + b`,
      replace: `return merge === "max" ? Math.max(a, b) : b`,
    },
    {
      id: "merge-cleans-up-the-next-one",
      invariants: ["C5"],
      find: "if (this.#merges.get(name) === entry) this",
      replace: "this",
      suites: REGRESSIONS,
    },
    {
      id: "merge-joins-a-commit-under-way",
      invariants: ["C5"],
      find: "entry.isOpen = false",
      replace: "",
    },
  ]),
  ...plantIn(
    "runtime/last-writes.ts",
    ["src/runtime/last-writes.test.ts"],
    [
      {
        id: "guess-of-an-earlier-term",
        invariants: ["C2", "C3"],
        find: "last.isRepeated && last.term === term",
        replace: "last.isRepeated",
      },
      {
        id: "guess-where-others-write",
        invariants: ["C2"],
        find: "last?.view.version === from && last.term === term",
        replace: "last !== undefined",
      },
    ],
  ),
  ...plantIn("runtime/transaction.ts", TRANSACTIONS, [
    {
      id: "transaction-awaits-between-check-and-act",
      invariants: ["C2", "C3"],
      find: "const written = this.#writes.get(name)",
      replace: "const written = await Promise.resolve(this.#writes.get(name))",
    },
    {
      id: "transaction-commits-without-its-reads",
      invariants: ["C3"],
      find: "reads: [...this.#reads.values()].map",
      replace: "reads: [...this.#reads.values()].slice(9).map",
    },
    {
      id: "transaction-checks-only-what-it-writes",
      invariants: ["C3"],
      find: "reads: [...this.#reads.values()].map",
      replace: "reads: [...this.#reads.values()].filter((read) => this.#writes.has(read.name)).map",
    },
    {
      id: "transaction-rests-on-its-last-read",
      invariants: ["C3"],
      find: "if (first !== undefined) return first",
      replace: "",
      suites: REGRESSIONS,
    },
    {
      id: "transaction-throws-what-rests-on-stale-reads",
      invariants: ["C3"],
      find: "if (outcome === null) throw ended.error",
      replace: "throw ended.error",
      suites: ["src/runtime/transaction-races.test.ts"],
    },
    {
      id: "transaction-forgets-the-grants-around-it",
      invariants: ["L8"],
      find: "const holding = currentHolding(session)",
      replace: "const holding: readonly Token[] = []",
      suites: ["src/runtime/scope.test.ts"],
    },
    {
      id: "transaction-used-after-its-end",
      invariants: ["C3"],
      find: "    tx.end()\n",
      replace: "",
    },
  ]),
  ...plantIn("runtime/watch.ts", WATCHES, [
    {
      id: "watch-goes-back",
      invariants: ["C4"],
      find: "isNewer: (cell, than) => cell.version > than.version",
      replace: "isNewer: () => true",
      suites: REGRESSIONS,
    },
    {
      id: "watch-never-reaches-the-latest",
      invariants: ["C4"],
      find: "this.#newest.delete(key)\n    this.#newest.set(key, state)",
      replace: "if (!this.#newest.has(key)) this.#newest.set(key, state)",
    },
    {
      id: "watch-misses-what-comes-before-its-answer",
      invariants: ["C4"],
      find: "  put(key: string, state: State): void {",
      replace: "  put(key: string, state: State): void {\n    if (this.#wake === null) return",
    },
    {
      id: "watch-left-behind-in-the-store",
      invariants: ["C4", "L4"],
      find: "session.unwatch(request)",
      replace: "",
    },
  ]),
]
