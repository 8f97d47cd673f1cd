/** Bugs in deadlock detection: cycles that stand, and waits refused that would have ended. */
import { plantIn, type Mutant } from "../mutant.ts"

const CONFORMANCE = ["test/conformance/memory.test.ts"]
const GRAPH = ["src/kernel/waiting-graph.test.ts"]

export const GRAPH_MUTANTS: readonly Mutant[] = [
  ...plantIn("kernel/lock-table.ts", CONFORMANCE, [
    {
      id: "deadlock-of-locks-not-looked-for",
      invariants: ["L7"],
      find: "if (holders.length > 0) {",
      replace: "if (holders.length > 1) {",
    },
    {
      id: "deadlock-of-a-shrinking-limit-not-looked-for",
      invariants: ["L7"],
      find: "if (before !== null && limit >= before) return null",
      replace: "return null",
    },
    {
      id: "deadlock-of-one-not-refused",
      invariants: ["L7"],
      find: "return holders.length === 0 ? null : this.#refuseReentry(session, command, holders)",
      replace: "return null",
    },
    {
      id: "deadlock-refused-but-still-parked",
      invariants: ["L4", "L7"],
      find: "this.#unlimit(limited)\n        this.#remove(request)",
      replace: "this.#unlimit(limited)",
    },
    {
      id: "deadlock-over-sessions-of-one-program-not-seen",
      invariants: ["L7"],
      find: "const holders = this.#context.resolve(command.holding)\n    const refused",
      replace:
        "const holders = this.#context.resolve(command.holding).filter((holder) => holder.session === session)\n    const refused",
    },
  ]),
  ...plantIn("kernel/waiting-graph.ts", CONFORMANCE, [
    {
      id: "deadlock-through-shared-grants-not-seen",
      invariants: ["L7"],
      find: "const stuck = holdersOf(lock).filter((holder) => !finishing",
      replace: `const stuck = holdersOf(lock).filter((holder) => holder.mode === "exclusive" && !finishing`,
    },
    {
      id: "deadlock-through-permits-not-seen",
      invariants: ["L7"],
      find: "if (lock.limit !== null && permits > lock.limit - stuckPermits) return false",
      replace: "",
    },
    {
      id: "deadlock-seen-where-permits-come-free",
      invariants: ["L7"],
      find: "if (lock.limit !== null && permits > lock.limit - stuckPermits)",
      replace: "if (lock.limit !== null)",
    },
    {
      id: "deadlock-in-each-others-queues-not-seen",
      invariants: ["L7"],
      find: "return ahead === undefined ? [] : [ahead]",
      replace: "return []",
    },
    {
      id: "deadlock-of-several-names-takes-any-for-all",
      invariants: ["L7"],
      find: "return node.tickets.every(",
      replace: "return node.tickets.some(",
    },
    {
      id: "deadlock-reduced-in-one-pass",
      invariants: ["L7"],
      find: "for (let before = -1; before !== finishing.size;) {",
      replace: "for (let before = -1; before === -1;) {",
    },
    {
      id: "deadlock-through-an-executor-not-seen",
      invariants: ["L7"],
      find: "if (run.claim !== null) return finishing.has(run.claim)",
      replace: "if (run.claim !== null) return true",
    },
    {
      id: "deadlock-of-full-slots-not-seen",
      invariants: ["L7"],
      find: "if (queue.concurrency !== null && countStuck(queue.live, finishing) >= queue.concurrency) return false",
      replace: "",
    },
    {
      id: "deadlock-of-a-full-key-not-seen",
      invariants: ["L7"],
      find: "countStuck(liveOf(queue, keyed.key), finishing) >= keyed.count",
      replace: "keyed.count < 1",
      suites: GRAPH,
    },
    {
      id: "deadlock-of-worker-slots-not-seen",
      invariants: ["L7"],
      find: "return stuck < worker.slots",
      replace: "return true",
    },
    {
      id: "deadlock-seen-where-a-body-lends-its-slot",
      invariants: ["L7"],
      find: "!awaitsRun(claim) && !finishing.has(claim)",
      replace: "!finishing.has(claim)",
    },
    {
      id: "deadlock-seen-where-a-waiter-executes",
      invariants: ["L7"],
      find: "if (some(run.waiters, (waiter) => waiter.execute) || ",
      replace: "if (",
      suites: GRAPH,
    },
  ]),
  ...plantIn("kernel/run-table.ts", CONFORMANCE, [
    {
      id: "deadlock-of-runs-not-looked-for",
      invariants: ["L7"],
      find: "if (waiter.holders.length === 0) return null",
      replace: "if (waiter.holders.length >= 0) return null",
    },
    {
      id: "deadlock-refused-but-the-claim-opened-a-run",
      invariants: ["L7", "O3"],
      find: "undo()\n      return this.#refuseDeadlock(session, cycle)",
      replace: "return this.#refuseDeadlock(session, cycle)",
    },
    {
      id: "deadlock-after-resume-stands",
      invariants: ["L7"],
      find: "if (!paused) this.#doubted.add(run)",
      replace: "",
      suites: GRAPH,
    },
    {
      id: "deadlock-after-a-worker-left-stands",
      invariants: ["L7"],
      find: "if (queue.workers.size > 0) this.#doubted.add(queue)",
      replace: "",
      suites: GRAPH,
    },
    {
      id: "deadlock-of-a-lost-executor-stands",
      invariants: ["L7", "O6"],
      find: "waiters are in the way of.\n    this.#doubted.add(run)",
      replace: "waiters are in the way of.",
    },
  ]),
]
