import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Database from "better-sqlite3"
import { afterEach, describe, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { systemEnv } from "../../../env/index.ts"
import type { Identity, Token } from "../../../kernel/index.ts"
import { createRow } from "../../../kernel/run-row.ts"
import type { RunRow } from "../../../kernel/state.ts"
import type { JournalBatch } from "./batch.ts"
import { checkJournal } from "./check.ts"
import { openDatabase } from "./opening.ts"
import { MIGRATIONS } from "./schema.ts"
import { JournalWriter } from "./writer.ts"

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function runOf(generation: number, changes: Partial<RunRow> = {}): RunRow {
  const spec = specOf("a", "x", { identity: `hf1:${generation}` as Identity, retainMs: 100 }) // Brand constructor.
  return { ...createRow(spec, { generation: generation as Token, arrival: generation, now: 0 }), ...changes }
}

function changesOf(rows: readonly RunRow[]): JournalBatch["rows"] {
  return rows.map((row) => ({ key: `run:${row.identity}`, row }) as const)
}

/** A closed store with a row of each kind, and what else is written or done to it. */
function makeStore(rows: JournalBatch["rows"], damage = ""): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-journal-"))
  folders.push(folder)
  const path = join(folder, "journal.db")
  openDatabase({ path, env: systemEnv, build: "test" }).database.close()
  const writer = new JournalWriter(path)
  const failure = { code: "RUN_FAILED", name: "Error", message: "no", stack: null } as const
  writer.write([
    {
      number: 1,
      rows: [
        { key: "cell:a", row: { version: 1, value: new Uint8Array(5000).fill(7) } },
        { key: "limit:a", row: 3 },
        ...changesOf([
          runOf(1),
          runOf(2, { status: "running", attempt: 1, startedAt: 1 }),
          runOf(3, { status: "completed", result: 1, settledAt: 5 }),
          runOf(4, { status: "failed", failure, settledAt: 5 }),
          runOf(5, { status: "canceled", settledAt: 5 }),
          runOf(6, { status: "interrupted", attempt: 1, settledAt: 5 }),
        ]),
        ...rows,
      ],
      replies: { put: [{ client: "c", sequence: 1, outcome: new Uint8Array(3) }], drop: [], dropClients: [] },
      tokenCeiling: 1000,
    },
  ])
  writer.close()
  const database = new Database(path)
  database.unsafeMode()
  database.exec(damage)
  database.close()
  return path
}

describe("a check", () => {
  it("that repairs begins a term: whoever opened the journal before writes nothing more (S3)", () => {
    const path = makeStore([])
    const writer = new JournalWriter(path)
    const replies = { put: [], drop: [], dropClients: [] }
    const batch = { number: 2, rows: changesOf([runOf(7)]), replies, tokenCeiling: null }
    checkJournal(path, { repair: false })
    writer.write([batch])
    expect(checkJournal(path, { repair: true })).toEqual([])
    expect(() => writer.write([{ ...batch, number: 3 }])).toThrow(
      expect.objectContaining({ code: "STORE_UNAVAILABLE" }),
    )
    writer.close()
    expect(checkJournal(path, { repair: false })).toEqual([])
  })

  it("finds nothing in a sound store, and changes nothing without repair", () => {
    const path = makeStore([])
    const before = readFileSync(path)
    expect(checkJournal(path, { repair: false })).toEqual([])
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(checkJournal(path, { repair: true })).toEqual([])
  })

  it.each([
    { damage: "UPDATE cells SET value = zeroblob(5000)", table: "cells", key: "a" },
    { damage: "UPDATE limits SET permits = 4", table: "limits", key: "a" },
    { damage: "UPDATE replies SET outcome = x'01'", table: "replies", key: "c 1" },
    { damage: "UPDATE runs SET priority = 2 WHERE identity = 'hf1:3'", table: "runs", key: "hf1:3" },
  ])("names a row whose checksum does not match (S2): $damage", ({ damage, table, key }) => {
    expect(checkJournal(makeStore([], damage), { repair: true })).toEqual([
      { severity: "damage", table, key, what: "the checksum does not match the row", repaired: false },
    ])
  })

  it.each([
    { what: "completed without a result (O2)", changes: { status: "completed", settledAt: 1 } },
    { what: "pending with a result (O2)", changes: { result: 1 } },
    { what: "failed without a failure (O2)", changes: { status: "failed", settledAt: 1 } },
    { what: "running with a time of settling (O2)", changes: { status: "running", attempt: 1, settledAt: 1 } },
    { what: "canceled without a time of settling (O2)", changes: { status: "canceled" } },
    { what: "running without an attempt (O5)", changes: { status: "running" } },
    { what: "generation 0; the first one is 1 (O3)", changes: { generation: 0 as Token } },
  ] as const)("names a run in a state no run can be in: $what", ({ what, changes }) => {
    const path = makeStore(changesOf([runOf(9, changes)]))
    expect(checkJournal(path, { repair: false })).toEqual([
      { severity: "damage", table: "runs", key: "hf1:9", what, repaired: false },
    ])
  })

  it("names versions and limits below 1, and a token ceiling below a generation (C1, L1, L2)", () => {
    const path = makeStore([
      { key: "cell:b", row: { version: 0, value: 1 } },
      { key: "limit:b", row: 0 },
      ...changesOf([runOf(2000)]),
    ])
    expect(checkJournal(path, { repair: false }).map(({ table, key }) => [table, key])).toEqual([
      ["meta", "token_ceiling"],
      ["cells", "b"],
      ["limits", "b"],
    ])
  })

  it("counts runs again where the counts differ", () => {
    const path = makeStore(
      [],
      "UPDATE counts SET count = 5 WHERE status = 'pending'; DELETE FROM counts WHERE status = 'failed'",
    )
    const found = [
      { severity: "derived", table: "counts", key: "a 1 failed", what: "the count is 1 too low" },
      { severity: "derived", table: "counts", key: "a 1 pending", what: "the count is 4 too high" },
    ]
    expect(checkJournal(path, { repair: false })).toEqual(found.map((finding) => ({ ...finding, repaired: false })))
    expect(checkJournal(path, { repair: true })).toEqual(found.map((finding) => ({ ...finding, repaired: true })))
    expect(checkJournal(path, { repair: false })).toEqual([])
  })

  it("makes indexes again where only they are wrong", () => {
    const path = makeStore(
      [],
      `PRAGMA writable_schema = ON;
       UPDATE sqlite_schema SET sql = 'CREATE INDEX runs_arrived ON runs (priority)' WHERE name = 'runs_arrived'`,
    )
    const findings = checkJournal(path, { repair: true })
    expect(findings.length).toBeGreaterThan(0)
    for (const finding of findings) expect(finding).toMatchObject({ severity: "derived", repaired: true })
    expect(checkJournal(path, { repair: false })).toEqual([])
  })

  it("names pages that were overwritten, and goes on with the other tables (S2)", () => {
    const path = makeStore([])
    const database = new Database(path)
    const root = database.prepare<[], number>("SELECT rootpage FROM sqlite_schema WHERE name = 'cells'").pluck().get()
    database.close()
    const bytes = readFileSync(path)
    bytes.fill(0xee, ((root ?? 1) - 1) * 4096, (root ?? 1) * 4096)
    writeFileSync(path, bytes)
    const tables = checkJournal(path, { repair: false }).map((finding) => finding.table)
    expect(tables).toContain("cells")
    expect(tables).not.toContain("runs")
  })

  it("throws where there is nothing to check, or nothing it knows how to", () => {
    const path = makeStore([], `PRAGMA user_version = ${MIGRATIONS.length + 1}`)
    expect(() => checkJournal(path, { repair: true })).toThrow(expect.objectContaining({ code: "STORE_NEWER" }))
    expect(() => checkJournal(`${path}.none`, { repair: true })).toThrow(
      expect.objectContaining({ code: "STORE_UNAVAILABLE" }),
    )
  })

  it("finds a file that is no database", () => {
    const path = makeStore([])
    writeFileSync(path, "no database")
    expect(checkJournal(path, { repair: false })).toMatchObject([{ severity: "damage", table: null }])
  })
})
