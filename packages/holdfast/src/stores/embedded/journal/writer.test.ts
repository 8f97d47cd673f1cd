import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { systemEnv } from "../../../env/index.ts"
import type { Identity, Token } from "../../../kernel/index.ts"
import { createRow } from "../../../kernel/run-row.ts"
import type { RunRow } from "../../../kernel/state.ts"
import type { JournalBatch } from "./batch.ts"
import { openDatabase } from "./opening.ts"
import { JournalReader } from "./reader.ts"
import { JournalWriter } from "./writer.ts"

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup()
})

function open(): { writer: JournalWriter; reader: JournalReader; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-journal-"))
  const path = join(folder, "journal.db")
  const reader = new JournalReader(openDatabase({ path, env: systemEnv, build: "test" }).database, path)
  const writer = new JournalWriter(path)
  cleanups.push(
    () => rmSync(folder, { recursive: true }),
    () => reader.close(),
    () => writer.close(),
  )
  return { writer, reader, folder }
}

function batchOf(changes: Partial<JournalBatch>): JournalBatch {
  const replies = { put: [], drop: [], dropClients: [] }
  return { number: 1, rows: [], replies, tokenCeiling: null, ...changes }
}

function runOf(generation: number): RunRow {
  const spec = specOf("a", "x", { identity: "hf1:a" as Identity }) // Brand constructor.
  return createRow(spec, { generation: generation as Token, arrival: generation, now: 0 })
}

it("writes for the newest opening alone (S3)", () => {
  const { writer, reader, folder } = open()
  const path = join(folder, "journal.db")
  writer.write([batchOf({ rows: [{ key: "cell:a", row: { version: 1, value: 1 } }] })])
  const { database, meta } = openDatabase({ path, env: systemEnv, build: "test" })
  database.close()
  const next = new JournalWriter(path, meta.term)
  cleanups.push(() => next.close())
  const late = batchOf({ number: 2, rows: [{ key: "cell:a", row: { version: 2, value: 2 } }] })
  expect(() => writer.write([late])).toThrow("another took it up")
  next.write([batchOf({ number: 2, rows: [{ key: "cell:b", row: { version: 1, value: 3 } }] })])
  expect(reader.load(["cell:a", "cell:b"]).map(({ row }) => row)).toEqual([
    { version: 1, value: 1 },
    { version: 1, value: 3 },
  ])
})

it("makes several batches durable in one transaction, a later change of a row above an earlier", () => {
  const { writer, reader } = open()
  writer.write([
    batchOf({ number: 1, rows: [{ key: "cell:a", row: { version: 1, value: 1 } }] }),
    batchOf({ number: 2, rows: [{ key: "cell:a", row: { version: 2, value: 2 } }] }),
  ])
  expect(reader.load(["cell:a"])).toEqual([{ key: "cell:a", row: { version: 2, value: 2 } }])
})

it("changes nothing when one batch of several cannot be written (S5)", () => {
  const { writer, reader } = open()
  const first = batchOf({ rows: [{ key: "cell:a", row: { version: 1, value: 1 } }], tokenCeiling: 1000 })
  const impossible = batchOf({ rows: [{ key: "cell:b", row: { version: NaN, value: 1 } }] })
  expect(() => writer.write([first, impossible])).toThrow("NOT NULL")
  expect(reader.load(["cell:a", "cell:b"]).map((stored) => stored.row)).toEqual([null, null])
  writer.write([first])
  expect(reader.load(["cell:a"])[0]?.row).toEqual({ version: 1, value: 1 })
})

it("refuses to take a cell back to an earlier version (C1)", () => {
  const { writer } = open()
  writer.write([batchOf({ rows: [{ key: "cell:a", row: { version: 2, value: null } }] })])
  const back = batchOf({ rows: [{ key: "cell:a", row: { version: 1, value: null } }] })
  expect(() => writer.write([back])).toThrow("invariant C1")
})

it("refuses to take a run back to an earlier generation (O3)", () => {
  const { writer, reader } = open()
  writer.write([batchOf({ rows: [{ key: "run:hf1:a", row: runOf(7) }] })])
  expect(() => writer.write([batchOf({ rows: [{ key: "run:hf1:a", row: runOf(6) }] })])).toThrow("invariant O3")
  expect(reader.load(["run:hf1:a"])[0]?.row).toEqual(runOf(7))
})

it("refuses to lower the token ceiling (L2)", () => {
  const { writer } = open()
  writer.write([batchOf({ tokenCeiling: 2000 })])
  expect(() => writer.write([batchOf({ tokenCeiling: 1000 })])).toThrow("invariant L2")
})

it("keeps replies until they are acknowledged or their client ends (S4)", () => {
  const { writer, reader } = open()
  const outcome = new Uint8Array([1, 2, 3])
  const put = ["a", "b"].flatMap((client) => [1, 2, 3].map((sequence) => ({ client, sequence, outcome })))
  writer.write([batchOf({ replies: { put, drop: [{ client: "a", through: 2 }], dropClients: [] } })])
  expect([...reader.replies()].map(({ client, sequence }) => `${client}${sequence}`)).toEqual(["a3", "b1", "b2", "b3"])
  expect(reader.reply("a", 2)).toBeUndefined()
  expect(reader.reply("a", 3)).toEqual(outcome)
  writer.write([batchOf({ replies: { put: [], drop: [], dropClients: ["b"] } })])
  expect([...reader.replies()].map(({ client, sequence }) => `${client}${sequence}`)).toEqual(["a3"])
})
