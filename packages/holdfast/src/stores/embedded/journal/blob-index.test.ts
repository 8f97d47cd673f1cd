/** Which rows name which files: noted with the rows, in one transaction, and asked on another connection. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Database from "better-sqlite3"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { systemEnv } from "../../../env/index.ts"
import type { Digest, Identity, Token, Value } from "../../../kernel/index.ts"
import { createRow } from "../../../kernel/run-row.ts"
import type { RunRow } from "../../../kernel/state.ts"
import { type Blob, encodeSpilled } from "../blobs/blob-reference.ts"
import type { JournalBatch } from "./batch.ts"
import { BlobIndexReader, describeOwner, identityOfOwner, ownerOfCell, ownerOfRun } from "./blob-index.ts"
import { openDatabase } from "./opening.ts"
import { JournalWriter } from "./writer.ts"

let folder: string
let writer: JournalWriter
let database: Database.Database
let index: BlobIndexReader
let lastBatch: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-index-"))
  const path = join(folder, "journal.db")
  ;({ database } = openDatabase({ path, env: systemEnv, build: "test" }))
  index = new BlobIndexReader(database)
  writer = new JournalWriter(path)
  lastBatch = 0
})

afterEach(() => {
  database.close()
  writer.close()
  rmSync(folder, { recursive: true })
})

function write(rows: JournalBatch["rows"], blobs?: JournalBatch["blobs"]): readonly Digest[] {
  lastBatch += 1
  const replies = { put: [], drop: [], dropClients: [] }
  return writer.write([{ number: lastBatch, rows, replies, tokenCeiling: null, blobs }])
}

function blobOf(seed: number): Blob {
  return { digest: seed.toString(16).padStart(64, "0") as Digest, byteLength: 40_000 + seed } // 64 hexadecimal digits.
}

function naming(...seeds: readonly number[]): Value {
  const [outer = 0, ...inner] = seeds
  return encodeSpilled(blobOf(outer), inner.map(blobOf))
}

function runOf(name: string, changes: Partial<RunRow>): JournalBatch["rows"][number] {
  const spec = specOf("draw", "x", { identity: `hf1:${name}` as Identity }) // Brand constructor.
  const row = createRow(spec, { generation: 1 as Token, arrival: 1, now: 0 })
  return { key: `run:hf1:${name}` as `run:${Identity}`, row: { ...row, ...changes } }
}

function cellOf(name: string, value: Value | null): JournalBatch["rows"][number] {
  return { key: `cell:${name}`, row: { version: 1, value } }
}

const evictable = (): string[] => index.evictable(9).map(({ identity }) => identity)

describe("the index of large values (S3)", () => {
  it("knows what rows name, how much that is, and when the last of them has let go", () => {
    write([cellOf("a", naming(1, 2)), cellOf("b", naming(1)), runOf("r", { args: naming(3), progress: naming(4) })])
    expect(index.totals()).toEqual({ count: 4, bytes: 4 * 40_000 + 10 })
    expect([1, 2, 3, 4, 5].map((seed) => index.isNamed(blobOf(seed).digest))).toEqual([true, true, true, true, false])
    expect(write([cellOf("a", naming(2))])).toEqual([])
    expect(write([cellOf("b", null)])).toEqual([blobOf(1).digest])
    expect(write([{ key: "run:hf1:r", row: null }]).toSorted()).toEqual([blobOf(3).digest, blobOf(4).digest])
    expect(index.totals()).toEqual({ count: 1, bytes: 40_002 })
    // What comes and goes in one batch is told as well: its file is there.
    expect(write([cellOf("c", naming(6)), cellOf("c", null)])).toEqual([blobOf(6).digest])
  })

  it("is one with the rows: where they are not written, nothing of it is", () => {
    write([cellOf("a", naming(1))])
    const bad = { key: "cell:bad", row: { version: Number.NaN, value: null } } as const
    expect(() => write([cellOf("a", naming(2)), bad])).toThrow(/constraint/)
    expect([index.isNamed(blobOf(1).digest), index.isNamed(blobOf(2).digest)]).toEqual([true, false])
    expect(index.totals().count).toBe(1)
  })

  it("names owners as people do, whatever their names hold", () => {
    expect(describeOwner(ownerOfRun("hf1:x"))).toBe("run hf1:x")
    expect(describeOwner(ownerOfCell("run:\ud800"))).toBe("cell run:\ud800")
    expect([identityOfOwner(ownerOfRun("hf1:x")), identityOfOwner(ownerOfCell("run:x"))]).toEqual(["hf1:x", null])
  })
})

describe("what may be evicted (O9)", () => {
  const done = { status: "completed", settledAt: 5 } as const

  it("are results of pure runs that nobody has pinned, and nothing else", () => {
    write([
      runOf("result", { ...done, result: naming(1) }),
      runOf("pinned", { ...done, result: naming(2), pinned: true }),
      runOf("once", { ...done, result: naming(3), effects: "once" }),
      runOf("open", { args: naming(4) }),
      runOf("arguments alone", { ...done, args: naming(5), result: 1 }),
      cellOf("cell", naming(1)),
    ])
    expect(evictable()).toEqual(["hf1:result"])
    write([runOf("pinned", { ...done, result: naming(2), pinned: false })])
    expect(evictable().toSorted()).toEqual(["hf1:pinned", "hf1:result"])
  })

  it("go by when they were asked for last, and before that by when they were made", () => {
    const results = [1, 2, 3].map((seed) => runOf(String(seed), { ...done, settledAt: seed, result: naming(seed) }))
    write(results)
    expect(evictable()).toEqual(["hf1:1", "hf1:2", "hf1:3"])
    write([], { used: [{ digest: blobOf(1).digest, at: 10 }], budgetBytes: undefined })
    expect(evictable()).toEqual(["hf1:2", "hf1:3", "hf1:1"])
    expect(index.evictable(1)).toEqual([{ identity: "hf1:2", digest: blobOf(2).digest, bytes: 40_002 }])
  })
})

describe("the budget", () => {
  it("is kept, lifted, and left as it is by other news", () => {
    expect(index.budgetBytes()).toBeNull()
    write([], { used: [], budgetBytes: 5_000 })
    write([], { used: [], budgetBytes: undefined })
    expect(index.budgetBytes()).toBe(5_000)
    write([], { used: [], budgetBytes: null })
    expect(index.budgetBytes()).toBeNull()
  })
})
