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
import { HoldfastError } from "../../../kernel/index.ts"
import { lineOf, type LogChange, type LogHeader, parseLog } from "./live-lines.ts"

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
      const text = readBounded(path)
      const read = text === null ? null : parseLog(text)
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
    try {
      this.#write(lineOf(changes))
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
