/** What a journal's database is: its marks, its version, and the steps from any older version to this one. */
import type Database from "better-sqlite3"
import { JOURNAL } from "./migrations/0001-journal.ts"
import { BLOBS } from "./migrations/0002-blobs.ts"

/** Marks the file as a journal, where `file` and SQLite look for it: "HfJ1". */
export const APPLICATION_ID = 0x48664a31

/** Migration n leads from version n - 1 to n. They are only ever added to. */
export const MIGRATIONS: readonly string[] = [JOURNAL, BLOBS]

/** Every table whose rows carry a checksum. */
export type TableName = "cells" | "limits" | "meta" | "replies" | "runs"

/** Brings the database to the version of the last migration, in one transaction: a crash leaves the old version. */
export function migrate(database: Database.Database, migrations: readonly string[]): void {
  database.exec("BEGIN IMMEDIATE")
  try {
    const missing = migrations.slice(readVersion(database))
    if (missing.length > 0) {
      for (const migration of missing) database.exec(migration)
      database.pragma(`application_id = ${String(APPLICATION_ID)}`)
      database.pragma(`user_version = ${String(migrations.length)}`)
    }
    database.exec("COMMIT")
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK")
    throw error
  }
}

/** The schema version the file says it has. */
export function readVersion(database: Database.Database): number {
  return database.pragma("user_version", { simple: true }) as number // SQLite keeps it as a 32-bit integer.
}
