import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs"
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Database from "better-sqlite3"
import { afterEach, describe, expect, it } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { openDatabase } from "./opening.ts"
import { migrate, MIGRATIONS, readVersion } from "./schema.ts"
import { JournalWriter } from "./writer.ts"

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) {
    chmodSync(folder, 0o700)
    rmSync(folder, { recursive: true })
  }
})

function makePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-journal-"))
  folders.push(folder)
  return join(folder, "journal.db")
}

function open(path: string): ReturnType<typeof openDatabase> {
  return openDatabase({ path, env: systemEnv, build: "test 1" })
}

/** A closed store with 300 cells. */
function makeStore(): string {
  const path = makePath()
  const { database } = open(path)
  const writer = new JournalWriter(path)
  const replies = { put: [], drop: [], dropClients: [] }
  const value = new Uint8Array(200).fill(7)
  const rows = Array.from(
    { length: 300 },
    (_, index) => ({ key: `cell:${index}`, row: { version: 1, value } }) as const,
  )
  writer.write([{ number: 1, rows, replies, tokenCeiling: 1000 }])
  writer.close()
  database.close()
  return path
}

function attempt(path: string): { code?: string; message?: string } {
  try {
    open(path).database.close()
    return {}
  } catch (error) {
    return error as { code: string; message: string }
  }
}

describe("a journal that is opened", () => {
  it("is made where there is none, for its owner alone, and is the same store when it is opened again", () => {
    const path = makePath()
    const first = open(path)
    expect(first.meta).toMatchObject({ tokenCeiling: 0, build: "test 1" })
    first.database.close()
    expect(readdirSync(join(path, ".."))).toEqual(["journal.db"])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const second = open(path)
    expect(second.meta).toEqual({ ...first.meta, term: first.meta.term + 1 })
    second.database.close()
  })

  it("flushes every commit, on both connections", () => {
    const { database } = open(makePath())
    expect(database.pragma("synchronous", { simple: true })).toBe(2)
    expect(database.pragma("journal_mode", { simple: true })).toBe("wal")
    database.close()
  })

  it("has the schema of its migrations", () => {
    const { database } = open(makePath())
    const schema = database.prepare("SELECT type, name, tbl_name FROM sqlite_schema ORDER BY type, name").raw().all()
    expect(schema.map((row) => (row as string[]).join(" "))).toMatchInlineSnapshot(`
      [
        "index blob_refs_evictable blob_refs",
        "index blob_refs_named blob_refs",
        "index blobs_released blobs",
        "index runs_arrived runs",
        "index runs_expiring runs",
        "index runs_listed runs",
        "index runs_open runs",
        "index sqlite_autoindex_runs_1 runs",
        "table blob_refs blob_refs",
        "table blob_totals blob_totals",
        "table blobs blobs",
        "table cells cells",
        "table counts counts",
        "table limits limits",
        "table meta meta",
        "table replies replies",
        "table runs runs",
        "trigger blob_totals_added blobs",
        "trigger blob_totals_removed blobs",
        "trigger blobs_named blob_refs",
        "trigger blobs_unnamed blob_refs",
        "trigger counts_added runs",
        "trigger counts_moved runs",
        "trigger counts_removed runs",
      ]
    `)
    const columns = database
      .prepare(
        "SELECT m.name, group_concat(c.name || ' ' || c.type || iif(c.\"notnull\", ' NOT NULL', ''), ', ') FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' GROUP BY m.name",
      )
      .raw()
      .all()
    expect(columns).toMatchInlineSnapshot(`
      [
        [
          "blob_refs",
          "owner BLOB NOT NULL, digest TEXT NOT NULL, bytes INTEGER NOT NULL, is_evictable INTEGER NOT NULL, used_at REAL NOT NULL",
        ],
        [
          "blob_totals",
          "count INTEGER NOT NULL, bytes INTEGER NOT NULL",
        ],
        [
          "blobs",
          "digest TEXT NOT NULL, bytes INTEGER NOT NULL, refs INTEGER NOT NULL",
        ],
        [
          "cells",
          "name BLOB NOT NULL, version INTEGER NOT NULL, value BLOB, checksum INTEGER NOT NULL",
        ],
        [
          "counts",
          "operation TEXT NOT NULL, version REAL NOT NULL, status TEXT NOT NULL, count INTEGER NOT NULL",
        ],
        [
          "limits",
          "name BLOB NOT NULL, permits REAL NOT NULL, checksum INTEGER NOT NULL",
        ],
        [
          "meta",
          "key TEXT NOT NULL, value TEXT NOT NULL, checksum INTEGER NOT NULL",
        ],
        [
          "replies",
          "client TEXT NOT NULL, sequence INTEGER NOT NULL, outcome BLOB NOT NULL, checksum INTEGER NOT NULL",
        ],
        [
          "runs",
          "identity TEXT NOT NULL, generation INTEGER NOT NULL, operation TEXT NOT NULL, version REAL NOT NULL, status TEXT NOT NULL, paused INTEGER NOT NULL, priority REAL NOT NULL, arrival INTEGER NOT NULL, not_before REAL NOT NULL, created_at REAL NOT NULL, started_at REAL, settled_at REAL, expires_at REAL, attempt INTEGER NOT NULL, failures INTEGER NOT NULL, crashes INTEGER NOT NULL, effects TEXT NOT NULL, key TEXT, args BLOB NOT NULL, retry TEXT NOT NULL, concurrency REAL, keyed TEXT, attempt_timeout_ms REAL, retain_ms REAL, abandon TEXT NOT NULL, steps BLOB, progress BLOB, result BLOB, failure TEXT, checksum INTEGER NOT NULL",
        ],
      ]
    `)
    database.close()
  })

  it("starts over when making it was interrupted", () => {
    const path = makePath()
    writeFileSync(`${path}.new`, "half of a database")
    writeFileSync(`${path}.new-wal`, "half of a log")
    expect(attempt(path)).toEqual({})
    expect(readdirSync(join(path, ".."))).toEqual(["journal.db"])
  })

  it("takes the steps from an older version together or not at all", () => {
    const path = makeStore()
    const database = new Database(path)
    expect(() => migrate(database, [...MIGRATIONS, "CREATE TABLE next (a)", "CREATE TABLE next (a)"])).toThrow("exists")
    expect(readVersion(database)).toBe(MIGRATIONS.length)
    expect(() => database.prepare("SELECT * FROM next")).toThrow("no such table")
    migrate(database, [...MIGRATIONS, "CREATE TABLE next (a)"])
    expect(readVersion(database)).toBe(MIGRATIONS.length + 1)
    database.close()
  })
})

describe("a file that is no journal of this build", () => {
  it("is left as it is, to the byte, when it is newer", () => {
    const path = makeStore()
    const newer = new Database(path)
    newer.pragma(`user_version = ${MIGRATIONS.length + 1}`)
    newer.close()
    const before = readFileSync(path)
    expect(attempt(path)).toMatchObject({ code: "STORE_NEWER", message: expect.stringContaining(path) })
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(readdirSync(join(path, ".."))).toEqual(["journal.db"])
  })

  it("is left as it is when the newer version is still in its log", () => {
    const path = makeStore()
    const newer = new Database(path)
    newer.pragma(`user_version = ${MIGRATIONS.length + 1}`)
    const files = [path, `${path}-wal`].map((file) => readFileSync(file))
    newer.close()
    for (const [index, file] of [path, `${path}-wal`].entries()) writeFileSync(file, files[index] ?? "")
    expect(attempt(path)).toMatchObject({ code: "STORE_NEWER" })
    expect([path, `${path}-wal`].map((file) => readFileSync(file))).toEqual(files)
  })

  it.each([
    { what: "empty", content: "" },
    { what: "text", content: "This is no database.\n".repeat(500) },
    { what: "shorter than a header", content: "SQLite format 3\0" },
  ])("is damage and never a new store: $what (S2)", ({ content }) => {
    const path = makePath()
    writeFileSync(path, content)
    expect(attempt(path)).toMatchObject({ code: "STORE_DAMAGED", message: expect.stringContaining(path) })
    expect(readFileSync(path, "utf8")).toBe(content)
  })

  it("is refused when it is another program's database", () => {
    const path = makePath()
    const other = new Database(path)
    other.exec("CREATE TABLE theirs (a)")
    other.pragma("user_version = 1")
    other.close()
    expect(attempt(path)).toMatchObject({
      code: "STORE_DAMAGED",
      message: expect.stringContaining("another program's database"),
    })
  })

  it("is damage when its end is cut off (S2)", () => {
    const path = makeStore()
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096)
    expect(attempt(path)).toMatchObject({ code: "STORE_DAMAGED", message: expect.stringContaining("malformed") })
  })

  it("is damage when the file is gone and its log is there (S2)", () => {
    const path = makePath()
    writeFileSync(`${path}-wal`, "a log")
    expect(attempt(path)).toMatchObject({ code: "STORE_DAMAGED", message: expect.stringContaining("is gone") })
    expect(readdirSync(join(path, ".."))).toEqual(["journal.db-wal"])
  })

  it.each([
    { what: "an altered fact", damage: "UPDATE meta SET value = 'x' WHERE key = 'instance'" },
    { what: "a missing fact", damage: "DELETE FROM meta WHERE key = 'token_ceiling'" },
    { what: "a missing table", damage: "DROP TABLE meta" },
  ])("is damage with $what (S2)", ({ damage }) => {
    const path = makeStore()
    const database = new Database(path)
    database.exec(damage)
    database.close()
    expect(attempt(path)).toMatchObject({ code: "STORE_DAMAGED" })
  })
})

describe("a folder that cannot be written", () => {
  /** What an ordinary user meets: root may write anywhere, so it becomes one as long as `act` runs. */
  function asOrdinaryUser<Result>(act: () => Result): Result {
    if (process.getuid?.() !== 0) return act()
    process.seteuid?.(65_534)
    try {
      return act()
    } finally {
      process.seteuid?.(0)
    }
  }

  it("is named where a new journal should go", () => {
    const path = makePath()
    chmodSync(join(path, ".."), 0o555)
    expect(asOrdinaryUser(() => attempt(path))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/journal\.db.*must be writable/),
    })
  })

  it.each([0o600, 0o644, 0o666])("is named where a journal of mode %o lies", (mode) => {
    const path = makeStore()
    chmodSync(path, mode)
    chmodSync(join(path, ".."), 0o555)
    const refused = asOrdinaryUser(() => attempt(path))
    expect(refused).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining(path) })
  })

  it("is named when it is not there", () => {
    const path = join(makePath(), "..", "missing", "journal.db")
    expect(attempt(path)).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining("directory") })
  })

  it("is named when a folder stands where the journal should be", () => {
    const path = makePath()
    mkdirSync(path)
    expect(attempt(path)).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining(path) })
  })
})
