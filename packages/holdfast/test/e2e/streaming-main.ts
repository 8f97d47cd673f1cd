/**
 * A client of its own that writes a value of so many bytes as a stream, keeps it in a cell, and reads it back: the first
 * argument names the store, the second says how many MiB. Reports by how much its memory grew at its peak.
 */
import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Binary } from "../../src/index.ts"
import { open } from "../built-package.ts"

export const MIB: number = 1024 * 1024

/** As much as a file gives at once. */
const CHUNK_BYTES = 64 * 1024

/** A multiple of every piece. */
const COLLECTED_BYTES = 8 * MIB

export interface StreamingReport {
  readonly writingBytes: number
  readonly readingBytes: number
  readonly isSame: boolean
}

/** The most memory that a process has had since {@link forgetPeak}, in bytes. */
export function peakOf(pid: number | "self"): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8")
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024
}

/** From here on the peak is that of what follows; answers with what the process has. */
export function forgetPeak(pid: number | "self"): number {
  writeFileSync(`/proc/${String(pid)}/clear_refs`, "5")
  return peakOf(pid)
}

/** In one buffer, as every source may. */
async function* chunksOf(byteLength: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES)
  for (let at = 0; at < byteLength; at += CHUNK_BYTES) yield chunk.fill((at / CHUNK_BYTES) & 0xff)
}

/**
 * Buffers that nobody has any more are collected now and then: left to itself, Node lets 64 MiB of them lie about, whatever
 * reads a file, and what is asked here is how many are kept.
 */
async function digestOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256")
  let length = 0
  for await (const chunk of source) {
    hash.update(chunk)
    length += chunk.length
    if (length % COLLECTED_BYTES === 0) globalThis.gc?.()
  }
  return hash.digest("hex")
}

async function stream(address: string, byteLength: number): Promise<StreamingReport> {
  const hf = await open(address)
  const cell = hf.cell<Binary>("video")
  // What is loaded and compiled once is no part of what a large value takes.
  await cell.set(await hf.writeBinary(chunksOf(MIB)))
  await digestOf((await cell.get())?.stream() ?? chunksOf(0))
  const beforeWriting = forgetPeak("self")
  await cell.set(await hf.writeBinary(chunksOf(byteLength)))
  const writingBytes = peakOf("self") - beforeWriting
  const beforeReading = forgetPeak("self")
  const read = await digestOf((await cell.get())?.stream() ?? chunksOf(0))
  const readingBytes = peakOf("self") - beforeReading
  await hf.close()
  return { writingBytes, readingBytes, isSame: read === (await digestOf(chunksOf(byteLength))) }
}

const [, program, address = "", mebibytes = ""] = process.argv
if (program === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(await stream(address, Number(mebibytes) * MIB)))
}
