/**
 * An export taken into a store that nobody has open: first into a journal of its own beside the store's, where it is
 * checked whole. An empty store becomes that journal in one step; into another it is merged a batch at a time.
 *
 *     read ──▶ staged ──trailer right, states possible──▶ in its place, or merged
 *       └──incomplete, altered, newer──▶ refused, and the store is as it was
 *
 * Into a store that holds something only with `merge`. Then of each cell the higher version stays, of each run the higher
 * generation, but never in the place of one that is open here; limits stay as they are here. So a merge that was cut off
 * is completed by merging the same export again.
 */
import { createHash } from "node:crypto"
import { mkdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { Env } from "../../../env/index.ts"
import {
  type CellRow,
  HoldfastError,
  isHoldfastError,
  type RowKey,
  type RunRow,
  type StoredRow,
} from "../../../kernel/index.ts"
import { type Folder, openFolder } from "../folder/folder.ts"
import { BUILD } from "../host/build.ts"
import type { JournalBatch } from "../journal/batch.ts"
import { checkJournal } from "../journal/check.ts"
import { connect, flushFolder, openDatabase } from "../journal/opening.ts"
import { JournalReader } from "../journal/reader.ts"
import { JournalWriter } from "../journal/writer.ts"
import { takeClosedStore } from "./closed-store.ts"
import { diskFault } from "./disk-fault.ts"
import { storedRows } from "./export-store.ts"
import { findMissingBlobOf } from "./named-blobs.ts"
import { StagedBlobs } from "./portable-blobs.ts"
import {
  type ExportCounts,
  type ExportRecord,
  FORMAT,
  unpackCell,
  unpackNumbers,
  unpackRun,
} from "./portable-record.ts"
import { Unfinished } from "./unfinished.ts"

export interface ImportOptions {
  readonly address: string
  readonly env: Env
  readonly input: AsyncIterable<Uint8Array>
  readonly merge: boolean
}

/** Rows that go into the store's staging at once. */
const BATCH_ROWS = 500

/** The longest value a request can carry, and half as much again for its text. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

/**
 * What changed in the store.
 *
 * @throws HoldfastError ARGUMENT_INVALID where the store holds something and it is not to be merged, or the input is no
 * export; STORE_DAMAGED where that is incomplete or altered; STORE_NEWER; STORE_UNAVAILABLE where the store is open;
 * STORE_FULL
 */
export async function importStore({ address, env, input, merge }: ImportOptions): Promise<ExportCounts> {
  const folder = openFolder(address, env)
  const lock = takeClosedStore(folder, "to import into it")
  let unfinished: Unfinished | null = null
  try {
    unfinished = Unfinished.inStore(folder, env, "import")
    const staging = unfinished.path
    // Before anything is read: who is refused should not have to wait for it.
    const { database, meta } = openDatabase({ path: folder.journal, env, build: BUILD })
    database.close()
    const isEmpty = holdsNothing(folder)
    if (!isEmpty && !merge) throw notEmpty(folder)
    mkdirSync(staging, { mode: 0o700 })
    const staged = join(staging, "journal.db")
    const blobs = new StagedBlobs(join(staging, "blobs"))
    const counts = await stage({ path: staged, input, env, blobs, lastBatch: meta.lastBatch })
    const bad = await blobs.findAltered()
    if (bad !== null) throw altered(`large value ${bad} has other bytes`)
    const [first] = checkJournal(staged, { repair: false })
    if (first !== undefined)
      throw altered([first.table, first.key, first.what].filter((part) => part !== null).join(" "))
    const missing = findMissingBlobOf(staged, blobs)
    if (missing !== null) throw incomplete(missing.digest)
    blobs.settle(folder.blobs)
    if (!isEmpty) return mergeInto(folder, staged, env)
    replace(folder, staged)
    return counts
  } catch (error) {
    throw noRoom(folder, error) ?? error
  } finally {
    unfinished?.end()
    lock.release()
  }
}

function noRoom({ path }: Folder, error: unknown): HoldfastError | null {
  return diskFault(error, `there should be room in "${path}" for what is imported, which should be ours to write`)
}

function incomplete(digest: string): HoldfastError {
  return new HoldfastError(
    "VALUE_INVALID",
    `an export holds every large value that its rows name, but ${digest} is missing or of another length; nothing was imported: export again`,
  )
}

function holdsNothing({ journal }: Folder): boolean {
  const database = connect(journal)
  try {
    const found = database
      .prepare<[], number>(
        "SELECT EXISTS (SELECT 1 FROM cells) + EXISTS (SELECT 1 FROM runs) + EXISTS (SELECT 1 FROM limits)",
      )
      .pluck()
      .get()
    return found === 0
  } finally {
    database.close()
  }
}

function notEmpty({ path }: Folder): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `an export goes into an empty store, but "${path}" holds something; name another folder, or add --merge`,
  )
}

interface Stage {
  readonly path: string
  readonly input: AsyncIterable<Uint8Array>
  readonly env: Env
  readonly blobs: StagedBlobs
  readonly lastBatch: number
}

async function stage({ path, input, env, blobs, lastBatch }: Stage): Promise<ExportCounts> {
  openDatabase({ path, env, build: BUILD }).database.close()
  const writer = new JournalWriter(path)
  try {
    const reading = new Reading({ writer, blobs, lastBatch })
    for await (const line of linesOf(input)) reading.take(line)
    reading.end()
    return reading.counts
  } finally {
    writer.close()
  }
}

/** The lines one after the other: checked, gathered, written. */
class Reading {
  readonly #writer: JournalWriter
  readonly #blobs: StagedBlobs
  readonly #hash = createHash("sha256")
  readonly #lastBatch: number
  readonly counts = { cells: 0, limits: 0, runs: 0 }
  #rows: StoredRow[] = []
  #line = 0
  #ceiling: number | null = null
  #isComplete = false

  constructor(into: { readonly writer: JournalWriter; readonly blobs: StagedBlobs; readonly lastBatch: number }) {
    this.#writer = into.writer
    this.#blobs = into.blobs
    this.#lastBatch = into.lastBatch
  }

  take(line: Uint8Array): void {
    this.#line += 1
    if (this.#isComplete) throw altered(`line ${String(this.#line)} comes after its end`)
    try {
      // What is wrong in it is found below, or by the columns' types.
      this.#put(JSON.parse(Buffer.from(line).toString()) as ExportRecord)
    } catch (error) {
      if ((isHoldfastError(error) && error.code !== "VALUE_INVALID") || isDisks(error)) throw error
      throw altered(`line ${String(this.#line)} is none that an export has (${String(error)})`, error)
    }
    this.#hash.update(line).update("\n")
    if (this.#rows.length >= BATCH_ROWS) this.#write()
  }

  end(): void {
    if (this.#line === 0) throw noExport("it is empty")
    if (!this.#isComplete) throw altered(`it ends after line ${String(this.#line)}, without its last one`)
    this.#write()
  }

  #put(record: ExportRecord): void {
    if (this.#line === 1) {
      if (typeof record !== "object" || !("holdfast" in record)) throw noExport("its first line is no header")
      const { format, tokenCeiling } = record.holdfast
      if (format > FORMAT) throw newer(format)
      this.#ceiling = tokenCeiling
    } else if ("blob" in record) {
      this.#blobs.add(record.blob)
    } else if ("cell" in record) {
      this.counts.cells += 1
      this.#rows.push({ key: `cell:${textOf(record.cell.name)}`, row: unpackCell(record.cell) })
    } else if ("run" in record) {
      const row = unpackRun(record.run)
      this.counts.runs += 1
      this.#rows.push({ key: `run:${textOf(row.identity)}`, row })
    } else if ("limit" in record) {
      this.counts.limits += 1
      this.#rows.push({ key: `limit:${textOf(record.limit.name)}`, row: Number(unpackNumbers(record.limit.permits)) })
    } else {
      this.#finish(record)
    }
  }

  #finish(record: ExportRecord): void {
    if (!("end" in record)) throw altered(`line ${String(this.#line)} is of no kind that is known`)
    const { sha256, ...counts } = record.end
    const found = this.#hash.copy().digest("hex")
    if (sha256 !== found) throw altered(`its contents have the digest ${found}, not ${sha256}`)
    for (const kind of ["cells", "limits", "runs"] as const) {
      const count = this.counts[kind]
      if (counts[kind] !== count) throw altered(`it has ${String(count)} ${kind}, not ${String(counts[kind])}`)
    }
    this.#isComplete = true
  }

  #write(): void {
    try {
      this.#writer.write([batchOf(this.#rows, this.#lastBatch, this.#ceiling)])
    } catch (error) {
      if (isDisks(error)) throw error
      throw altered(`a row before line ${String(this.#line + 1)} cannot be stored (${String(error)})`, error)
    }
    this.#rows = []
  }
}

/** Whoever has no room for an export would take it for altered. */
function isDisks(error: unknown): boolean {
  return diskFault(error, "") !== null
}

/** A store that is empty becomes what was staged, in one step. */
function replace({ path, journal }: Folder, staged: string): void {
  // Closed, a journal has no log; what may lie there belongs to nothing.
  for (const suffix of ["-wal", "-shm"]) rmSync(`${journal}${suffix}`, { force: true })
  renameSync(staged, journal)
  flushFolder(path)
}

/** What of the staged rows is newer than what is here, a batch at a time, as a keeper would write it. */
function mergeInto({ journal }: Folder, staged: string, env: Env): ExportCounts {
  const here = openDatabase({ path: journal, env, build: BUILD })
  const there = openDatabase({ path: staged, env, build: BUILD })
  const reader = new JournalReader(here.database, journal)
  const writer = new JournalWriter(journal)
  const counts = { cells: 0, limits: 0, runs: 0 }
  try {
    // Below it lies every token of either store (L2).
    const tokenCeiling = Math.max(here.meta.tokenCeiling, there.meta.tokenCeiling)
    for (const rows of inBatches(storedRows(there.database, staged))) {
      const known = reader.load(rows.map(({ key }) => key))
      const taken = rows.filter((row, index) => isNewer(row, known[index]?.row ?? null))
      for (const { key } of taken) counts[kindOf(key)] += 1
      writer.write([batchOf(taken, here.meta.lastBatch, tokenCeiling)])
    }
    return counts
  } finally {
    writer.close()
    reader.close()
    there.database.close()
  }
}

function isNewer({ key, row }: StoredRow, known: StoredRow["row"]): boolean {
  if (known === null) return true
  // The prefix of a key says of which kind both rows are.
  if (key.startsWith("limit:")) return false
  if (key.startsWith("cell:")) return (row as CellRow).version > (known as CellRow).version
  const { status, generation } = known as RunRow
  return (row as RunRow).generation > generation && status !== "pending" && status !== "running"
}

function kindOf(key: RowKey): keyof ExportCounts {
  return key.startsWith("cell:") ? "cells" : key.startsWith("run:") ? "runs" : "limits"
}

/** The number of a batch that was durable before: nothing that is written down elsewhere rests on this one. */
function batchOf(rows: JournalBatch["rows"], number: number, tokenCeiling: number | null): JournalBatch {
  return { number, rows, replies: { put: [], drop: [], dropClients: [] }, tokenCeiling }
}

function* inBatches(rows: Iterable<StoredRow>): Generator<StoredRow[], void, undefined> {
  let batch: StoredRow[] = []
  for (const row of rows) {
    batch.push(row)
    if (batch.length < BATCH_ROWS) continue
    yield batch
    batch = []
  }
  yield batch
}

/** The lines without their ends; a last one without an end is one, too. */
async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)])
      parts = []
      length = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > MAX_LINE_BYTES) throw altered(`a line takes more than ${String(MAX_LINE_BYTES)} bytes`)
  }
  if (length > 0) yield Buffer.concat(parts)
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value
  throw new HoldfastError("VALUE_INVALID", `a name is text, found ${typeof value}`)
}

function noExport(why: string): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `the input should be an export of a store, but ${why}; check where it comes from`,
  )
}

function newer(format: number): HoldfastError {
  const known = `this build knows format ${String(FORMAT)}`
  return new HoldfastError("STORE_NEWER", `the export has format ${String(format)}, and ${known}; use the newer build`)
}

function altered(what: string, cause?: unknown): HoldfastError {
  return new HoldfastError("STORE_DAMAGED", `the export is incomplete or altered: ${what}; nothing was imported`, {
    cause,
  })
}
