/** Bugs in what outlives a kernel: live state as it is written, and how the next kernel takes it up. */
import { plantIn, type Mutant } from "../mutant.ts"

const RESTORE = ["src/kernel/restore.test.ts"]
const RUNS = ["src/kernel/restore-runs.test.ts"]
const LIVE = ["src/kernel/live-state.test.ts"]

export const RESTORE_MUTANTS: readonly Mutant[] = [
  ...plantIn("kernel/kernel.ts", RESTORE, [
    {
      id: "restore-forgets-the-last-token",
      invariants: ["L2"],
      find: "this.#context.lastToken = state.lastToken",
      replace: "this.#context.lastToken = 0",
    },
    {
      id: "restore-forgets-the-last-arrival",
      invariants: ["L3"],
      find: "this.#context.lastArrival = state.lastArrival",
      replace: "",
    },
    {
      id: "restore-forgets-the-time",
      invariants: ["L6"],
      find: "this.#context.now = state.now",
      replace: "",
    },
    {
      id: "restore-requests-before-holders",
      invariants: ["L7"],
      find: "for (const row of claims) this.#runs.restoreClaim",
      replace:
        "for (const row of tickets.splice(0)) this.#locks.restoreTicket(this.#sessions.get(row.session), row)\n    for (const row of claims) this.#runs.restoreClaim",
    },
    {
      id: "restore-wakes-nobody",
      invariants: ["L3", "L6"],
      find: "this.#locks.pumpAll()",
      replace: "",
    },
    {
      id: "restore-is-news",
      invariants: ["L4"],
      find: "    this.#context.live?.take()\n    this.#locks.pumpAll()",
      replace: "    this.#locks.pumpAll()",
      suites: LIVE,
    },
    {
      id: "restore-forgets-news-of-its-own",
      invariants: ["L1", "L6"],
      find: "    this.#context.live?.take()\n    this.#locks.pumpAll()",
      replace: "    this.#locks.pumpAll()\n    this.#context.live?.take()",
    },
    {
      id: "restore-leaves-what-nobody-executes",
      invariants: ["O1", "O6"],
      find: "this.#runs.settleRestored()",
      replace: "",
    },
    {
      id: "gathering-never-ends",
      invariants: ["L7"],
      find: "this.#runs.gather(false)",
      replace: "",
      suites: RUNS,
    },
    {
      id: "gathering-ends-with-the-first",
      invariants: ["L7"],
      find: "if (!this.#away.delete(id) || this.#away.size > 0) return",
      replace: "if (!this.#away.delete(id)) return",
      suites: RUNS,
    },
    {
      id: "gathering-waits-for-a-session-that-ended",
      invariants: ["L6", "L7"],
      find: "this.sessionReturned(session.id)",
      replace: "",
    },
    {
      id: "gathering-ends-without-a-look",
      invariants: ["L7"],
      find: "this.#runs.gather(false)\n    this.#runs.refuseStuck()",
      replace: "this.#runs.gather(false)",
      suites: RUNS,
    },
    {
      id: "holding-tells-of-a-dead-claim",
      invariants: ["O5"],
      find: "[...session.claims.values()].filter((claim) => claim.live)",
      replace: "[...session.claims.values()]",
    },
  ]),
  ...plantIn("kernel/lock-table.ts", RESTORE, [
    {
      id: "restored-lease-never-ends",
      invariants: ["L6"],
      find: `if (row.leaseAt !== null) grant.lease = this.#context.schedule(row.leaseAt, { kind: "lease", grant })`,
      replace: "",
    },
    {
      id: "restored-lease-starts-anew",
      invariants: ["L6"],
      find: `this.#context.schedule(row.leaseAt, {`,
      replace: `this.#context.schedule(this.#context.now + row.leaseAt - row.at, {`,
    },
    {
      id: "restored-grant-without-its-limit",
      invariants: ["L1"],
      find: "if (lock.limit !== null || limit === null) continue",
      replace: "if (limit !== null) continue",
    },
    {
      id: "restored-grant-brings-back-an-older-limit",
      invariants: ["L1"],
      find: "if (lock.limit !== null || limit === null) continue",
      replace: "if (limit === null) continue",
    },
    {
      id: "restored-limit-not-stored",
      invariants: ["L1"],
      find: "lock.limit = limit\n      this.#limits.set(lock.name, limit)",
      replace: "lock.limit = limit",
    },
    {
      id: "restored-grant-not-above-its-lowered-limit",
      invariants: ["L1"],
      find: "for (const lock of locks) lock.shrunk =",
      replace: "for (const lock of locks.slice(1)) lock.shrunk =",
    },
    {
      id: "restored-request-forgets-its-scope",
      invariants: ["L7"],
      find: "tickets: [], holders })\n  }\n\n  /** Grants what is eligible",
      replace: "tickets: [], holders: holders.slice(1) })\n  }\n\n  /** Grants what is eligible",
    },
    {
      id: "renewal-not-written",
      invariants: ["L6"],
      find: "this.#context.live?.renewed(holder)",
      replace: "",
    },
    {
      id: "granted-request-still-written",
      invariants: ["L4"],
      find: "this.#context.live?.unparked(request)",
      replace: "",
      suites: LIVE,
    },
    {
      id: "grant-not-written",
      invariants: ["L1"],
      find: "    this.#context.live?.granted(grant)\n    return grant",
      replace: "    return grant",
      suites: LIVE,
    },
  ]),
  ...plantIn("kernel/run-table.ts", RUNS, [
    {
      id: "restored-claim-of-an-attempt-that-ended",
      invariants: ["O1", "O5"],
      find: `row.status === "pending" && row.attempt < claim.attempt`,
      replace: `row.status === "pending"`,
    },
    {
      id: "restored-claim-of-an-older-attempt",
      invariants: ["O1", "O5"],
      find: `(row.status !== "running" || row.attempt !== claim.attempt)`,
      replace: `row.status !== "running"`,
    },
    {
      id: "restored-claim-of-an-older-generation",
      invariants: ["O1", "O5"],
      find: " || run.row.generation !== claim.generation) return",
      replace: ") return",
    },
    {
      id: "restored-claim-ahead-of-its-row-dropped",
      invariants: ["O1", "O6"],
      find: "if (!isAhead && (row.status",
      replace: "if ((row.status",
    },
    {
      id: "restored-claim-changes-its-row-in-memory-only",
      invariants: ["O1"],
      find: "row.startedAt = claim.at\n    this.#runs.touch(row.identity)",
      replace: "row.startedAt = claim.at",
    },
    {
      id: "restored-attempt-never-times-out",
      invariants: ["O5"],
      find: "timeoutAt: claim.timeoutAt,",
      replace: "timeoutAt: null,",
    },
    {
      id: "restored-body-occupies-no-slot",
      invariants: ["L7"],
      find: "claim.worker = worker\n      worker.busy.add(claim)",
      replace: "claim.worker = worker",
    },
    {
      id: "restored-body-occupies-any-workers-slot",
      invariants: ["L7"],
      find: "if (claim.worker !== null || claim.workerId !== worker.id) continue",
      replace: "if (claim.worker !== null) continue",
    },
    {
      id: "restored-run-forgets-the-limit",
      invariants: ["O1"],
      find: "this.#runs.load(row.identity, run)\n    run.queue.concurrency = row.concurrency",
      replace: "this.#runs.load(row.identity, run)",
    },
    {
      id: "restored-run-is-an-older-one",
      invariants: ["O1", "O3"],
      find: "const run = this.#adopt(row)\n    this.#runs.set(row.identity, run)",
      replace: "const run = this.#adopt(row)\n    this.#runs.load(row.identity, run)",
    },
    {
      id: "restored-pending-run-offered-to-nobody",
      invariants: ["O6"],
      find: "else this.#queues.place(run)",
      replace: "",
    },
    {
      id: "gathering-ends-and-nobody-is-doubted",
      invariants: ["L7"],
      find: "if (!isGathering) for (const queue of this.#queues.queues()) this.#doubted.add(queue)",
      replace: "",
    },
  ]),
  ...plantIn("kernel/run-queue.ts", RUNS, [
    {
      id: "gathering-only-for-operations-known-before",
      invariants: ["L7"],
      find: "isGathering: this.#isGathering",
      replace: "isGathering: false",
    },
  ]),
  ...plantIn("kernel/waiting-graph.ts", RUNS, [
    {
      id: "deadlock-seen-while-workers-come-back",
      invariants: ["L7"],
      find: " || queue.isGathering) return true",
      replace: ") return true",
    },
  ]),
  ...plantIn("kernel/live-state.ts", LIVE, [
    {
      id: "tickets-restored-as-they-were-read",
      invariants: ["L3"],
      find: ".toSorted((a, b) => a.arrival - b.arrival)",
      replace: "",
      suites: RESTORE,
    },
    {
      id: "live-change-of-what-came-and-went",
      invariants: ["L4"],
      find: "if (this.#changes.get(key)?.isNew === true) this.#changes.delete(key)",
      replace: "if (this.#changes.get(key)?.row === undefined) this.#changes.delete(key)",
    },
    {
      id: "live-renewal-taken-for-a-new-grant",
      invariants: ["L6"],
      find: "isNew: this.#changes.get(key)?.isNew === true })",
      replace: "isNew: true })",
    },
    {
      id: "live-claim-end-not-written",
      invariants: ["O5"],
      find: "this.#drop(`claim:${String(token)}`)",
      replace: "",
    },
    {
      id: "live-changes-told-twice",
      invariants: ["L4"],
      find: "this.#changes.clear()",
      replace: "",
    },
  ]),
]
