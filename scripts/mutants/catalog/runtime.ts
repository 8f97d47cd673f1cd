/** Bugs in what users hold: scopes, waits, grants, bodies, workers, closing. */
import { plantIn, type Mutant } from "../mutant.ts"

const SCOPES = ["src/runtime/scope.test.ts"]
const SESSIONS = ["src/runtime/session.test.ts"]
const GRANTS = ["src/runtime/grant.test.ts"]
const LOCKS = ["src/runtime/lock.test.ts"]
const WORKERS = ["src/runtime/worker.test.ts"]
const EXECUTIONS = ["src/runtime/execution.test.ts"]
const CONTEXTS = ["src/runtime/run-context.test.ts"]
const OPERATIONS = ["src/runtime/operation.test.ts"]
const CLOSING = ["src/runtime/close.test.ts"]
const RESULTS = ["src/runtime/operation-results.test.ts"]

export const RUNTIME_MUTANTS: readonly Mutant[] = [
  ...plantIn("runtime/scope.ts", SCOPES, [
    {
      id: "scope-holds-its-own-grant-only",
      invariants: ["L7", "L8"],
      find: "[token] : [...around, token]",
      replace: "[token] : [token]",
    },
    {
      id: "scope-leaks-to-siblings",
      invariants: ["L7"],
      find: "[token] : [...around, token]",
      replace: "[token] : ((around as Token[]).push(token), around)",
    },
    {
      id: "scope-of-a-body-inherits-the-callers",
      invariants: ["O8"],
      find: "return new Scope(session, undefined, token, execution)",
      replace: "return new Scope(session, current.getStore(), token, execution)",
      suites: WORKERS,
    },
    {
      id: "scope-detached-stays-inside",
      invariants: ["L7", "L8"],
      find: "return current.run(undefined, fn)",
      replace: "return fn()",
    },
    {
      id: "scope-inside-an-ended-one-lives-on",
      invariants: ["L8"],
      find: "if (!each.isEnded) continue",
      replace: "if (!each.isEnded || each !== scope) continue",
    },
  ]),
  ...plantIn("runtime/session.ts", SESSIONS, [
    {
      id: "late-grant-not-given-back",
      invariants: ["L4"],
      find: "if (parked === undefined) this.giveBack(event.token)",
      replace: "if (parked === undefined) return",
    },
    {
      id: "aborted-wait-not-withdrawn",
      invariants: ["L4"],
      find: `outcome = this.execute({ kind: "withdrawRequest", session: this.id, request, reason })`,
      replace: "",
      suites: LOCKS,
    },
    {
      id: "left-wait-takes-a-late-grant",
      invariants: ["L4", "O4"],
      find: "if (this.#parked.get(request) !== parked) return\n    this.#parked.delete(request)",
      replace: "if (this.#parked.get(request) !== parked) return",
    },
    {
      id: "answered-wait-keeps-its-timer",
      invariants: ["L4", "S1"],
      find: "parked.timer?.cancel()",
      replace: "",
      suites: LOCKS,
    },
    {
      id: "answered-wait-keeps-its-listener",
      invariants: ["L4"],
      find: `if (parked.onAbort !== null) parked.signal?.removeEventListener("abort", parked.onAbort)`,
      replace: "",
      suites: LOCKS,
    },
    {
      id: "closed-session-leaves-its-waits-unanswered",
      invariants: ["S1", "O4"],
      find: `this.#answer(parked, { kind: "closed" })`,
      replace: "disarm(parked)",
    },
    {
      id: "closed-session-begins-anew",
      invariants: ["S1"],
      find: "this.#isEnded || (this.#isClosed && BEGINNINGS.has(command.kind))",
      replace: "this.#isEnded",
      suites: CLOSING,
    },
  ]),
  ...plantIn("runtime/grant.ts", GRANTS, [
    {
      id: "grant-released-twice",
      invariants: ["L5"],
      find: `if (this.#state !== "held") return this.#state === "released"`,
      replace: "",
    },
    {
      id: "grant-scope-not-ended",
      invariants: ["L8"],
      find: "this.#scope.isEnded = true",
      replace: "",
      suites: SCOPES,
    },
    {
      id: "grant-lost-but-reported-as-held",
      invariants: ["L1", "L8"],
      find: "if (wasHeld) return value",
      replace: "if (wasHeld || !wasHeld) return value",
    },
    {
      id: "grant-lost-early-not-known",
      invariants: ["L1"],
      find: "this.#lostEarly.add(token)",
      replace: "",
    },
    {
      id: "grant-not-released-when-its-callback-throws",
      invariants: ["L5"],
      find: "      await this.#end()\n    } catch",
      replace: "      // Given back by nobody.\n    } catch",
      suites: LOCKS,
    },
    {
      id: "grant-listener-runs-in-a-strangers-scope",
      invariants: ["L8"],
      find: "detached(() => {\n        controller.abort(reason)\n      })",
      replace: "controller.abort(reason)",
    },
  ]),
  ...plantIn("runtime/lock.ts", LOCKS, [
    {
      id: "lock-forgets-the-scope-it-is-asked-in",
      invariants: ["L7"],
      find: "holding: holdingOf(asked.outer, session)",
      replace: "holding: []",
    },
    {
      id: "lock-try-queues",
      invariants: ["L3", "L4"],
      find: "wait: options.waitMs !== 0",
      replace: "wait: true",
    },
    {
      id: "lock-grant-as-outcome-not-given-back",
      invariants: ["L4"],
      find: `if (outcome.kind === "granted") this.#home.session.giveBack(outcome.token)`,
      replace: "",
      suites: SESSIONS,
    },
    {
      id: "lock-granted-while-closing-is-kept",
      invariants: ["L4", "S1"],
      find: "if (session.isClosed) {\n      session.giveBack(token)",
      replace: "if (session.isClosed) {",
      suites: CLOSING,
    },
  ]),
  ...plantIn("runtime/runs.ts", OPERATIONS, [
    {
      id: "body-waits-for-a-worker-it-could-replace",
      invariants: ["L7"],
      find: "const execute = definition !== null && currentExecution(session) !== null",
      replace: "const execute = false",
      suites: WORKERS,
    },
    {
      id: "body-of-a-lost-claim-started",
      invariants: ["O5", "O8"],
      find: "const early = this.#early.get(claim.token) ?? []",
      replace: "const early: Control[] = []",
    },
    {
      id: "result-of-another-generation-served",
      invariants: ["O3", "O9"],
      find: "if (known?.run === run) return known.value",
      replace: "if (known !== undefined) return known.value",
      suites: RESULTS,
    },
    {
      id: "result-no-longer-kept-served-as-nothing",
      invariants: ["O9"],
      find: "? kept.value : ASK_AGAIN",
      replace: "? kept.value : undefined",
      suites: RESULTS,
    },
    {
      id: "result-shared-though-not-frozen",
      invariants: ["O7"],
      find: "if (freezeValue(value)) remember(this.#decoded",
      replace: "if (freezeValue(value) || identity !== null) remember(this.#decoded",
    },
    {
      id: "forgotten-run-not-asked-again",
      invariants: ["O9"],
      find: "if (value !== ASK_AGAIN) return value\n      // Forgotten",
      replace: "return value\n      // Forgotten",
      suites: RESULTS,
    },
    {
      id: "call-forgets-the-scope-it-is-made-in",
      invariants: ["L7"],
      find: "const holding = currentHolding(session)\n    let force",
      replace: "const holding: readonly Token[] = []\n    let force",
      suites: WORKERS,
    },
  ]),
  ...plantIn("runtime/execution.ts", OPERATIONS, [
    {
      id: "body-not-told-that-it-was-canceled",
      invariants: ["O8"],
      find: "this.abort(lostReason(this.claim, event.reason))",
      replace: "",
    },
    {
      id: "body-scope-not-ended",
      invariants: ["L8"],
      find: "this.#scope.isEnded = true\n    if (this.#isOver) return",
      replace: "if (this.#isOver) return",
      suites: EXECUTIONS,
    },
    {
      id: "body-ended-by-closing-counts-as-failed",
      invariants: ["O6", "S1"],
      find: "if (this.#isReturning) {",
      replace: "if (this.#isReturning && this.#isOver) {",
      suites: EXECUTIONS,
    },
    {
      id: "body-superseded-overwrites-what-was-stored",
      invariants: ["O5", "O9"],
      find: "if (!this.#isSuperseded) ",
      replace: "",
      suites: RESULTS,
    },
    {
      id: "body-key-changes-with-each-attempt",
      invariants: ["O10"],
      find: "get idempotencyKey(): string {\n    return this.#execution.claim.run",
      replace: "get idempotencyKey(): string {\n    return String(this.#execution.claim.token)",
      suites: EXECUTIONS,
    },
    {
      id: "step-run-again-though-recorded",
      invariants: ["O10"],
      find: "if (known !== undefined) return session.decode(known.outcome) as T",
      replace: "",
      suites: CONTEXTS,
    },
    {
      id: "step-answers-with-what-was-not-recorded",
      invariants: ["O10"],
      find: "return recorded === null ? result : (this.#execution.session.decode(recorded) as T)",
      replace: "return result",
      suites: CONTEXTS,
    },
    {
      id: "body-completed-by-its-commit-completes-again",
      invariants: ["O2", "O5"],
      find: "this.#isOver = true\n    this.definition.metrics.completed += 1",
      replace: "this.definition.metrics.completed += 1",
      suites: CONTEXTS,
    },
    {
      id: "body-keeps-its-slot-while-it-awaits",
      invariants: ["L7"],
      find: "if (this.#awaiting === 1) this.#observer?.awaiting(true)",
      replace: "",
      suites: WORKERS,
    },
  ]),
  ...plantIn("runtime/worker.ts", OPERATIONS, [
    {
      id: "worker-runs-one-body-too-many",
      invariants: ["O6"],
      find: "this.#computing + this.#asking.size < this.#concurrency",
      replace: "this.#computing + this.#asking.size <= this.#concurrency",
      suites: WORKERS,
    },
    {
      id: "worker-drained-before-its-bodies-ended",
      invariants: ["S1"],
      find: "if (graceMs === undefined) await this.#whenEmpty()\n    else",
      replace: "if (graceMs !== undefined)",
      suites: WORKERS,
    },
  ]),
  ...plantIn("runtime/holdfast.ts", CLOSING, [
    {
      id: "close-does-not-abort-callbacks",
      invariants: ["S1"],
      find: "for (const grant of this.#grants) grant.abort(reason)",
      replace: "",
    },
    {
      id: "close-does-not-abort-bodies",
      invariants: ["S1"],
      find: "this.#runs.abortAll(reason)",
      replace: "",
      suites: EXECUTIONS,
    },
    {
      id: "close-waits-for-nobody",
      invariants: ["S1"],
      find: "await this.#whenQuiet(graceMs)",
      replace: "",
    },
    {
      id: "close-again-closes-again",
      invariants: ["S1"],
      find: "if (this.#closing === null) {",
      replace: "if (options.graceMs !== -1) {",
    },
    {
      id: "close-hides-what-it-left",
      invariants: ["S1"],
      find: "grants: this.#runningGrants() }",
      replace: "grants: 0 }",
    },
  ]),
]
