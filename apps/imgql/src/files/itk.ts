/**
 * ITK's readers and writers, in threads that can be ended: on abort, when their time is up, when they die.
 *
 * A thread serves one order at a time. One that served is kept for the next, at most {@link THREAD_LIMIT} exist, and who
 * finds them all busy waits in line. Idle ones keep no process alive.
 */
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"
import { FileError, reasonOf } from "./file-error.ts"
import type { ThreadAnswer, ThreadOrder } from "./itk-thread.ts"

/** Each may take as much memory as an image three times over. */
const THREAD_LIMIT = 2

/** Far above what any image of its size takes; it only ends what would never end. */
const BASE_TIME_MS = 120_000
const TIME_PER_MEBIBYTE_MS = 2_000

const idle: Worker[] = []
const line: (() => void)[] = []
let busy = 0

export interface ThreadOptions {
  readonly signal?: AbortSignal | undefined
  /** What the order is about, for messages. */
  readonly path: string
  /** How much it has to do with, for its time. */
  readonly bytes: number
  /** In the place of the time that goes by `bytes`. */
  readonly timeLimitMs?: number
}

/** Has an order carried out. @throws FileError FILE_STUCK, FILE_DAMAGED where the thread died of it */
export async function runItk(order: ThreadOrder, options: ThreadOptions): Promise<ThreadAnswer> {
  options.signal?.throwIfAborted()
  await takeTurn(options.signal)
  try {
    return await serve(order, options)
  } finally {
    giveTurn()
  }
}

async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
  if (busy < THREAD_LIMIT) {
    busy += 1
    return
  }
  await new Promise<undefined>((resolve, reject) => {
    const go = (): void => {
      signal?.removeEventListener("abort", leave)
      resolve(undefined)
    }
    const leave = (): void => {
      line.splice(line.indexOf(go), 1)
      reject(abortReason(signal))
    }
    line.push(go)
    signal?.addEventListener("abort", leave, { once: true })
  })
}

/** The next in line has the turn from here on; it counts as busy all along. */
function giveTurn(): void {
  const next = line.shift()
  if (next === undefined) busy -= 1
  else next()
}

async function serve(order: ThreadOrder, { signal, path, bytes, timeLimitMs }: ThreadOptions): Promise<ThreadAnswer> {
  signal?.throwIfAborted()
  const thread = idle.pop() ?? startThread()
  const limitMs = timeLimitMs ?? BASE_TIME_MS + (bytes / (1 << 20)) * TIME_PER_MEBIBYTE_MS
  thread.ref()
  let isDone = false
  const cleanups: (() => void)[] = []
  try {
    const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
      const fail = (code: "FILE_STUCK" | "FILE_DAMAGED", message: string): void => {
        reject(new FileError(code, `${JSON.stringify(path)}: ${message}`, { path }))
      }
      const timer = setTimeout(() => {
        fail(
          "FILE_STUCK",
          `expected it done in ${Math.round(limitMs / 1000)} s, and it was not; check or convert the file`,
        )
      }, limitMs)
      const onAbort = (): void => reject(abortReason(signal))
      const onExit = (): void => fail("FILE_DAMAGED", "its reader ended in the middle of it; check or convert the file")
      const onError = (error: unknown): void => {
        fail("FILE_DAMAGED", `its reader broke down (${reasonOf(error)}); check or convert the file`)
      }
      cleanups.push(() => {
        clearTimeout(timer)
        signal?.removeEventListener("abort", onAbort)
        thread.off("message", resolve).off("exit", onExit).off("error", onError)
      })
      thread.on("message", resolve).on("exit", onExit).on("error", onError)
      signal?.addEventListener("abort", onAbort, { once: true })
      thread.postMessage(order)
    })
    isDone = true
    return answer
  } finally {
    for (const clean of cleanups) clean()
    // Only a thread that answered is in a known state.
    if (isDone) {
      thread.unref()
      idle.push(thread)
    } else {
      thread.on("error", () => undefined)
      await thread.terminate()
    }
  }
}

function startThread(): Worker {
  const options = { execArgv: [], name: "imgql image files" }
  const worker = import.meta.url.endsWith(".ts") ? startFromSources(options) : new Worker(programUrl("js"), options)
  worker.once("exit", () => {
    if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1)
  })
  return worker
}

/** In development a loader is needed, which a thread of Node 20 does not take over: it starts its own. */
function startFromSources(options: { readonly execArgv: string[]; readonly name: string }): Worker {
  const loader = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs")
  const source = JSON.stringify(programUrl("ts").href)
  const start = `import(${JSON.stringify(pathToFileURL(loader).href)}).then((tsx) => { tsx.register(); return import(${source}) })`
  return new Worker(start, { ...options, eval: true })
}

function programUrl(suffix: "js" | "ts"): URL {
  return new URL(`./itk-thread.${suffix}`, import.meta.url)
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new Error("canceled", { cause: reason })
}
