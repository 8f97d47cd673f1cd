/** Starts the thread that writes a journal: apart from the journal, which takes a while to load, as this thread does. */
import { resolve } from "node:path"
import type { Worker } from "node:worker_threads"
import { startThread } from "../start-thread.ts"

/** A thread that can write the journal at the path, and has opened nothing yet. It does not keep the process alive. */
export function startWriter(path: string): Worker {
  const program = new URL("./journal-thread", import.meta.url)
  const thread = startThread(program, { name: "holdfast journal", workerData: { path: resolve(path) } })
  thread.unref()
  return thread
}
