/** Bugs in runs: who executes, who is answered, what a dead attempt may still do. */
import { plantIn, type Mutant } from "../mutant.ts"

const CONFORMANCE = ["test/conformance/memory.test.ts"]
const RUN_TABLE = ["src/kernel/run-table.test.ts"]
const KERNEL = ["src/kernel/kernel.test.ts"]
const LIMITS = ["src/runtime/operation-limits.test.ts"]
const REGRESSIONS = ["test/regressions/kernel.test.ts"]

export const RUN_MUTANTS: readonly Mutant[] = [
  ...plantIn("kernel/run-table.ts", CONFORMANCE, [
    {
      id: "run-second-generation-while-open",
      invariants: ["O1", "O4"],
      find: "if (known !== undefined && isOpen(known.row)) {",
      replace: "if (known !== undefined && isOpen(known.row) && !force) {",
    },
    {
      id: "run-generation-used-twice",
      invariants: ["L2", "O3"],
      find: "generation: this.#context.nextToken(),",
      replace: "generation: before?.row.generation ?? this.#context.nextToken(),",
    },
    {
      id: "run-claim-without-a-token-of-its-own",
      invariants: ["L2", "O5"],
      find: "      token: this.#context.nextToken(),",
      replace: "      token: row.generation,",
    },
    {
      id: "run-completed-without-its-result",
      invariants: ["O2"],
      find: "row.result = end.result",
      replace: "row.result = null",
    },
    {
      id: "run-completed-before-its-result",
      invariants: ["O2"],
      find: "row.result = end.result",
      replace: "this.#changed(run)\n    row.result = end.result",
    },
    {
      id: "run-force-ignored",
      invariants: ["O3"],
      find: "if (known !== undefined && !command.force && isServed(known.row)) return",
      replace: "if (known !== undefined && isServed(known.row)) return",
    },
    {
      id: "run-canceled-after-it-settled",
      invariants: ["O3"],
      find: `if (isOpen(row) || row.status === "interrupted") this.#cancel(found)`,
      replace: "this.#cancel(found)",
    },
    {
      id: "run-retried-without-backoff",
      invariants: ["O3"],
      find: "this.#context.now + backoffMs(row.retry, row.failures)",
      replace: "this.#context.now",
    },
    {
      id: "run-one-attempt-too-many",
      invariants: ["O3"],
      find: "row.failures >= row.retry.maxAttempts",
      replace: "row.failures > row.retry.maxAttempts",
    },
    {
      id: "run-final-failure-retried",
      invariants: ["O3"],
      find: "if (final || row.failures",
      replace: "if (row.failures",
    },
    {
      id: "run-waiter-never-answered",
      invariants: ["O4"],
      find: "this.#answer(run, settlementOf(row))",
      replace: "",
    },
    {
      id: "run-waiter-answered-twice",
      invariants: ["O4"],
      find: "this.#dropWaiter(waiter)\n      this.#context.emit({",
      replace: "this.#context.emit({",
    },
    {
      id: "run-only-the-first-waiter-answered",
      invariants: ["O4"],
      find: "        run: id,\n        settlement,\n      })",
      replace: "        run: id,\n        settlement,\n      })\n      break",
    },
    {
      id: "run-late-waiter-parked",
      invariants: ["O4"],
      find: "if (!isOpen(found.row)) return settled(found.row)",
      replace: "",
    },
    {
      id: "run-forgotten-without-telling-who-waits",
      invariants: ["O4", "O9"],
      find: `this.#answer(run, { kind: "forgotten" })`,
      replace: "",
    },
    {
      id: "run-completed-by-a-stale-attempt",
      invariants: ["O5"],
      find: "if (claim?.live === true) return claim",
      replace: "if (claim !== undefined) return claim",
    },
    {
      id: "run-body-kept-after-its-attempt",
      invariants: ["O5"],
      find: "    session.claims.delete(token)\n    if (!",
      replace: "    if (!",
    },
    {
      id: "run-attempt-times-out-after-its-end",
      invariants: ["O5"],
      find: "this.#context.cancel(claim.timeout)",
      replace: "",
      suites: RUN_TABLE,
    },
    {
      id: "run-forgotten-result-comes-back",
      invariants: ["O5", "O9"],
      find: `if (run.claim !== null) this.#revoke(run.claim, "forgotten")`,
      replace: "",
    },
    {
      id: "run-stored-value-overwritten-by-the-computation",
      invariants: ["O5", "O9"],
      find: `if (run.claim !== null) this.#revoke(run.claim, "stored")`,
      replace: "",
    },
    {
      id: "run-progress-of-a-stale-attempt",
      invariants: ["O5"],
      find: `const claim = this.#liveClaim(session, token)\n    if ("code" in claim) return claim\n    claim.run.row.progress`,
      replace: `const claim = session.claims.get(token) ?? this.#liveClaim(session, token)\n    if ("code" in claim) return claim\n    claim.run.row.progress`,
      suites: RUN_TABLE,
    },
    {
      id: "run-crash-not-counted",
      invariants: ["O6"],
      find: "row.crashes += 1",
      replace: "",
    },
    {
      id: "run-crashes-not-in-a-row",
      invariants: ["O6"],
      find: "claim.run.row.crashes = 0",
      replace: "",
    },
    {
      id: "run-crashes-count-across-a-timeout",
      invariants: ["O6"],
      find: "    run.row.crashes = 0\n    const limit",
      replace: "    const limit",
      suites: REGRESSIONS,
    },
    {
      id: "run-orderly-close-counts-as-a-crash",
      invariants: ["O6"],
      find: `if (reason === "died") this.#crash`,
      replace: "if (session.claims.size > 0) this.#crash",
    },
    {
      id: "run-not-handed-on-after-a-crash",
      invariants: ["O6"],
      find: "this.#changed(run)\n    this.#queues.dispatch(run.queue)\n    // Without",
      replace: "this.#changed(run)\n    // Without",
    },
    {
      id: "run-taker-of-an-ended-session-served",
      invariants: ["L6", "O6"],
      find: "for (const worker of session.workers.values()) this.closeWorker(session, worker.id)",
      replace: "",
      suites: KERNEL,
    },
    {
      id: "run-canceled-without-telling-the-body",
      invariants: ["O8"],
      find: `if (run.claim !== null) this.#revoke(run.claim, "canceled")`,
      replace: "if (run.claim !== null) this.#detach(run.claim)",
    },
    {
      id: "run-canceled-by-any-waiter-that-leaves",
      invariants: ["O8"],
      find: "run.waiters.size === 0 && run.row.abandon",
      replace: "run.row.abandon",
    },
    {
      id: "run-canceled-whatever-its-definition-says",
      invariants: ["O8"],
      find: `run.row.abandon === "cancel" && isOpen(run.row)`,
      replace: "isOpen(run.row)",
    },
    {
      id: "run-never-abandoned",
      invariants: ["O8"],
      find: `run.row.abandon === "cancel" && isOpen(run.row)`,
      replace: "!isOpen(run.row)",
    },
    {
      id: "run-kept-forever",
      invariants: ["O9"],
      find: "if (retainMs === null || settledAt === null",
      replace: "if (retainMs !== null || settledAt === null",
    },
    {
      id: "run-opened-again-expires",
      invariants: ["O3", "O9"],
      find: "this.#clearDeadline(known)\n      this.#runs.touch",
      replace: "this.#runs.touch",
    },
    {
      id: "run-once-repeated-after-a-crash",
      invariants: ["O10"],
      find: `this.#observe("run.crashed", row, null)\n    if (row.effects === "once") {`,
      replace: `this.#observe("run.crashed", row, null)\n    if (row.crashes < 0) {`,
    },
    {
      id: "run-once-repeated-after-a-timeout",
      invariants: ["O10"],
      find: `if (run.row.effects === "once") {`,
      replace: "if (run.row.crashes < 0) {",
    },
    {
      id: "run-once-repeated-after-a-close",
      invariants: ["O10"],
      find: `else if (claim.run.row.effects === "once" && !unstarted.includes(claim.token)) this.#interrupt(claim.run)\n      else`,
      replace: "else",
    },
    {
      id: "run-once-interrupted-before-it-started",
      invariants: ["O10"],
      find: ` && !unstarted.includes(claim.token)) this.#interrupt`,
      replace: ") this.#interrupt",
    },
    {
      id: "run-step-not-found-again",
      invariants: ["O10"],
      find: "return holder.run.row.steps.find((step) => step.name === name)?.outcome",
      replace: "return undefined",
    },
    {
      id: "run-step-replaces-the-others",
      invariants: ["O10"],
      find: "row.steps = [...row.steps, { name, outcome }]",
      replace: "row.steps = [{ name, outcome }]",
    },
  ]),
  ...plantIn("kernel/run-queue.ts", CONFORMANCE, [
    {
      id: "run-priority-reversed",
      invariants: ["L3"],
      find: "return a.row.priority > b.row.priority",
      replace: "return a.row.priority < b.row.priority",
    },
    {
      id: "run-newest-is-first",
      invariants: ["L3"],
      find: "a.row.arrival < b.row.arrival",
      replace: "a.row.arrival > b.row.arrival",
    },
    {
      id: "run-concurrency-off-by-one",
      invariants: ["O1"],
      find: "queue.live.size < queue.concurrency",
      replace: "queue.live.size <= queue.concurrency",
    },
    {
      id: "run-slot-of-a-key-leaked",
      invariants: ["O1", "O6"],
      find: "slot.live -= 1",
      replace: "",
    },
    {
      id: "run-of-a-key-never-woken",
      invariants: ["O6"],
      find: "slot.live -= 1\n    this.#wakeKey(queue, row.keyed.key)",
      replace: "slot.live -= 1",
    },
    {
      id: "run-of-a-key-woken-for-nobody",
      invariants: ["O6"],
      find: "if (slot?.wanted.top !== undefined) this.place(slot.wanted.top)",
      replace: "",
    },
    {
      id: "run-paused-is-taken",
      invariants: ["O6"],
      find: `if (row.status !== "pending" || row.paused) return`,
      replace: `if (row.status !== "pending") return`,
    },
    {
      id: "run-taken-before-its-time",
      invariants: ["O3", "O6"],
      find: "if (row.notBefore > this.#context.now) {",
      replace: "if (row.notBefore === Number.POSITIVE_INFINITY) {",
    },
    {
      id: "run-worker-before-who-waits",
      invariants: ["O6"],
      find: "const to = executorOf(run) ?? queue.takers.values().next().value",
      replace: "const to = queue.takers.values().next().value ?? executorOf(run)",
    },
  ]),
  ...plantIn("kernel/run-view.ts", CONFORMANCE, [
    {
      id: "run-canceled-is-served",
      invariants: ["O3"],
      find: `return row.status === "completed" || row.status === "interrupted"`,
      replace: `return row.status === "completed" || row.status === "interrupted" || row.status === "canceled"`,
    },
  ]),
  ...plantIn("kernel/run-row.ts", CONFORMANCE, [
    {
      id: "run-budget-not-renewed",
      invariants: ["O3"],
      find: "row.failures = 0",
      replace: "",
      suites: LIMITS,
    },
    {
      id: "run-key-with-other-arguments-accepted",
      invariants: ["O7"],
      find: "return spec.key === null || sameValue(row.args, spec.args) ? null :",
      replace: "return spec !== null ? null :",
    },
  ]),
  ...plantIn(
    "kernel/retry.ts",
    ["src/kernel/retry.test.ts"],
    [
      {
        id: "run-backoff-without-bound",
        invariants: ["O3"],
        find: "Math.min(grown, policy.maxMs)",
        replace: "grown",
      },
    ],
  ),
  ...plantIn("kernel/kernel.ts", CONFORMANCE, [
    {
      id: "session-end-keeps-claims",
      invariants: ["O6", "L6"],
      find: "this.#runs.endSession(session, command)",
      replace: "",
    },
    {
      id: "session-end-keeps-waiters",
      invariants: ["O4", "L6"],
      find: "this.#runs.withdrawAll(waiters)",
      replace: "",
    },
    {
      id: "request-id-taken-over",
      invariants: ["O4"],
      find: "return session.requests.has(request)\n      ?",
      replace: "return session.requests.size < 0\n      ?",
    },
  ]),
]
