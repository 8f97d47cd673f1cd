/**
 * Threads that run kernels. The calling thread only coordinates: it hands out a phase, whose parts the threads take one by one, and the
 * next phase when all are done. Kernels that run at the same time share the threads phase by phase, in the order they came.
 *
 * The threads are plain ones, not those of a pool library: parts of a phase that is no longer wanted must end and not be killed,
 * since their thread goes on with other work; a kernel has one outcome over many jobs; and nothing else would be used of
 * it, for jobs pass no data but the names of shared memory.
 *
 * A thread does one job at a time, so a job that its thread does not answer before it ends is lost with it: the kernel fails with
 * THREAD_DIED, and a new thread takes the place when there is work for one.
 */
import { Worker } from "node:worker_threads"
import type { Image } from "../image/image.ts"
import { isKernelErrorCode, KernelError } from "../kernels/kernel-error.ts"
import type { Kernel } from "../kernels/kernel.ts"
import { countParts } from "../kernels/kernel.ts"
import { makeInts } from "../kernels/memory.ts"
import { collectGarbage } from "./garbage.ts"
import type { Answer, COLLECT, Failure, Job } from "./kernel-thread.ts"

/** Threads start from what is built: they run under no loader, and tests build the package first. */
const PROGRAM = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/threads/kernel-thread.js" : "./kernel-thread.js",
  import.meta.url,
)

export interface PoolOptions {
  /** What threads run; only tests have another than the one that computes. */
  readonly program?: URL
}

export interface RunOptions {
  /** Ends the run between two phases, with KERNEL_CANCELED. */
  readonly signal?: AbortSignal
  /** In how many parts phases are cut; as many as suit the first image if it is left out. */
  readonly parts?: number
}

interface Waiting {
  readonly job: Job
  readonly settle: (failure: KernelError | Error | null) => void
}

interface Thread {
  readonly worker: Worker
  current: Waiting | null
}

export class KernelPool {
  readonly #size: number
  readonly #program: URL
  readonly #threads = new Set<Thread>()
  readonly #queue: Waiting[] = []
  #isClosed = false

  constructor(size: number, { program = PROGRAM }: PoolOptions = {}) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`A pool has at least 1 thread, not ${String(size)}.`)
    }
    this.#size = size
    this.#program = program
  }

  /** Starts threads before there is work for them, which takes a while, when there will be some soon. */
  start(): void {
    while (!this.#isClosed && this.#threads.size < this.#size) this.#startThread()
  }

  /** How many threads there are at most. */
  get size(): number {
    return this.#size
  }

  /**
   * Runs a kernel of the catalog and returns its result. The inputs must not change meanwhile.
   * @throws KernelError KERNEL_INPUT_INVALID, KERNEL_UNKNOWN, KERNEL_CANCELED, THREAD_DIED, POOL_CLOSED
   */
  async run<Parameters, Memory, Result>(
    kernel: Kernel<Parameters, Memory, Result>,
    inputs: readonly Image[],
    parameters: Parameters,
    { signal, parts = countParts(inputs[0]?.voxels.length ?? 0, this.#size) }: RunOptions = {},
  ): Promise<Result> {
    requireWanted(kernel.name, signal)
    const memory = kernel.prepare(inputs, parameters, parts)
    const task = { kernel: kernel.name, memory, parts }
    if (parts === 1) {
      await this.#runJobs([{ ...task, share: null }])
      requireWanted(kernel.name, signal)
      return kernel.finish(memory)
    }
    const rounds = kernel.rounds?.(memory) ?? 1
    for (let round = 0; round < rounds; round += 1) {
      for (const [phase, { isSerial }] of kernel.phases.entries()) {
        requireWanted(kernel.name, signal)
        const count = isSerial === true ? 1 : parts
        const share = { phase, round, count, taken: makeInts(1) }
        await this.#runJobs(Array.from({ length: Math.min(count, this.#size) }, () => ({ ...task, share })))
      }
    }
    requireWanted(kernel.name, signal)
    return kernel.finish(memory)
  }

  /** Lets this thread and those of the pool give back the shared memory that nobody uses any more. */
  collect(): void {
    collectGarbage()
    for (const { worker } of this.#threads) worker.postMessage("collect" satisfies typeof COLLECT)
  }

  /** Ends when all threads have ended. Whatever still runs fails with POOL_CLOSED. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { settle } of this.#queue.splice(0)) settle(makeClosed())
    const threads = [...this.#threads]
    await Promise.all(threads.map(async ({ worker }) => await worker.terminate()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Waits for all of them, so that nobody works on the memory any more, and then throws what the first failure was. */
  async #runJobs(jobs: readonly Job[]): Promise<void> {
    if (this.#isClosed) throw makeClosed()
    const outcomes = jobs.map(
      async (job) => await new Promise<Error | null>((resolve) => void this.#queue.push({ job, settle: resolve })),
    )
    this.#dispatch()
    const failure = (await Promise.all(outcomes)).find((outcome) => outcome !== null)
    if (failure !== undefined) throw failure
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#findIdle()
      const waiting = thread === null ? undefined : this.#queue.shift()
      if (thread === null || waiting === undefined) return
      thread.current = waiting
      thread.worker.ref()
      thread.worker.postMessage(waiting.job)
    }
  }

  #findIdle(): Thread | null {
    for (const thread of this.#threads) if (thread.current === null) return thread
    return this.#threads.size < this.#size ? this.#startThread() : null
  }

  #startThread(): Thread {
    const worker = new Worker(this.#program, { execArgv: [], name: "imgql-kernels" })
    const thread: Thread = { worker, current: null }
    let cause: unknown
    this.#threads.add(thread)
    // An idle thread does not keep the process alive.
    worker.unref()
    worker.on("message", (answer: Answer) => this.#takeAnswer(thread, answer))
    worker.on("error", (error) => {
      cause = error
    })
    worker.on("exit", (exitCode) => this.#bury(thread, exitCode, cause))
    return thread
  }

  #takeAnswer(thread: Thread, answer: Answer): void {
    const waiting = thread.current
    if (waiting === null) return
    thread.current = null
    thread.worker.unref()
    waiting.settle(answer.kind === "done" ? null : restore(answer.error))
    this.#dispatch()
  }

  #bury(thread: Thread, exitCode: number, cause: unknown): void {
    this.#threads.delete(thread)
    const waiting = thread.current
    thread.current = null
    if (waiting !== null) {
      waiting.settle(this.#isClosed ? makeClosed() : makeDied(waiting.job.kernel, exitCode, cause))
    }
    if (!this.#isClosed) this.#dispatch()
  }
}

function requireWanted(kernel: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new KernelError("KERNEL_CANCELED", `${kernel} was canceled before it was done. Run it again for its result.`, {
    cause: signal.reason,
  })
}

function makeClosed(): KernelError {
  return new KernelError("POOL_CLOSED", "The pool of threads is closed, and runs no kernel. Make a new one.")
}

function makeDied(kernel: string, exitCode: number, cause: unknown): KernelError {
  return new KernelError(
    "THREAD_DIED",
    `The thread that ran ${kernel} ended before it was done, with exit code ${exitCode}. Run it again; if it dies again, give it more memory.`,
    { cause },
  )
}

function restore({ code, message, stack }: Failure): Error {
  const error = isKernelErrorCode(code) ? new KernelError(code, message) : new Error(message)
  error.stack = stack
  return error
}
