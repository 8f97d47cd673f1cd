/** Outcomes on the wire. The order of variants and fields is protocol: append, never move. */
import type { StoreOutcome } from "../../../store/index.ts"
import { list, nullable, record, union } from "./compound.ts"
import { details } from "./details.ts"
import { boolean, count, encodedValue, errorCode, finite, freeText, name, number } from "./scalar.ts"
import type { Shape } from "./shape.ts"
import { CELL, CLAIM, LOCK, RUN, SETTLEMENT, STORE } from "./view-table.ts"
import { MAX_ANSWERED_COUNT, run, status, token } from "./words.ts"

const version = count("a version")
const cellName = name("the name of a cell")
const created = boolean("whether a run was created")

/** What a command came to. `need` stays inside the keeper. */
export const OUTCOME: Shape<StoreOutcome> = union("kind", "an outcome", {
  done: {},
  granted: { token, at: finite("when a lock was granted") },
  parked: {},
  busy: { lock: LOCK },
  withdrawn: { found: boolean("whether a request was found"), locks: list("locks", LOCK, MAX_ANSWERED_COUNT) },
  released: { heldMs: finite("how long a lock was held") },
  unheld: {},
  settled: { run, settlement: SETTLEMENT },
  claimed: { claim: CLAIM, waiting: boolean("whether the request waits too") },
  joined: { run },
  enqueued: { run, created, status },
  // A backoff may be without end: the kernel takes Infinity for one.
  retrying: { notBefore: number("when a run may start") },
  status: { status },
  run: { view: nullable(RUN) },
  runs: { views: list("runs", RUN, MAX_ANSWERED_COUNT) },
  cells: { cells: list("cells", CELL, MAX_ANSWERED_COUNT) },
  committed: {
    versions: list("versions", record("a version", { name: cellName, version }), MAX_ANSWERED_COUNT),
    starts: list("runs started", record("a run started", { run, created }), MAX_ANSWERED_COUNT),
  },
  conflict: { name: cellName, expected: version, found: version },
  contended: { name: cellName },
  recorded: { outcome: encodedValue("a step's outcome") },
  view: { view: STORE },
  refused: { code: errorCode, message: freeText("the message of a refusal"), details },
  evicted: { runs: count("results evicted"), bytes: count("bytes evicted") },
})
