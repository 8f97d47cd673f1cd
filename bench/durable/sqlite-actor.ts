/** A process that drives SQLite by hand, one row a transaction, and the disk itself: what Holdfast's commits are measured against. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import Database from "better-sqlite3"
import { nowMs, serveOrders } from "./orders.ts"

const folder = process.argv[2]
if (folder === undefined) throw new Error("expected a folder as argument")

const database = new Database(join(folder, "raw.db"))
database.pragma("journal_mode = WAL")
database.pragma("synchronous = FULL")
database.exec(
  "CREATE TABLE cells (name TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, value TEXT) STRICT, WITHOUT ROWID",
)
const begin = database.prepare("BEGIN IMMEDIATE")
const commit = database.prepare("COMMIT")
const read = database.prepare<[string], { readonly version: number; readonly value: string }>(
  "SELECT version, value FROM cells WHERE name = ?",
)
const write = database.prepare("INSERT OR REPLACE INTO cells VALUES (?, ?, ?)")

/** As little as SQLite writes when it commits a row: a frame of the log. */
const PAGE = Buffer.alloc(4096 + 24, 1)
const log = openSync(join(folder, "flushed.log"), "w")
process.on("exit", () => closeSync(log))

const handlers = {
  /** Nanoseconds a page takes that is appended and flushed. */
  flush: (durationMs: number) =>
    repeatSync(durationMs, () => {
      writeSync(log, PAGE)
      fdatasyncSync(log)
    }),

  /** Nanoseconds of one update in a transaction of its own. SQLite has one writer, so updaters take turns. */
  update(durationMs: number, callers: number, isHot: boolean): number {
    let turn = 0
    return repeatSync(durationMs, () => {
      turn = (turn + 1) % callers
      begin.run()
      updateOne(isHot ? "hot" : `own/${turn}`)
      commit.run()
    })
  },

  /** Nanoseconds of an update where as many as there are updaters share a transaction: group commit by hand. */
  updateGrouped: (durationMs: number, callers: number, isHot: boolean) =>
    repeatSync(durationMs, () => {
      begin.run()
      for (let caller = 0; caller < callers; caller += 1) updateOne(isHot ? "hot" : `own/${caller}`)
      commit.run()
    }) / callers,
}

export type SqliteOrders = typeof handlers

function updateOne(name: string): void {
  const row = read.get(name)
  const count: number = row === undefined ? 0 : Number(JSON.parse(row.value))
  write.run(name, (row?.version ?? 0) + 1, JSON.stringify(count + 1))
}

function repeatSync(durationMs: number, call: () => void): number {
  const start = nowMs()
  let count = 0
  do {
    call()
    count += 1
  } while (nowMs() < start + durationMs)
  return ((nowMs() - start) * 1e6) / count
}

serveOrders(handlers)
