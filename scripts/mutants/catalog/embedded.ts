/** Bugs in the embedded store: the keeper, what it writes, and its clients. */
import { plantIn, type Mutant } from "../mutant.ts"

const SIMULATION = ["test/simulation/few-seeds.test.ts"]

export const EMBEDDED_MUTANTS: readonly Mutant[] = [
  ...plantIn("stores/embedded/keeper/answers.ts", SIMULATION, [
    {
      id: "keeper-answers-before-the-flush",
      invariants: ["C5", "S3"],
      find: "if (this.#durability.isSettled(batch)) this.send(to, message)",
      replace: "if (batch >= 0) this.send(to, message)",
    },
  ]),
  ...plantIn("stores/embedded/keeper/serve.ts", SIMULATION, [
    {
      id: "keeper-serves-the-head-to-readers",
      invariants: ["C5"],
      find: "!command.head ? asDurable(state, outcome) : outcome",
      replace: "!command.head ? outcome : outcome",
    },
    {
      id: "keeper-takes-a-version-for-what-had-it-before",
      invariants: ["C3"],
      find: `const isDoubtful = isAgain && command.kind === "commitCells"`,
      replace: `const isDoubtful = isAgain && command.kind === "commitCells" && command.reads.length > 99`,
      suites: ["src/stores/embedded/keeper/commit-again.test.ts"],
    },
  ]),
  ...plantIn("stores/embedded/keeper/remains.ts", SIMULATION, [
    {
      id: "keeper-grants-before-it-restores",
      invariants: ["L1", "L6"],
      find: "live.push(row)",
      replace: `if (row.kind !== "grant") live.push(row)`,
    },
    {
      id: "keeper-drops-claims-at-a-keeper-change",
      invariants: ["O1", "O5"],
      find: "live.push(row)",
      replace: `if (row.kind !== "claim") live.push(row)`,
    },
    {
      id: "keeper-reuses-a-block-of-tokens",
      invariants: ["L2"],
      find: "let lastToken = reserved",
      replace: "let lastToken = 0 * reserved",
    },
  ]),
  ...plantIn("stores/embedded/keeper/recall.ts", SIMULATION, [
    {
      id: "keeper-forgets-what-it-answered",
      invariants: ["S4"],
      find: `if (command.kind !== "takeRun") return replies.find(peer.client, sequence)`,
      replace: `if (command.kind !== "takeRun") return undefined`,
    },
  ]),
  ...plantIn("stores/embedded/keeper/keeper.ts", SIMULATION, [
    {
      id: "keeper-leaves-in-the-log-what-lives-with-it",
      invariants: ["L6", "S4"],
      find: "if (peer.isLocal) notes",
      replace: "if (peer.isLocal && !peer.isLocal) notes",
      // None of the few seeds shows it.
      suites: ["test/simulation/sim.test.ts"],
    },
  ]),
  ...plantIn(
    "stores/embedded/keeper/replies.ts",
    ["src/stores/embedded/keeper/replies.test.ts"],
    [
      {
        id: "keeper-forgets-what-it-answered-to-who-is-away",
        invariants: ["S4"],
        find: "if (isAlive(client)) this.#absent.add(client)",
        replace: `if (isAlive(client) && client === "") this.#absent.add(client)`,
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/folder/election.ts",
    ["src/stores/embedded/folder/election.test.ts"],
    [
      {
        id: "keeper-begins-beside-one-whose-lock-file-was-removed",
        invariants: ["L1"],
        find: "return this.#byteFd !== null",
        replace: "return true",
      },
    ],
  ),
  ...plantIn("stores/embedded/keeper/owners.ts", SIMULATION, [
    {
      id: "keeper-waits-for-the-dead",
      invariants: ["L6", "O6"],
      find: "clients.has(client) || !this.#isAlive(client)",
      replace: "clients.has(client)",
    },
  ]),
  ...plantIn("stores/embedded/keeper/kept-state.ts", SIMULATION, [
    {
      id: "keeper-never-looks-for-what-was-kept-long-enough",
      invariants: ["O9"],
      find: "return next === Infinity ? undefined : Math.max(next, this.#nextSweep)",
      replace: "return next === 0 ? Math.max(next, this.#nextSweep) : undefined",
    },
  ]),
  ...plantIn("stores/embedded/keeper/rests.ts", SIMULATION, [
    {
      id: "commit-does-not-rest-on-what-it-wrote",
      invariants: ["C5", "S3"],
      find: "for (const { name } of command.writes) rest = Math.max(rest, durability.restOf(`cell:${name}`))",
      replace: "",
    },
    {
      id: "status-that-is-not-durable-is-told-where-nothing-changed",
      invariants: ["O3", "O9"],
      find: `return durability.restOfAll\n    case "flushRun":`,
      replace: `return command.kind === "controlRun" && command.action === "resume" ? 0 : durability.restOfAll\n    case "flushRun":`,
      suites: ["src/stores/embedded/keeper/rests.test.ts"],
    },
    {
      id: "body-is-told-to-end-before-that-is-durable",
      invariants: ["O5", "O10"],
      find: `return durability.restOfAll\n    case "lockGranted":`,
      replace: `return 0 * durability.restOfAll\n    case "lockGranted":`,
      suites: ["src/stores/embedded/keeper/keeper.test.ts"],
    },
  ]),
  ...plantIn("stores/embedded/keeper/live-book.ts", SIMULATION, [
    {
      id: "book-counts-what-its-batch-never-made-true",
      invariants: ["S3"],
      find: "if (change.batch <= lastBatch) this.#apply",
      replace: "if (change.batch >= 0) this.#apply",
    },
    {
      id: "book-goes-on-where-the-log-has-no-room",
      invariants: ["L6", "S5"],
      find: "if (this.#log.append(changes)) this.#rewrite()",
      replace: "try { if (this.#log.append(changes)) this.#rewrite() } catch { return }",
    },
  ]),
  ...plantIn("stores/embedded/client/client.ts", SIMULATION, [
    {
      id: "client-calls-refused-what-may-have-happened",
      invariants: ["S4"],
      find: "if (isLost(outcome) && isDoubtful(pending)) {",
      replace: "if (isLost(outcome) && isDoubtful(pending) && pending.missed > 9) {",
    },
    {
      id: "client-takes-what-waited-for-its-values-for-new",
      invariants: ["C3"],
      find: "const isOfBefore = isSent || term !== this.#link.term",
      replace: "const isOfBefore = isSent || (term !== this.#link.term && pending.missed > 9)",
      suites: ["src/stores/embedded/client/next-keeper.test.ts"],
    },
    {
      id: "client-does-not-say-that-it-asks-again",
      invariants: ["S4"],
      find: "isAgain: isOfBefore && !this.#isKnown(command)",
      replace: "isAgain: false",
    },
  ]),
  ...plantIn("kernel/lock-table.ts", SIMULATION, [
    {
      id: "lock-shared-passes-who-asked-before",
      invariants: ["L3"],
      find: "(lock.head !== null || !isCompatible",
      replace: "(!isCompatible",
    },
  ]),
  ...plantIn("stores/embedded/client/resuming.ts", SIMULATION, [
    {
      id: "client-forgets-to-wait-again",
      invariants: ["O4"],
      find: "if (withdrawal === undefined) waitAgain(client, wait)\n    else withdrawal",
      replace: "if (withdrawal !== undefined) withdrawal",
    },
    {
      id: "client-says-that-a-withdrawal-came-too-late",
      invariants: ["L4"],
      find: "else withdrawal.hasFound = true",
      replace: "else withdrawal.hasFound = false",
      suites: ["src/stores/embedded/client/next-keeper.test.ts"],
    },
    {
      id: "client-does-not-look-for-what-was-deleted",
      invariants: ["C4"],
      find: `if ("seen" in wait) lookForDeleted(client, wait, outcome.cells)`,
      replace: "",
    },
  ]),
  ...plantIn("kernel/cell-table.ts", SIMULATION, [
    {
      id: "cell-checked-only-where-it-is-written",
      invariants: ["C3"],
      find: "if (found === version) continue",
      replace: "if (found === version || !command.writes.some((write) => write.name === name)) continue",
    },
  ]),
  ...plantIn(
    "stores/embedded/journal/writer.ts",
    ["src/stores/embedded/journal/writer.test.ts"],
    [
      {
        id: "journal-writes-for-a-keeper-that-was-followed",
        invariants: ["S3"],
        find: "if (newest === this.#term) return",
        replace: "if (newest >= this.#term) return",
      },
    ],
  ),
  ...plantIn(
    "stores/embedded/client/client.ts",
    ["src/stores/embedded/client/next-keeper.test.ts"],
    [
      {
        id: "client-calls-full-what-may-have-happened",
        invariants: ["S4"],
        find: "isDoubtful(pending) && this.#isOver(pending.command)",
        replace: "isDoubtful(pending) && pending.missed > 9",
      },
    ],
  ),
]
