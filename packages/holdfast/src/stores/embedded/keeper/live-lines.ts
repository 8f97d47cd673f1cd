/**
 * The lines of the live log (live-log.ts): what one says, and what is read of a text whose writer died within it.
 *
 * 1. A line is `checksum json`; the first is the header, each other one or more changes, which are there together or not
 *    at all: what a request did and what it was answered with are never torn apart (S4).
 * 2. What stands behind a line that is no line is not read.
 */
import { crc32 } from "node:zlib"
import type { LiveKey, LiveRow, RunRow } from "../../../kernel/index.ts"
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

/** In the place of a claim, what its run completed with, until that is durable: its result was told when visible (O3). */
export interface CompletedClaim {
  readonly kind: "completed"
  readonly run: RunRow
  /** What became of the request that completed it, where that may come again (S4). */
  readonly reply: { readonly client: string; readonly sequence: number; readonly outcome: StoreOutcome } | null
}

export type LogEntry = OwnedRow | LoggedReply | CompletedClaim

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

/** What a text says: who wrote it, and the changes, in order. */
export interface LogText {
  readonly header: LogHeader
  readonly changes: readonly LogChange[]
  /** How many lines could be read, the header's included. */
  readonly lineCount: number
}

/** One line, of the header, of a change, or of changes that belong together. */
export function lineOf(data: unknown): string {
  const json = JSON.stringify(data, toPlain)
  return `${crc32(json).toString(16)} ${json}\n`
}

/** Null where the text is no live log. */
export function parseLog(text: string): LogText | null {
  const lines = text.split("\n")
  const header = parseLine(lines[0]) as LogHeader | undefined
  if (header === undefined || typeof header.boot !== "string" || typeof header.epochMs !== "number") return null
  const changes: LogChange[] = []
  let lineCount = 1
  for (const line of lines.slice(1)) {
    // Its checksum is right, so it is what a keeper of ours wrote.
    const written = parseLine(line) as LogChange | readonly LogChange[] | undefined
    // The writer died within its last write; nobody was answered on account of it.
    if (written === undefined) break
    lineCount += 1
    if ("key" in written) changes.push(written)
    else changes.push(...written)
  }
  return { header, changes, lineCount }
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
