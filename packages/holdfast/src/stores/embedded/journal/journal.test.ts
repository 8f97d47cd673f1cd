import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Worker } from "node:worker_threads"
import Database from "better-sqlite3"
import fc from "fast-check"
import { afterEach, describe, expect, it, vi } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { systemEnv } from "../../../env/index.ts"
import type { Identity, RowKey, RunStatus, StoredRow, Token } from "../../../kernel/index.ts"
import { createRow } from "../../../kernel/run-row.ts"
import type { RunRow } from "../../../kernel/state.ts"
import type { JournalBatch } from "./batch.ts"
import { type Journal, openJournal } from "./journal.ts"

const threads: Worker[] = []

// The threads are real; they are only remembered, so that a test can end one.
vi.mock("node:worker_threads", async (original) => {
  const actual = await original<typeof import("node:worker_threads")>()
  return {
    ...actual,
    Worker: class extends actual.Worker {
      constructor(...options: ConstructorParameters<typeof actual.Worker>) {
        super(...options)
        threads.push(this)
      }
    },
  }
})

const cleanups: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  threads.length = 0
})

function makePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-journal-"))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  return join(folder, "journal.db")
}

async function open(path: string = makePath()): Promise<Journal> {
  const journal = await openJournal({ path, env: systemEnv, build: "test" })
  cleanups.push(() => journal.close())
  return journal
}

let lastNumber = 0

function batchOf(changes: Partial<JournalBatch>): JournalBatch {
  lastNumber += 1
  const replies = { put: [], drop: [], dropClients: [] }
  return { number: lastNumber, rows: [], replies, tokenCeiling: null, ...changes }
}

function cellsOf(names: readonly string[], version = 1): JournalBatch {
  return batchOf({ rows: names.map((name) => ({ key: `cell:${name}`, row: { version, value: 1 } }) as const) })
}

function runOf(arrival: number, changes: Partial<RunRow> = {}): RunRow {
  const spec = specOf("a", "x", { identity: `hf1:${String(arrival).padStart(4, "0")}` as Identity }) // Brand constructor.
  return { ...createRow(spec, { generation: arrival as Token, arrival, now: 0.5 }), ...changes }
}

function runsOf(rows: readonly RunRow[]): JournalBatch {
  return batchOf({ rows: rows.map((row) => ({ key: `run:${row.identity}`, row }) as const) })
}

describe("append", () => {
  it("makes rows of every kind durable: they are there when the store is opened again", async () => {
    const journal = await open()
    const rows: StoredRow[] = [
      { key: "cell:a", row: { version: 1, value: new Uint8Array([1, 2]) } },
      { key: "cell:number", row: { version: 2, value: -0 } },
      { key: "cell:nan", row: { version: 3, value: NaN } },
      { key: "cell:huge", row: { version: 4, value: Number("1e400") } },
      { key: "cell:empty", row: { version: 5, value: new Uint8Array(0) } },
      { key: "cell:deleted", row: { version: 6, value: null } },
      { key: "cell:\u{1f600}", row: { version: 7, value: new Uint8Array(40_000).fill(9) } },
      { key: "limit:a", row: 10 },
      { key: `run:${runOf(1).identity}`, row: runOf(1, { steps: [{ name: "s", outcome: NaN }], priority: -1.5 }) },
    ]
    await journal.append(batchOf({ rows, tokenCeiling: 1000 }))
    expect(journal.tokenCeiling()).toBe(1000)
    await journal.close()
    const again = await open(journal.path)
    expect(again.instance).toBe(journal.instance)
    expect(again.tokenCeiling()).toBe(1000)
    const keys = [...rows.map((stored) => stored.key), "cell:none", "run:none", "limit:none"] as const
    expect(again.load(keys as readonly RowKey[])).toEqual([
      ...rows,
      { key: "cell:none", row: null },
      { key: "run:none", row: null },
      { key: "limit:none", row: null },
    ])
  })

  it("deletes rows", async () => {
    const journal = await open()
    const keys = ["cell:a", "limit:a", `run:${runOf(1).identity}`] as const
    await journal.append(runsOf([runOf(1)]))
    await journal.append(batchOf({ rows: [{ key: keys[1], row: 3 }] }))
    await journal.append(cellsOf(["a"]))
    await journal.append(batchOf({ rows: keys.map((key) => ({ key, row: null })) }))
    expect(journal.load(keys).map((stored) => stored.row)).toEqual([null, null, null])
  })

  it("resolves in order for batches appended at once, each visible when its promise resolves (S3)", async () => {
    const journal = await open()
    const told: number[] = []
    const appends = Array.from({ length: 500 }, async (_, index) => {
      await journal.append(cellsOf([String(index)]))
      told.push(index)
      expect(journal.load([`cell:${index}`])[0]?.row).not.toBeNull()
    })
    await Promise.all(appends)
    expect(told).toEqual(Array.from({ length: 500 }, (_, index) => index))
  })

  it("carries a value, not the buffer it was cut from", async () => {
    const journal = await open()
    const frame = new Uint8Array(1024 * 1024).fill(1)
    const posted = vi.spyOn(threads[0] as Worker, "postMessage")
    await journal.append(batchOf({ rows: [{ key: "cell:a", row: { version: 1, value: frame.subarray(10, 20) } }] }))
    const [order] = posted.mock.calls[0] as [{ batch: JournalBatch }]
    const sent = order.batch.rows[0]?.row as { value: Uint8Array }
    expect(sent.value.buffer.byteLength).toBe(10)
    expect(journal.load(["cell:a"])[0]?.row).toEqual({ version: 1, value: new Uint8Array(10).fill(1) })
  })

  it("refuses a batch out of order, and a falling token ceiling (L2, S3)", async () => {
    const journal = await open()
    const early = cellsOf(["a"])
    await journal.append({ ...cellsOf(["b"]), tokenCeiling: 5 })
    await expect(journal.append(early)).rejects.toThrow("invariant S3")
    await expect(journal.append(batchOf({ tokenCeiling: 4 }))).rejects.toThrow("invariant L2")
  })

  it("is refused for good after a batch that must not be written, with everything behind it (S5)", async () => {
    const journal = await open()
    await journal.append(cellsOf(["a"], 2))
    const results = await Promise.allSettled([journal.append(cellsOf(["a"], 1)), journal.append(cellsOf(["b"]))])
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE" } })
    }
    await expect(journal.append(cellsOf(["c"]))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(journal.checkpoint()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    const rows = journal.load(["cell:a", "cell:b", "cell:c"]).map((stored) => stored.row)
    expect(rows).toEqual([{ version: 2, value: 1 }, null, null])
  })

  it("writes nothing once somebody else has opened the journal, who has all that was written before (S3)", async () => {
    const journal = await open()
    const late = [cellsOf(["a"]), cellsOf(["b"])]
    const written = late.map((batch) =>
      journal.append(batch).then(
        () => true,
        () => false,
      ),
    )
    const next = await open(journal.path)
    const [isFirst, isSecond] = await Promise.all(written)
    // Whatever its writer had told as durable by then, and nothing that it had not.
    expect(next.load(["cell:a", "cell:b"]).map(({ row }) => row !== null)).toEqual([isFirst, isSecond])
    await expect(journal.append(cellsOf(["c"]))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(journal.append(cellsOf(["d"]))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await next.append(cellsOf(["e"]))
    expect(next.load(["cell:c", "cell:d", "cell:e"]).map(({ row }) => row !== null)).toEqual([false, false, true])
  })

  it("rejects when the thread is gone (S5)", async () => {
    const journal = await open()
    await journal.append(cellsOf(["a"]))
    const ended = threads[0]?.terminate()
    const append = journal.append(cellsOf(["b"]))
    await expect(append).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("may or may not"),
    })
    await ended
    await expect(journal.append(cellsOf(["c"]))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    expect(journal.load(["cell:a"])[0]?.row).not.toBeNull()
    await journal.close()
  })
})

describe("close", () => {
  it("waits for what was appended, is idempotent, and leaves one file (S1)", async () => {
    const journal = await open()
    const append = journal.append(cellsOf(["a"]))
    await Promise.all([journal.close(), journal.close(), append])
    expect(readdirSync(join(journal.path, ".."))).toEqual(["journal.db"])
    await expect(journal.append(cellsOf(["b"]))).rejects.toMatchObject({ code: "CLOSED" })
    expect(() => journal.load(["cell:a"])).toThrow(expect.objectContaining({ code: "CLOSED" }))
    expect((await open(journal.path)).load(["cell:a"])[0]?.row).not.toBeNull()
  })
})

describe("load", () => {
  it.each([
    { table: "cells", key: "cell:a", damage: "UPDATE cells SET value = zeroblob(9)" },
    { table: "cells", key: "cell:a", damage: "UPDATE cells SET version = 9" },
    { table: "limits", key: "limit:a", damage: "UPDATE limits SET permits = 11" },
    { table: "runs", key: `run:${runOf(1).identity}`, damage: "UPDATE runs SET attempt = 2" },
  ] as const)(
    "names a row of $table that was altered, and never serves it (S2): $damage",
    async ({ key, ...given }) => {
      const journal = await open()
      await journal.append(cellsOf(["a"]))
      await journal.append(batchOf({ rows: [{ key: "limit:a", row: 10 }] }))
      await journal.append(runsOf([runOf(1)]))
      const other = new Database(journal.path)
      other.exec(given.damage)
      other.close()
      expect(() => journal.load([key])).toThrow(
        expect.objectContaining({
          code: "STORE_DAMAGED",
          message: expect.stringContaining(given.table),
          details: { table: given.table, key: key.slice(key.indexOf(":") + 1) },
        }),
      )
    },
  )
})

describe("listCells", () => {
  it("lists cells with a value, by name as JavaScript compares, no more than asked for", async () => {
    const journal = await open()
    const name = fc.string({ unit: "grapheme", maxLength: 6 })
    let version = 0
    const property = fc.asyncProperty(
      fc.uniqueArray(name, { minLength: 1 }),
      name,
      fc.nat(9),
      async (names, cut, limit) => {
        version += 1
        await journal.append(cellsOf(names, version))
        const [deleted = ""] = names
        const prefix = cut.slice(0, 1)
        const listed = journal.listCells(prefix, Infinity)
        const sorted = listed.map((cell) => cell.name).toSorted((a, b) => (a < b ? -1 : 1))
        expect(listed.map((cell) => cell.name)).toEqual(sorted)
        for (const each of names) expect(sorted.includes(each)).toBe(each.startsWith(prefix))
        expect(journal.listCells(prefix, limit)).toEqual(listed.slice(0, limit))
        expect(journal.countCells(limit)).toBe(Math.min(limit, journal.listCells("", Infinity).length))
        version += 1
        await journal.append(batchOf({ rows: [{ key: `cell:${deleted}`, row: { version, value: null } }] }))
        const left = journal.listCells("", Infinity)
        expect(left.map((cell) => cell.name)).not.toContain(deleted)
        expect(journal.countCells(Infinity)).toBe(left.length)
      },
    )
    await fc.assert(property, { numRuns: 40, endOnFailure: true })
  })
})

describe("runs", () => {
  const statuses: RunStatus[] = ["pending", "running", "completed", "failed", "canceled", "interrupted"]

  it("are listed by operation and status in order of arrival, and counted, as a model says", async () => {
    const journal = await open()
    const model = new Map<string, RunRow>()
    const change = fc.record({
      arrival: fc.integer({ min: 1, max: 30 }),
      operation: fc.constantFrom("a", "b"),
      status: fc.constantFrom(...statuses),
      isDeleted: fc.boolean(),
    })
    const filter = fc.record({
      operation: fc.constantFrom(null, "a", "b", "c"),
      statuses: fc.option(fc.subarray(statuses)),
      limit: fc.constantFrom(0, 1, 3, Infinity),
    })
    const property = fc.asyncProperty(fc.array(change), filter, async (changes, asked) => {
      const rows = changes.map(({ arrival, operation, status, isDeleted }) => {
        const row = runOf(arrival, { operation, status })
        return { key: `run:${row.identity}`, row: isDeleted ? null : row } as const
      })
      for (const { key, row } of rows) {
        if (row === null) model.delete(key)
        else model.set(key, row)
      }
      await journal.append(batchOf({ rows }))
      const all = [...model.values()].toSorted((a, b) => a.arrival - b.arrival)
      const wanted = all.filter(
        (row) =>
          (asked.operation === null || row.operation === asked.operation) &&
          (asked.statuses === null || asked.statuses.includes(row.status)),
      )
      expect(journal.listRuns(asked)).toEqual(wanted.slice(0, asked.limit))
      const isOpen = (row: RunRow): boolean => row.status === "pending" || row.status === "running"
      expect([...journal.openRuns()]).toEqual(all.filter(isOpen))
      expect(journal.lastArrival()).toBe(all.at(-1)?.arrival ?? 0)
      const counts = Object.fromEntries(
        statuses.map((status) => [status, all.filter((row) => row.status === status).length]),
      )
      expect(journal.countRuns()).toEqual(counts)
      const queues = ["a", "b"].map((operation) => {
        const count = (status: RunStatus): number =>
          all.filter((row) => row.operation === operation && row.status === status).length
        return { operation, version: 1, pending: count("pending"), running: count("running") }
      })
      expect(journal.queues()).toEqual(queues.filter((queue) => queue.pending + queue.running > 0))
    })
    await fc.assert(property, { numRuns: 60, endOnFailure: true })
  })

  it("are scanned a page at a time, none twice and none left out", async () => {
    const journal = await open()
    const rows = Array.from({ length: 2500 }, (_, index) => runOf(index + 1))
    await journal.append(runsOf(rows))
    const arrivals: number[] = []
    for (const row of journal.openRuns()) {
      arrivals.push(row.arrival)
      // Other reads may come in between.
      journal.load([`run:${row.identity}`])
    }
    expect(arrivals).toEqual(rows.map((row) => row.arrival))
  })

  it("are named when their retention is over, the longest over first", async () => {
    const journal = await open()
    const settled = { status: "completed", result: 1 } as const
    await journal.append(
      runsOf([
        runOf(1, { ...settled, retainMs: 100, settledAt: 50 }),
        runOf(2, { ...settled, retainMs: 100, settledAt: 10 }),
        runOf(3, { ...settled, retainMs: null, settledAt: 0 }),
        runOf(4, { status: "interrupted", retainMs: 0, settledAt: 0 }),
        runOf(5, { ...settled, retainMs: 100, settledAt: 51 }),
      ]),
    )
    expect(journal.expired(150, 10)).toEqual(["hf1:0002", "hf1:0001"])
    expect(journal.expired(150, 1)).toEqual(["hf1:0002"])
    expect(journal.expired(109, 10)).toEqual([])
  })
})

describe("replies", () => {
  it("are there until they are acknowledged, over many pages (S4)", async () => {
    const journal = await open()
    const put = Array.from({ length: 2300 }, (_, sequence) => ({
      client: `c${sequence % 3}`,
      sequence,
      outcome: Uint8Array.of(sequence % 256),
    }))
    await journal.append(batchOf({ replies: { put, drop: [], dropClients: [] } }))
    const sorted = put.toSorted((a, b) =>
      a.client < b.client ? -1 : a.client > b.client ? 1 : a.sequence - b.sequence,
    )
    expect([...journal.replies()]).toEqual(sorted)
    expect(journal.reply("c1", 4)).toEqual(Uint8Array.of(4))
    await journal.append(batchOf({ replies: { put: [], drop: [{ client: "c1", through: 4 }], dropClients: ["c2"] } }))
    expect(journal.reply("c1", 4)).toBeUndefined()
    expect(journal.reply("c1", 7)).toEqual(Uint8Array.of(7))
    expect(journal.reply("c2", 5)).toBeUndefined()
  })
})

describe("backup", () => {
  it("is a store of its own, whole although the live one is written meanwhile", async () => {
    const journal = await open()
    const value = new Uint8Array(30_000)
    const names = Array.from({ length: 200 }, (_, index) => String(index))
    await journal.append(
      batchOf({ rows: names.map((name) => ({ key: `cell:${name}`, row: { version: 1, value } }) as const) }),
    )
    const file = join(journal.path, "..", "backup.db")
    const backup = journal.backup(file)
    for (let version = 2; version < 30; version += 1) await journal.append(cellsOf(["0", "199"], version))
    await backup
    const copy = await open(file)
    expect(copy.instance).toBe(journal.instance)
    const versions = copy.load(["cell:0", "cell:199"]).map((stored) => (stored.row as { version: number }).version)
    // Both were written together, so the copy has both from the same batch.
    expect(versions[0]).toBe(versions[1])
    expect(copy.listCells("", Infinity)).toHaveLength(200)
  })

  it("never overwrites a file, and leaves nothing behind where it fails", async () => {
    const journal = await open()
    const file = join(journal.path, "..", "backup.db")
    await journal.backup(file)
    await expect(journal.backup(file)).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining(file),
    })
    await expect(journal.backup(join(file, "..", "missing", "b.db"))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    })
    expect(existsSync(`${file}.new`)).toBe(false)
    await journal.append(cellsOf(["a"]))
  })
})

describe("checkpoint", () => {
  it("moves the log into the database", async () => {
    const journal = await open()
    await journal.append(cellsOf(["a"]))
    await journal.checkpoint()
    const other = new Database(journal.path, { readonly: true })
    expect(other.pragma("wal_checkpoint")).toEqual([{ busy: 0, log: 0, checkpointed: 0 }])
    other.close()
    expect(journal.load(["cell:a"])[0]?.row).not.toBeNull()
  })
})
