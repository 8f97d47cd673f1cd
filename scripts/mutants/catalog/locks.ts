/** Bugs in locks: who is granted what and when, and what is left behind. */
import { plantIn, type Mutant } from "../mutant.ts"

const CONFORMANCE = ["test/conformance/memory.test.ts"]
const LOCK_TABLE = ["src/kernel/lock-table.test.ts"]
const REGRESSIONS = ["test/regressions/kernel.test.ts"]

export const LOCK_MUTANTS: readonly Mutant[] = [
  ...plantIn("kernel/context.ts", CONFORMANCE, [
    {
      id: "lock-token-not-incremented",
      invariants: ["L2"],
      find: "this.lastToken += 1",
      replace: "this.lastToken += this.lastToken === 0 ? 1 : 0",
    },
    {
      id: "lock-arrival-not-counted",
      invariants: ["L3"],
      find: "this.lastArrival += 1",
      replace: "",
    },
  ]),
  ...plantIn("kernel/lock-table.ts", CONFORMANCE, [
    {
      id: "lock-exclusive-beside-shared",
      invariants: ["L1"],
      find: `if (asked.mode === "exclusive") return lock.used === 0`,
      replace: `if (asked.mode === "exclusive") return lock.limit === null`,
    },
    {
      id: "lock-limit-ignored",
      invariants: ["L1"],
      find: "return lock.limit === null || lock.used + asked.permits <= lock.limit",
      replace: "return true",
    },
    {
      id: "lock-limit-off-by-one",
      invariants: ["L1"],
      find: "lock.used + asked.permits <= lock.limit",
      replace: "lock.used <= lock.limit",
    },
    {
      id: "lock-shared-passes-waiting-writer",
      invariants: ["L3"],
      find: "(lock.head !== null || !isCompatible",
      replace: "(!isCompatible",
    },
    {
      id: "lock-newest-is-first",
      invariants: ["L3"],
      find: "previous: lock.tail, next: null }\n      if (lock.tail === null) lock.head = ticket\n      else lock.tail.next = ticket\n      lock.tail = ticket",
      replace:
        "previous: null, next: lock.head }\n      if (lock.head === null) lock.tail = ticket\n      else lock.head.previous = ticket\n      lock.head = ticket",
    },
    {
      id: "lock-several-names-pass-a-queue",
      invariants: ["L3"],
      find: "ticket.previous !== null || !isCompatible",
      replace: "!isCompatible",
    },
    {
      id: "lock-withdrawn-request-stays-registered",
      invariants: ["L4"],
      find: "unregister(session, command.request, request)",
      replace: "",
    },
    {
      id: "lock-withdrawn-request-keeps-its-edges",
      invariants: ["L4", "L7"],
      find: "for (const holder of request.holders) holder.waits?.delete(request)",
      replace: "",
    },
    {
      id: "lock-withdrawal-wakes-nobody",
      invariants: ["L3", "L4"],
      find: "this.#unlink(request)\n    for (const ticket of request.tickets) this.#pump(ticket.lock)",
      replace: "this.#unlink(request)",
    },
    {
      id: "lock-idle-one-never-leaves",
      invariants: ["L4"],
      find: "if (isIdle(oldest)) this.#locks.delete(oldest.name)",
      replace: "",
      suites: LOCK_TABLE,
    },
    {
      id: "lock-busy-leaves-its-limit",
      invariants: ["L4"],
      find: "const lock = this.view(obstacle)\n      this.#unlimit(limited)",
      replace: "const lock = this.view(obstacle)",
      suites: LOCK_TABLE,
    },
    {
      id: "lock-released-for-a-stranger",
      invariants: ["L5"],
      find: `holder.session !== session || holder.kind !== "grant") return refuseStranger(token`,
      replace: `holder.kind !== "grant") return refuseStranger(token`,
    },
    {
      id: "lock-claim-released-as-a-grant",
      invariants: ["L5", "O1"],
      find: `holder.session !== session || holder.kind !== "grant") return refuseStranger(token`,
      replace: "holder.session !== session) return refuseStranger(token",
      suites: REGRESSIONS,
    },
    {
      id: "lock-release-wakes-nobody",
      invariants: ["L3", "L6"],
      find: "for (const lock of grant.locks) this.#pump(lock)",
      replace: "",
    },
    {
      id: "lock-release-forgets-the-shared-holder",
      invariants: ["L1"],
      find: "else lock.shared?.delete(grant)",
      replace: "",
    },
    {
      id: "lock-lease-outlives-its-grant",
      invariants: ["L4"],
      find: "grant.session.grants.delete(grant)\n    this.#context.cancel(grant.lease)",
      replace: "grant.session.grants.delete(grant)",
    },
    {
      id: "lock-renewal-keeps-the-old-lease",
      invariants: ["L1"],
      find: "this.#context.cancel(holder.lease)",
      replace: "",
    },
    {
      id: "lock-grown-limit-wakes-nobody",
      invariants: ["L3"],
      find: "if (lock !== undefined) this.#pump(lock)",
      replace: "",
    },
    {
      id: "lock-limit-not-stored",
      invariants: ["L1"],
      find: "lock.limit = command.limit\n        this.#limits.set(name, command.limit)",
      replace: "lock.limit = command.limit",
    },
    {
      id: "lock-ended-session-granted-its-own-request",
      invariants: ["L4", "L6"],
      find: "for (const request of requests) this.#unlink(request)\n    for (const request of requests) {",
      replace: "for (const request of requests) {\n      this.#unlink(request)",
    },
  ]),
  ...plantIn(
    "kernel/token-table.ts",
    ["src/kernel/token-table.test.ts"],
    [
      {
        id: "holder-removed-whoever-has-its-slot",
        invariants: ["L5"],
        find: "if (this.#slots[slot] === holder) this",
        replace: "if (this.#slots[slot] !== undefined) this",
      },
    ],
  ),
  ...plantIn("kernel/kernel.ts", CONFORMANCE, [
    {
      id: "session-end-keeps-grants",
      invariants: ["L6"],
      find: `for (const grant of grants) this.#locks.end(grant, "released")`,
      replace: "",
    },
    {
      id: "session-end-keeps-requests",
      invariants: ["L4", "L6"],
      find: "this.#locks.withdrawAll(requests)",
      replace: "",
    },
    {
      id: "session-end-releases-before-it-withdraws",
      invariants: ["L4", "L6"],
      find: "const requests: LockRequest[] = []",
      replace: `for (const grant of [...session.grants.values()]) this.#locks.end(grant, "released")\n    const requests: LockRequest[] = []`,
      suites: REGRESSIONS,
    },
    {
      id: "lease-loss-told-after-the-next-grant",
      invariants: ["L1", "L6"],
      find: `this.#context.emit({ kind: "grantLost"`,
      replace: `this.#locks.end(due.grant, "lost")\n        this.#context.emit({ kind: "grantLost"`,
    },
  ]),
]
