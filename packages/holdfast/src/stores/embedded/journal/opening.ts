/**
 * From a path to a database that is known to be a journal of this version, or to the reason why not.
 *
 *     nothing there ──▶ made beside it, flushed, renamed ──┐
 *     something ──▶ looked at, read-only ──▶ newer: left   ├──▶ migrated ──▶ next term ──▶ flushed ──▶ meta checked
 *                           └──▶ a journal ────────────────┘
 *
 * 1. A file under the journal's name is a whole journal: an empty or torn one is damage, never a new store (S2).
 * 2. What an opener finds is made durable before it is read: a process that dies inside a commit can leave a
 *    transaction that is written and not flushed, and who reads it would build on what power loss takes away (C5, S3).
 * 3. A newer store is left as it is, to the byte.
 * 4. Each opening begins a term, before it reads: whoever opened earlier writes nothing any more (see writer.ts), and
 *    all that it wrote is read. So two keepers, should a lock ever fail, cannot both have what they wrote (S3).
 */
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname } from "node:path"
import Database from "better-sqlite3"
import type { Env } from "../../../env/index.ts"
import { HoldfastError } from "../../../kernel/index.ts"
import { checksumOf } from "./checksum.ts"
import { errorOf, faultOf } from "./fault.ts"
import { countCommitsBehind } from "./log-end.ts"
import { APPLICATION_ID, migrate, MIGRATIONS, readVersion } from "./schema.ts"

export interface OpenJournalOptions {
  /** The database file; SQLite keeps its log and the log's index beside it. */
  readonly path: string
  readonly env: Env
  /** Which build of Holdfast makes the store, for people who look at it. */
  readonly build: string
}

/** The rows of `meta`. */
export interface JournalMeta {
  /** Random, made with the store: two stores are never taken for each other. */
  readonly instance: string
  readonly tokenCeiling: number
  /** The number of the last batch that is durable, or 0. */
  readonly lastBatch: number
  /** How often the journal was opened to be written; 0 where that was never counted. */
  readonly term: number
  readonly createdAt: number
  readonly build: string
}

/** Opens the journal at the path, making it where there is none. The connection is the reader's: it writes no more. */
export function openDatabase(options: OpenJournalOptions): { database: Database.Database; meta: JournalMeta } {
  const { path } = options
  let database: Database.Database | undefined
  let looking: Database.Database | null = null
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) createDatabase(options)
    else looking = look(path)
    database = connect(path)
    checkLogEnd(database, path)
    // Its transaction also finds out whether the file can be written at all, which a connection does not ask by itself.
    migrate(database, MIGRATIONS)
    const meta = beginTerm(database, path)
    database.pragma("wal_checkpoint(TRUNCATE)")
    database.pragma("query_only = ON")
    return { database, meta }
  } catch (error) {
    database?.close()
    throw error instanceof HoldfastError ? error : errorOf(faultOf(error, path, "open"), error)
  } finally {
    looking?.close()
  }
}

/** What is known of the journal as of its new term. */
function beginTerm(database: Database.Database, path: string): JournalMeta {
  database.exec("BEGIN IMMEDIATE")
  try {
    const meta = readMeta(database, path)
    const term = raiseTerm(database, meta)
    database.exec("COMMIT")
    return { ...meta, term }
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK")
    throw error
  }
}

/** In the transaction that is under way: whoever wrote for an earlier term writes nothing after it. */
export function raiseTerm(database: Database.Database, meta: JournalMeta): number {
  const term = meta.term + 1
  database
    .prepare(
      "INSERT INTO meta VALUES ('term', ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, checksum = excluded.checksum",
    )
    .run(String(term), checksumOf("meta", ["term", String(term)]))
  return term
}

/** @throws HoldfastError STORE_DAMAGED where commits stand behind what SQLite takes for the end of the log (S2) */
function checkLogEnd(database: Database.Database, path: string): void {
  const behind = countCommitsLost(database, path)
  if (behind > 0) throw new HoldfastError("STORE_DAMAGED", describeLost(path, behind))
}

/** Durable commits that are not read any more, as their log is altered before them. */
export function countCommitsLost(database: Database.Database, path: string): number {
  const log = `${path}-wal`
  if (!existsSync(log)) return 0
  // Does nothing but say how many frames there are.
  const [said] = database.pragma("wal_checkpoint(NOOP)") as [{ readonly log: number }]
  const behind = countCommitsBehind(log, Math.max(0, said.log))
  return behind > MOST_UNFLUSHED_COMMITS ? behind : 0
}

/** A commit is flushed before the next is written. */
const MOST_UNFLUSHED_COMMITS = 1

export function describeLost(path: string, commits: number): string {
  return `the log "${path}-wal" of the journal is altered, so that ${String(commits)} commits at its end cannot be read; restore a backup, or run "holdfast doctor" with its repairs to go on without them`
}

/** Loads what SQLite needs, so that opening a journal later takes no time for that. */
export function warmUp(): void {
  new Database(":memory:").close()
}

/** A connection with what must be set on every one. */
export function connect(path: string): Database.Database {
  const database = new Database(path, { fileMustExist: true })
  try {
    database.pragma("journal_mode = WAL")
    // better-sqlite3 opens a file in WAL mode at NORMAL, which loses commits at power loss.
    database.pragma("synchronous = FULL")
    // The log is copied into the file at 8 MiB: seldom enough that a commit's one flush is nearly always all it costs,
    // and small enough that a new keeper, which does it before anything else, takes up the store in milliseconds.
    database.pragma("wal_autocheckpoint = 2048")
    // A log that grew while somebody read gives its space back.
    database.pragma(`journal_size_limit = ${String(16 * 1024 * 1024)}`)
    database.pragma("cell_size_check = ON")
    // Nothing in a file somebody else altered runs on its own.
    database.pragma("trusted_schema = OFF")
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Looks at a file without changing anything.
 *
 * @throws HoldfastError STORE_NEWER, STORE_DAMAGED
 */
export function lookAt(path: string): void {
  const looking = look(path)
  looking?.close()
}

/**
 * Looks at a file without changing anything, and answers with the connection it looked through, where it needed one: who
 * opens another before closing it spares SQLite the reading of the log a second time.
 */
function look(path: string): Database.Database | null {
  // SQLite makes a log where it finds none, even to read. Without a log nobody has the database open, so its header can
  // be read from the file; where somebody had it open, closing a descriptor of our own would take their locks away.
  if (!existsSync(`${path}-wal`)) {
    judge(path, readHeader(path))
    return null
  }
  const database = new Database(path, { readonly: true, fileMustExist: true })
  try {
    const application = database.pragma("application_id", { simple: true }) as number // A 32-bit integer.
    judge(path, { application, version: readVersion(database) })
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

interface Marks {
  readonly application: number
  readonly version: number
}

function judge(path: string, { application, version }: Marks): void {
  if (application !== APPLICATION_ID) {
    const found = version === 0 ? "an empty database" : "another program's database"
    throw new HoldfastError(
      "STORE_DAMAGED",
      `"${path}" should be a journal of Holdfast, but is ${found}; move it away to start a new store there, or restore a backup`,
    )
  }
  if (version > MIGRATIONS.length) {
    throw new HoldfastError(
      "STORE_NEWER",
      `the journal "${path}" has schema version ${String(version)}, and this build of Holdfast knows versions up to ${String(MIGRATIONS.length)}; it was left untouched: open it with the newer build`,
    )
  }
}

/** Where SQLite's file format has them; numbers are big-endian. */
const HEADER = { bytes: 100, magic: "SQLite format 3\0", versionAt: 60, applicationAt: 68 } as const

function readHeader(path: string): Marks {
  const header = Buffer.alloc(HEADER.bytes)
  const descriptor = openSync(path, "r")
  try {
    readSync(descriptor, header, 0, HEADER.bytes, 0)
  } finally {
    closeSync(descriptor)
  }
  if (header.toString("latin1", 0, HEADER.magic.length) !== HEADER.magic) {
    throw new HoldfastError(
      "STORE_DAMAGED",
      `"${path}" should be a journal of Holdfast, but is no SQLite database; move it away to start a new store there, or restore a backup`,
    )
  }
  return { version: header.readInt32BE(HEADER.versionAt), application: header.readInt32BE(HEADER.applicationAt) }
}

/** Makes the whole database under another name first, so that a crash leaves no half-made journal behind. */
function createDatabase({ path, env, build }: OpenJournalOptions): void {
  if (existsSync(`${path}-wal`)) {
    throw new HoldfastError(
      "STORE_DAMAGED",
      `the journal "${path}" is gone, but its log "${path}-wal" is there; restore the file, or move the log away to start a new store`,
    )
  }
  const unfinished = `${path}.new`
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${unfinished}${suffix}`, { force: true })
  const database = new Database(unfinished)
  try {
    database.pragma("synchronous = FULL")
    database.pragma("journal_mode = WAL")
    migrate(database, MIGRATIONS)
    const insert = database.prepare("INSERT INTO meta VALUES (?, ?, ?)")
    const facts = {
      instance: env.ids.next(),
      token_ceiling: "0",
      last_batch: "0",
      created_at: String(env.clock.now()),
      build,
    }
    database.exec("BEGIN IMMEDIATE")
    for (const [key, value] of Object.entries(facts)) insert.run(key, value, checksumOf("meta", [key, value]))
    database.exec("COMMIT")
  } finally {
    database.close()
  }
  chmodSync(unfinished, 0o600)
  renameSync(unfinished, path)
  flushFolder(dirname(path))
}

/** A new name in a folder is durable once the folder is. */
export function flushFolder(folder: string): void {
  const descriptor = openSync(folder, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** @throws HoldfastError STORE_DAMAGED where a fact is missing, altered or none */
export function readMeta(database: Database.Database, path: string): JournalMeta {
  const rows = database.prepare<[], [string, string, number]>("SELECT key, value, checksum FROM meta").raw().all()
  const facts = new Map<string, string>()
  for (const [key, value, checksum] of rows) {
    if (checksumOf("meta", [key, value]) !== checksum) throw damagedMeta(path, key, "is altered")
    facts.set(key, value)
  }
  function fact(key: string): string {
    const value = facts.get(key)
    if (value === undefined || value === "") throw damagedMeta(path, key, "is missing")
    return value
  }
  function count(key: string): number {
    const value = Number(fact(key))
    if (!Number.isFinite(value) || value < 0) throw damagedMeta(path, key, `is "${fact(key)}", which is no count`)
    return value
  }
  return {
    instance: fact("instance"),
    tokenCeiling: count("token_ceiling"),
    lastBatch: count("last_batch"),
    term: facts.has("term") ? count("term") : 0,
    createdAt: count("created_at"),
    build: fact("build"),
  }
}

function damagedMeta(path: string, key: string, what: string): HoldfastError {
  return new HoldfastError(
    "STORE_DAMAGED",
    `row "${key}" of table meta in the journal "${path}" ${what}; run "holdfast doctor" on its folder, or restore a backup`,
    { details: { table: "meta", key } },
  )
}
