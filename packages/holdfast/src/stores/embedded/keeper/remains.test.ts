import { describe, expect, it } from "vitest"
import type { LiveRow, RunRow, Token } from "../../../kernel/index.ts"
import type { KeeperJournal } from "./journal-port.ts"
import type { LogEntry, LogKey } from "./live-lines.ts"
import { readRemains } from "./remains.ts"

/** A journal with these rows; only what is read of it at a restoring is there. */
function journalOf(rows: readonly RunRow[], lastArrival = 0): KeeperJournal {
  const journal: Partial<KeeperJournal> = {
    lastArrival,
    load: (keys) =>
      keys.map((key) => ({
        key: key as `run:${string}`,
        row: rows.find((row) => `run:${row.identity}` === key) ?? null,
      })),
    openRuns: () => rows.filter(({ status }) => status === "pending"),
  }
  return journal as KeeperJournal // The rest is not called.
}

function run(name: string, changes: Partial<RunRow>): RunRow {
  return { identity: name, generation: 5, attempt: 0, arrival: 1, status: "pending", ...changes } as RunRow // The rest is not looked at.
}

function live(row: object, ofRun: RunRow | null = null): LogEntry {
  return { kind: "live", client: "c", row: row as LiveRow, run: ofRun } // Only some fields of rows matter here.
}

function claim(token: number, ofRun: RunRow | null = null): [LogKey, LogEntry] {
  return [`claim:${String(token)}`, live({ kind: "claim", token, session: "s" }, ofRun)]
}

function grant(token: number, names: readonly string[]): [LogKey, LogEntry] {
  return [`grant:${String(token)}`, live({ kind: "grant", token, session: "s", names })]
}

function ticket(arrival: number, names: readonly string[]): [LogKey, LogEntry] {
  return [`ticket:s/${String(arrival)}`, live({ kind: "ticket", session: "s", arrival, command: { names } })]
}

type Entries = readonly (readonly [LogKey, LogEntry])[]

function remainsOf(entries: Entries, journal = journalOf([]), reserved = 0) {
  return readRemains(new Map(entries), journal, reserved)
}

describe("tokens that are not handed out again (L2)", () => {
  it.each([
    ["what was reserved", [grant(7, ["a"])], 1_000, 1_000],
    ["a grant beyond it", [grant(1_001, ["a"]), grant(7, ["b"])], 1_000, 1_001],
    ["a claim beyond it", [claim(1_002), grant(1_001, ["a"])], 1_000, 1_002],
  ] satisfies [string, Entries, number, number][])("go up to %s", (_what, entries, reserved, lastToken) => {
    expect(remainsOf(entries, journalOf([]), reserved).lastToken).toBe(lastToken)
  })
})

describe("places in the arrival order that are not given again (L3)", () => {
  const handed = run("handed", { arrival: 8, attempt: 1 })
  const reported: [LogKey, LogEntry] = [
    "claim:9",
    { kind: "completed", run: run("told", { arrival: 9, status: "completed" }), reply: null },
  ]

  it.each([
    ["the journal's last", [], 6, 6],
    ["a ticket", [ticket(7, ["a"])], 6, 7],
    ["a run that was handed out and is in no row", [ticket(7, ["a"]), claim(3, handed)], 6, 8],
    ["a run that completed and is in no row", [claim(3, handed), reported], 6, 9],
  ] satisfies [string, Entries, number, number][])("go up to %s", (_what, entries, ofJournal, lastArrival) => {
    expect(remainsOf(entries, journalOf([], ofJournal)).lastArrival).toBe(lastArrival)
  })
})

describe("names that a session which is not back yet blocks (L6)", () => {
  it("are those of grants and of places in queues, and no others", () => {
    const session: [LogKey, LogEntry] = ["session:s", live({ kind: "session", session: "s", label: "a label" })]
    const reply: [LogKey, LogEntry] = [
      "reply:c/1",
      { kind: "reply", client: "c", sequence: 1, outcome: { kind: "done" } },
    ]
    const remains = remainsOf([session, grant(1, ["a", "b"]), ticket(2, ["b", "c"]), claim(3), reply])
    expect([...remains.names]).toEqual(["a", "b", "c"])
    expect(remains.sessions).toEqual([{ session: "s", client: "c" }])
    expect(remains.live.map(({ kind }) => kind)).toEqual(["session", "grant", "ticket", "claim"])
  })
})

describe("a run that is in the log and in the journal (O1, O3, O5)", () => {
  const stored = run("r", { attempt: 2 })

  it.each([
    ["not there", [], run("r", { attempt: 1 }), true],
    ["of an attempt before", [stored], run("r", { attempt: 3 }), true],
    ["of a generation before", [stored], run("r", { generation: 6 as Token, attempt: 1 }), true],
    ["as new", [stored], run("r", { attempt: 2 }), false],
    ["of an attempt after", [stored], run("r", { attempt: 1 }), false],
    ["of a generation after", [stored], run("r", { generation: 4 as Token, attempt: 9 }), false],
  ] as const)("is as it was handed out where the row is %s: %#", (_what, rows, handed, isTaken) => {
    expect(remainsOf([claim(3, handed)], journalOf(rows)).claimed).toEqual(isTaken ? [handed] : [])
  })

  it("is over where it completed, and not open as the row says", () => {
    const entry: LogEntry = { kind: "completed", run: run("r", { status: "completed", attempt: 3 }), reply: null }
    const remains = remainsOf([["claim:3", entry]], journalOf([stored, run("other", {})]))
    expect(remains.runs.map(({ identity }) => identity)).toEqual(["other"])
    expect([...remains.completed]).toEqual([["claim:3", entry]])
    // Its claim is over: it stands for no session's live state.
    expect([remains.live, remains.claimed]).toEqual([[], []])
  })
})
