/**
 * The live log: sessions, grants, tickets and claims of other processes, written down before they are answered so that
 * they outlive the keeper's process. Appended without a flush: the system's page cache survives the death of every
 * process, and what happens to it in a power loss does not matter, as no session survives that (see `boot`).
 *
 *     absent, or of another boot ──start──▶ header, one line a row ──append──▶ … ──too long──▶ rewritten aside, renamed
 *
 * 1. A line is `checksum json`; an append is one write, and one that was cut off by the writer's death is not read.
 * 2. The newest line of a key counts. A line without a row takes the key away.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from "node:fs"
import { crc32 } from "node:zlib"
import { HoldfastError, type LiveKey, type LiveRow, type RunRow } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"

/** A live row with the client its session belongs to. */
export interface OwnedRow {
  readonly kind: "live"
  readonly client: string
  readonly row: LiveRow
  /** Of a claim, its run as it was then, where that was not durable yet. */
  readonly run: RunRow | null
}

/** The outcome of a request that changed live state only, until its client has acknowledged it (S4). */
export interface LoggedReply {
  readonly kind: "reply"
  readonly client: string
  readonly sequence: number
  readonly outcome: StoreOutcome
}

export type LogEntry = OwnedRow | LoggedReply

export type LogKey = LiveKey | `reply:${string}`

/**
 * One change: an entry, or the end of one. It counts once the batch it rests on is durable, so that live state and rows
 * never tell of a step of which the other knows nothing.
 */
export interface LogChange {
  readonly key: LogKey
  readonly entry: LogEntry | null
  readonly batch: number
}

export function replyKey(client: string, sequence: number): LogKey {
  return `reply:${client}/${String(sequence)}`
}

/** What ties a log to the machine's run it was written in: in another one, all its sessions are dead. */
export interface LogHeader {
  readonly boot: string
  /** The keeper's time less the machine's monotonic clock, in milliseconds: time goes on from keeper to keeper. */
  readonly epochMs: number
}

/** Rewritten when it is longer than this and mostly of rows that are gone: some thousand grants, a few milliseconds to write. */
const REWRITE_BYTES = 4 * 1024 * 1024

/** Some million waiters; a longer file was not written by us. */
const MAX_BYTES = 256 * 1024 * 1024

export class LiveLog {
  readonly #path: string
  readonly #header: LogHeader
  readonly #found: readonly LogChange[]
  #file: number
  #sizeBytes: number
  /** The size right after the last rewrite. */
  #leastBytes: number

  private constructor(path: string, header: LogHeader, found: readonly LogChange[]) {
    this.#path = path
    this.#header = header
    this.#found = found
    this.#file = -1
    this.#sizeBytes = 0
    this.#leastBytes = 0
    this.rewrite(found)
  }

  /**
   * Opens the log of this boot, or begins one where it is of another.
   *
   * @throws HoldfastError STORE_UNAVAILABLE where the file cannot be read or written
   */
  static open(path: string, now: LogHeader): LiveLog {
    try {
      const read = readLog(path)
      const isOurs = read !== null && read.header.boot === now.boot
      return isOurs ? new LiveLog(path, read.header, read.changes) : new LiveLog(path, now, [])
    } catch (error) {
      if (error instanceof HoldfastError) throw error
      throw unavailable(path, error)
    }
  }

  get epochMs(): number {
    return this.#header.epochMs
  }

  /** What the log held when it was opened, in order. */
  get found(): readonly LogChange[] {
    return this.#found
  }

  /** Writes the changes; when this returns they survive the death of any process. True asks for a {@link rewrite}. */
  append(changes: readonly LogChange[]): boolean {
    if (changes.length === 0) return false
    let text = ""
    for (const change of changes) text += lineOf(change)
    try {
      this.#write(text)
    } catch (error) {
      throw unavailable(this.#path, error)
    }
    return this.#sizeBytes > REWRITE_BYTES && this.#sizeBytes > 4 * this.#leastBytes
  }

  /** Begins anew with what still counts. */
  rewrite(changes: Iterable<LogChange>): void {
    const aside = `${this.#path}.new`
    const before = this.#file
    this.#file = openSync(aside, "w", 0o600)
    this.#sizeBytes = 0
    let text = lineOf(this.#header)
    for (const change of changes) {
      text += lineOf(change)
      if (text.length < WRITTEN_LENGTH) continue
      this.#write(text)
      text = ""
    }
    this.#write(text)
    renameSync(aside, this.#path)
    this.#leastBytes = this.#sizeBytes
    if (before >= 0) closeSync(before)
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file)
    this.#file = -1
  }

  #write(text: string): void {
    const bytes = Buffer.from(text)
    const start = this.#sizeBytes
    let written = 0
    try {
      while (written < bytes.length) {
        written += writeSync(this.#file, bytes, written, bytes.length - written, start + written)
      }
    } catch (error) {
      // What stands behind a torn line would not be read.
      ftruncateSync(this.#file, start)
      throw error
    }
    this.#sizeBytes = start + bytes.length
  }
}

/** How much text is gathered for one write. */
const WRITTEN_LENGTH = 1024 * 1024

function lineOf(data: unknown): string {
  const json = JSON.stringify(data, toPlain)
  return `${crc32(json).toString(16)} ${json}\n`
}

function readLog(path: string): { readonly header: LogHeader; readonly changes: readonly LogChange[] } | null {
  const text = readBounded(path)
  if (text === null) return null
  const lines = text.split("\n")
  const header = parseLine(lines[0]) as LogHeader | undefined
  if (header === undefined || typeof header.boot !== "string" || typeof header.epochMs !== "number") return null
  const changes: LogChange[] = []
  for (const line of lines.slice(1)) {
    // Its checksum is right, so it is what a keeper of ours wrote.
    const change = parseLine(line) as LogChange | undefined
    // The writer died within its last write; nobody was answered on account of it.
    if (change === undefined) break
    changes.push(change)
  }
  return { header, changes }
}

function parseLine(line: string | undefined): unknown {
  const space = line?.indexOf(" ") ?? -1
  if (line === undefined || space < 0) return undefined
  const json = line.slice(space + 1)
  // Nothing at all has a checksum, too.
  if (json === "" || crc32(json).toString(16) !== line.slice(0, space)) return undefined
  return JSON.parse(json, fromPlain)
}

/** Bytes, and numbers that JSON lacks, in a form of their own; no row has a field of these names. */
function toPlain(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") }
  if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return value
  return { number: Object.is(value, -0) ? "-0" : String(value) }
}

function fromPlain(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  if ("base64" in value && typeof value.base64 === "string") return new Uint8Array(Buffer.from(value.base64, "base64"))
  return "number" in value && typeof value.number === "string" ? Number(value.number) : value
}

function readBounded(path: string): string | null {
  let file: number
  try {
    file = openSync(path, "r")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null
    throw error
  }
  try {
    const { size } = fstatSync(file)
    if (size > MAX_BYTES) return null
    const bytes = Buffer.alloc(size)
    let read = 0
    while (read < size) {
      const count = readSync(file, bytes, read, size - read, read)
      if (count === 0) break
      read += count
    }
    return bytes.toString("utf8", 0, read)
  } finally {
    closeSync(file)
  }
}

function unavailable(path: string, error: unknown): HoldfastError {
  const message = error instanceof Error ? error.message : String(error)
  return new HoldfastError(
    "STORE_UNAVAILABLE",
    `expected to write "${path}", found ${message}; make room or give access`,
    {
      cause: error,
    },
  )
}
