/** Bugs in the race kit: an explorer that skips what it should see, and checkers that pass what they should refuse. */
import { plantIn, type Mutant } from "../mutant.ts"

const REDUCED = ["src/race/choices/reduced.test.ts"]
const EXPLORE = ["src/race/explore.test.ts"]
const SCHEDULE = ["src/race/schedule.test.ts"]
const STRATEGIES = ["src/race/strategies.test.ts"]
const LINEARIZABILITY = ["src/race/checks/linearizability.test.ts"]
const MODELS = ["src/race/checks/models.test.ts"]
const SERIALIZABILITY = ["src/race/checks/serializability.test.ts"]

/** None breaks an invariant of Holdfast: they break what proves them. */
const invariants: readonly string[] = []

export const RACE_MUTANTS: readonly Mutant[] = [
  ...plantIn("race/choices/every-order.ts", EXPLORE, [
    {
      id: "explorer-skips-the-last-branch",
      invariants,
      find: "if (last.taken < last.admitted.length) return true",
      replace: "if (last.taken < Math.max(1, last.admitted.length - 1)) return true",
    },
    {
      id: "explorer-forgets-to-go-back",
      invariants,
      find: "path.pop()",
      replace: "path.length = 0",
    },
    {
      id: "explorer-counts-a-switch-where-nobody-could-go-on",
      invariants,
      find: "return goesOn && taken > 0 &&",
      replace: "return taken > 0 &&",
      suites: STRATEGIES,
    },
    {
      id: "explorer-bound-one-too-low",
      invariants,
      find: "goesOn && spent >= maxPreemptions",
      replace: "goesOn && spent + 1 >= maxPreemptions",
      suites: STRATEGIES,
    },
  ]),
  ...plantIn("race/choices/reduced.ts", REDUCED, [
    {
      id: "reduction-reverses-no-race",
      invariants,
      find: "else node.backtrack.add(chosen.event.id)",
      replace: "",
    },
    {
      id: "reduction-lets-everything-sleep",
      invariants,
      find: "if (tried.actor !== taken?.actor && !conflict(tried.accesses, accesses)) sleep.set(id, tried)",
      replace: "sleep.set(id, tried)",
    },
    {
      id: "reduction-takes-any-event-for-an-initial",
      invariants,
      find: "!numbers.some((number) => hasBit(each.before, number))",
      replace: "numbers.length >= 0 && each.before.length >= 0",
    },
    {
      id: "reduction-tries-two-events-a-node",
      invariants,
      find: "if (initials.some(({ event }) => node.backtrack.has(event.id))) return",
      replace: "if (node.backtrack.size > 1) return",
    },
    {
      id: "reduction-forgets-what-need-not-happen",
      invariants,
      find: "if (isOptional) backtrack.add(id)",
      replace: "if (isOptional) backtrack.delete(id)",
    },
    {
      id: "reduction-never-lets-sleep",
      invariants,
      find: "for (const [id, tried] of node.done) keep(id, tried)",
      replace: "",
    },
    {
      id: "reduction-trusts-an-event-that-picked-a-value",
      invariants,
      find: "seen === undefined || node.picksValues",
      replace: "seen === undefined",
    },
    {
      id: "reduction-keeps-an-event-when-another-value-is-picked",
      invariants,
      find: "this.#countEvents(this.#path.length - 1) - 1",
      replace: "this.#countEvents(this.#path.length - 1)",
    },
    {
      id: "reduction-forgets-what-came-before-a-waker",
      invariants,
      find: "addBits(before, parent.before)",
      replace: "",
    },
    {
      id: "reduction-reads-do-not-race-with-writes",
      invariants,
      find: "if (!conflict(other.event.accesses, event.accesses)) continue",
      replace:
        'if (!conflict(other.event.accesses, event.accesses) || event.accesses.some(({ mode }) => mode === "read")) continue',
    },
  ]),
  ...plantIn("race/access.ts", REDUCED, [
    {
      id: "reads-conflict-with-nothing",
      invariants,
      find: `(one.mode === "write" || other.mode === "write")`,
      replace: `one.mode === "write" && other.mode === "write"`,
    },
    {
      id: "unknown-accesses-conflict-with-nothing",
      invariants,
      find: "if (one.resource === ANYTHING || other.resource === ANYTHING) return true",
      replace: "",
    },
  ]),
  ...plantIn("race/schedule.ts", SCHEDULE, [
    {
      id: "explorer-answers-a-late-call-at-once",
      invariants,
      find: "if (isLate) await this.#park(",
      replace: "if (isLate && label === ``) await this.#park(",
    },
    {
      id: "explorer-lets-the-dead-go-on",
      invariants,
      find: "if (this.#parked[index]?.owner === victim) this.#parked.splice(index, 1)",
      replace: "",
    },
    {
      id: "explorer-fires-timers-of-the-dead",
      invariants,
      find: "else if (!position.actor.isDead) current.run(position, callback)",
      replace: "else if (position !== null) current.run(position, callback)",
    },
    {
      id: "explorer-does-not-wait-for-real-calls",
      invariants,
      find: "if (this.#calls.count > 0) await this.#calls.ended()",
      replace: "",
    },
    {
      id: "explorer-thaws-nobody",
      invariants,
      find: "return this.#parked.every(({ owner }) => owner.isFrozen)",
      replace: "return this.#parked.length === 0",
    },
    {
      id: "explorer-lets-everybody-die",
      invariants,
      find: "this.#faults < this.#options.maxFaults ?",
      replace: "this.#faults < 99 ?",
    },
  ]),
  ...plantIn("race/sessions.ts", SCHEDULE, [
    {
      id: "explored-session-outlives-its-actor",
      invariants,
      find: `if (command.kind === "openSession") this.#dieWith(command.session)`,
      replace: "",
    },
  ]),
  ...plantIn(
    "race/command-access.ts",
    ["src/race/sessions.test.ts"],
    [
      {
        id: "reduction-knows-no-waiting-graph",
        invariants,
        find: "return holding.length === 0 ? [] : [WAITING_GRAPH]",
        replace: "return holding.length >= 0 ? [] : [WAITING_GRAPH]",
      },
      {
        id: "reduction-takes-a-commit-to-write-nothing",
        invariants,
        find: 'return { resource: `cell ${write.name}`, mode: "write", value }',
        replace: 'return { resource: `cell ${write.name}`, mode: "read", value }',
      },
      {
        id: "reduction-takes-forgetting-to-touch-nothing",
        invariants,
        find: "known === undefined ? [ANY_ACCESS] : [...known.touched, ...besides]",
        replace: "known === undefined ? [] : [...besides]",
      },
      {
        id: "reduction-takes-locks-for-independent",
        invariants,
        find: "return writes(`lock ${name}`)",
        replace: "return reads(`lock ${name}`)",
      },
    ],
  ),
  ...plantIn("race/shrink.ts", STRATEGIES, [
    {
      id: "shrinking-takes-any-failure-for-the-one-found",
      invariants,
      find: "!isAlike(found.error, failure.error) || ",
      replace: "",
    },
  ]),
  ...plantIn("race/choices/pct.ts", STRATEGIES, [
    {
      id: "priorities-never-change",
      invariants,
      find: "const lowered = changes.get(events)",
      replace: "const lowered = changes.get(-1 - events)",
    },
  ]),
  ...plantIn("race/checks/linearizability.ts", LINEARIZABILITY, [
    {
      id: "linearizability-ignores-real-time",
      invariants,
      find: "left.time - right.time || Number(left.isReturn) - Number(right.isReturn)",
      replace: "Number(left.isReturn) - Number(right.isReturn) || left.time - right.time",
    },
    {
      id: "linearizability-remembers-no-state",
      invariants,
      find: "const configuration = this.#keyOfDone() + this.#model.key(state)",
      replace: "const configuration = this.#keyOfDone()",
    },
    {
      id: "linearizability-checks-the-first-partition",
      invariants,
      find: `if (verdict === "unknown") isUnknown = true`,
      replace: `if (verdict === "unknown") isUnknown = true\n    break`,
    },
    {
      id: "linearizability-drops-what-never-returned",
      invariants,
      find: "this.#operations = [...returned, ...byInvocation.filter((operation) => operation.returnedAt === null)]",
      replace: "this.#operations = returned",
    },
  ]),
  ...plantIn("race/checks/models.ts", MODELS, [
    {
      id: "register-model-passes-a-swapped-value",
      invariants,
      find: "output.version === state.version && output.value === state.value",
      replace: "output.version === state.version",
    },
    {
      id: "counter-model-passes-any-sum",
      invariants,
      find: `output === after || (output === null && input.kind === "add")`,
      replace: `typeof output === "number" || (output === null && input.kind === "add")`,
    },
  ]),
  ...plantIn("race/checks/serializability.ts", SERIALIZABILITY, [
    {
      id: "serializability-ignores-anti-dependencies",
      invariants,
      find: `add("rw", transaction, next?.transaction, next?.version ?? version)`,
      replace: "",
    },
    {
      id: "serializability-ignores-real-time",
      invariants,
      find: "addRealTimeEdges(graph, committed)\n  const",
      replace: "const",
    },
  ]),
]
