/** Bugs in the memory store and in the working set: events, timers, rows that come and go. */
import { plantIn, type Mutant } from "../mutant.ts"

const CONFORMANCE = ["test/conformance/memory.test.ts"]
const EVICTING = ["test/conformance/evicting.test.ts"]
const MEMORY_STORE = ["src/stores/memory/memory-store.test.ts"]
const KERNEL = ["src/kernel/kernel.test.ts"]
const WORKING_SET = ["src/kernel/working-set.test.ts"]

export const STORE_MUTANTS: readonly Mutant[] = [
  ...plantIn("stores/memory/memory-store.ts", CONFORMANCE, [
    {
      id: "event-delivered-to-every-session",
      invariants: ["O4"],
      find: "this.#handlers.get(event.session)?.(event)",
      replace: "for (const handler of this.#handlers.values()) handler(event)",
    },
    {
      id: "event-order-reversed",
      invariants: ["C4", "O4"],
      find: "for (const event of events) this.#queue.push(event)",
      replace: "for (const event of events) this.#queue.unshift(event)",
      suites: MEMORY_STORE,
    },
    {
      id: "event-of-an-inner-command-first",
      invariants: ["O4"],
      find: "if (this.#isDelivering) return",
      replace: "",
      suites: MEMORY_STORE,
    },
    {
      id: "connection-closed-its-sessions-live-on",
      invariants: ["L6", "S1"],
      find: "if (!this.#store.isBroken) this.execute",
      replace: "if (this.#store.isBroken) this.execute",
    },
    {
      id: "connection-closed-still-executes",
      invariants: ["S1"],
      find: "this.#isClosed = true",
      replace: "",
    },
    {
      id: "store-timers-outlive-its-connections",
      invariants: ["S1"],
      find: "this.#failure !== null || this.#connectionCount === 0",
      replace: "this.#failure !== null",
      suites: MEMORY_STORE,
    },
    {
      id: "store-deadline-not-brought-forward",
      invariants: ["L6", "O3"],
      find: "if (alarm.at === at) return",
      replace: "if (alarm.at !== undefined) return",
      suites: MEMORY_STORE,
    },
    {
      id: "store-goes-on-after-a-broken-invariant",
      invariants: ["S1"],
      find: "if (this.#failure !== null) throw this.#failure",
      replace: "",
      suites: MEMORY_STORE,
    },
  ]),
  ...plantIn("kernel/working-set.ts", EVICTING, [
    {
      id: "row-changed-but-not-stored",
      invariants: ["C5", "O2"],
      find: "if (this.#backed) this.#dirty.add(key)",
      replace: "",
    },
    {
      id: "row-loaded-over-a-newer-one",
      invariants: ["C5"],
      find: "if (this.isKnown(key)) return",
      replace: "",
      suites: WORKING_SET,
    },
    {
      id: "row-evicted-before-it-is-stored",
      invariants: ["C5"],
      find: "if (this.#dirty.has(key)) return",
      replace: "",
      suites: WORKING_SET,
    },
    {
      id: "row-deleted-comes-back",
      invariants: ["O9"],
      find: "this.#absent.add(key)\n      this.#dirty.add(key)",
      replace: "this.#absent.add(key)",
    },
    {
      id: "row-absent-once-it-was-evicted",
      invariants: ["C5"],
      find: "this.#rows.delete(key)\n    this.#absent.delete(key)",
      replace: "this.#rows.delete(key)\n    this.#absent.add(key)",
    },
  ]),
  ...plantIn("kernel/kernel.ts", EVICTING, [
    {
      id: "need-forgets-what-a-commit-reads",
      invariants: ["C3"],
      find: "...command.reads.map((read) => `cell:${read.name}` as const),",
      replace: "",
    },
    {
      id: "need-forgets-what-a-commit-writes",
      invariants: ["C1"],
      find: "...command.writes.map((write) => `cell:${write.name}` as const),",
      replace: "",
    },
    {
      id: "need-forgets-what-a-commit-starts",
      invariants: ["O1", "O9"],
      find: "...command.starts.map((spec) => `run:${spec.identity}` as const),",
      replace: "",
      suites: KERNEL,
    },
    {
      id: "need-forgets-the-run-asked-for",
      invariants: ["O9"],
      find: "return [`run:${command.spec.identity}`]",
      replace: "return []",
    },
    {
      id: "need-forgets-the-limit",
      invariants: ["L1"],
      find: "return command.names.map((name) => `limit:${name}` as const)",
      replace: "return []",
    },
    {
      id: "need-forgets-to-list-what-is-stored",
      invariants: ["O2", "O9"],
      find: `case "listRuns":\n    case "inspect":`,
      replace: `case "inspect":`,
    },
    {
      id: "eviction-of-an-active-run",
      invariants: ["O1", "O4"],
      find: " || !this.#runs.isIdle(key)) continue",
      replace: ") continue",
    },
    {
      id: "eviction-of-a-limit-in-use",
      invariants: ["L1"],
      find: " && !this.#locks.isInUse(key)) this.#limits.evict(key)",
      replace: ") this.#limits.evict(key)",
    },
    {
      id: "eviction-of-a-cell-that-cannot-be-loaded-yet",
      invariants: ["C5"],
      find: "if (isStored(`cell:${key}`)) this.#cellRows.evict(key)",
      replace: "this.#cellRows.evict(key)",
      suites: KERNEL,
    },
    {
      id: "eviction-of-a-limit-that-cannot-be-loaded-yet",
      invariants: ["L1"],
      find: "if (isStored(`limit:${key}`) && ",
      replace: "if (",
      suites: KERNEL,
    },
    {
      id: "eviction-of-a-run-that-cannot-be-loaded-yet",
      invariants: ["O2", "O9"],
      find: "|| !isStored(`run:${key}`) ",
      replace: "",
      suites: KERNEL,
    },
  ]),
]
