/** A thread's lock taken from the event loop: a thread of a pool waits for it, whatever becomes of the request. */
import type { Scenario } from "holdfast/race"
import { expectEqual } from "../race.ts"
import { ThreadLock, ThreadPool } from "../threads.ts"

/** Runs code of the event loop under a lock of threads, without blocking the loop while it waits. */
class AsyncThreadLock {
  readonly #lock: ThreadLock
  readonly #pool: ThreadPool

  constructor(lock: ThreadLock, pool: ThreadPool) {
    this.#lock = lock
    this.#pool = pool
  }

  async run<T>(body: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await abortable(
      this.#pool.run(() => this.#lock.acquire()),
      signal,
    )
    try {
      return await body()
    } finally {
      this.#lock.release()
    }
  }
}

/** The result of the promise, unless the signal is aborted before. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error)
    })
    promise.then(resolve, reject)
  })
}

/** A client goes away while its request waits for the lock of a background task. */
export const broken: Scenario = async (context) => {
  const { actor, step } = context
  const lock = new ThreadLock("the lock", context)
  const endpointLock = new AsyncThreadLock(lock, new ThreadPool(4, context))
  const request = new AbortController()
  await Promise.allSettled([
    actor("background task", () => lock.run(() => step("records a step"))),
    actor("endpoint", () => endpointLock.run(() => step("reads the status"), request.signal)),
    actor("client", async () => {
      await step("goes away")
      request.abort()
    }),
  ])
  expectEqual("the lock can be taken when all are done", lock.tryAcquire(), true)
}
