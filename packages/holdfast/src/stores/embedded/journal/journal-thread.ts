/**
 * The writer's thread: takes orders by message, answers each when it is durable.
 *
 *     ready ──open──▶ open ──full──▶ open, next round ──fault──▶ failed (for good) ──close──▶ over
 *       └──close──▶ over
 *
 * It may be ready long before there is a journal that is its keeper's to open: starting a thread takes longer than all
 * else that a new keeper does.
 *
 * 1. Orders are done as they come; appends that wait together share a transaction (S3).
 * 2. What was sent before its sender could know that the disk is full may build on what was refused, so it is refused
 *    too: appends carry a round, and a full disk begins the next (S5).
 * 3. A failed flush is the end: nothing is written any more (S5).
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import { reach } from "../fail-point.ts"
import type { Digest } from "../../../kernel/index.ts"
import type { JournalBatch } from "./batch.ts"
import { type Fault, faultOf, isFull } from "./fault.ts"
import { warmUp } from "./opening.ts"
import { JournalWriter } from "./writer.ts"

/** What the thread is asked. */
export type WriterOrder =
  /** The first, but for a close. */
  | { readonly kind: "open"; readonly term: number }
  | { readonly kind: "append"; readonly round: number; readonly batch: JournalBatch }
  | { readonly kind: "checkpoint" | "vacuum"; readonly id: number }
  | { readonly kind: "backup"; readonly id: number; readonly file: string }
  | { readonly kind: "close" }

/** What the thread says. */
export type WriterReport =
  | { readonly kind: "opened" }
  /** The `count` oldest batches not reported yet are durable; `through` is the number of the last. */
  | { readonly kind: "durable"; readonly count: number; readonly through: number; readonly released: readonly Digest[] }
  /** Nothing of the round that is not reported durable is written. */
  | { readonly kind: "full"; readonly fault: Fault }
  /** Nothing is written any more. */
  | { readonly kind: "failed"; readonly fault: Fault }
  /** The order with that id is done, or was refused. */
  | { readonly kind: "done"; readonly id: number; readonly fault: Fault | null }
  | { readonly kind: "closed" }

/** Bounds of one transaction, so that the first of its batches is not kept waiting for the last, and memory stays small. */
const MOST_BATCHES = 256
const MOST_ROWS = 4096

const { path } = workerData as { readonly path: string } // Given by journal.ts, which starts the thread.
const port = openPort()

let round = 0
let waiting: JournalBatch[] = []
let waitingRows = 0
let isFailed = false
let writer: JournalWriter | null = null

function openPort(): MessagePort {
  if (parentPort === null) throw new Error("this is a worker thread's program; open the journal instead")
  return parentPort
}

function report(message: WriterReport): void {
  port.postMessage(message)
}

function fail(error: unknown, doing: string): void {
  isFailed = true
  const fault = faultOf(error, path, doing)
  // A disk that is full where that cannot be taken back is a disk that failed.
  report({ kind: "failed", fault: fault.code === "STORE_FULL" ? { ...fault, code: "STORE_UNAVAILABLE" } : fault })
}

function flush(to: JournalWriter): void {
  const batches = waiting
  const last = batches.at(-1)
  waiting = []
  waitingRows = 0
  if (last === undefined || isFailed) return
  try {
    reach("before-flush")
    const released = to.write(batches)
    reach("after-flush-before-answer")
    report({ kind: "durable", count: batches.length, through: last.number, released })
  } catch (error) {
    if (!isFull(error)) return fail(error, "write to")
    round += 1
    report({ kind: "full", fault: faultOf(error, path, "write to") })
  }
}

function obey(order: WriterOrder): void {
  if (order.kind === "open") return start(order.term)
  if (writer === null) {
    // Nothing was opened, or that failed and was reported.
    if (order.kind === "close") leave()
    return
  }
  if (order.kind === "append") {
    if (order.round !== round) return
    waiting.push(order.batch)
    waitingRows += order.batch.rows.length
    if (waiting.length >= MOST_BATCHES || waitingRows >= MOST_ROWS) flush(writer)
    return
  }
  flush(writer)
  switch (order.kind) {
    case "checkpoint":
    case "vacuum":
      return tidy(writer, order)
    case "backup":
      return void backUp(writer, order)
    case "close":
      try {
        writer.close()
      } catch (error) {
        fail(error, "close")
      }
      leave()
  }
}

function leave(): void {
  report({ kind: "closed" })
  port.close()
}

function tidy(of: JournalWriter, { kind, id }: { kind: "checkpoint" | "vacuum"; id: number }): void {
  try {
    of[kind]()
    report({ kind: "done", id, fault: null })
  } catch (error) {
    // Without space everything stays where it is, and nothing of it is lost.
    if (!isFull(error)) fail(error, kind)
    report({ kind: "done", id, fault: faultOf(error, path, kind) })
  }
}

async function backUp(of: JournalWriter, { id, file }: { id: number; file: string }): Promise<void> {
  try {
    await of.backup(file)
    report({ kind: "done", id, fault: null })
  } catch (error) {
    report({ kind: "done", id, fault: faultOf(error, path, `back up to "${file}"`) })
  }
}

function start(term: number): void {
  try {
    writer = new JournalWriter(path, term)
  } catch (error) {
    fail(error, "open")
    return
  }
  report({ kind: "opened" })
}

warmUp()
port.on("message", (order: WriterOrder) => {
  obey(order)
  // Everything that has come meanwhile belongs to the same transaction.
  for (;;) {
    const next = receiveMessageOnPort(port)
    if (next === undefined) break
    obey(next.message as WriterOrder) // Only journal.ts sends here.
  }
  if (writer !== null) flush(writer)
})
